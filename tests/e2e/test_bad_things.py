"""What bad things get: taken ports, wrong collectors, garbage, kill -9. One clear line each, never a panic."""

import concurrent.futures
import http.server
import os
import re
import signal
import socket
import socketserver
import subprocess
import threading
import time

import grpc
import pytest
import requests

from house import books, ports
from house.client import CORPUS, Client, request
from house.relay import BINARY, clean_environment
from house.sink import EXPORT

GOOD = (CORPUS / "python-grpc-quiet.otlp").read_bytes()


def test_a_taken_port_ends_in_78_after_five_seconds_and_is_named_with_its_key(relay, sink):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}}, start=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.grpc_port))
        taken.listen()
        begun = time.monotonic()
        run = subprocess.run([BINARY, "run", "--config", server.file], env=clean_environment(), capture_output=True, text=True, timeout=20)
        took = time.monotonic() - begun
    assert run.returncode == 78, run.stderr
    assert 4 < took < 9
    assert str(server.grpc_port) in run.stderr and "receiver.listen" in run.stderr


@pytest.mark.parametrize(("key", "port"), [("admin.listen", "admin_port"), ("control.listen", "control_port")])
def test_a_taken_port_of_the_operator_ends_in_78_and_all_ports_are_tried_together(relay, sink, key, port):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}}, start=False)
    with socket.socket() as taken, socket.socket() as freed:
        for line, number in ((taken, getattr(server, port)), (freed, server.grpc_port)):
            line.bind(("127.0.0.1", number))
            line.listen()
        # The receiver's port comes free late; the operator's is not tried for five seconds more after that.
        threading.Timer(3, freed.close).start()
        begun = time.monotonic()
        run = subprocess.run([BINARY, "run", "--config", server.file], env=clean_environment(), capture_output=True, text=True, timeout=20)
        took = time.monotonic() - begun
    assert run.returncode == 78, run.stderr
    assert 4 < took < 7
    assert str(getattr(server, port)) in run.stderr and key in run.stderr


def test_a_port_that_comes_free_within_five_seconds_is_taken(relay, sink):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}}, start=False, expected=[r"port|address|in use|taken"])
    taken = socket.socket()
    taken.bind(("127.0.0.1", server.grpc_port))
    taken.listen()
    threading.Timer(1.5, taken.close).start()
    server.start()
    assert Client(server.address).export(GOOD).ok
    server.stop()


def test_a_variable_that_kubernetes_injects_is_no_key_of_ours(relay, sink):
    injected = {"TAILWATER_PORT": "tcp://10.0.0.1:4317", "TAILWATER_SERVICE_HOST": "10.0.0.1", "TAILWATER_PORT_4317_TCP": "tcp://10.0.0.1:4317"}
    relay({"upstream": {"endpoint": f"http://{sink.address}"}}, env=injected).stop()


class Web(http.server.BaseHTTPRequestHandler):
    """A web server: speaks HTTP/1.1, not gRPC."""

    def do_GET(self):
        self.send_error(404)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class Encrypted(socketserver.BaseRequestHandler):
    """A TLS port as plaintext finds it: an alert (unexpected message), and the end."""

    def handle(self):
        self.request.recv(64)
        self.request.sendall(b"\x15\x03\x03\x00\x02\x02\x0a")


