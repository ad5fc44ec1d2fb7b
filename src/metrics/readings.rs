//! One snapshot as readings: which series moves to which value. A counter that gets no series, or a reason without a
//! word, does not compile.

use std::borrow::Cow;

use crate::driver::Phase;
use crate::metrics::labels::{Labels, NO_MATCH, RATIO, REMEMBERED};
use crate::metrics::series::{self, Series};
use crate::relay::custody::{Cause, Ledger, SampledOut};
use crate::relay::{Depth, Held, Snapshot, Transport, Trigger, TurnedAway};

/// One series' value.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Which family.
    pub series: &'static Series,
    /// The label's name and value, where the family has any; `decision` or `version` may stand beside it.
    pub label: Vec<(&'static str, Cow<'static, str>)>,
    /// The value now.
    pub value: u64,
}

impl Reading {
    /// A series without labels.
    pub fn of(series: &'static Series, value: u64) -> Reading {
        Reading { series, label: Vec::new(), value }
    }
}

/// Every reading of a snapshot. The destructuring is complete on purpose.
pub fn readings(snapshot: &Snapshot, phase: Phase, labels: &Labels) -> Vec<Reading> {
    let Snapshot {
        ledger,
        unaccounted,
        received_grpc,
        received_http,
        rejected_trace_id,
        rejected_span_id,
        rejected_malformed,
        refused_full,
        turned_away,
        discarded,
        held,
        queue_capacity,
        budget: (budget, charged, peak),
        decisions,
        decision_ages: _, // a distribution: `ages` writes it
        kept_by_policy,
        policy_errors,
        traces_open,
        remembered,
        late: (late_kept, late_released),
        maybe_duplicated,
        tracestate_unreadable,
        exports: (delivered, try_again, rejected),
        upstream_up,
        waiting,
    } = snapshot;
    let mut page = Page(Vec::with_capacity(100));
    page.split(
        &series::SPANS_RECEIVED,
        [(transport_name(Transport::Grpc), *received_grpc), (transport_name(Transport::Http), *received_http)],
    );
    page.split(&series::SPANS_REJECTED, rejected_spans([*rejected_trace_id, *rejected_span_id, *rejected_malformed]));
    page.split(&series::SPANS_REFUSED, [(FULL, *refused_full)]);
    page.split(&series::REQUESTS_REFUSED, requests_refused(turned_away));
    page.one(
        &series::REQUEST_BYTES_REFUSED,
        turned_away.iter().fold(0, |sum: u64, (_, bytes)| sum.saturating_add(*bytes)),
    );
    page.split(&series::REQUESTS_DISCARDED, ["metrics", "logs", "profiles"].into_iter().zip(*discarded));
    page.books(ledger, *unaccounted, labels);
    page.held(held);
    page.split(&series::QUEUE_CAPACITY, [("queue", *queue_capacity)]);
    for (trigger, (kept, released)) in Trigger::ALL.iter().zip(decisions) {
        page.pair(&series::DECISIONS, [("trigger", trigger.name()), ("decision", KEPT)], *kept);
        page.pair(&series::DECISIONS, [("trigger", trigger.name()), ("decision", RELEASED)], *released);
    }
    page.kept(kept_by_policy, labels);
    let errors = policy_errors.iter().map(|(place, errors)| (labels.policy((*place).into()).into_owned(), *errors));
    page.split(&series::POLICY_ERRORS, errors);
    page.split(&series::LATE_SPANS, [(KEPT, *late_kept), (RELEASED, *late_released)]);
    page.one(&series::TRACES_OPEN, *traces_open);
    page.one(&series::DECISIONS_REMEMBERED, *remembered);
    page.one(&series::MEMORY_BUDGET, *budget);
    page.one(&series::MEMORY_CHARGED, *charged);
    page.one(&series::MEMORY_CHARGED_PEAK, *peak);
    page.one(&series::MAYBE_DUPLICATED, *maybe_duplicated);
    page.one(&series::TRACESTATE_UNREADABLE, *tracestate_unreadable);
    page.split(
        &series::EXPORT_REQUESTS,
        [("delivered", *delivered), ("try_again", *try_again), ("rejected", *rejected)],
    );
    page.one(&series::UPSTREAM_UP, u64::from(*upstream_up == Some(true)));
    page.one(&series::REQUESTS_WAITING, *waiting);
    page.one(&series::PHASE, phase as u64);
    page.split(&series::BUILD_INFO, [(env!("CARGO_PKG_VERSION"), 1)]);
    page.0
}

