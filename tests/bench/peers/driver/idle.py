"""What a program costs that has nothing to do: memory, wake-ups, start-up time, size on disk."""

import os
import statistics
import subprocess
import tempfile
import time

from . import proc, programs, rows, traffic

STARTS = 5
SETTLE_S = 2
IDLE_S = 10


def measure(name):
    row = rows.ROWS[0]
    with traffic.Sink() as sink:
        ready_ms = []
        for _ in range(STARTS):
            program = rows.start(name, row, sink)
            ready_ms.append(program.ready_s * 1000)
            if len(ready_ms) < STARTS:
                program.end()
        try:
            time.sleep(SETTLE_S)
            before = proc.wakeups(program.pid), proc.cpu_seconds(program.pid)
            time.sleep(IDLE_S)
            after = proc.wakeups(program.pid), proc.cpu_seconds(program.pid)
            rss_kib = proc.status_kib(program.pid, "VmRSS")
        finally:
            program.end()
    return {
        "program": name,
        "rss_mib": rss_kib / 1024,
        "wakeups_per_10_s": (after[0] - before[0]) * 10 / IDLE_S,
        "cpu_ms_per_10_s": (after[1] - before[1]) * 1000 * 10 / IDLE_S,
        "ready_ms": statistics.median(ready_ms),
        "stripped_mib": stripped_mib(binary_of(name)),
    }


def binary_of(name):
    if name == rows.BLIND:
        return programs.TOOLS / "blind"
    return programs.tailwater_binary() if name == rows.OURS else programs.collector_binary()


def stripped_mib(binary):
    """Size of a binary without symbols, or None where there is no `strip`."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "stripped")
        try:
            subprocess.run(["strip", "-o", out, binary], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        return os.path.getsize(out) / 2**20
