"""One recording session of the real Python SDK: `python_client.py grpc|http ENDPOINT SCENARIO`."""

import sys

from opentelemetry.sdk.trace.export import BatchSpanProcessor

import gesture

START_NS = 1_795_000_000_000_000_000


def main(protocol, endpoint, scenario):
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True)
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=endpoint + "/v1/traces")
    provider = gesture.provider(seed=protocol + scenario)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=2048, schedule_delay_millis=600_000, max_export_batch_size=512))
    service = gesture.Service(provider.get_tracer("hand_gesture.api", "1.4.2"), provider.get_tracer("hand_gesture.store", "0.9.0"), protocol + scenario, START_NS)
    SCENARIOS[scenario](service, provider)
    provider.force_flush()
    provider.shutdown()


def busy(service, _):
    """A busy five seconds: thirty traces of every sort in one request."""
    mixed(service, 30)


def full(service, _):
    """More than the SDK puts into one request: it leaves as one of exactly 512 spans and one with the rest."""
    mixed(service, 150)


def mixed(service, traces):
    for i in range(traces):
        if i % 5 == 4:
            service.health()
        elif i % 30 == 13:
            service.predict(error=True)
        elif i % 15 == 7:
            service.predict(slow=True)
        elif i % 11 == 10:
            service.login()
        else:
            service.predict(remote=i % 3 == 0)


def quiet(service, _):
    """A quiet five seconds: one prediction and one health check."""
    service.predict(user="user-007")
    service.health()


def health(service, _):
    service.health()


def split(service, provider):
    """A slow prediction whose children leave in an earlier request than its root: the SDK flushes in between."""
    tracer, flush = service.tracer, provider.force_flush

    class Tracer:
        def start_span(self, name, **kw):
            span = tracer.start_span(name, **kw)
            if name == "asl_prediction":
                end = span.end
                span.end = lambda when: (flush(), end(when))
            return span

    service.tracer = Tracer()
    service.predict(slow=True, remote=True, user="user-011")


def failing(service, _):
    """One prediction fails, slowly: the model got a broken picture."""
    service.predict(error=True, slow=True, remote=True)


def gateway(service, _):
    """Ten predictions called by a gateway, so all with a remote parent."""
    for _ in range(10):
        service.predict(remote=True)


SCENARIOS = {"busy": busy, "full": full, "quiet": quiet, "health": health, "split": split, "failing": failing, "gateway": gateway}

if __name__ == "__main__":
    main(*sys.argv[1:])
