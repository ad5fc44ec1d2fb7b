"""SIGTERM at random moments under load: the final books close exactly, and agree with what the clients were told."""

import collections
import json
import os
import random
import signal
import time

import grpc
import pytest

from house.client import Client, Load, request
from house.relay import command
from house.sink import Sink
from house.waiting import until

ENDINGS = int(os.environ.get("TAILWATER_E2E_SIGTERMS", "200"))
AT_ONCE = 4


@pytest.fixture(scope="module")
def counting():
    server = Sink(keep=False)
    yield server
    server.close()


@pytest.mark.timeout(420)
def test_two_hundred_sigterms_under_load_close_the_books_exactly(relay, counting):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    ends = collections.Counter()
    for first in range(0, ENDINGS, AT_ONCE):
        endings = [begin(relay, counting, f"run-{first + i}", chance) for i in range(min(AT_ONCE, ENDINGS - first))]
        for ending in sorted(endings, key=lambda e: e["due"]):
            time.sleep(max(0.0, ending["due"] - time.monotonic()))
            ending["server"].signal()
        for ending in endings:
            books = finish(counting, **ending)
            ends.update(accepted=books.accepted, exported=books.exported, dropped=books.dropped)
    # Empty books balance too: over the run there was traffic, and some of it was delivered.
    assert ends["accepted"] > 0 and ends["exported"] > 0 and ends["exported"] + ends["dropped"] <= ends["accepted"], ends


def begin(relay, counting, run, chance):
    """One relay under load, and the moment of its end."""
    server = relay(
        {
            "shutdown": {"grace": "1s"},
            "upstream": {"endpoint": f"http://{counting.address}", "headers": {"x-run": run}},
            "tail_sampling": {"decision_wait": chance.choice(["50ms", "500ms", "10s"]), "policies": [
                {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
                {"name": "half", "type": "probabilistic", "probabilistic": {"sampling_percentage": 50}},
            ]},
        },
        expected=[r"shutdown|drain|grace|dropped|clos"],
    )
    loads = [Load(server.address, spans=chance.choice([1, 10, 60]), pause=0.004, timeout=3) for _ in range(2)]
    for load in loads:
        load.start()
    return {"server": server, "loads": loads, "run": run, "due": time.monotonic() + chance.uniform(0.02, 0.6)}


def finish(counting, server, loads, run, due):
    """The final books, held against the clients' and the sink's own counts."""
    assert server.wait(4) == 0
    for load in loads:
        load.stop()
    ok, unanswered = sum(l.ok for l in loads), sum(l.unanswered for l in loads)
    books = server.final_books()
    assert books.accepted == books.exported + books.sampled_out + books.dropped
    assert ok <= books.accepted <= ok + unanswered, f"{run}: told OK {ok}, unanswered {unanswered}, {books}"
    assert books.exported <= counting.counts[run], f"{run}: {counting.counts[run]} reached the sink, {books}"
    server.log.unlink()
    return books


def test_a_second_signal_ends_at_once_with_the_books(relay):
    server = relay({"upstream": {"endpoint": "http://127.0.0.1:9"}, "sampling": {"ratio": 1}, "shutdown": {"grace": "20s"}}, expected=[r"."])
    load = Load(server.address, pause=0.01)
    load.start()
    time.sleep(0.5)
    server.signal()
    time.sleep(0.5)
    load.stop()
    assert server.alive()
    server.signal()
    server.wait(2)
    assert server.final_books().part("dropped", "shutdown") > 0


def test_a_relay_leaves_quickly_and_says_not_ready_while_it_does(relay, sink):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}})
    # As long as requests come it stays for them, so there is time to ask.
    load = Load(server.address, pause=0.05)
    load.start()
    until(lambda: load.ok, 5, "a request to be taken")
    server.signal()
    until(lambda: server.get("readyz").status_code == 503, 5, "/readyz to say no", every=0.02)
    assert server.get("livez").status_code == 200
    load.stop()
    assert server.wait(10) == 0


def test_an_idle_relay_leaves_at_once(relay, sink):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}})
    time.sleep(1.1)
    server.signal()
    assert server.wait(5) == 0


def drain(server):
    """Asks for it at the control service, as a preStop hook would."""
    with grpc.insecure_channel(f"127.0.0.1:{server.control_port}") as channel:
        channel.unary_unary("/tailwater.control.v1.Control/Drain")(b"", timeout=5)


def phase(server):
    return json.loads(server.get("ledger").text)["phase"]


STUCK = {"upstream": {"endpoint": "http://127.0.0.1:9"}, "sampling": {"ratio": 1}}


def test_a_drain_before_sigterm_leaves_in_order_and_a_second_signal_ends_at_once(relay):
    server = relay(STUCK | {"shutdown": {"grace": "20s"}}, expected=[r"."])
    assert Client(server.address).export(request(40)).ok
    drain(server)
    until(lambda: phase(server) != "serving", 3, "the drain to begin")
    drain(server)
    server.signal()
    time.sleep(1.5)
    assert server.alive(), "SIGTERM after a drain is the first signal"
    assert phase(server) != "serving" and server.books().held == 40
    server.signal(signal.SIGINT)
    assert server.wait(2) == 0
    assert server.final_books().part("dropped", "shutdown") == 40
    assert json.loads(last_books(server))["upstream_up"] is not True, "nobody has answered"


def last_books(server):
    return next(json.loads(line)["books"] for line in reversed(server.lines()) if '"books"' in line)


@pytest.mark.parametrize("signals", [1, 2])
def test_the_termination_message_holds_the_final_books(relay, tmp_path, signals):
    message = tmp_path / "termination-log"
    grace = "2s" if signals == 1 else "20s"
    server = relay(STUCK | {"shutdown": {"grace": grace}}, env={"TAILWATER_TERMINATION_LOG": str(message)}, expected=[r"."])
    assert Client(server.address).export(request(40)).ok
    for _ in range(signals):
        server.signal()
        time.sleep(0.3)
    assert server.wait(4) == 0
    told = json.loads(message.read_text())
    assert told == json.loads(last_books(server))
    assert told["balanced"] and told["dropped"]["shutdown"] == 40, told


def test_status_says_for_a_person_what_a_running_relay_is_at(relay, sink):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}, "sampling": {"ratio": 1}})
    assert Client(server.address).export(request(40)).ok
    server.settled()
    run = command("status", "--control", f"127.0.0.1:{server.control_port}")
    assert run.returncode == 0, run.stderr
    for words in ("serving", "reachable", sink.address, server.address, "the books balance"):
        assert words in run.stdout, run.stdout
    server.stop()
    gone = command("status", "--control", f"127.0.0.1:{server.control_port}")
    assert gone.returncode == 1 and "control.listen" in gone.stderr
