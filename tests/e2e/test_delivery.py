"""The real Python SDK through the relay into a real Jaeger: what must be kept is found by service, operation, tag, duration and error."""

import math

import pytest
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from house.app import build_exporter, gesture
from house.jaeger import tag
from house.waiting import until

POLICIES = [
    {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
    {"name": "slow", "type": "latency", "latency": {"threshold_ms": 500}},
    {"name": "the-user", "type": "string_attribute", "string_attribute": {"key": "prediction.user_id", "values": ["user-0777"]}},
    {"name": "tenth", "type": "probabilistic", "probabilistic": {"sampling_percentage": 10}},
    {"name": "no-health", "type": "drop", "drop": {"drop_sub_policy": [
        {"name": "health", "type": "string_attribute", "string_attribute": {"key": "health.status", "values": ["ok"]}}]}},
]


def binomial_bounds(n, share, p):
    """The interval outside of which, on either side, a fair count falls with a probability below p / 2."""
    chances = [math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(share) + (n - k) * math.log1p(-share)) for k in range(n + 1)]
    low, below = 0, 0.0
    while below + chances[low] < p / 2:
        below += chances[low]
        low += 1
    high, above = n, 0.0
    while above + chances[high] < p / 2:
        above += chances[high]
        high -= 1
    return low, high


def ids(traces, **wanted):
    return {t["trace"] for t in traces if all(t[k] == v for k, v in wanted.items())}


def test_what_must_be_kept_is_found_in_jaeger_and_the_rest_is_a_tenth(jaeger, relay, app):
    before = jaeger.arrived()
    server = relay({"upstream": {"endpoint": f"http://{jaeger.otlp}"}, "tail_sampling": {"decision_wait": "2s", "policies": POLICIES}})
    run = app(server.endpoint, traces=600, seed="delivery")
    told = run.done()
    assert run.complaints() == ""
    books = server.settled()
    assert books.balanced and books.accepted == sum(t["spans"] for t in told)

    def find(**query):
        return jaeger.find("hand-gesture-api", run.start_ns, run.end_ns, **query)

    errors, slow, user = ids(told, error=True), ids(told, slow=True), ids(told, user="user-0777")
    assert len(errors) == 20 and len(user) == 20 and len(slow) >= 40
    assert set(find(tags={"error": "true"})) == errors
    assert set(find(minDuration="500ms")) == slow
    assert set(find(operation="asl_prediction", tags={"prediction.user_id": "user-0777"})) == user
    assert find(operation="health_check") == {}
    assert {"asl_prediction", "image_preprocessing", "model_inference", "database_query"} <= jaeger.operations("hand-gesture-api")

    found, known = find(), {t["trace"]: t for t in told}
    assert {i: len(spans) for i, spans in found.items()} == {i: known[i]["spans"] for i in found}, "every kept trace is complete"
    rest = {i for i, t in known.items() if not (t["error"] or t["slow"] or t["user"] == "user-0777" or t["kind"] == "health")}
    low, high = binomial_bounds(len(rest), 0.10, 1e-6)
    assert low <= len(rest & set(found)) <= high, f"{len(rest & set(found))} of {len(rest)} kept, bounds {low} to {high}"

    stored = sum(len(spans) for spans in found.values())
    assert stored == books.exported == jaeger.arrived() - before
    assert server.stop().exported == stored


def test_the_preset_keeps_errors_and_slow_ones_when_nothing_is_configured(jaeger, relay, app):
    server = relay({"upstream": {"endpoint": f"http://{jaeger.otlp}"}})
    run = app(server.endpoint, traces=150, seed="preset", service="preset-api")
    told = run.done()
    books = server.settled()
    found = set(jaeger.find("preset-api", run.start_ns, run.end_ns))
    assert ids(told, error=True) | ids(told, slow=True) <= found
    assert len(found) < len(told) / 2
    assert books.balanced
    server.stop()


def test_what_the_sdks_own_ratio_kept_is_kept_all_of_it(jaeger, relay, app):
    ratio = {"mode": "sdk_traceidratio", "share": 0.1}
    server = relay({"upstream": {"endpoint": f"http://{jaeger.otlp}"}, "sampling": {"ratio": ratio}})
    run = app(server.endpoint, traces=2500, seed="ratio", service="ratio-api", sdk_ratio=0.1, rate=4000)
    told = run.done()
    kept = {t["trace"]: t["spans"] for t in told if t["sampled"]}
    assert 150 < len(kept) < 350
    books = server.settled()
    assert books.balanced and books.sampled_out == 0 and books.exported == books.accepted
    found = jaeger.find("ratio-api", run.start_ns, run.end_ns)
    assert {i: len(spans) for i, spans in found.items()} == kept
    for trace, spans in found.items():
        for span in spans:
            assert_consistent(trace, tag(span, "w3c.tracestate"))
    server.stop()


