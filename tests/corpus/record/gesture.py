"""The hand-gesture service as its spans show it: what one prediction, one health check, one login leave behind in the real Python SDK.

Times are given to the SDK instead of waited for, and ids come from a seed, so a thousand traces take no longer than the SDK needs and two runs
make the same ones. Used by the corpus recorder and by tests/e2e.
"""

import random

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

MILLI = 1_000_000
SLOW_NS = 500 * MILLI

RESOURCE = {
    "service.name": "hand-gesture-api",
    "service.version": "1.4.2",
    "service.namespace": "model-serving",
    "deployment.environment": "production",
    "k8s.namespace.name": "model-serving",
    "k8s.deployment.name": "hand-gesture-deployment",
    "k8s.pod.name": "hand-gesture-deployment-6c5d7f9b8-x2x7q",
}


class SeededIds(IdGenerator):
    """Trace and span ids from a seed: whoever knows the seed knows every id that must be found again."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def generate_trace_id(self):
        return self._random.getrandbits(128) or 1

    def generate_span_id(self):
        return self._random.getrandbits(64) or 1

    def is_trace_id_random(self):
        return True


def provider(seed, sampler=None, resource=None):
    """A TracerProvider that names only what RESOURCE says: no host, no process, no path of the machine it runs on."""
    return TracerProvider(
        sampler=sampler, id_generator=SeededIds(seed), resource=Resource.create(resource or RESOURCE), shutdown_on_exit=False
    )


class Service:
    """The service: each call is one trace, told as a dict: `trace` (hex id), `kind`, `spans`, `error`, `slow`, `user`, `sampled` by the SDK."""

    def __init__(self, tracer, store, seed, start_ns):
        self.tracer, self.store = tracer, store
        self.random = random.Random(seed)
        self.now_ns = start_ns

    def predict(self, error=False, slow=False, user=None, remote=False, state=""):
        """One POST /predict: 4 to 6 spans, the entry a SERVER span, its parent remote where a gateway called; `state` is the gateway's tracestate."""
        rng, start = self.random, self.now_ns
        user = user or f"user-{rng.randrange(1, 40):03d}"
        inference = (rng.randint(520, 1400) if slow else rng.randint(8, 90)) * MILLI
        root = self.tracer.start_span(
            "asl_prediction", context=self._gateway(state) if remote else None, kind=SpanKind.SERVER, start_time=start,
            attributes={
                "http.request.method": "POST", "url.path": "/predict", "http.route": "/predict",
                "prediction.user_id": user, "prediction.model": "asl-landmarks-v3",
            },
        )
        inside, at, spans = trace.set_span_in_context(root), start + rng.randint(100, 900) * 1000, 1
        if rng.random() < 0.4:
            at = self._child(inside, "user_authentication", at, rng.randint(1, 6) * MILLI, {"auth.method": "jwt", "auth.result": "ok"})
            spans += 1
        at = self._child(
            inside, "image_preprocessing", at, rng.randint(2, 14) * MILLI,
            {"image.width": 224, "image.height": 224, "image.channels": 3, "image.bytes": rng.randint(9_000, 80_000), "image.mean": round(rng.random(), 4)},
        )
        label = rng.choice("ABCDEFGHIKLMNOPQRSTUVWXY")
        at = self._child(
            inside, "model_inference", at, inference,
            {"model.name": "asl-landmarks", "model.version": "3", "model.device": "cpu", "prediction.label": label, "prediction.confidence": round(rng.uniform(0.55, 0.999), 4)},
            failure="landmarks: expected 21 points, found 17" if error else None,
        )
        spans += 2
        if not error:
            at = self._child(
                inside, "database_query", at, rng.randint(1, 9) * MILLI,
                {"db.system": "mongodb", "db.operation": "insert", "db.collection.name": "predictions", "server.address": "mongodb"},
                tracer=self.store, kind=SpanKind.CLIENT,
            )
            spans += 1
            root.add_event("prediction.stored", {"prediction.label": label}, timestamp=at)
        root.set_attribute("http.response.status_code", 500 if error else 200)
        if error:
            root.set_status(Status(StatusCode.ERROR, "prediction failed"))
        end = at + rng.randint(50, 700) * 1000
        root.end(end)
        self._tick()
        return self._told(root, spans, "prediction", error=error, slow=end - start > SLOW_NS, user=user)

    def health(self):
        """One GET /health from the kubelet: a trace of one span."""
        root = self.tracer.start_span(
            "health_check", kind=SpanKind.SERVER, start_time=self.now_ns, attributes={"url.path": "/health", "health.status": "ok"}
        )
        root.end(self.now_ns + self.random.randint(80, 900) * 1000)
        self._tick()
        return self._told(root, 1, "health")

    def login(self):
        """One POST /login: the user is looked up in the store."""
        root = self.tracer.start_span("user_authentication", kind=SpanKind.SERVER, start_time=self.now_ns, attributes={"auth.method": "password", "auth.result": "ok"})
        at = self._child(
            trace.set_span_in_context(root), "database_query", self.now_ns + MILLI, self.random.randint(1, 5) * MILLI,
            {"db.system": "mongodb", "db.operation": "find", "db.collection.name": "users"}, tracer=self.store, kind=SpanKind.CLIENT,
        )
        root.end(at + MILLI)
        self._tick()
        return self._told(root, 2, "login")

    def _child(self, context, name, start, duration, attributes, tracer=None, kind=SpanKind.INTERNAL, failure=None):
        span = (tracer or self.tracer).start_span(name, context=context, kind=kind, start_time=start, attributes=attributes)
        if failure:
            try:
                raise ValueError(failure)
            except ValueError as error:
                # The trace back would name the files of whoever runs this: the container's own is written instead.
                where = f'Traceback (most recent call last):\n  File "/app/service.py", line 88, in predict\nValueError: {failure}\n'
                span.record_exception(error, attributes={"exception.stacktrace": where}, timestamp=start + duration // 2)
                span.set_status(Status(StatusCode.ERROR, f"ValueError: {failure}"))
        span.end(start + duration)
        return start + duration

    def _gateway(self, state):
        ids = self.tracer.id_generator if hasattr(self.tracer, "id_generator") else SeededIds(self.random.random())
        parent = SpanContext(ids.generate_trace_id(), ids.generate_span_id(), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED), trace_state=TraceState.from_header([state]))
        return trace.set_span_in_context(NonRecordingSpan(parent))

    def _tick(self):
        self.now_ns += self.random.randint(5, 200) * MILLI

    @staticmethod
    def _told(root, spans, kind, error=False, slow=False, user=None):
        told = {"kind": kind, "spans": spans, "error": error, "slow": slow, "user": user, "sampled": root.get_span_context().trace_flags.sampled}
        return {"trace": f"{root.get_span_context().trace_id:032x}"} | told
