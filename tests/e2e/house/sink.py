"""A collector of ours in this process: takes OTLP over gRPC, keeps or counts the spans, and can be told what to answer."""

import collections
import threading
from concurrent import futures

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


class Sink:
    """`spans` holds every span received when `keep`; `counts` spans by the value of the header `x-run`."""

    def __init__(self, keep=True):
        self.keep, self.spans, self.counts, self.lock = keep, [], collections.Counter(), threading.Lock()
        self.answer = None
        self.server = grpc.server(futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers((self,))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def service(self, details):
        if details.method != EXPORT:
            return None
        return grpc.unary_unary_rpc_method_handler(self._export, request_deserializer=ExportTraceServiceRequest.FromString)

    def _export(self, request, context):
        run = dict(context.invocation_metadata()).get("x-run", "")
        found = [s for r in request.resource_spans for g in r.scope_spans for s in g.spans]
        with self.lock:
            self.counts[run] += len(found)
            if self.keep:
                self.spans.extend(found)
        if self.answer:
            self.answer(context)
        return b""

    def close(self):
        self.server.stop(0)
