"""The rows of the comparison: which load, which programs, and what each measurement must add up to."""

import threading
from dataclasses import dataclass, field

from . import proc, programs, traffic

TAIL = {"tail_sampling": {"decision_wait": "1s", "policies": programs.POLICIES}}
EVERYTHING = {"sampling": {"ratio": 1}}

BLIND, OURS, COLLECTOR, RELAY = "blind relay", "Tailwater", "Collector, tail", "Collector, relay only"


@dataclass
class Row:
    """One load. `collector_rates` are tried from the fastest down, until the tail-sampling Collector holds one."""

    name: str
    title: str
    per_request: int
    rate: int
    sampling: dict
    collector_rates: list = field(default_factory=list)
    cpu_against_blind_max: float | None = None
    cpu_against_collector_max: float | None = None
    compression: str = "none"

    @property
    def keeps_everything(self):
        return self.sampling is EVERYTHING

    def programs(self):
        """The programs of this row that can be run here, in the order in which they take turns."""
        found = [BLIND]
        if programs.tailwater_binary():
            found.append(OURS)
        if programs.collector_binary() and self.compression == "none":
            found += [RELAY] if self.keeps_everything else [COLLECTOR, RELAY]
        return found


ROWS = [
    Row("512", "512 spans a request, errors and 10 % kept", 512, 200_000, TAIL, [200_000, 143_000, 100_000, 75_000, 50_000, 25_000], 1.5, 1 / 7),
    Row("everything", "512 spans a request, everything kept, no tail stage", 512, 200_000, EVERYTHING, [], 1.5),
    Row("gzip", "the same at a quarter of the rate, `upstream.compression: gzip`", 512, 50_000, EVERYTHING, compression="gzip"),
    Row("10", "10 spans a request, errors and 10 % kept", 10, 20_000, TAIL, [20_000, 10_000, 5_000], 1.0, 1 / 5),
    Row("1", "1 span a request, errors and 10 % kept", 1, 4_000, TAIL, [4_000, 2_000, 1_000], 0.7, 1 / 4),
]


def start(name, row, sink):
    match name:
        case "blind relay":
            return programs.blind(sink)
        case "Tailwater":
            return programs.tailwater(sink, row.sampling, compression=row.compression)
        case "Collector, tail":
            return programs.collector(sink, programs.POLICIES)
        case "Collector, relay only":
            return programs.collector(sink)
    raise ValueError(name)


def measure(name, row, rate, seed, warmup_s, steady_s, poll_memory=False):
    """One program under one load, from its start to its end. `poll_memory` asks it for its charged bytes once a second, which
    costs it CPU: the CPU of such a measurement is not to be used."""
    with traffic.Sink() as sink:
        program = start(name, row, sink)
        try:
            flags = {"rate": rate, "per_request": row.per_request, "seed": seed, "warmup": warmup_s, "steady": steady_s}
            if poll_memory:
                return {"held_bytes": max(poll_while(program, flags), default=0)}
            load = traffic.load(program.listen, program.pid, **flags)
            totals = sink.settled(quiet_s=3.0)
            result = {
                "program": name,
                "rate": rate,
                "load": load,
                "sink": totals,
                "peak_rss_kib": proc.status_kib(program.pid, "VmHWM"),
                "held_bytes": program.gauge("tailwater_memory_charged_peak_bytes"),
                "exported": program.gauge("tailwater_spans_exported_total"),
            }
        finally:
            code = program.end()
    result["exit_code"] = code
    result["problems"] = check(result, row)
    result["held_its_rate"] = held_its_rate(result)
    return result | figures(result)


def poll_while(program, flags):
    """The charged bytes of a program, once a second while it is loaded."""
    held, done = [], threading.Event()

    def poll():
        while not done.wait(1.0):
            held.append(program.gauge("tailwater_memory_charged_bytes") or 0)

    poller = threading.Thread(target=poll)
    poller.start()
    try:
        traffic.load(program.listen, program.pid, **flags)
    finally:
        done.set()
        poller.join()
    return held


def figures(result):
    """What the table shows of a measurement."""
    load, sink = result["load"], result["sink"]
    acked = max(load["window_acked_spans"], 1)
    kept_bytes = sink["spans"] * load["span_bytes"]
    return {
        "spans_per_second": load["window_acked_spans"] / load["window_s"],
        "cpu_s_per_million": load["cpu_s"] / acked * 1e6,
        "peak_rss_mib": result["peak_rss_kib"] / 1024,
        "ack_p50_ms": load["ack_p50_us"] / 1000,
        "ack_p99_ms": load["ack_p99_us"] / 1000,
        "bytes_out_ratio": sink["bytes"] / kept_bytes if kept_bytes else None,
        "kept_share": sink["spans"] / max(load["acked_spans"], 1),
        "others_on_core": max(load["core_busy_s"] - load["cpu_s"], 0) / load["window_s"],
        "lag_p99_ms": load["lag_p99_us"] / 1000,
    }


def held_its_rate(result):
    """Whether a program took all that was offered, as fast as it was offered."""
    load = result["load"]
    lost = load["failed_spans"] + load["skipped_spans"] + load["unanswered_requests"]
    return lost == 0 and load["window_acked_spans"] >= 0.97 * load["window_offered_spans"]


def check(result, row):
    """What does not add up, as sentences; none when all does."""
    name, load, sink = result["program"], result["load"], result["sink"]
    problems = []

    def expect(what, got, wanted):
        if got != wanted:
            problems.append(f"row {row.name}, {name}: {what}: {got} instead of {wanted}")

    sampled = name in (OURS, COLLECTOR) and not row.keeps_everything
    expect("unreadable requests at the sink", sink["unreadable"], 0)
    # A Collector that cannot keep up is a result (its spans/s say so), not a fault of the bench.
    if name in (BLIND, OURS):
        expect("requests without an answer", load["unanswered_requests"], 0)
        expect(f"spans not taken ({load['failures']})", load["failed_spans"] + load["skipped_spans"], 0)
    if not sampled:
        expect("spans at the sink, of those acknowledged", sink["spans"], load["acked_spans"])
    if name == OURS or not sampled:
        expect("failed spans at the sink, of those acknowledged", sink["failed"], load["acked_failed"])
    if name == OURS:
        expect("spans at the sink, of those exported by its own books", sink["spans"], result["exported"])
        expect("exit code", result["exit_code"], 0)
    share = sink["spans"] / max(load["acked_spans"], 1)
    # What the Collector loses is its result, not a fault of the bench.
    if name == OURS and sampled and not 0.08 <= share <= 0.14:
        problems.append(f"row {row.name}, {name}: kept {share:.1%} where about 11 % are to be kept")
    return problems
