//! Taking a request in: check everything and pay for everything first, then change the relay with no way to fail.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::relay::budget::Charge;
use crate::relay::buffer::{Arrival, Buffer};
use crate::relay::clock::Tick;
use crate::relay::custody::{Custody, Fate, Reason};
use crate::relay::envelope::Envelope;
use crate::relay::frame::Frame;
use crate::relay::keep::{Kept, Waiting};
use crate::relay::otlp::scan::{Scan, scan};
use crate::relay::otlp::{Limits, Sighting, TraceId, What, resource_attributes};
use crate::relay::runs::{Chain, Runs};
use crate::relay::sampling::facts::{Marks, SpanFacts, Watch, Witness};
use crate::relay::sampling::memory::Decision;
use crate::relay::sampling::ottl;
use crate::relay::sampling::policy::Sampler;
use crate::relay::sampling::ratio::{Ratio, Threshold, randomness_of};
use crate::relay::sampling::tracestate::{self, Stamp};
use crate::relay::{Receipt, Refusal, Relay, Transport, Trigger};

/// Kinds of spans that may have a child in another process: CLIENT and PRODUCER.
const OUTGOING: [u8; 2] = [3, 4];

/// The voice of everyone who says no `service.name`: a process without a name is a process all the same, and may be the
/// sibling of one that has a name.
const NAMELESS: u64 = 0;

/// Where a request is read. For a request of up to [`Scan::SPANS_KEPT`] spans there is always room; a larger one pays for
/// more, and gives it back when it has been taken or refused.
#[derive(Debug, Default)]
pub struct Desk {
    scan: Scan,
    witness: Witness,
    conditions: ottl::Desk,
    charge: Option<Charge>,
}

impl Desk {
    /// What reading one span takes, in bytes: what is seen of it, and the name of its envelope.
    const SPAN_COST: usize = Scan::SPAN_COST + Witness::ROW_COST + size_of::<u32>();

    /// Forgets everything but the room that is always there.
    fn clear(&mut self) {
        self.scan.clear();
        self.witness.clear(Scan::SPANS_KEPT);
        self.conditions.clear();
        self.charge = None;
    }

    /// Makes room for so many spans, paid for by `charge`.
    fn reserve(&mut self, spans: usize, watched: bool, charge: Charge) {
        self.clear();
        self.charge = Some(charge);
        self.scan.reserve(spans);
        if watched {
            self.witness.reserve(spans);
        }
    }

    /// What is paid for here, in bytes.
    fn charged(&self) -> usize {
        self.charge.as_ref().map_or(0, Charge::bytes)
    }
}

/// What happens to the spans of one trace in this request.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Into the open trace at this place.
    Open(u32),
    /// After the trace, which was kept by this threshold.
    Late(Threshold),
    /// After the trace, which was let go.
    Gone,
}

/// What the ratio stage says of the spans of a request, one by one. A span's own tracestate has a say in it, so a verdict
/// is used again for a neighbour of the same trace only where neither has one.
#[derive(Debug, Default)]
struct Verdicts {
    last: Option<(TraceId, Option<Stamp>)>,
}

impl Verdicts {
    /// How the span is stamped; nothing when the ratio lets it go.
    fn of(&mut self, ratio: Option<&Ratio>, seen: &Sighting, body: &[u8]) -> Option<Stamp> {
        let Some(ratio) = ratio else { return Some(Stamp::default()) };
        let state = trace_state(body, seen);
        let stamp = match self.last {
            Some((id, stamp)) if id == seen.trace && state.is_none() => stamp,
            _ => ratio.decide(&seen.trace, state),
        };
        self.last = state.is_none().then_some((seen.trace, stamp));
        stamp
    }
}

impl Relay {
    /// Takes a request's spans into custody, or none of them.
    pub fn admit(&mut self, frame: Frame, transport: Transport, now: Tick) -> Result<Receipt, Refusal> {
        let mut desk = std::mem::take(&mut self.desk);
        let taken = self.admit_with(&mut desk, frame, transport, now);
        desk.clear();
        self.desk = desk;
        if self.hurry {
            // The process is leaving, and a call was still under way when everything else was decided.
            self.decide_all(now);
        }
        taken
    }

