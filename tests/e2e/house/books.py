"""The relay's books, from wherever it tells them: `/ledger`, `/metrics` or the last log line. The only file that knows their shapes."""

import dataclasses
import json
import re


@dataclasses.dataclass
class Books:
    """Spans, as counted by the relay. `sampled_out`, `dropped`, `rejected`, `refused` and `held` are sums; `detail` has the parts."""

    accepted: int
    exported: int
    sampled_out: int
    dropped: int
    held: int
    received: int | None = None
    rejected: int = 0
    refused: int = 0
    maybe_duplicated: int = 0
    detail: dict = dataclasses.field(default_factory=dict)

    @property
    def balanced(self):
        """accepted = exported + sampled_out + dropped + held, and nothing unaccounted."""
        own = self.accepted == self.exported + self.sampled_out + self.dropped + self.held
        if self.received is not None:
            own = own and self.received == self.accepted + self.rejected + self.refused
        return own and not parts(self.detail.get("dropped")).get("unaccounted")

    def part(self, name, reason):
        """One reason's count, e.g. part("dropped", "shutdown"); 0 when it is not there."""
        return parts(self.detail.get(name)).get(reason, 0)


def parts(value):
    return value if isinstance(value, dict) else {}


def total(value):
    return sum(total(v) for v in value.values()) if isinstance(value, dict) else int(value or 0)


def from_fields(fields):
    """Books from a mapping as `/ledger` gives it: reasons as mappings or as one number."""
    received = fields.get("received")
    return Books(
        received=None if received is None else total(received),
        maybe_duplicated=total(fields.get("maybe_duplicated")),
        detail=dict(fields),
        **{name: total(fields.get(name)) for name in ("accepted", "exported", "sampled_out", "dropped", "held", "rejected", "refused")},
    )


SERIES = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def parse_metrics(page):
    """Prometheus text as {(name, ((label, value), ...)): number}; a series that appears twice is an error."""
    series = {}
    for line in page.splitlines():
        if not line or line.startswith("#"):
            continue
        match = SERIES.match(line)
        assert match, f"not a line of Prometheus text: {line!r}"
        key = (match[1], tuple(sorted(LABEL.findall(match[2] or ""))))
        assert key not in series, f"series given twice: {line!r}"
        series[key] = float(match[3])
    return series


def by(series, name, label=None):
    """The values of one metric: by the value of a label, or their sum."""
    found = {dict(labels).get(label): value for (metric, labels), value in series.items() if metric == name}
    return found if label else sum(v for (metric, _), v in series.items() if metric == name)


def from_metrics(series):
    """Books from one scrape."""
    held = by(series, "tailwater_spans_held", "stage")
    return from_fields({
        "received": int(by(series, "tailwater_spans_received_total")),
        "accepted": int(by(series, "tailwater_spans_accepted_total")),
        "exported": int(by(series, "tailwater_spans_exported_total")),
        "sampled_out": by(series, "tailwater_spans_sampled_out_total", "reason"),
        "dropped": by(series, "tailwater_spans_dropped_total", "reason"),
        "rejected": by(series, "tailwater_spans_rejected_total", "reason"),
        "refused": by(series, "tailwater_spans_refused_total", "reason"),
        "held": held,
        "maybe_duplicated": int(by(series, "tailwater_spans_maybe_duplicated_total")),
    })


def from_text(text):
    """The last books told in a log or a termination file: JSON with `accepted` and `exported` at any depth, or `accepted=1 exported=1 ...`."""
    for line in reversed(text.splitlines()):
        if "accepted" not in line or "exported" not in line:
            continue
        fields = _from_json(line) or _from_pairs(line)
        if fields:
            return from_fields(fields)
    return None


def _from_json(line):
    start = line.find("{")
    if start < 0:
        return None
    try:
        return _search(json.loads(line[start:]))
    except ValueError:
        return None


def _search(value):
    if isinstance(value, str):
        return _from_json(value) or _from_pairs(value)
    if not isinstance(value, dict):
        return None
    if "accepted" in value and "exported" in value:
        return {k: _number(v) for k, v in value.items()}
    return next((found for v in value.values() if (found := _search(v))), None)


def _number(value):
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            try:
                return json.loads(value)
            except ValueError:
                return 0
    return value if isinstance(value, (int, float, dict)) else 0


def _from_pairs(line):
    pairs = {k: int(v) for k, v in re.findall(r'(\w+)[=:] ?"?(\d+)', line)}
    return pairs if {"accepted", "exported"} <= set(pairs) else None
