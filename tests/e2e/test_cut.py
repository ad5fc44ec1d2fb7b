"""The way to the collector cut, for a while and for good: nothing kept is lost in the first case, nothing grows in the second."""

import time

from house import books as told_books
from house.client import Load
from house.proxy import Proxy
from house.waiting import until

MIB = 1 << 20
KEEP_ALL = [{"name": "all", "type": "always_sample"}]
OUTAGE = [r"collector|upstream|export|connect"]


def test_a_cut_of_twenty_seconds_loses_nothing_and_the_app_sees_no_error(jaeger, relay, proxy, app):
    before = jaeger.arrived()
    server = relay(
        {
            "memory": {"budget": "64MiB"},
            "upstream": {"endpoint": f"http://{proxy.address}", "timeout": "2s"},
            "tail_sampling": {"decision_wait": "1s", "policies": KEEP_ALL},
        },
        expected=OUTAGE,
    )
    run = app(server.endpoint, seconds=28, rate=1000, seed="cut", service="cut-api")
    time.sleep(4)
    for mode in ("refuse", "reset", "refuse", "reset"):
        proxy.set(mode)
        time.sleep(5)
        assert server.books().balanced
    proxy.set("pass")
    told = run.done()
    assert run.complaints() == "", "the app saw nothing of it"
    spans = sum(t["spans"] for t in told)
    assert spans > 20_000 and proxy.cuts > 0
    books = server.settled(60)
    assert books.balanced and books.dropped == 0 and books.accepted == books.exported == spans
    found = jaeger.find("cut-api", run.start_ns, run.end_ns)
    assert {i: len(s) for i, s in found.items()} == {t["trace"]: t["spans"] for t in told}, "every span of every kept trace is there"
    duplicates = jaeger.arrived() - before - spans
    assert 0 <= duplicates <= books.maybe_duplicated
    server.stop()


def test_a_collector_gone_for_good_bounds_memory_counts_drops_and_lets_go_in_time(relay, app):
    budget = 16 * MIB
    server = relay(
        {
            "receiver": {"hold": "300ms"},
            "memory": {"budget": "16MiB"},
            "upstream": {"endpoint": "http://127.0.0.1:9", "max_age": "8s", "timeout": "5s"},
            "tail_sampling": {"decision_wait": "1s", "policies": KEEP_ALL},
            "shutdown": {"grace": "4s"},
        },
        expected=OUTAGE + [r"memory|budget|full|refus|evict|expire|drop|shutdown"],
    )
    idle = server.rss()
    loads = [Load(server.address, spans=200, padding=400) for _ in range(3)]
    for load in loads:
        load.start()
    run, peak, end = None, 0, time.monotonic() + 25
    while time.monotonic() < end:
        time.sleep(0.5)
        peak = max(peak, server.rss())
        assert server.books().balanced
        if run is None and server.books().refused + told_books.by(server.metrics(), "tailwater_requests_refused_total") > 0:
            run = app(server.endpoint, traces=60, seed="gone")
    assert run, "the relay never refused anything"
    for load in loads:
        load.stop()
    refusals = [a for load in loads for a in load.answers]
    assert refusals and {a.code for a in refusals} <= {"UNAVAILABLE", "DEADLINE_EXCEEDED"}, {a.code for a in refusals}
    assert any(a.told_to_retry for a in refusals), f"UNAVAILABLE carries RetryInfo in both trailers: {refusals[0].trailers.keys()}"
    assert peak <= 1.25 * budget + max(idle, 12 * MIB) + 4 * MIB, f"peak RSS {peak / MIB:.1f} MiB"
    books = server.books()
    assert books.exported == 0 and books.dropped > 0
    assert books.part("dropped", "expired") + books.part("dropped", "evicted") == books.dropped
    assert told_books.by(server.metrics(), "tailwater_upstream_up") == 0
    run.done()
    final = server.stop(seconds=6)
    assert server.stop_seconds < 5
    assert final.part("dropped", "shutdown") > 0 and final.accepted == final.sampled_out + final.dropped


def test_the_sdk_waits_when_it_is_told_to_and_its_spans_arrive(relay, sink, app):
    """Nobody takes the spans at first: the relay fills up, the SDK is refused with a delay, waits, and loses nothing."""
    way = Proxy(sink.address)
    way.set("refuse")
    server = relay(
        {
            "receiver": {"hold": "200ms"},
            "memory": {"budget": "4MiB"},
            "upstream": {"endpoint": f"http://{way.address}"},
            "tail_sampling": {"decision_wait": "1s", "policies": KEEP_ALL},
        },
        expected=OUTAGE + [r"memory|budget|full|refus"],
    )
    load = Load(server.address, spans=200, padding=400)
    load.start()
    until(lambda: load.refused > 0, 20, "the relay to be full")
    # What is undecided gives room back when it is decided; only then is everything that is held waiting for the collector.
    time.sleep(2)
    run = app(server.endpoint, traces=100, seed="waits")
    time.sleep(3)
    load.stop()
    way.set("pass")
    told = run.done()
    waited = run.complaints()
    assert "UNAVAILABLE" in waited and "retrying in" in waited, f"the SDK said: {waited!r}"
    assert "Failed to export" not in waited
    server.settled(30)
    wanted = {t["trace"] for t in told}
    until(lambda: wanted <= {s.trace_id.hex() for s in sink.spans}, 5, "every trace of the app in the sink")
    server.stop()
    way.close()


def test_a_collector_that_is_down_at_start_is_no_error(relay, sink, app):
    way = Proxy(sink.address)
    way.set("refuse")
    server = relay({"upstream": {"endpoint": f"http://{way.address}"}, "sampling": {"ratio": 1}}, expected=OUTAGE)
    told = app(server.endpoint, traces=20, seed="down").done()
    spans = sum(t["spans"] for t in told)
    time.sleep(1)
    books = server.books()
    assert books.balanced and books.held == spans == books.accepted
    assert server.get("readyz").status_code == 200
    way.set("pass")
    assert server.settled(30).exported == spans
    server.stop()
    way.close()
