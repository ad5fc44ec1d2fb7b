"""The operator's door under load: a clean page, few series, books that balance in every single scrape."""

import subprocess
import time

import pytest
import yaml

from house import books
from house.client import Load
from house.configs import ROOT

SCRAPE = ROOT / "deploy" / "prometheus" / "scrape.yaml"
SPAN_DATA = ("hand-gesture", "asl_prediction", "user-", "prediction.", "model_inference")


@pytest.fixture
def busy(relay, sink, app):
    """A relay with the default configuration that has seen the app."""
    server = relay({"upstream": {"endpoint": f"http://{sink.address}"}})
    app(server.endpoint, traces=60, seed="metrics").done()
    server.settled()
    return server


def test_promtool_finds_nothing_wrong_with_the_page(busy, promtool):
    checked = subprocess.run([promtool, "check", "metrics"], input=busy.page(), text=True, capture_output=True, timeout=30)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_promtool_finds_nothing_wrong_with_the_shipped_scrape_job(promtool, tmp_path):
    shipped = yaml.safe_load(SCRAPE.read_text())
    (job,) = shipped["scrape_configs"]
    # Debian builds its promtool without Kubernetes: what finds the pods is checked by eye, the rest by promtool.
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    job["static_configs"] = [{"targets": ["localhost:4319"]}]
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(shipped))
    checked = subprocess.run([promtool, "check", "config", file], text=True, capture_output=True, timeout=30)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_default_configuration_has_at_most_a_hundred_series_and_no_span_data(busy):
    page = busy.page()
    series = books.parse_metrics(page)
    assert len(series) <= 100, f"{len(series)} series"
    assert not [word for word in SPAN_DATA if word in page]


def test_a_policy_adds_at_most_four_series(relay, sink, busy):
    base = len(books.parse_metrics(busy.page()))
    policies = [{"name": f"p{i}", "type": "latency", "latency": {"threshold_ms": 500 + i}} for i in range(10)]
    more = relay({"upstream": {"endpoint": f"http://{sink.address}"}, "tail_sampling": {"policies": policies}})
    assert len(more.metrics()) <= base + 4 * len(policies)


def test_the_books_balance_in_every_scrape_under_load(relay, sink):
    server = relay({
        "upstream": {"endpoint": f"http://{sink.address}"},
        "tail_sampling": {"decision_wait": "300ms", "policies": [{"name": "tenth", "type": "probabilistic", "probabilistic": {"sampling_percentage": 10}}]},
    })
    loads = [Load(server.address, spans=50, pause=0.005) for _ in range(3)]
    for load in loads:
        load.start()
    end, held, last = time.monotonic() + 6, 0, 0
    while time.monotonic() < end:
        scraped = books.from_metrics(server.metrics())
        assert scraped.balanced, scraped
        assert server.books().balanced
        assert scraped.accepted >= last
        held, last = max(held, scraped.held), scraped.accepted
    told = sum(load.stop().ok for load in loads)
    assert held > 0, "spans were held while we looked"
    by_ledger, by_page = server.settled(), books.from_metrics(server.metrics())
    assert told == by_ledger.accepted == by_page.accepted == by_ledger.received
    assert by_page.exported == by_ledger.exported == len(sink.spans)
    assert server.stop().accepted == told
