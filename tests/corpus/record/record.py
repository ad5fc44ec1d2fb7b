#!/usr/bin/env python3
"""Records tests/corpus: runs real SDKs against a sink on loopback and writes each request's body, as it came, to NAME.otlp.

    tests/corpus/record/run            needs the e2e Python environment, Node and Go

gRPC bodies are stored without the five bytes of gRPC framing; HTTP bodies as posted. Both are then one ExportTraceServiceRequest. A body that
contains this machine's name, user or folders is an error: nothing of the recorder belongs into the record.
"""

import getpass
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent import futures

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE.parent


class Sink:
    """A receiver that answers OK to everything and keeps the bodies."""

    def __init__(self):
        self.bodies = []
        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        self.server.add_generic_rpc_handlers((self,))
        self.grpc = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()
        sink = self

        class Post(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                sink.bodies.append(read_body(self))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Post)
        self.http = f"http://127.0.0.1:{self.web.server_port}"
        threading.Thread(target=self.web.serve_forever, daemon=True).start()

    def service(self, _details):
        def export(body, _context):
            self.bodies.append(body)
            return b""

        return grpc.unary_unary_rpc_method_handler(export)

    def take(self):
        bodies, self.bodies = self.bodies, []
        return bodies


def read_body(request):
    if request.headers.get("transfer-encoding") != "chunked":
        return request.rfile.read(int(request.headers["content-length"]))
    body = b""
    while size := int(request.rfile.readline().split(b";")[0], 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


def write(name, bodies):
    if not bodies:
        sys.exit(f"{name}: nothing arrived")
    secrets = {socket.gethostname(), str(pathlib.Path.home()), str(HERE), getpass.getuser() + "@"}
    for index, body in enumerate(bodies, 1):
        file = CORPUS / (f"{name}-{index}.otlp" if len(bodies) > 1 else f"{name}.otlp")
        request = ExportTraceServiceRequest.FromString(body)
        spans = [s for r in request.resource_spans for g in r.scope_spans for s in g.spans]
        for secret in secrets:
            if secret.encode() in body:
                sys.exit(f"{file.name}: names this machine ({secret})")
        file.write_bytes(body)
        print(f"{file.name}: {len(body)} bytes, {len(spans)} spans, {len({s.trace_id for s in spans})} traces")


def main():
    sink = Sink()
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "GOTOOLCHAIN": "local", "GOSUMDB": "off"}

    def session(name, command, **more):
        subprocess.run(command, check=True, timeout=120, env=env, **more)
        write(name, sink.take())

    def python(protocol, scenario):
        session(f"python-{protocol}-{scenario}", [sys.executable, HERE / "python_client.py", protocol, sink.grpc if protocol == "grpc" else sink.http, scenario])

    for scenario in ("busy", "full", "quiet", "health", "split", "failing"):
        python("grpc", scenario)
    for scenario in ("busy", "gateway"):
        python("http", scenario)
    with tempfile.TemporaryDirectory() as work:
        node = pathlib.Path(work) / "node"
        shutil.copytree(HERE / "node", node)
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=node, check=True, timeout=300)
        session("node-grpc", ["node", "client.js", "grpc", "http://" + sink.grpc], cwd=node)
        session("node-http", ["node", "client.js", "http", sink.http], cwd=node)
        client = pathlib.Path(work) / "client"
        subprocess.run(["go", "build", "-buildvcs=false", "-trimpath", "-o", client, "."], cwd=HERE / "go", check=True, timeout=600, env=env)
        session("go-grpc", [client, "grpc", sink.grpc])
        session("go-http", [client, "http", sink.http])


if __name__ == "__main__":
    main()