    fn admit_with(
        &mut self,
        desk: &mut Desk,
        frame: Frame,
        transport: Transport,
        now: Tick,
    ) -> Result<Receipt, Refusal> {
        if self.closed {
            return Err(Refusal::Draining);
        }
        self.read(desk, &frame)?;
        let (scanned, rejected) = (desk.scan.spans.len() as u64, desk.scan.rejected);
        let all = scanned + u64::from(rejected.total());
        let cost = cost(&desk.scan, frame.bytes());
        let Some(charge) = self.budget.charge(cost) else {
            return Err(self.no_room(&frame, desk.charged() + cost, Some(all)));
        };
        self.counts.received(transport, all);
        self.overhead.join(charge);
        self.counts.rejected_trace_id += u64::from(rejected.invalid_trace_id);
        self.counts.rejected_span_id += u64::from(rejected.invalid_span_id);
        self.counts.rejected_malformed += u64::from(rejected.malformed);
        let custody = self.ledger.open(scanned);
        let envelopes = self.envelopes_of(desk, &frame, now);
        let request = self.runs.open(frame, envelopes);
        match self.sampler.is_some() {
            true => self.sort(desk, request, custody, now),
            false => self.keep_at_once(desk, request, custody),
        }
        self.runs.finish(request);
        self.settle_overhead();
        self.pack(now);
        Ok(Receipt { accepted: scanned, rejected })
    }

    /// Finds the spans. How many there are is seen only by reading: if they are more than there is room for, there is paid
    /// for twice as much, and reading begins anew.
    fn read(&mut self, desk: &mut Desk, frame: &Frame) -> Result<(), Refusal> {
        let watch = self.sampler.as_ref().map(|sampler| sampler.watch()).filter(|watch| !watch.is_empty());
        let spans_max = self.options.request_spans_max as usize;
        let mut room = Scan::SPANS_KEPT;
        loop {
            let limits = Limits { spans_max: room.min(spans_max) as u32, ..Limits::default() };
            let read = match watch {
                Some(watch) => scan(frame.bytes(), &limits, &mut desk.witness.with(watch), &mut desk.scan),
                None => scan(frame.bytes(), &limits, &mut (), &mut desk.scan),
            };
            match read {
                Ok(()) => return Ok(()),
                Err(why) if why.what == What::TooManySpans && room < spans_max => {}
                Err(why) => return Err(Refusal::Malformed(why)),
            }
            desk.clear();
            room *= 2;
            let bytes = room * Desk::SPAN_COST;
            match self.budget.charge(bytes) {
                Some(charge) => desk.reserve(room, watch.is_some(), charge),
                None => return Err(self.no_room(frame, bytes, None)),
            }
        }
    }

    /// Why there is no room for `bytes` beside the request's own: not now, or never.
    fn no_room(&self, frame: &Frame, bytes: usize, spans: Option<u64>) -> Refusal {
        match frame.charged() + bytes <= self.free_at_most() {
            true => Refusal::Full { bytes, spans },
            false => Refusal::TooLarge,
        }
    }

    /// The envelopes of a request's scopes, each known by the place of its scope in the request.
    fn envelopes_of(&mut self, desk: &mut Desk, frame: &Frame, now: Tick) -> Vec<Arc<Envelope>> {
        let count = desk.scan.envelopes.len();
        let mut envelopes: Vec<Arc<Envelope>> = Vec::with_capacity(count);
        for scope in 0..count as u32 {
            let resource = resource_bytes(&desk.scan, frame.bytes(), desk.scan.envelopes[scope as usize].resource);
            let envelope = self.envelope(resource, scope_bytes(&desk.scan, frame.bytes(), scope));
            self.buffer.heard(envelope.service.unwrap_or(NAMELESS), now);
            envelopes.push(envelope);
        }
        envelopes
    }

    fn envelope(&mut self, resource: Cow<'_, [u8]>, scope: Cow<'_, [u8]>) -> Arc<Envelope> {
        if let Some(known) = self.envelopes.find(&resource, &scope) {
            return known.clone();
        }
        let mut service = None;
        resource_attributes(&resource, |key, value| {
            if let (b"service.name", crate::relay::otlp::Value::Str(name)) = (key, value) {
                service = Some(self.keyed.bytes(name));
            }
        });
        let marks = match &self.sampler {
            Some(sampler) => sampler.watch().resource(|show| resource_attributes(&resource, show)),
            None => Marks::default(),
        };
        let charge = self.overhead.split(Envelope::COST + resource.len() + scope.len());
        let (resource, scope) = (Bytes::from(resource.into_owned()), Bytes::from(scope.into_owned()));
        let envelope = Arc::new(Envelope::new(resource, scope, marks, service, charge));
        self.envelopes.remember(&envelope);
        envelope
    }

