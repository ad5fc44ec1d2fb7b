"""Fixtures: parts that live for a session, relays that live for a test, and what is printed when a test fails."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from house.jaeger import Jaeger, now_ns
from house.proxy import Proxy
from house.relay import Relay, clean_environment
from house.sink import Sink

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="session")
def jaeger(tmp_path_factory):
    """The real Jaeger, one for the session: tests keep apart by service name and ids."""
    server = Jaeger(tmp_path_factory.mktemp("jaeger"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def relay(tmp_path, request):
    """Starts relays: `relay({"upstream": ...}, expected=[...])`. Those still running at the end are killed."""
    started = request.node.relays = []

    def start(config, start=True, **more):
        made = Relay(tmp_path, config, name=f"relay-{len(started) + 1}", **more)
        started.append(made)
        return made.start() if start else made

    yield start
    complaints = [(r.name, r.unexpected()) for r in started]
    for one in started:
        one.kill()
    failed = getattr(request.node, "failed", False)
    assert failed or not any(lines for _, lines in complaints), f"warnings nobody expected: {complaints}"


@pytest.fixture
def sink():
    """A collector of ours that keeps what it gets."""
    server = Sink()
    yield server
    server.close()


@pytest.fixture
def proxy(jaeger):
    """A way to Jaeger that can be cut."""
    way = Proxy(jaeger.otlp)
    yield way
    way.close()


class App:
    """A run of the app: started at once, its account by `done`."""

    def __init__(self, endpoint, log, **order):
        self.start_ns = now_ns() - 1_200_000_000_000
        order = {"endpoint": endpoint, "start_ns": self.start_ns, "seed": "e2e"} | order
        self.log = log
        with log.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "house.app", json.dumps(order)], cwd=HERE, env=clean_environment(PYTHONDONTWRITEBYTECODE="1"),
                stdout=subprocess.PIPE, stderr=err, stdin=subprocess.DEVNULL,
            )

    def done(self, seconds=90):
        """Its traces, as it tells them."""
        out, _ = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, f"the app failed:\n{self.complaints()}"
        account = json.loads(out)
        self.end_ns = account["end_ns"] + 60_000_000_000
        return account["told"]

    def complaints(self):
        """Everything the SDK said: an untroubled one says nothing."""
        return self.log.read_text(errors="replace").strip()


@pytest.fixture
def app(tmp_path):
    """Runs the app against an endpoint."""
    started = []

    def start(endpoint, **order):
        started.append(App(endpoint, tmp_path / f"app-{len(started) + 1}.stderr", **order))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(10)


@pytest.fixture(scope="session")
def promtool():
    found = os.environ.get("PROMTOOL_BIN")
    if not found:
        pytest.skip("promtool is not here and could not be installed (Debian's package `prometheus` has it)")
    return found


def pytest_terminal_summary(terminalreporter):
    """Skips are told in a line that `.ci/run` repeats at its end: what was not tested is not what passed."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        reasons = sorted({str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped})
        terminalreporter.write_line(f"note: {len(skipped)} skipped: {'; '.join(reasons)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.failed = True
        for one in getattr(item, "relays", [])[-4:]:
            report.sections.append((f"{one.name}", one.report()))
    return report
