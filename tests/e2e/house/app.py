"""The app: an unchanged Python service with the real SDK, as a process of its own.

    python -m house.app '{"endpoint": ..., "seed": ..., ...}'

Prints one JSON object: what it did, trace by trace. What the SDK complains about goes to stderr, as in any app.
"""

import json
import logging
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "corpus" / "record"))

import gesture  # noqa: E402


def build_exporter(protocol, endpoint, **more):
    """The SDK's own exporter, as the documentation has it."""
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=endpoint, insecure=True, **more)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=endpoint, **more)


def main(order):
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON, TraceIdRatioBased

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    sampler = TraceIdRatioBased(order["sdk_ratio"]) if "sdk_ratio" in order else ALWAYS_ON
    resource = gesture.RESOURCE | {"service.name": order.get("service", "hand-gesture-api")}
    provider = gesture.provider(order["seed"], sampler, resource)
    exporter = build_exporter(order.get("protocol", "grpc"), order["endpoint"])
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=2048, schedule_delay_millis=5000, max_export_batch_size=512, export_timeout_millis=30000)
    )
    service = gesture.Service(provider.get_tracer("hand_gesture.api"), provider.get_tracer("hand_gesture.store"), order["seed"], order["start_ns"])
    told = work(service, order)
    provider.force_flush(30_000)
    provider.shutdown()
    json.dump({"told": told, "end_ns": service.now_ns}, sys.stdout)


def work(service, order):
    """The day of the service: `traces` of them, or as many as fit `seconds`, at most `rate` spans a second."""
    told, spans, begun = [], 0, time.monotonic()
    rate, seconds = order.get("rate", 2_000), order.get("seconds")
    index = 0
    while (time.monotonic() - begun < seconds) if seconds else (index < order["traces"]):
        told.append(one(service, index))
        spans += told[-1]["spans"] if told[-1]["sampled"] else 0
        ahead = spans / rate - (time.monotonic() - begun)
        if ahead > 0.01:
            time.sleep(ahead)
        index += 1
    return told


def one(service, index):
    """Of thirty: six health checks, one error, two slow ones, one of user-007, three logins; the rest ordinary, a third called by a gateway."""
    place = index % 30
    if place % 5 == 4:
        return service.health()
    if place == 13:
        return service.predict(error=True)
    if place in (7, 22):
        return service.predict(slow=True)
    if place == 10:
        return service.predict(user="user-0777")
    if place % 10 == 6:
        return service.login()
    return service.predict(remote=index % 3 == 0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