/// The word for a trace or span that was kept.
const KEPT: &str = "kept";
/// The word for one that was let go.
const RELEASED: &str = "released";

/// The word for the way a request came in.
pub const fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Grpc => "grpc",
        Transport::Http => "http",
    }
}

struct Page(Vec<Reading>);

impl Page {
    fn one(&mut self, series: &'static Series, value: u64) {
        self.0.push(Reading::of(series, value));
    }

    fn pair(&mut self, series: &'static Series, label: [(&'static str, &'static str); 2], value: u64) {
        let label = label.map(|(name, word)| (name, Cow::Borrowed(word))).to_vec();
        self.0.push(Reading { series, label, value });
    }

    fn split<W: Into<Cow<'static, str>>>(
        &mut self,
        series: &'static Series,
        values: impl IntoIterator<Item = (W, u64)>,
    ) {
        let name = series.label.expect("only a family with a label is split");
        for (word, value) in values {
            self.0.push(Reading { series, label: vec![(name, word.into())], value });
        }
    }

    fn books(&mut self, ledger: &Ledger, unaccounted: u64, labels: &Labels) {
        self.one(&series::SPANS_ACCEPTED, ledger.accepted());
        self.split(&series::SPANS_EXPORTED, [(labels.upstream().to_owned(), ledger.exported())]);
        self.split(&series::SPANS_SAMPLED_OUT, sampled_out(ledger.sampled_out(), labels));
        self.split(&series::SPANS_DROPPED, dropped(ledger, unaccounted));
    }

    fn held(&mut self, held: &Held) {
        let places = held_by_place(held);
        self.split(&series::SPANS_HELD, places.map(|(place, depth)| (place, depth.spans)));
        self.split(&series::QUEUE_DEPTH_SPANS, places.map(|(place, depth)| (place, depth.spans)));
        self.split(&series::QUEUE_DEPTH_BYTES, places.map(|(place, depth)| (place, depth.bytes)));
    }

    fn kept(&mut self, kept: &[u64], labels: &Labels) {
        for place in 0..kept.len().max(labels.policies().len()) {
            let value = kept.get(place).copied().unwrap_or(0);
            let drops = labels.policies().get(place).is_some_and(|policy| policy.drops);
            if value != 0 || !drops {
                self.split(&series::TRACES_KEPT, [(labels.policy(place).into_owned(), value)]);
            }
        }
    }
}

/// Spans let go by sampling under the words of the labels: the three reasons of the house, then every policy that drops.
pub fn sampled_out(spans: &SampledOut, labels: &Labels) -> Vec<(String, u64)> {
    let SampledOut { ratio, no_match, remembered, policies } = spans;
    let mut all =
        vec![(RATIO.to_owned(), *ratio), (NO_MATCH.to_owned(), *no_match), (REMEMBERED.to_owned(), *remembered)];
    for place in 0..policies.len().max(labels.policies().len()) {
        let value = policies.get(place).copied().unwrap_or(0);
        let drops = labels.policies().get(place).is_some_and(|policy| policy.drops);
        if value != 0 || drops {
            all.push((labels.policy(place).into_owned(), value));
        }
    }
    all
}

/// Spans lost under the words of the labels: every cause, then `unaccounted`.
pub fn dropped(ledger: &Ledger, unaccounted: u64) -> Vec<(&'static str, u64)> {
    let causes = Cause::ALL.iter().map(|&cause| (cause.name(), ledger.dropped(cause)));
    causes.chain([(UNACCOUNTED, unaccounted)]).collect()
}

/// The word for spans whose custody was lost by a bug.
pub const UNACCOUNTED: &str = "unaccounted";

/// Spans that were unusable under the words of the labels, from the counts for trace id, span id and bytes.
pub fn rejected_spans([trace_id, span_id, malformed]: [u64; 3]) -> [(&'static str, u64); 3] {
    [("invalid_trace_id", trace_id), ("invalid_span_id", span_id), ("malformed", malformed)]
}

/// Requests turned away, by reason.
pub fn requests_refused(counts: &[(u64, u64); TurnedAway::ALL.len()]) -> Vec<(&'static str, u64)> {
    TurnedAway::ALL.iter().zip(counts).map(|(reason, (requests, _))| (reason.name(), *requests)).collect()
}

/// The word for spans that found no room.
pub const FULL: &str = "full";

/// Where the held spans are, by the words of the labels.
pub fn held_by_place(held: &Held) -> [(&'static str, Depth); 4] {
    let Held { buffer, batch, queue, inflight } = *held;
    [("buffer", buffer), ("batch", batch), ("queue", queue), ("inflight", inflight)]
}
