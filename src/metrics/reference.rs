//! The metrics' documentation, written from the table and from the vocabulary of the relay, so that it cannot be behind
//! them. `METRICS.md` beside this file is its output; a test compares the two.

use std::fmt::Write;

use metrics::Unit;

use crate::metrics::series::{self, Kind, Series};
use crate::relay::custody::Cause;
use crate::relay::{Trigger, TurnedAway};

/// The whole page, in Markdown.
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    for series in series::ALL {
        let label = series.label.map_or(String::new(), |label| format!("`{label}`"));
        let label = if series.name == series::DECISIONS.name { format!("{label}, `decision`") } else { label };
        let (name, help) = (series.name, series.help);
        let _ = writeln!(page, "| `{name}` | {} | {} | {label} | {help} |", kind(series), unit(series));
    }
    page.push_str(SAMPLED_OUT);
    table(&mut page, DROPPED, Cause::ALL.iter().map(|&cause| (cause.name(), cause_meaning(cause))));
    let unaccounted = "Custody of it was lost by a bug of ours. Must stay 0; please report it.";
    let _ = writeln!(page, "| `unaccounted` | {unaccounted} |");
    table(&mut page, REFUSED, TurnedAway::ALL.iter().map(|&reason| (reason.name(), refused_meaning(reason))));
    table(&mut page, TRIGGERS, Trigger::ALL.iter().map(|&trigger| (trigger.name(), trigger_meaning(trigger))));
    page.push_str(TAIL);
    page
}

fn table<'a>(page: &mut String, heading: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) {
    page.push_str(heading);
    for (word, meaning) in rows {
        let _ = writeln!(page, "| `{word}` | {meaning} |");
    }
}

fn kind(series: &Series) -> &'static str {
    match series.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    }
}

fn unit(series: &Series) -> &'static str {
    match series.unit {
        Unit::Bytes => "bytes",
        Unit::Seconds => "seconds",
        _ if series.name.contains("_spans") || series.name.contains("tracestate") => "spans",
        _ if series.name.contains("_traces") || series.name.contains("decisions") => "traces",
        _ if series.name.contains("_requests") => "requests",
        _ => "",
    }
}

const fn cause_meaning(cause: Cause) -> &'static str {
    match cause {
        Cause::Rejected => "The collector refused its request for good.",
        Cause::Partial => "The collector took the request but not this span (`partial_success`).",
        Cause::Expired => "It waited for the collector longer than `upstream.max_age`.",
        Cause::Evicted => "Memory was full for too long; the oldest waiting batch had to go.",
        Cause::TooLarge => "It is larger than any request that may be sent.",
        Cause::Shutdown => "The process had to end before the collector took it.",
    }
}

const fn refused_meaning(reason: TurnedAway) -> &'static str {
    match reason {
        TurnedAway::Full => "No room in the budget; the app was told to try again.",
        TurnedAway::TooLarge => {
            "Larger than `receiver.max_request_size`, or with more spans than `memory.budget` could ever hold."
        }
        TurnedAway::Malformed => {
            "Not an OTLP trace request, or not decompressible; or a connection that brought bytes and no HTTP request."
        }
        TurnedAway::Cancelled => "The app gave the call up.",
        TurnedAway::Timeout => "Its body did not come within `receiver.read_timeout`.",
        TurnedAway::Unsupported => "An encoding, content type, path or method that is not taken here.",
        TurnedAway::Loop => "It came through one of our own exporters.",
        TurnedAway::Draining => "The process is leaving; the app was told to try again.",
    }
}

const fn trigger_meaning(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::LocalRoot => "Its local root had ended and the grace was over.",
        Trigger::Timer => "`tail_sampling.decision_wait` was over.",
        Trigger::TraceLimit => "It reached the limit of spans or bytes for one trace.",
        Trigger::TableFull => "The table of open traces was full.",
        Trigger::Pressure => "Memory was short.",
        Trigger::Shutdown => "The process was leaving.",
    }
}

const HEAD: &str = "\
# Metrics

Served as Prometheus text at `/metrics` of `admin.listen`. Every series exists from the first scrape, with 0 until something
happens. With the preset's three policies a page has at most 100 series, and each further policy adds one, or two if it has
conditions. No label ever takes a value from span data.

In every scrape, exactly:

- `accepted = exported + sampled_out + dropped + held`, each summed over its labels;
- `received = accepted + rejected + refused`.

`stage` and `queue` are the same four places: `buffer` (traces waiting for the rest of their spans), `batch` (kept, waiting to be
made into a request), `queue` (waiting for the collector) and `inflight` (out at the collector).
The mean number of spans in a request is the rate of `tailwater_spans_exported_total` over that of
`tailwater_export_requests_total{outcome=\"delivered\"}`.

| Series | Kind | Unit | Labels | Meaning |
|---|---|---|---|---|
";

const SAMPLED_OUT: &str = "
## `tailwater_spans_sampled_out_total{reason}`

| Reason | Meaning |
|---|---|
| `ratio` | The ratio stage decided on the trace id alone. |
| `no_match` | No policy said yes. |
| `remembered` | The trace had been released before; its late spans follow it. |
| a policy's name | That `drop` policy matched. |

A policy whose name is one of the three words above, or that of an earlier policy, is shown as `policy_<name>` (with a number if
that is taken too). Names are cut at 64 characters.
";

const DROPPED: &str = "
## `tailwater_spans_dropped_total{reason}`

| Reason | Meaning |
|---|---|
";

const REFUSED: &str = "
## `tailwater_requests_refused_total{reason}`

| Reason | Meaning |
|---|---|
";

const TRIGGERS: &str = "
## `tailwater_decisions_total{trigger}`

| Trigger | Meaning |
|---|---|
";

const TAIL: &str = "
## Worth an alert

| Expression | Says |
|---|---|
| `sum without(reason) (rate(tailwater_spans_dropped_total[5m])) > 0` | Spans are lost. |
| `tailwater_spans_dropped_total{reason=\"unaccounted\"} > 0` | A bug of ours. |
| `sum without(reason) (rate(tailwater_requests_refused_total{reason=\"full\"}[5m])) > 0` | Apps are told to wait. |
| `tailwater_upstream_up == 0 and on(instance) sum by(instance) (tailwater_spans_held{stage=~\"queue\\|inflight\"}) > 0` | \
The collector cannot be reached, and there is something for it. |
";
