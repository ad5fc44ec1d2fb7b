"""Every way an SDK may send to us: both protocols on both ports, with and without a path, compressed and not; other signals too."""

import gzip

import pytest
import requests
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from house.app import build_exporter, gesture
from house.client import CORPUS, Client
from house.waiting import until

EVERYTHING = {"sampling": {"ratio": 1}}


def sent_by_sdk(exporter, seed):
    """Three traces of the real SDK; their ids."""
    provider = gesture.provider(seed)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    service = gesture.Service(provider.get_tracer("hand_gesture.api"), provider.get_tracer("hand_gesture.store"), seed, 1_795_000_000_000_000_000)
    told = [service.predict(error=True), service.predict(remote=True), service.health()]
    assert provider.force_flush(10_000)
    provider.shutdown()
    return {t["trace"]: t["spans"] for t in told}


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("port", ["grpc", "http"])
@pytest.mark.parametrize(("protocol", "path"), [("grpc", ""), ("http", "/v1/traces"), ("http", "/prefix/v1/traces"), ("http", "")])
def test_the_sdk_delivers_on_any_port_by_any_protocol(relay, sink, protocol, path, port, compression):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}} | EVERYTHING)
    number = server.grpc_port if port == "grpc" else server.http_port
    if protocol == "grpc":
        import grpc as library
    else:
        from opentelemetry.exporter.otlp.proto import http as library
    more = {"compression": library.Compression.Gzip} if compression else {}
    wanted = sent_by_sdk(build_exporter(protocol, f"http://127.0.0.1:{number}{path}", **more), f"{protocol}{path}{port}{compression}")
    books = server.settled()
    assert books.balanced and books.exported == sum(wanted.values())
    until(lambda: len(sink.spans) == books.exported, 5, "the spans in the sink")
    assert {s.trace_id.hex() for s in sink.spans} == set(wanted)
    server.stop()


def test_every_recorded_request_is_taken_whole_over_both_protocols(relay, sink):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}} | EVERYTHING)
    client, files = Client(server.address), sorted(CORPUS.glob("*.otlp"))
    assert len(files) >= 8
    for file in files:
        body = file.read_bytes()
        assert client.export(body).ok, file.name
        squeezed = requests.post(
            f"http://127.0.0.1:{server.http_port}/v1/traces", data=gzip.compress(body), timeout=5,
            headers={"content-type": "application/x-protobuf", "content-encoding": "gzip"},
        )
        assert squeezed.status_code == 200, (file.name, squeezed.text)
        assert squeezed.content == b"" and squeezed.headers["content-type"] == "application/x-protobuf"
    books = server.settled()
    assert books.rejected == 0 and books.refused == 0 and books.exported == books.received
    until(lambda: len(sink.spans) == books.exported, 5, "the spans in the sink")
    server.stop()


@pytest.mark.parametrize("signal", ["metrics", "logs"])
def test_other_signals_are_answered_ok_and_counted(relay, sink, signal):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}}, expected=[r"metrics|logs|discard|signal"])
    kind = signal.capitalize()
    method = f"/opentelemetry.proto.collector.{signal}.v1.{kind}Service/Export"
    client = Client(server.address)
    assert client.export(b"\x0a\x00", method=method).ok and client.export(b"\x0a\x00", method=method).ok
    sent = requests.post(f"http://127.0.0.1:{server.http_port}/v1/{signal}", data=b"\x0a\x00", headers={"content-type": "application/x-protobuf"}, timeout=5)
    assert sent.status_code == 200
    counted = [(key, value) for key, value in server.metrics().items() if (("signal", signal) in key[1])]
    assert counted and max(value for _, value in counted) >= 3, counted
    assert server.books().received == 0
    server.stop()
