"""What the kernel knows about a process and about this machine."""

import http.client
import os
import platform
import subprocess
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process, in seconds (resolution: one tick, mostly 10 ms)."""
    # The command's name may hold spaces: fields are counted from the parenthesis that closes it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def core_busy_seconds(core):
    """Time a core was not idle, by whomever, stolen time included."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *values = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, values[:8])
            return (user + nice + system + irq + softirq + steal) / TICKS_A_SECOND
    return 0.0


def status_kib(pid, field):
    """VmRSS or VmHWM of a process, in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    return 0


def wakeups(pid):
    """Voluntary context switches of all threads of a process so far: each is one going to sleep."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                total += int(line.split()[1])
    return total


def cores():
    """The core of the program under test and the core of load and sink: the same one on a machine that has but one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1 if len(usable) > 1 else 0]


def start_pinned(core, command, **options):
    """Starts a process pinned to a core: it inherits our affinity, so that pinning costs it no start-up time."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        return subprocess.Popen(command, **options)
    finally:
        os.sched_setaffinity(0, ours)


def fetch(port, path, timeout_s=10):
    """Status code and body of a GET on loopback, past any proxy that the environment names."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def machine():
    """What of this machine matters for the figures; nothing that would identify it."""
    model, memory_kib = platform.machine(), 0
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            memory_kib = int(line.split()[1])
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_kib / 2**20, 1),
        "kernel": ".".join(platform.release().split("-")[0].split(".")[:2]),
        "load_average_at_start": round(os.getloadavg()[0], 2),
    }
