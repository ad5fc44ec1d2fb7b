"""Tailwater as a process: started with a configuration, asked through its own doors, ended by signal."""

import json
import os
import re
import signal
import subprocess
import time

import requests
import yaml

from . import books, ports
from .waiting import until

BINARY = os.environ.get("TAILWATER_BIN", "tailwater")


def clean_environment(**more):
    """The environment without what would configure the relay or an SDK behind the test's back."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "TAILWATER", "KUBERNETES_"))}
    return kept | more


def command(*arguments, env=None, timeout=30):
    """One run of the program to its end: CompletedProcess with text output."""
    return subprocess.run([BINARY, *map(str, arguments)], env=clean_environment(**(env or {})), capture_output=True, text=True, timeout=timeout)


class Relay:
    """A running relay. `config` is laid over ports of its own; every WARN or ERROR line that `expected` does not match fails the test."""

    def __init__(self, folder, config, env=None, cgroup=None, expected=(), name="relay"):
        self.grpc_port, self.http_port, self.admin_port, self.control_port = (ports.free() for _ in range(4))
        own = {
            "receiver": {"listen": [f"127.0.0.1:{self.grpc_port}", f"127.0.0.1:{self.http_port}"]},
            "admin": {"listen": f"127.0.0.1:{self.admin_port}"},
            "control": {"listen": f"127.0.0.1:{self.control_port}"},
            "log": {"format": "json"},
        }
        self.config = merged(own, config)
        self.name, self.env, self.cgroup, self.expected = name, env or {}, cgroup, list(expected)
        self.file = folder / f"{name}.yaml"
        self.log = folder / f"{name}.stderr"
        self.file.write_text(yaml.safe_dump(self.config, sort_keys=False))
        self.process = None
        self.last_books = None

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.grpc_port}"

    @property
    def address(self):
        return f"127.0.0.1:{self.grpc_port}"

    def start(self, ready_seconds=10):
        """Starts it and waits for /readyz."""
        enter = (lambda: self.cgroup.enter()) if self.cgroup else None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "run", "--config", str(self.file)], env=clean_environment(**self.env), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=enter,
            )
        until(self.is_ready, ready_seconds, f"/readyz of {self.name}", every=0.02)
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode} at start:\n{self.tail()}"
        try:
            return self.get("readyz").status_code == 200
        except requests.RequestException:
            return False

    def get(self, path, timeout=5):
        return requests.get(f"http://127.0.0.1:{self.admin_port}/{path}", timeout=timeout)

    def page(self):
        answer = self.get("metrics")
        answer.raise_for_status()
        return answer.text

    def metrics(self):
        return books.parse_metrics(self.page())

    def books(self):
        """The books of this moment, by /ledger."""
        answer = self.get("ledger")
        answer.raise_for_status()
        self.last_books = books.from_fields(json.loads(answer.text))
        return self.last_books

    def settled(self, seconds=30):
        """The books once nothing is held."""
        return until(lambda: (b := self.books()).held == 0 and b, seconds, f"{self.name} to hold nothing", every=0.1)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, seconds):
        """Its exit status; fails when it has not ended in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs {seconds} s after it was told to end") from None

    def stop(self, seconds=35):
        """SIGTERM, exit status 0, and the final books, which must balance with nothing held."""
        begun = time.monotonic()
        self.signal()
        status = self.wait(seconds)
        self.stop_seconds = time.monotonic() - begun
        assert status == 0, f"{self.name} ended with {status} after SIGTERM"
        return self.final_books()

    def final_books(self):
        found = books.from_text(self.log.read_text(errors="replace"))
        assert found, "the last log lines hold no books"
        self.last_books = found
        assert found.balanced and found.held == 0, f"the final books do not close: {found}"
        return found

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait(10)

    def lines(self):
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []

    def complaints(self):
        """Log lines of level WARN or ERROR."""
        return [line for line in self.lines() if re.search(r'"level":\s*"(WARN|ERROR)"|^\S*\s*(WARN|ERROR)\b|panicked at', line, re.I)]

    def unexpected(self):
        """Complaints nobody expected: a panic is never expected."""
        return [l for l in self.complaints() if "panicked at" in l or not any(re.search(e, l, re.I) for e in self.expected)]

    def rss(self):
        """Resident bytes now."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

    def tail(self, lines=25):
        return "\n".join(line[:600] for line in self.lines()[-lines:])

    def report(self):
        """What a person needs who looks at a failed test."""
        state = "alive" if self.alive() else f"ended with {self.process.returncode}" if self.process else "never started"
        try:
            told = self.get("ledger", timeout=1).text if self.alive() else self.last_books
        except requests.RequestException as error:
            told = f"{error.__class__.__name__}; last known {self.last_books}"
        return f"{self.name}: {state}\nbooks: {told}\nconfig: {json.dumps(self.config)}\nlog, the end of it:\n{self.tail()}"


def merged(under, over):
    """`over` laid over `under`, mapping by mapping."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return under | {k: merged(under[k], v) if k in under else v for k, v in over.items()}
