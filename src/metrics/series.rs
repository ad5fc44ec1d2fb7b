//! The table of every series: name, kind, unit, label and help, and nothing else. `METRICS.md` beside it is written from
//! it.
//!
//! A page has at most 100 lines of samples with the preset's three policies, so that a sidecar in every pod stays cheap
//! for Prometheus; that is why a distribution has four buckets.

use metrics::Unit;

use crate::relay::ages::BOUNDS_SECONDS;

/// A family of series.
#[derive(Debug)]
pub struct Series {
    /// Its name on the page.
    pub name: &'static str,
    /// What it does over time.
    pub kind: Kind,
    /// What it is counted in.
    pub unit: Unit,
    /// The label that tells its series apart.
    pub label: Option<&'static str>,
    /// One sentence for a person.
    pub help: &'static str,
}

/// What a family does over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts what was recorded up to each of these bounds.
    Histogram(&'static [f64]),
}

/// Spans of scanned requests: accepted + rejected + refused.
pub const SPANS_RECEIVED: Series = Series {
    name: "tailwater_spans_received_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("transport"),
    help: "Spans of scanned requests: accepted + rejected + refused.",
};
/// Spans that are unusable for good; the app was told.
pub const SPANS_REJECTED: Series = Series {
    name: "tailwater_spans_rejected_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("reason"),
    help: "Spans that are unusable for good; the app was told.",
};
/// Spans of scanned requests for which there was no room; the app was told to try again.
pub const SPANS_REFUSED: Series = Series {
    name: "tailwater_spans_refused_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("reason"),
    help: "Spans of scanned requests for which there was no room; the app was told to try again.",
};
/// Requests turned away unread or unreadable; they have no span count.
pub const REQUESTS_REFUSED: Series = Series {
    name: "tailwater_requests_refused_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("reason"),
    help: "Requests turned away unread or unreadable; they have no span count.",
};
/// Bytes of requests turned away: read, or declared by the sender up to receiver.max_request_size.
pub const REQUEST_BYTES_REFUSED: Series = Series {
    name: "tailwater_requests_refused_bytes_total",
    kind: Kind::Counter,
    unit: Unit::Bytes,
    label: None,
    help: "Bytes of requests turned away: read, or declared by the sender up to receiver.max_request_size.",
};
/// Requests of other signals that were read, discarded and answered OK.
pub const REQUESTS_DISCARDED: Series = Series {
    name: "tailwater_requests_discarded_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("signal"),
    help: "Requests of other signals that were read, discarded and answered OK.",
};
/// Spans in our custody, ever: exported + sampled out + dropped + held.
pub const SPANS_ACCEPTED: Series = Series {
    name: "tailwater_spans_accepted_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: None,
    help: "Spans in our custody, ever: exported + sampled out + dropped + held.",
};
/// Spans the collector answered OK for.
pub const SPANS_EXPORTED: Series = Series {
    name: "tailwater_spans_exported_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("upstream"),
    help: "Spans the collector answered OK for.",
};
/// Spans that sampling let go.
pub const SPANS_SAMPLED_OUT: Series = Series {
    name: "tailwater_spans_sampled_out_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("reason"),
    help: "Spans that sampling let go.",
};
/// Spans we answered for and lost, and why; unaccounted is a bug.
pub const SPANS_DROPPED: Series = Series {
    name: "tailwater_spans_dropped_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("reason"),
    help: "Spans we answered for and lost, and why; unaccounted is a bug.",
};
/// Spans in our custody now, by where they are.
pub const SPANS_HELD: Series = Series {
    name: "tailwater_spans_held",
    kind: Kind::Gauge,
    unit: Unit::Count,
    label: Some("stage"),
    help: "Spans in our custody now, by where they are.",
};
/// Spans waiting in each queue.
pub const QUEUE_DEPTH_SPANS: Series = Series {
    name: "tailwater_queue_depth_spans",
    kind: Kind::Gauge,
    unit: Unit::Count,
    label: Some("queue"),
    help: "Spans waiting in each queue.",
};
/// Bytes waiting in each queue.
pub const QUEUE_DEPTH_BYTES: Series = Series {
    name: "tailwater_queue_depth_bytes",
    kind: Kind::Gauge,
    unit: Unit::Bytes,
    label: Some("queue"),
    help: "Bytes waiting in each queue.",
};
/// Bytes that fit into a queue, in-flight requests included; the stages before it share the memory budget.
pub const QUEUE_CAPACITY: Series = Series {
    name: "tailwater_queue_capacity_bytes",
    kind: Kind::Gauge,
    unit: Unit::Bytes,
    label: Some("queue"),
    help: "Bytes that fit into a queue, in-flight requests included; the stages before it share the memory budget.",
};
/// Traces decided, by what made us decide then and by the decision.
pub const DECISIONS: Series = Series {
    name: "tailwater_decisions_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("trigger"),
    help: "Traces decided, by what made us decide then and by the decision.",
};
/// Traces kept, by the policy that decided.
pub const TRACES_KEPT: Series = Series {
    name: "tailwater_traces_kept_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("policy"),
    help: "Traces kept, by the policy that decided.",
};
/// Conditions of policies that could not be evaluated, by policy.
pub const POLICY_ERRORS: Series = Series {
    name: "tailwater_policy_errors_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("policy"),
    help: "Conditions that could not be evaluated on a span; only of policies that have conditions.",
};
/// Spans that came after their trace was decided, and followed it.
pub const LATE_SPANS: Series = Series {
    name: "tailwater_late_spans_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("decision"),
    help: "Spans that came after their trace was decided, and followed it.",
};
/// Traces waiting for their decision.
pub const TRACES_OPEN: Series = Series {
    name: "tailwater_traces_open",
    kind: Kind::Gauge,
    unit: Unit::Count,
    label: None,
    help: "Traces waiting for their decision.",
};
/// Decisions remembered for late spans.
pub const DECISIONS_REMEMBERED: Series = Series {
    name: "tailwater_decisions_remembered",
    kind: Kind::Gauge,
    unit: Unit::Count,
    label: None,
    help: "Decisions remembered for late spans.",
};
/// Bytes that may be held at once.
pub const MEMORY_BUDGET: Series = Series {
    name: "tailwater_memory_budget_bytes",
    kind: Kind::Gauge,
    unit: Unit::Bytes,
    label: None,
    help: "Bytes that may be held at once.",
};
/// Bytes of the budget in use.
pub const MEMORY_CHARGED: Series = Series {
    name: "tailwater_memory_charged_bytes",
    kind: Kind::Gauge,
    unit: Unit::Bytes,
    label: None,
    help: "Bytes of the budget in use.",
};
/// The most bytes of the budget that were ever in use at once.
pub const MEMORY_CHARGED_PEAK: Series = Series {
    name: "tailwater_memory_charged_peak_bytes",
    kind: Kind::Gauge,
    unit: Unit::Bytes,
    label: None,
    help: "The most bytes of the budget that were ever in use at once.",
};
/// Spans sent again although the first outcome is unknown.
pub const MAYBE_DUPLICATED: Series = Series {
    name: "tailwater_spans_maybe_duplicated_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: None,
    help: "Spans sent again although the first outcome is unknown.",
};
/// Spans kept whose tracestate could not be read and was left as it is.
pub const TRACESTATE_UNREADABLE: Series = Series {
    name: "tailwater_tracestate_unreadable_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: None,
    help: "Spans kept whose tracestate could not be read and was left as it is.",
};
/// Requests to the collector, by what became of them.
pub const EXPORT_REQUESTS: Series = Series {
    name: "tailwater_export_requests_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    label: Some("outcome"),
    help: "Requests to the collector, by what became of them.",
};
/// 1 when the last attempt reached the collector; 0 when it did not, and before the first.
pub const UPSTREAM_UP: Series = Series {
    name: "tailwater_upstream_up",
    kind: Kind::Gauge,
    unit: Unit::Count,
    label: None,
    help: "1 when the last attempt reached the collector; 0 when it did not, and before the first.",
};
/// Requests held for room now.
pub const REQUESTS_WAITING: Series = Series {
    name: "tailwater_requests_waiting",
    kind: Kind::Gauge,
    unit: Unit::Count,
    label: None,
    help: "Requests held for room now.",
};
/// Where the process is on its way out: 0 serving, 1 lame duck, 2 closing, 3 deciding, 4 flushing, 5 closed.
pub const PHASE: Series = Series {
    name: "tailwater_phase",
    kind: Kind::Gauge,
    unit: Unit::Count,
    label: None,
    help: "Where the process is on its way out: 0 serving, 1 lame duck, 2 closing, 3 deciding, 4 flushing, 5 closed.",
};
/// Always 1; the label says what is running.
pub const BUILD_INFO: Series = Series {
    name: "tailwater_build_info",
    kind: Kind::Gauge,
    unit: Unit::Count,
    label: Some("version"),
    help: "Always 1; the label says what is running.",
};
/// How long requests that found no room at once waited for it; others are not recorded.
pub const HOLD_SECONDS: Series = Series {
    name: "tailwater_hold_seconds",
    kind: Kind::Histogram(&[0.01, 0.1, 1.0, 5.0]),
    unit: Unit::Seconds,
    label: None,
    help: "How long requests that found no room at once waited for it; others are not recorded.",
};
/// From sending a request to the collector's answer, attempts without one included.
pub const EXPORT_SECONDS: Series = Series {
    name: "tailwater_export_seconds",
    kind: Kind::Histogram(&[0.01, 0.1, 1.0, 10.0]),
    unit: Unit::Seconds,
    label: None,
    help: "From sending a request to the collector's answer, attempts without one included.",
};
/// From a trace's first span to its decision.
pub const DECISION_AGE_SECONDS: Series = Series {
    name: "tailwater_decision_age_seconds",
    kind: Kind::Histogram(&BOUNDS_SECONDS),
    unit: Unit::Seconds,
    label: None,
    help: "From a trace's first span to its decision.",
};
/// CPU time used by the process, user and system.
pub const PROCESS_CPU_SECONDS: Series = Series {
    name: "process_cpu_seconds_total",
    kind: Kind::Counter,
    unit: Unit::Seconds,
    label: None,
    help: "CPU time used by the process, user and system.",
};
/// Resident memory of the process.
pub const PROCESS_RESIDENT_BYTES: Series = Series {
    name: "process_resident_memory_bytes",
    kind: Kind::Gauge,
    unit: Unit::Bytes,
    label: None,
    help: "Resident memory of the process.",
};
/// Open file descriptors of the process.
pub const PROCESS_OPEN_FDS: Series = Series {
    name: "process_open_fds",
    kind: Kind::Gauge,
    unit: Unit::Count,
    label: None,
    help: "Open file descriptors of the process.",
};
/// When the process began, in seconds since 1970.
pub const PROCESS_START_SECONDS: Series = Series {
    name: "process_start_time_seconds",
    kind: Kind::Gauge,
    unit: Unit::Seconds,
    label: None,
    help: "When the process began, in seconds since 1970.",
};