    /// No tail sampling: the ratio decides here and now, and what it keeps goes straight to the packer.
    fn keep_at_once(&mut self, desk: &Desk, request: u32, mut custody: Custody) {
        let (mut chain, mut stamp) = (Chain::default(), Stamp::default());
        let body = self.runs.body(request).clone();
        let mut released = 0;
        let mut verdicts = Verdicts::default();
        for seen in &desk.scan.spans {
            let Some(keep) = verdicts.of(self.ratio.as_ref(), seen, &body) else {
                released += 1;
                continue;
            };
            if keep != stamp && !chain.is_empty() {
                self.keep(std::mem::take(&mut chain), stamp, false, &mut custody);
            }
            stamp = keep;
            let name = seen.envelope;
            self.runs.append(&mut chain, request, name, seen.offset, seen.len);
        }
        self.ledger.close(custody.split(released), Fate::SampledOut(Reason::Ratio));
        let whole = desk.scan.whole && released == 0 && self.ratio.is_none();
        self.keep(chain, stamp, whole, &mut custody);
    }

    /// Tail sampling: spans go to their traces, to be decided later; spans of decided traces follow the decision.
    fn sort(&mut self, desk: &mut Desk, request: u32, mut custody: Custody, now: Tick) {
        let body = self.runs.body(request).clone();
        let (mut late, mut late_stamp) = (Chain::default(), Stamp::default());
        let mut verdicts = Verdicts::default();
        let mut last: Option<(TraceId, Way)> = None;
        for (place, seen) in desk.scan.spans.iter().enumerate() {
            let Some(passed) = verdicts.of(self.ratio.as_ref(), seen, &body) else {
                self.ledger.close(custody.split(1), Fate::SampledOut(Reason::Ratio));
                continue;
            };
            let way = match last {
                Some((id, way)) if id == seen.trace => way,
                _ => self.way(&seen.trace, now),
            };
            last = Some((seen.trace, way));
            let name = seen.envelope;
            match way {
                Way::Gone => {
                    self.counts.late.1 += 1;
                    self.ledger.close(custody.split(1), Fate::SampledOut(Reason::Remembered));
                }
                Way::Late(threshold) => {
                    self.counts.late.0 += 1;
                    let own = trace_state(&body, seen).and_then(tracestate::randomness);
                    let stamp = self.late_stamp(&seen.trace, threshold, own);
                    if stamp != late_stamp && !late.is_empty() {
                        self.keep(std::mem::take(&mut late), late_stamp, false, &mut custody);
                    }
                    late_stamp = stamp;
                    self.runs.append(&mut late, request, name, seen.offset, seen.len);
                }
                Way::Open(at) => {
                    let envelope = self.runs.envelope(request, name).clone();
                    let state = trace_state(&body, seen);
                    let arrival = Arrival { parentage: seen.parentage, outgoing: OUTGOING.contains(&seen.kind) };
                    let (chain, facts) = self.buffer.arrive(at, arrival, custody.split(1), now);
                    let watch = self.sampler.as_ref().map(Sampler::watch);
                    if watch.is_some_and(Watch::asks_bytes) {
                        facts.note_envelope(bytes_around(&self.runs, chain, (request, name), &desk.scan));
                    }
                    self.runs.append(chain, request, name, seen.offset, seen.len);
                    let span = SpanFacts {
                        start: seen.start,
                        end: seen.end,
                        status: seen.status,
                        sampled: seen.sampled,
                        len: seen.len,
                        randomness: state.and_then(tracestate::randomness),
                        trace_state: state,
                    };
                    match watch {
                        Some(watch) => watch.note(&span, facts),
                        None => facts.note(&span),
                    }
                    facts.pass(&passed);
                    facts.mark(&envelope.marks);
                    if let Some(marks) = desk.witness.row(place) {
                        facts.mark(marks);
                    }
                    if let Some(sampler) = self.sampler.as_ref().filter(|sampler| !sampler.conditions().is_empty()) {
                        let record = &body[seen.offset as usize..][..seen.len as usize];
                        let envelope = (&envelope.resource[..], &envelope.scope[..]);
                        let arrival = ottl::Arrival { record, envelope, name };
                        let errors = &mut self.counts.policy_errors;
                        sampler.conditions().judge(arrival, &mut desk.conditions, facts, errors);
                    }
                    if self.buffer.arrived(at, u64::from(seen.len)) {
                        let held = self.buffer.take(at);
                        self.decide(held, Trigger::TraceLimit, now);
                        last = None;
                    }
                }
            }
        }
        self.keep(late, late_stamp, false, &mut custody);
        debug_assert_eq!(custody.spans(), 0, "every span went one way");
    }

    /// Where a trace is; opened if it is nowhere.
    fn way(&mut self, trace: &TraceId, now: Tick) -> Way {
        if let Some(at) = self.buffer.find(trace) {
            return Way::Open(at);
        }
        match self.memory.recall(trace) {
            Some(Decision::Kept { policy: _, threshold }) => return Way::Late(threshold),
            Some(Decision::Released) => return Way::Gone,
            None => {}
        }
        while self.buffer.is_full() {
            let Some(held) = self.buffer.take_oldest() else { break };
            self.decide(held, Trigger::TableFull, now);
        }
        Way::Open(self.buffer.open(*trace, now))
    }

