"""A real Jaeger v2 on ports of its own, and its query API.

Storage is Badger in a temporary folder: Jaeger's in-memory store compares the text "true" with a boolean and so never finds `error=true` asked
over HTTP. Badger keeps one span once; how many arrived, repeated ones too, is Jaeger's own receiver metric.
"""

import json
import os
import re
import subprocess
import time

import requests
import yaml

from . import ports
from .waiting import until

WIDTH_US = 120_000_000
LIMIT = 20_000


class Jaeger:
    """Started by `start`; `otlp` is where spans go (host:port, gRPC)."""

    def __init__(self, folder):
        self.otlp_port, self.http_port, self.query_port, self.query_grpc, self.metrics_port = (ports.free() for _ in range(5))
        self.folder, self.log, self.process = folder, folder / "jaeger.log", None

    @property
    def otlp(self):
        return f"127.0.0.1:{self.otlp_port}"

    def start(self):
        config = {
            "service": {
                "extensions": ["jaeger_storage", "jaeger_query"],
                # No batch processor: when Jaeger has answered, the span can be found.
                "pipelines": {"traces": {"receivers": ["otlp"], "processors": [], "exporters": ["jaeger_storage_exporter"]}},
                "telemetry": {
                    "logs": {"level": "warn"},
                    "metrics": {"level": "basic", "readers": [{"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": self.metrics_port}}}}]},
                },
            },
            "extensions": {
                "jaeger_storage": {"backends": {"store": {"badger": {"ephemeral": True, "consistency": False}}}},
                "jaeger_query": {
                    "storage": {"traces": "store"},
                    "http": {"endpoint": f"127.0.0.1:{self.query_port}"},
                    "grpc": {"endpoint": f"127.0.0.1:{self.query_grpc}"},
                },
            },
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": self.otlp}, "http": {"endpoint": f"127.0.0.1:{self.http_port}"}}}},
            "exporters": {"jaeger_storage_exporter": {"trace_storage": "store"}},
        }
        file = self.folder / "jaeger.yaml"
        file.write_text(yaml.safe_dump(config))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [os.environ["JAEGER_BIN"], "--config", str(file)], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={k: v for k, v in os.environ.items() if not k.startswith("OTEL_")} | {"TMPDIR": str(self.folder)},
            )
        until(self._answers, 20, "Jaeger's query API")
        return self

    def _answers(self):
        assert self.process.poll() is None, f"Jaeger ended: {self.log.read_text()[-3000:]}"
        try:
            return self._get("services") is not None
        except requests.RequestException:
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    def _get(self, path, **query):
        answer = requests.get(f"http://127.0.0.1:{self.query_port}/api/{path}", params=query, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def arrived(self):
        """Spans received, repeated ones counted again."""
        page = requests.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10).text
        return int(sum(float(n) for n in re.findall(r"^otelcol_receiver_accepted_spans_total\{.*\} (\S+)$", page, re.M)))

    def find(self, service, since_ns, until_ns, tags=None, **query):
        """{trace id: [span, ...]} of every trace of `service` in the window that matches `tags`, `operation`, `minDuration`.

        Asked window by window, because one answer holds at most LIMIT traces."""
        found = {}
        if tags:
            query["tags"] = json.dumps(tags)
        first, last = since_ns // 1000, until_ns // 1000 + 1
        for start in range(first, last, WIDTH_US):
            answer = self._get("traces", service=service, start=start, end=min(start + WIDTH_US, last), limit=LIMIT, **query)
            traces = answer.get("data") or []
            assert len(traces) < LIMIT, "the window is too wide for Jaeger's answer"
            found.update({trace["traceID"].rjust(32, "0"): trace["spans"] for trace in traces})
        return found

    def operations(self, service):
        return set(self._get(f"services/{service}/operations")["data"])


def tag(span, key):
    """The value of one tag of a span as Jaeger gives it; None when it is not there."""
    return next((t["value"] for t in span["tags"] if t["key"] == key), None)


def now_ns():
    return time.time_ns()