def assert_consistent(trace, state):
    """The tracestate says th of a tenth and rv = the top 56 bits of the complement of the id's low 64, and rv passes th."""
    assert state and state.startswith("ot="), f"trace {trace} has tracestate {state!r}"
    said = dict(part.split(":") for part in state.removeprefix("ot=").split(","  )[0].split(";"))
    randomness = (~int(trace[16:], 16) & (2**64 - 1)) >> 8
    assert said["rv"] == f"{randomness:014x}"
    threshold = int(said["th"].ljust(14, "0"), 16)
    assert abs(threshold / 2**56 - 0.9) < 1e-4
    assert threshold <= randomness


def test_a_ratio_of_a_tenth_keeps_a_tenth_and_says_so_in_tracestate(relay, sink, app):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}, "sampling": {"ratio": 0.1}})
    told = app(server.endpoint, traces=600, seed="tenth").done()
    books = server.settled()
    until(lambda: len(sink.spans) == books.exported, 5, "the sink to have what was exported")
    kept = {s.trace_id.hex() for s in sink.spans}
    low, high = binomial_bounds(len(told), 0.10, 1e-6)
    assert low <= len(kept) <= high
    for span in sink.spans:
        said = dict(p.split(":") for p in span.trace_state.removeprefix("ot=").split(";"))
        threshold = int(said["th"].ljust(14, "0"), 16)
        assert abs(threshold / 2**56 - 0.9) < 1e-4
        assert int(span.trace_id.hex()[-14:], 16) >= threshold
    assert books.part("sampled_out", "ratio") == books.accepted - books.exported
    server.stop()


def sent_with_state(endpoint, service, state):
    """Forty predictions that a gateway with a tracestate asked for, by the real SDK; when they began and ended, and their spans by trace."""
    start = 1_795_000_000_000_000_000
    provider = gesture.provider(service, resource=gesture.RESOURCE | {"service.name": service})
    provider.add_span_processor(BatchSpanProcessor(build_exporter("grpc", endpoint)))
    day = gesture.Service(provider.get_tracer("hand_gesture.api"), provider.get_tracer("hand_gesture.store"), service, start)
    told = [day.predict(remote=True, state=state) for _ in range(40)]
    assert provider.force_flush(10_000)
    provider.shutdown()
    return start, day.now_ns, {t["trace"]: t["spans"] for t in told}


@pytest.mark.parametrize(
    ("before", "after"),
    [("vendor=x,other=y", "ot=th:8,vendor=x,other=y"), ("vendor=x,ot=rv:ffffffffffffff", "ot=th:8;rv:ffffffffffffff,vendor=x")],
)
def test_a_tracestate_that_spans_come_with_is_overridden_and_its_other_entries_are_kept(jaeger, relay, sink, before, after):
    """The new value stands in a second `trace_state` field of each span: Jaeger and Python's protobuf both read that one."""
    service = f"state-{len(before)}-api"
    for upstream in (jaeger.otlp, sink.address):
        server = relay({"upstream": {"endpoint": f"http://{upstream}"}, "sampling": {"ratio": 0.5}})
        start, end, sent = sent_with_state(server.endpoint, service, before)
        books = server.settled()
        kept = {i: n for i, n in sent.items() if "rv:" in before or int(i[-14:], 16) >= 2**55}
        assert 10 < len(kept) and books.balanced and books.exported == sum(kept.values())
        server.stop()
    found = jaeger.find(service, start, end)
    assert {i: len(spans) for i, spans in found.items()} == kept
    assert {tag(span, "w3c.tracestate") for spans in found.values() for span in spans} == {after}
    until(lambda: len(sink.spans) == sum(kept.values()), 5, "the spans in the sink")
    assert {span.trace_state for span in sink.spans} == {after}


def test_everything_kept_by_ratio_one_leaves_as_it_came(relay, sink, app):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}, "sampling": {"ratio": 1}})
    told = app(server.endpoint, traces=60, seed="one").done()
    server.settled()
    until(lambda: len(sink.spans) == sum(t["spans"] for t in told), 5, "every span in the sink")
    assert {s.trace_state for s in sink.spans} == {""}
    server.stop()