    /// How a late span of a kept trace is stamped. The threshold is remembered and the randomness that it was found with
    /// is not: where the span's own contradicts it, it says nothing rather than something untrue.
    fn late_stamp(&self, trace: &TraceId, threshold: Threshold, own: Option<u64>) -> Stamp {
        let stamp = self.stamp(trace, threshold, own);
        let randomness = stamp.randomness.unwrap_or_else(|| randomness_of(trace));
        match stamp.threshold {
            Some(threshold) if !threshold.keeps(randomness) => Stamp::default(),
            Some(_) | None => stamp,
        }
    }

    /// Hands a chain over to be packed.
    fn keep(&mut self, chain: Chain, stamp: Stamp, whole: bool, custody: &mut Custody) {
        if chain.is_empty() {
            return;
        }
        let custody = custody.split(u64::from(chain.spans));
        self.kept.push(Kept { chain, stamp, whole }, custody);
    }
}

fn trace_state<'a>(body: &'a [u8], seen: &Sighting) -> Option<&'a [u8]> {
    seen.trace_state.and_then(|(offset, len)| body.get(offset as usize..)?.get(..len as usize))
}

/// What a span brings beside its own bytes where a trace is measured as a request of its own: its resource and its scope,
/// unless the span before it came under the same ones.
fn bytes_around(runs: &Runs, chain: &Chain, (request, name): (u32, u32), scan: &Scan) -> usize {
    let envelope = runs.envelope(request, name);
    let resource = |name: u32| scan.envelopes.get(name as usize).map(|scope| scope.resource);
    let scope_bytes = envelope.scope.len() + FRAMING;
    match runs.last(chain) {
        Some(last) if last == (request, name) => 0,
        Some((same, last)) if same == request && resource(last) == resource(name) => scope_bytes,
        Some(_) | None => scope_bytes + envelope.resource.len() + FRAMING,
    }
}

/// Bytes of the tag and the length of a message of some hundred bytes.
const FRAMING: usize = 3;

/// What a request may cost beside its bytes, at most: a run and a trace for each change from one trace to another, and
/// for each second span at most one run more: a trace that reaches its limit goes on as late spans.
fn cost(scan: &Scan, body: &[u8]) -> usize {
    let changes = scan.spans.windows(2).filter(|pair| changes(&pair[0], &pair[1], body)).count() + 1;
    let limits = (scan.spans.len() / 2).min(changes);
    let late = limits * (Runs::RUN_COST + Waiting::COST);
    let envelopes = scan.envelopes.len() * (Envelope::COST + Runs::NAME_COST) + envelope_bytes(scan, body);
    changes * (Runs::RUN_COST + Buffer::TRACE_COST) + late + Runs::REQUEST_COST + envelopes
}

/// The resource's part of an envelope, copied if it does not lie in one place: its share of the request's cost pays for
/// that.
fn resource_bytes<'b>(scan: &Scan, body: &'b [u8], i: u32) -> Cow<'b, [u8]> {
    scan.resource_slice(body, i).map_or_else(
        || {
            let mut copy = Vec::with_capacity(scan.resource_len(body, i));
            scan.resource_envelope(body, i, &mut copy);
            Cow::Owned(copy)
        },
        Cow::Borrowed,
    )
}

/// The scope's part of it.
fn scope_bytes<'b>(scan: &Scan, body: &'b [u8], i: u32) -> Cow<'b, [u8]> {
    scan.scope_slice(body, i).map_or_else(
        || {
            let mut copy = Vec::with_capacity(scan.scope_len(body, i));
            scan.scope_envelope(body, i, &mut copy);
            Cow::Owned(copy)
        },
        Cow::Borrowed,
    )
}

/// The bytes of all envelopes of a request: each scope's own, and those of its resource once more for every scope.
fn envelope_bytes(scan: &Scan, body: &[u8]) -> usize {
    // The scopes of a resource stand together.
    let (mut bytes, mut resource, mut resource_len) = (0, u32::MAX, 0);
    for (i, envelope) in scan.envelopes.iter().enumerate() {
        if envelope.resource != resource {
            resource = envelope.resource;
            resource_len = scan.resource_len(body, resource);
        }
        bytes += resource_len + scan.scope_len(body, i as u32);
    }
    bytes
}

/// Whether `after` may go another way than `before`, or cannot be in one run with it. Of one trace, spans with unlike
/// tracestates may have unlike verdicts or stamps.
fn changes(before: &Sighting, after: &Sighting, body: &[u8]) -> bool {
    let adjacent = before.offset + before.len == after.offset && before.envelope == after.envelope;
    before.trace != after.trace || !adjacent || trace_state(body, before) != trace_state(body, after)
}
