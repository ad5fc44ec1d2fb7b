"""What defaults lose: a burst of small traces and then silence, everything kept, both programs as they come."""

from . import programs, rows, traffic

TRACES = 3_000
SPANS = 31_000
# The Collector decides once a second: what decides its losses is how much of the burst falls into one of these ticks.
WITHIN_S = [3.0, 0.5]
DECISION_WAIT = "2s"


def measure(name, within_s):
    """How many traces and spans of the burst, sent evenly within this time, arrive."""
    tail = {"tail_sampling": {"decision_wait": DECISION_WAIT, "policies": programs.EVERYTHING}}
    with traffic.Sink() as sink:
        if name == rows.OURS:
            program = programs.tailwater(sink, tail, defaults=True)
        else:
            program = programs.collector(sink, programs.EVERYTHING, DECISION_WAIT, defaults=True)
        try:
            load = traffic.load(
                program.listen,
                program.pid,
                rate=SPANS / within_s,
                per_request=512,
                spans_max=SPANS,
                trace_spans="10,10,11",
                connections=1,
                warmup=0,
                steady=within_s,
            )
            totals = sink.settled(quiet_s=8)
        finally:
            program.end()
    return {
        "program": name,
        "within_s": within_s,
        "sent_traces": load["traces"],
        "acked_spans": load["acked_spans"],
        "delivered_traces": totals["traces"],
        "delivered_spans": totals["spans"],
        "requests_out": totals["requests"],
    }


def found():
    """The programs that can be run here."""
    return [
        name
        for name, binary in ((rows.OURS, programs.tailwater_binary()), (rows.COLLECTOR, programs.collector_binary()))
        if binary
    ]
