"""Load and sink: both on the other core, one pair for each measurement, so that nothing is carried over."""

import json
import signal
import subprocess
import time

from . import proc
from .programs import TOOLS, free_port


class Sink:
    """A running counting sink; a context manager."""

    def __init__(self):
        self.port, self.admin = free_port(), free_port()
        command = [TOOLS / "sink", "--listen", f"127.0.0.1:{self.port}", "--admin", f"127.0.0.1:{self.admin}"]
        self.process = proc.start_pinned(proc.cores()[1], command, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError("the sink did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self.process.stdout.close()

    def totals(self):
        return json.loads(proc.fetch(self.admin, "/")[1])

    def settled(self, quiet_s, patience_s=60):
        """The totals once nothing has arrived for `quiet_s`."""
        deadline = time.monotonic() + patience_s
        totals, since = self.totals(), time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < quiet_s:
            time.sleep(0.1)
            now = self.totals()
            if now != totals:
                totals, since = now, time.monotonic()
        return totals


def load(to, pid, **flags):
    """Runs one load against port `to` and measures process `pid` over its steady window. Returns the load's own results with
    `cpu_s` (of the program), `core_busy_s` (of its core, by whomever) and `load_cpu_s` added."""
    command = [TOOLS / "load", "--to", f"127.0.0.1:{to}"]
    for name, value in flags.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    core, other = proc.cores()
    process = proc.start_pinned(other, command, stdout=subprocess.PIPE, text=True)
    marks = {}
    try:
        for line in process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word in ("steady", "end"):
                marks[word] = (proc.cpu_seconds(pid), proc.core_busy_seconds(core), proc.cpu_seconds(process.pid))
            elif word == "done":
                results = json.loads(rest)
                break
        else:
            raise RuntimeError(f"the load ended without results, code {process.wait()}")
    except BaseException:
        process.kill()
        raise
    finally:
        process.stdout.close()
        process.wait(10)
    spent = [after - before for before, after in zip(marks["steady"], marks["end"])]
    return results | dict(zip(("cpu_s", "core_busy_s", "load_cpu_s"), spent))
