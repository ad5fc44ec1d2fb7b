"""The programs that are compared: how each is configured, started, asked and ended."""

import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import proc

HERE = Path(__file__).resolve().parent.parent
REPOSITORY = HERE.parents[2]
TOOLS = HERE / "target" / "release"
# The relay as it ships has features of its own, and so a folder of its own: `cargo build --release` does not replace it.
SIDECAR_TARGET = REPOSITORY / "target" / "sidecar"

# One policy keeps what failed, one a tenth of the rest; the block is the same for both programs.
POLICIES = [
    {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
    {"name": "share", "type": "probabilistic", "probabilistic": {"sampling_percentage": 10}},
]
EVERYTHING = [{"name": "everything", "type": "always_sample"}]


def free_port():
    """A loopback port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tailwater_binary():
    path = Path(os.environ.get("TAILWATER_BIN") or SIDECAR_TARGET / "release" / "tailwater")
    return path if path.is_file() else None


def collector_binary():
    if os.environ.get("OTELCOL_BIN"):
        named = Path(os.environ["OTELCOL_BIN"])
        return named if named.is_file() else None
    cache = Path(os.environ.get("TAILWATER_CACHE") or Path.home() / ".cache" / "tailwater")
    found = [path for path in cache.glob("*/otelcol*") if path.is_file() and os.access(path, os.X_OK)]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def version(binary):
    """The version a program tells, without the name of its file."""
    if binary is None:
        return None
    told = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.search(r"\d+\.\d+\.\d+\S*", told)
    return found.group(0) if found else "unknown"


def identity(binary):
    """The version a program tells, and the beginning of its file's SHA-256: what was measured, whatever its name."""
    if binary is None:
        return None
    with open(binary, "rb") as file:
        return f"{version(binary)} (sha256 {hashlib.file_digest(file, 'sha256').hexdigest()[:12]})"


class Program:
    """One running program under test. `listen` is where it takes OTLP/gRPC; `admin` (a port) where it answers HTTP, if it does."""

    def __init__(self, name, command, listen, admin=None, config=None):
        self.name, self.listen, self.admin = name, listen, admin
        self.config = config
        self.log = tempfile.TemporaryFile()
        self.started = time.monotonic()
        self.process = proc.start_pinned(proc.cores()[0], command, stdout=self.log, stderr=self.log, env=environment())
        try:
            self.ready_s = self._wait_ready()
        except BaseException:
            self.end()
            raise

    @property
    def pid(self):
        return self.process.pid

    def get(self, path):
        """The body at a path of the admin port, or None where there is none or it does not answer 200."""
        if self.admin is None:
            return None
        try:
            code, body = proc.fetch(self.admin, path)
        except (OSError, http.client.HTTPException):
            return None
        return body if code == 200 else None

    def gauge(self, name):
        """One value of /metrics (labels summed), or None."""
        values = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", self.get("/metrics") or "", re.MULTILINE)
        return sum(map(float, values)) if values else None

    def end(self, patience_s=30):
        """SIGTERM, then SIGKILL; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.config is not None:
            Path(self.config).unlink(missing_ok=True)
            self.config = None
        return self.process.returncode

    def log_tail(self, lines=12):
        self.log.seek(0)
        return "\n".join(self.log.read().decode(errors="replace").splitlines()[-lines:])

    def _wait_ready(self, patience_s=20):
        while time.monotonic() - self.started < patience_s:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at start, code {self.process.returncode}:\n{self.log_tail()}")
            if self._is_ready():
                return time.monotonic() - self.started
            time.sleep(0.001)
        raise RuntimeError(f"{self.name} is not ready after {patience_s} s:\n{self.log_tail()}")

    def _is_ready(self):
        """Where there is a /readyz it decides, else an open door does."""
        port = self.admin or self.listen
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                if self.admin is None:
                    return True
                connection.sendall(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                return connection.recv(64).split(b" ")[1:2] == [b"200"]
        except OSError:
            return False


def environment():
    """Ours without what would configure a program behind the bench's back."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "TAILWATER_", "GOMAXPROCS"))}


def blind(sink):
    port = free_port()
    command = [TOOLS / "blind", "--listen", f"127.0.0.1:{port}", "--upstream", f"127.0.0.1:{sink.port}"]
    return Program("blind relay", command, port)


def tailwater(sink, sampling, defaults=False, compression="none"):
    """`sampling` holds the keys of `sampling` and `tail_sampling`; `defaults` leaves everything else as shipped."""
    port, admin, control = free_port(), free_port(), free_port()
    config = {
        "receiver": {"listen": [f"127.0.0.1:{port}"]},
        "upstream": {"endpoint": f"http://127.0.0.1:{sink.port}", "compression": compression},
        "admin": {"listen": f"127.0.0.1:{admin}"},
        "control": {"listen": f"127.0.0.1:{control}"},
        **sampling,
    }
    if not defaults:
        config["memory"] = {"budget": "1GiB"}
    path = write_config(config)
    return Program("Tailwater", [tailwater_binary(), "run", "--config", path], port, admin, path)


def collector(sink, policies=None, decision_wait="1s", defaults=False):
    """The Collector with a `tail_sampling` of these policies, or relaying only. Unless `defaults`, it gets what favours it:
    no compression, room for every trace, and its kept traces joined to batches as large as ours."""
    port = free_port()
    processors = {}
    if policies is not None:
        processors["tail_sampling"] = {"decision_wait": decision_wait, "policies": policies}
        if not defaults:
            processors["tail_sampling"] |= {"num_traces": 200_000, "expected_new_traces_per_sec": 20_000}
            processors["batch"] = {"send_batch_size": 512, "timeout": "200ms"}
    exporter = {"endpoint": f"127.0.0.1:{sink.port}", "tls": {"insecure": True}}
    if not defaults:
        exporter["compression"] = "none"
    config = {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}}},
        "processors": processors,
        "exporters": {"otlp_grpc": exporter},
        "service": {
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "processors": list(processors), "exporters": ["otlp_grpc"]}},
        },
    }
    path = write_config(config)
    name = "Collector, tail" if policies is not None else "Collector, relay only"
    return Program(name, [collector_binary(), "--config", path], port, None, path)


def write_config(config):
    """Writes a configuration; JSON is YAML, and both programs read YAML."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
        json.dump(config, file, indent=1)
    return file.name
