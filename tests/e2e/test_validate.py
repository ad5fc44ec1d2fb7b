"""Configurations: every one we show is valid, a bad one is told in full, with place and remedy."""

import re

import pytest
import yaml

from house import configs, ports
from house.relay import command

SHOWN = configs.every()


def test_there_are_configurations_to_check():
    wheres = [where for where, _ in SHOWN]
    assert any(w.startswith("deploy/") for w in wheres), "none found in deploy/"
    assert any(w.startswith("README.md") for w in wheres), "none found in README.md"


@pytest.mark.parametrize("text", [text for _, text in SHOWN], ids=[where for where, _ in SHOWN])
def test_every_configuration_we_show_is_valid(tmp_path, text):
    file = tmp_path / "tailwater.yaml"
    file.write_text(text)
    # The file alone: it may leave the collector to the environment in which it will run.
    run = command("validate", file)
    assert run.returncode == 0, run.stdout + run.stderr


BAD = """\
upstream:
  endpoint: "http://127.0.0.1:4399"
batch:
  max_spanz: 512
sampling:
  ratio: eleven
shutdown:
  grace: 25 parsecs
"""


@pytest.mark.parametrize("how", [["validate"], ["run", "--config"]], ids=["validate", "run"])
def test_a_bad_file_is_told_all_at_once_with_place_caret_and_remedy(tmp_path, how):
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    run = command(*how, file)
    said = run.stdout + run.stderr
    assert run.returncode == 64, said
    for line, word in ((4, "max_spanz"), (6, "eleven"), (8, "parsecs")):
        assert re.search(rf"bad\.yaml:{line}:\d+", said), f"line {line} is not named in:\n{said}"
        assert word in said
    assert len(re.findall(r"^[^\w]*\^", said, re.M)) >= 3, f"each problem has its caret:\n{said}"
    assert "max_spans" in said, "what would be right is named"
    assert "panicked" not in said


def test_a_file_that_is_not_yaml_is_told_with_its_place(tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text("receiver: {listen: [\n")
    run = command("validate", file)
    assert run.returncode == 64 and re.search(r"broken\.yaml:\d+", run.stdout + run.stderr)


def test_a_file_that_is_not_there_is_told(tmp_path):
    run = command("run", "--config", tmp_path / "missing.yaml")
    assert run.returncode == 64 and "missing.yaml" in run.stderr


def test_no_upstream_ends_in_64_and_names_the_three_ways():
    run = command("run")
    assert run.returncode == 64
    for way in ("--upstream", "upstream", "OTEL_EXPORTER_OTLP"):
        assert way in run.stderr, run.stderr


def test_an_upstream_that_is_our_own_listener_is_refused(tmp_path):
    port = ports.free()
    file = tmp_path / "loop.yaml"
    file.write_text(f'receiver: {{listen: ["127.0.0.1:{port}"]}}\nupstream: {{endpoint: "http://localhost:{port}"}}\n')
    run = command("run", "--config", file)
    assert run.returncode == 64 and str(port) in run.stderr, run.stderr


def test_wrong_usage_ends_in_64():
    assert command("run", "--no-such-flag").returncode == 64
    assert command("no-such-command").returncode == 64


def test_what_is_read_without_effect_is_said_by_validate_and_at_the_start(tmp_path, relay, sink):
    policy = {"name": "share", "type": "probabilistic", "probabilistic": {"sampling_percentage": 10, "hash_salt": "pepper"}}
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}, "tail_sampling": {"num_traces": 100, "policies": [policy]}})
    file = tmp_path / "noted.yaml"
    file.write_text(yaml.safe_dump(server.config))
    said = command("validate", file).stdout
    for key in ("tail_sampling.num_traces", "tail_sampling.policies[0].probabilistic.hash_salt"):
        assert f"note: `{key}`" in said
        assert any(f"`{key}`" in line and '"INFO"' in line for line in server.lines()), server.tail()
    server.stop()


def test_a_missing_certificate_file_is_a_wrong_configuration_where_it_is_needed(tmp_path):
    file = tmp_path / "tls.yaml"
    file.write_text('upstream: {endpoint: "https://127.0.0.1:4399", tls: {ca_file: /nowhere/ca.pem}}\n')
    here = {"TAILWATER_CONFIG": str(file)}
    for run in (command("run", "--config", file), command("validate", env=here)):
        assert run.returncode == 64 and "/nowhere/ca.pem" in run.stderr, run.stderr
    elsewhere = command("validate", file)
    assert elsewhere.returncode == 0 and "/nowhere/ca.pem" in elsewhere.stdout, elsewhere.stdout + elsewhere.stderr


def test_a_certificate_meant_for_the_app_does_not_keep_a_plaintext_relay_from_starting(relay, sink):
    server = relay(
        {"upstream": {"endpoint": f"http://{sink.address}"}},
        env={"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere/ca.pem"},
        expected=[r"upstream\.tls has no effect"],
    )
    assert any("upstream.tls has no effect" in line for line in server.complaints())
    server.stop()