def wrong(kind, sink):
    """An endpoint that is wrong in one way, and what undoes it."""
    if kind == "refused":
        return f"http://127.0.0.1:{ports.free()}", lambda: None
    if kind == "unknown":
        return "http://no-such-collector.invalid:4317", lambda: None
    if kind == "tls":
        return f"https://{sink.address}", lambda: None
    if kind == "tls-port":
        port = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Encrypted)
        threading.Thread(target=port.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{port.server_address[1]}", port.shutdown
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{web.server_port}", web.shutdown


@pytest.mark.parametrize(("kind", "words"), [
    ("refused", r"refused|nobody listens"),
    ("not-grpc", r"not OTLP/gRPC"),
    ("tls", r"tls|plaintext|certificate"),
    ("tls-port", r"plaintext is spoken to a TLS port"),
    ("unknown", r"name|resolve|dns|unknown host"),
])
def test_a_wrong_upstream_is_one_warning_that_says_what_is_wrong(relay, sink, kind, words):
    endpoint, undo = wrong(kind, sink)
    server = relay({"upstream": {"endpoint": endpoint}, "sampling": {"ratio": 1}, "shutdown": {"grace": "2s"}}, expected=[r"."])
    assert Client(server.address).export(GOOD).ok
    end = time.monotonic() + 10
    while time.monotonic() < end and not server.complaints():
        time.sleep(0.1)
    time.sleep(3)
    said = server.complaints()
    assert len(said) == 1, said
    assert re.search(words, said[0], re.I), said
    assert books.by(server.metrics(), "tailwater_upstream_up") == 0
    assert server.books().held > 0 and server.books().balanced, "it goes on trying"
    server.stop()
    undo()


GARBAGE = {
    "random": os.urandom(4096),
    "zeros": bytes(4096),
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(300),
    "preface, then noise": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(2000),
    "half a preface": b"PRI * HT",
    "a frame too long": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + bytes(1000),
    "headers without end": b"POST /v1/traces HTTP/1.1\r\n" + b"X: y\r\n" * 3000,
    "a length that lies": b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 99999999999999999999\r\n\r\nx",
    "a chunk that lies": b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nx",
}


def closed_after(port, noise, within, answered=False):
    """Whether the other side closes a connection on which it is sent this, in time; or has `answered`, where that is enough."""
    end = time.monotonic() + within
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        try:
            line.sendall(noise)
            while (left := end - time.monotonic()) > 0:
                line.settimeout(left)
                if not line.recv(4096) or answered:
                    return True
        except TimeoutError:
            return False
        except OSError:
            return True
    return False


def test_garbage_on_any_port_is_answered_or_closed_and_the_next_request_works(relay, sink):
    read_timeout = 2
    server = relay(
        {"upstream": {"endpoint": f"http://{sink.address}"}, "sampling": {"ratio": 1}, "receiver": {"read_timeout": f"{read_timeout}s"}},
        expected=[r"."],
    )

    def feed(port):
        # The control door, four connections on loopback, gives each a minute: there an answer is enough.
        answered = port == server.control_port
        # Up to a second goes into reading what is left of a body, so that its sender sees the answer.
        return [what for what, noise in GARBAGE.items() if not closed_after(port, noise, read_timeout + 1.5, answered)]

    doors = (server.grpc_port, server.http_port, server.admin_port, server.control_port)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        left_open = dict(zip(doors, pool.map(feed, doors)))
    assert not any(left_open.values()), left_open
    assert server.alive()
    assert Client(server.address).export(GOOD).ok
    assert server.settled().balanced
    assert not [l for l in server.lines() if "panicked" in l]
    assert len([l for l in server.lines() if "operator's door did not speak" in l]) == 1, "once in ten seconds"
    refused = books.by(server.metrics(), "tailwater_requests_refused_total")
    assert refused == len(GARBAGE) * 2, "both of the receiver's ports count all of it"
    server.stop()


def test_unreadable_requests_are_told_shortly_counted_and_change_nothing(relay, sink):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}})
    client, web = Client(server.address), f"http://127.0.0.1:{server.http_port}/v1/traces"
    before = books.by(server.metrics(), "tailwater_requests_refused_total")
    answer = client.export(b"\xff" * 300)
    assert answer.code == "INVALID_ARGUMENT" and len(answer.message.encode()) <= 256
    sent = requests.post(web, data=b"\xff" * 300, headers={"content-type": "application/x-protobuf"}, timeout=5)
    assert sent.status_code == 400 and len(sent.content) <= 512
    broken = requests.post(web, data=b"no gzip", headers={"content-type": "application/x-protobuf", "content-encoding": "gzip"}, timeout=5)
    assert broken.status_code == 400
    assert books.by(server.metrics(), "tailwater_requests_refused_total") == before + 3
    assert server.books().received == 0
    server.stop()


def test_other_methods_paths_and_types_are_told_what_was_expected(relay, sink):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}})
    base = f"http://127.0.0.1:{server.http_port}"
    protobuf = {"content-type": "application/x-protobuf"}
    answers = {
        404: requests.post(base + "/v1/elsewhere", data=GOOD, headers=protobuf, timeout=5),
        405: requests.get(base + "/v1/traces", timeout=5),
        415: requests.post(base + "/v1/traces", data=b"{}", headers={"content-type": "application/json"}, timeout=5),
    }
    for status, answer in answers.items():
        assert answer.status_code == status and len(answer.text) > 10, (status, answer.status_code, answer.text)
    assert "protobuf" in answers[415].text
    assert Client(server.address).export(b"", method=EXPORT + "Everything").code == "UNIMPLEMENTED"
    assert Client(server.address).export(b"").ok, "an empty request is OK"
    server.stop()


def test_kill_nine_and_the_next_start_works_on_the_same_ports(relay, sink):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}, "sampling": {"ratio": 1}})
    client = Client(server.address)
    for _ in range(3):
        assert client.export(request(40)).ok
        server.signal(signal.SIGKILL)
        server.wait(5)
        server.start()
        client.close()
        client = Client(server.address)
    assert client.export(GOOD).ok
    assert server.settled().exported == 6
    server.stop()


def test_the_health_service_of_grpc_says_serving(relay, sink):
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}})
    channel = grpc.insecure_channel(server.address)
    answer = channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=5)
    assert answer == b"\x08\x01", "status SERVING"
    channel.close()
    server.stop()
