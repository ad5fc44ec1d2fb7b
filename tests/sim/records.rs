//! What went in and what came out, span by span: the world's own books, kept without looking at the relay's.

use std::collections::{BTreeMap, HashMap};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tailwater::relay::Relay;
use tailwater::relay::clock::Tick;
use tailwater::relay::otlp::Limits;
use tailwater::relay::otlp::scan::{Scan, scan};
use tailwater::relay::queue::{Batch, Outcome};

/// A span as the collector can tell it from others.
pub type Key = (Vec<u8>, Vec<u8>);

/// One span id of one trace; garbage may bring it several times.
#[derive(Default)]
struct Line {
    accepted: u64,
    /// Out in a batch whose outcome is known and final.
    ended: u64,
    /// Those of them that the collector said OK for.
    exported: u64,
    /// What it may look like, without tracestate.
    forms: Vec<Vec<u8>>,
}

#[derive(Default)]
pub struct Records {
    lines: HashMap<Key, Line>,
    arrivals: BTreeMap<Tick, u64>,
    pub accepted: u64,
    pub exported: u64,
    pub partial: u64,
    pub rejected: u64,
    pub maybe_duplicated: u64,
    /// Ended at the collector after the relay was closed.
    pub too_late: u64,
}

fn form(mut span: Span) -> Vec<u8> {
    span.trace_state.clear();
    span.encode_to_vec()
}

fn key(span: &Span) -> Key {
    (span.trace_id.clone(), span.span_id.clone())
}

/// The spans that the relay says yes to, decoded by prost from where they lie.
pub fn acceptable(body: &[u8], spans_max: u32) -> Vec<Span> {
    let mut found = Scan::default();
    let limits = Limits { spans_max, ..Limits::default() };
    if scan(body, &limits, &mut (), &mut found).is_err() {
        return Vec::new();
    }
    let record = |at: &tailwater::relay::otlp::Sighting| {
        let mut record = &body[at.offset as usize..(at.offset + at.len) as usize];
        prost::encoding::decode_key(&mut record).unwrap();
        Span::decode_length_delimited(record).unwrap()
    };
    found.spans.iter().map(record).collect()
}

/// The spans of a batch.
pub fn decode(batch: &Batch) -> Vec<Span> {
    let body = batch.body.concat();
    assert_eq!(body.len(), batch.len, "a batch says how long it is");
    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

/// Decides everything that a relay holds, and lets a collector take whatever comes: the spans that come through.
pub fn finish(relay: &mut Relay, mut now: Tick) -> Vec<Span> {
    let mut through = Vec::new();
    relay.decide_all(now);
    loop {
        while let Some(batch) = relay.take_batch(now) {
            through.extend(decode(&batch));
            relay.settle(batch, Outcome::Delivered { rejected_spans: 0 }, now);
        }
        let Some(due) = relay.next_due(now) else { break through };
        now = due;
        relay.advance(now);
    }
}

impl Records {
    pub fn accept(&mut self, spans: Vec<Span>, now: Tick) {
        self.accepted += spans.len() as u64;
        *self.arrivals.entry(now).or_default() += spans.len() as u64;
        for span in spans {
            let line = self.lines.entry(key(&span)).or_default();
            line.accepted += 1;
            line.forms.push(form(span));
        }
    }

    /// Spans accepted after `then`.
    pub fn since(&self, then: Tick) -> u64 {
        self.arrivals.range((std::ops::Bound::Excluded(then), std::ops::Bound::Unbounded)).map(|(_, spans)| spans).sum()
    }

    /// Spans are in a batch: they must be ours, as they came.
    pub fn left(&self, spans: &[Span]) {
        for span in spans {
            let line = self.lines.get(&key(span)).expect("a span left that never came");
            assert!(line.forms.contains(&form(span.clone())), "a span left otherwise than it came");
            assert!(line.ended < line.accepted, "a span left again after it had ended");
        }
    }

    /// The collector's last word on these spans: the first `exported` of them it has, the others nobody will send again.
    pub fn ended(&mut self, spans: &[Span], exported: u64) {
        for (place, span) in spans.iter().enumerate() {
            let line = self.lines.get_mut(&key(span)).expect("it was there when it left");
            line.ended += 1;
            line.exported += u64::from((place as u64) < exported);
            assert!(line.ended <= line.accepted, "a span ended twice");
        }
    }

    /// Spans missing from traces of which some came through, and spans of traces of which none did.
    pub fn missing(&self) -> (u64, u64) {
        let mut traces: HashMap<&[u8], (u64, u64)> = HashMap::new();
        for ((trace, _), line) in &self.lines {
            let (accepted, ended) = traces.entry(trace).or_default();
            *accepted += line.accepted;
            *ended += line.ended;
        }
        let (mut torn, mut gone) = (0, 0);
        for (accepted, ended) in traces.values() {
            *(if *ended > 0 { &mut torn } else { &mut gone }) += accepted - ended;
        }
        (torn, gone)
    }
}