/// All of them, in the order of the documentation.
pub const ALL: &[&Series] = &[
    &SPANS_RECEIVED,
    &SPANS_REJECTED,
    &SPANS_REFUSED,
    &REQUESTS_REFUSED,
    &REQUEST_BYTES_REFUSED,
    &REQUESTS_DISCARDED,
    &SPANS_ACCEPTED,
    &SPANS_EXPORTED,
    &SPANS_SAMPLED_OUT,
    &SPANS_DROPPED,
    &SPANS_HELD,
    &QUEUE_DEPTH_SPANS,
    &QUEUE_DEPTH_BYTES,
    &QUEUE_CAPACITY,
    &DECISIONS,
    &TRACES_KEPT,
    &POLICY_ERRORS,
    &LATE_SPANS,
    &TRACES_OPEN,
    &DECISIONS_REMEMBERED,
    &MEMORY_BUDGET,
    &MEMORY_CHARGED,
    &MEMORY_CHARGED_PEAK,
    &MAYBE_DUPLICATED,
    &TRACESTATE_UNREADABLE,
    &EXPORT_REQUESTS,
    &UPSTREAM_UP,
    &REQUESTS_WAITING,
    &PHASE,
    &BUILD_INFO,
    &HOLD_SECONDS,
    &EXPORT_SECONDS,
    &DECISION_AGE_SECONDS,
    &PROCESS_CPU_SECONDS,
    &PROCESS_RESIDENT_BYTES,
    &PROCESS_OPEN_FDS,
    &PROCESS_START_SECONDS,
];
