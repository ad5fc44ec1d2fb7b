"""Plain clients: requests made by hand and sent over gRPC or HTTP, with every answer told apart."""

import dataclasses
import pathlib
import random
import threading
import time

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .sink import EXPORT

CORPUS = pathlib.Path(__file__).resolve().parents[2] / "corpus"
PUSH_BACK = {"google.rpc.retryinfo-bin", "grpc-status-details-bin"}


def request(spans, trace_length=4, service="hand-gesture-api", padding=0, error_share=0.03, source=random):
    """An export request of whole traces with random ids: the first span of each is its root."""
    message = ExportTraceServiceRequest()
    resource = message.resource_spans.add()
    attribute = resource.resource.attributes.add(key="service.name")
    attribute.value.string_value = service
    scope = resource.scope_spans.add()
    now, trace, root = time.time_ns(), b"", b""
    for index in range(spans):
        span = scope.spans.add(name="load", kind=2, start_time_unix_nano=now, end_time_unix_nano=now + source.randrange(1, 40) * 1_000_000)
        if index % trace_length == 0:
            trace, root = source.randbytes(16), source.randbytes(8)
            span.span_id = root
            if source.random() < error_share:
                span.status.code = 2
        else:
            span.span_id, span.parent_span_id = source.randbytes(8), root
        span.trace_id = trace
        span.flags = 0x100
        if padding:
            span.attributes.add(key="padding").value.string_value = "x" * padding
    return message


@dataclasses.dataclass
class Answer:
    """What one call got: a gRPC status name, whether the server said it (and not the connection's end), and the trailers."""

    code: str
    message: str = ""
    trailers: dict = dataclasses.field(default_factory=dict)

    @property
    def ok(self):
        return self.code == "OK"

    @property
    def told_to_retry(self):
        return PUSH_BACK <= set(self.trailers)

    @property
    def answered(self):
        return self.ok or bool(PUSH_BACK & set(self.trailers))


class Client:
    """One gRPC connection."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(
            address, options=[("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        )

    def export(self, body, timeout=10, method=EXPORT):
        """Sends bytes or a message as they are."""
        body = body if isinstance(body, bytes) else body.SerializeToString()
        call = self.channel.unary_unary(method)
        try:
            call(body, timeout=timeout)
            return Answer("OK")
        except grpc.RpcError as error:
            return Answer(error.code().name, error.details() or "", dict(error.trailing_metadata() or ()))

    def close(self):
        self.channel.close()


class Load(threading.Thread):
    """Sends requests one after another until stopped; counts what was told OK, refused, and never answered. `pause` is between requests."""

    def __init__(self, address, spans=40, pause=0.0, timeout=10, **shape):
        super().__init__(daemon=True)
        self.client, self.spans, self.pause, self.timeout, self.shape = Client(address), spans, pause, timeout, shape
        self.ok = self.refused = self.unanswered = 0
        self.answers = []
        self.halt = threading.Event()
        self.random = random.Random()

    def run(self):
        while not self.halt.is_set():
            answer = self.client.export(request(self.spans, source=self.random, **self.shape), timeout=self.timeout)
            if answer.ok:
                self.ok += self.spans
            elif answer.answered:
                self.refused += self.spans
            else:
                self.unanswered += self.spans
            if not answer.ok and len(self.answers) < 1000:
                self.answers.append(answer)
            if self.pause or not answer.ok:
                self.halt.wait(self.pause or 0.02)

    def stop(self):
        self.halt.set()
        self.join(self.timeout + 5)
        self.client.close()
        return self
