"""The tables: medians over the repeats, and ratios taken within each repeat before their median is."""

import json
import statistics
from datetime import date
from pathlib import Path

from . import rows

# What the peak RSS may be beside 1.25 x the bytes held.
RSS_FIXED_MIB = 12
ACK_P99_AGAINST_BLIND_MAX = 3.0


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def ratio(repeats, name, to, figure):
    """The median of a program's figure against another's, each pair from one repeat."""
    pairs = [(repeat.get(name), repeat.get(to)) for repeat in repeats]
    return median(
        [one[figure] / other[figure] for one, other in pairs if one and other and one[figure] is not None and other[figure]]
    )


def text(value, digits=2, unit=""):
    return "–" if value is None else f"{value:.{digits}f}{unit}"


def row_table(row, repeats):
    """`repeats`: one dict a repeat, from program name to its measurement."""
    lines = [
        f"### {row.title}, {row.rate:,} spans/s",
        "",
        "| program | spans/s | CPU-s per million spans (range) | × blind relay | × Collector, tail | peak RSS MiB | held MiB"
        " | ack p50 ms | ack p99 ms | p99 × blind | bytes out / kept | kept | others on the core |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(name for repeat in repeats for name in repeat):
        runs = [repeat[name] for repeat in repeats if name in repeat]

        def middle(figure):
            return median([run[figure] for run in runs])

        cpu = [run["cpu_s_per_million"] for run in runs]
        held = middle("held_bytes")
        # Its CPU and latency are then those of a program that turns spans away.
        failed = "" if all(run["held_its_rate"] for run in runs) else " (did not hold)"
        cells = [
            name,
            f"{middle('spans_per_second'):,.0f}{failed}",
            f"{text(middle('cpu_s_per_million'))} ({min(cpu):.2f}–{max(cpu):.2f})",
            text(ratio(repeats, name, rows.BLIND, "cpu_s_per_million")),
            text(ratio(repeats, name, rows.COLLECTOR, "cpu_s_per_million")),
            text(middle("peak_rss_mib"), 1),
            text(held / 2**20 if held is not None else None, 1),
            text(middle("ack_p50_ms")),
            text(middle("ack_p99_ms")),
            text(ratio(repeats, name, rows.BLIND, "ack_p99_ms")),
            text(middle("bytes_out_ratio"), 3),
            text(middle("kept_share") * 100, 1, " %"),
            text(middle("others_on_core") * 100, 0, " %"),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines + [""] + targets(row, repeats)


def targets(row, repeats):
    """What Tailwater is to reach in this row and whether it does."""
    if not any(rows.OURS in repeat for repeat in repeats):
        return []
    ours = [repeat[rows.OURS] for repeat in repeats if rows.OURS in repeat]
    held, rss = median([run["held_bytes"] for run in ours]), median([run["peak_rss_mib"] for run in ours])
    allowed = 1.25 * held / 2**20 + RSS_FIXED_MIB if held is not None else None
    wanted = [
        ("CPU against the blind relay", ratio(repeats, rows.OURS, rows.BLIND, "cpu_s_per_million"), row.cpu_against_blind_max),
        ("ack p99 against the blind relay", ratio(repeats, rows.OURS, rows.BLIND, "ack_p99_ms"), ACK_P99_AGAINST_BLIND_MAX),
        ("peak RSS in MiB", rss, allowed),
    ]
    if row.cpu_against_collector_max is not None:
        against = ratio(repeats, rows.OURS, rows.COLLECTOR, "cpu_s_per_million")
        wanted.append(("CPU against the Collector's tail sampling", against, row.cpu_against_collector_max))
    return [verdict(*each) for each in wanted] + [""]


def verdict(what, value, limit):
    if value is None or limit is None:
        return f"- {what}: not measured"
    return f"- {what}: {value:.2f}, to reach {limit:.2f} or less: {'**reached**' if value <= limit else '**not reached**'}"


def idle_table(found):
    lines = [
        "### Idle",
        "",
        "| program | RSS MiB | wake-ups in 10 s | CPU ms in 10 s | start to ready ms | stripped binary MiB |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        cells = [
            one["program"],
            text(one["rss_mib"], 1),
            text(one["wakeups_per_10_s"], 0),
            text(one["cpu_ms_per_10_s"], 0),
            text(one["ready_ms"], 0),
            text(one["stripped_mib"], 1),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    for one in found:
        if one["program"] == rows.OURS:
            lines += [
                "",
                verdict("RSS in MiB", one["rss_mib"], 10),
                verdict("start to ready in ms", one["ready_ms"], 50),
                verdict("stripped binary in MiB", one["stripped_mib"], 12),
                verdict("wake-ups in 10 s (no timer faster than once a second)", one["wakeups_per_10_s"], 10),
            ]
    return lines + [""]


def losses_table(found):
    lines = [
        "### A burst on the defaults: 3,000 traces (31,000 spans), then silence; everything is to be kept",
        "",
        "| sent within | program | traces delivered | spans delivered | spans acknowledged | requests out |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        cells = [
            f"{one['within_s']:g} s",
            one["program"],
            f"{one['delivered_traces']:,} of {one['sent_traces']:,}",
            f"{one['delivered_spans']:,}",
            f"{one['acked_spans']:,}",
            f"{one['requests_out']:,}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines + [""]


def head(about):
    machine = about["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if version)
    return [
        f"# Side by side, {about['date']}",
        "",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}; load average"
        f" {machine['load_average_at_start']} at the start.",
        f"Versions: {versions}.",
        f"Method: {about['method']}",
        "",
    ]


def rounded(value):
    """The same figures without digits that no clock here can see."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 4) if isinstance(value, float) else value


def store(folder, name, lines, everything):
    """Writes the report and its raw figures; never over an earlier one."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = base = f"{date.today().isoformat()}-{name}"
    count = 2
    while (folder / f"{stem}.md").exists():
        stem, count = f"{base}-{count}", count + 1
    path = Path(folder / f"{stem}.md")
    path.write_text("\n".join(lines).rstrip() + "\n")
    path.with_suffix(".json").write_text(json.dumps(rounded(everything), indent=1) + "\n")
    return path
