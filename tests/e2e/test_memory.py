"""The shipped manifest's configuration in a cgroup of 64 MiB: it starts, is flooded with its collector gone, and lives."""

import time

import pytest

from house.cgroup import Cgroup
from house.client import CORPUS, Client, Load, request
from house.configs import shipped

MIB = 1 << 20


@pytest.fixture
def sixty_four():
    try:
        group = Cgroup("tailwater-e2e", 64 * MIB)
    except OSError as error:
        pytest.skip(f"no memory cgroup can be made here: {error}")
    yield group
    for _ in range(50):
        try:
            return group.remove()
        except OSError:
            time.sleep(0.1)


def test_the_shipped_configuration_survives_overload_under_64_mib(relay, sixty_four):
    config = shipped()
    for section in ("receiver", "admin", "control"):
        config.get(section, {}).pop("listen", None)
    config.setdefault("upstream", {})["endpoint"] = "http://127.0.0.1:9"
    config.setdefault("receiver", {})["hold"] = "500ms"
    config["shutdown"] = {"grace": "3s"}
    server = relay(config, cgroup=sixty_four, expected=[r"."])
    shapes = [{"spans": 500, "padding": 200}, {"spans": 1, "padding": 600_000}, {"spans": 500, "trace_length": 1}, {"spans": 20, "trace_length": 20}]
    loads = [Load(server.address, error_share=1.0, **shape) for shape in shapes * 2]
    for load in loads:
        load.start()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(0.5)
        assert server.alive(), f"killed; cgroup peak {sixty_four.peak()}"
        assert server.books().balanced
    for load in loads:
        load.stop()
    assert sum(l.ok for l in loads) > 0
    assert any(a.told_to_retry for l in loads for a in l.answers), "it was overloaded, so somebody was told to retry"
    assert not sixty_four.kills()
    print(f"cgroup peak {(sixty_four.peak() or 0) / MIB:.1f} MiB, RSS {server.rss() / MIB:.1f} MiB")
    server.stop(seconds=5)


def test_a_request_too_large_is_refused_without_a_delay(relay, sink):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}, "receiver": {"max_request_size": "64KiB"}})
    client = Client(server.address)
    answer = client.export(request(200, padding=1000))
    assert answer.code == "RESOURCE_EXHAUSTED" and not answer.answered, answer
    assert client.export((CORPUS / "python-grpc-busy.otlp").read_bytes()).ok
    server.stop()
