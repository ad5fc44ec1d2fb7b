//! The rooms as one machine: what is decided, settled and given up, in which order. Whoever drives it brings the
//! time and carries the batches.

use std::time::Duration;

use crate::relay::admission::Desk;
use crate::relay::ages::Ages;
use crate::relay::batch::{self, Packer};
use crate::relay::budget::{Budget, Charge};
use crate::relay::buffer::{self, Buffer};
use crate::relay::clock::Tick;
use crate::relay::custody::{self, Cause, Custody, Fate, Ledger, Reason};
use crate::relay::envelope::Envelopes;
use crate::relay::hash::Keyed;
use crate::relay::keep::{Kept, Waiting};
use crate::relay::otlp::TraceId;
use crate::relay::queue::{self, Backoff, Batch, Outcome, Queue};
use crate::relay::runs::Runs;
use crate::relay::sampling::memory::{self, Decision, Memory};
use crate::relay::sampling::policy::{Sampler, Verdict};
use crate::relay::sampling::ratio::{Ratio, Threshold};
use crate::relay::sampling::tracestate::Stamp;
use crate::relay::{Depth, Held, Snapshot, Transport, Trigger, TurnedAway};

/// What a relay is made of.
#[derive(Debug)]
pub struct Options {
    /// The ratio stage; none keeps everything.
    pub ratio: Option<Ratio>,
    /// The tail stage; none decides nothing later.
    pub sampler: Option<Sampler>,
    /// Bytes of remembered decisions, within the budget.
    pub remember_bytes: usize,
    /// Spans of one request, rejected ones included.
    pub request_spans_max: u32,
    /// Open traces.
    pub buffer: buffer::Options,
    /// Requests to the collector.
    pub batch: batch::Options,
    /// Requests waiting for it.
    pub queue: queue::Options,
    /// The secret of this process: keys the tables, seeds the jitter.
    pub secret: [u64; 2],
}

/// Everything between the two sockets.
#[derive(Debug)]
pub struct Relay {
    pub(super) options: Limits,
    pub(super) budget: Budget,
    /// Pays for runs, traces, envelopes and remembered decisions.
    pub(super) overhead: Charge,
    pub(super) keyed: Keyed,
    pub(super) ledger: Ledger,
    pub(super) counts: Counts,
    pub(super) ratio: Option<Ratio>,
    pub(super) sampler: Option<Sampler>,
    pub(super) memory: Memory,
    pub(super) envelopes: Envelopes,
    pub(super) runs: Runs,
    pub(super) buffer: Buffer,
    pub(super) kept: Waiting,
    pub(super) packer: Packer,
    pub(super) queue: Queue,
    pub(super) desk: Desk,
    pub(super) closed: bool,
    /// Everything was decided, and what still comes is decided at once.
    pub(super) hurry: bool,
}

/// Limits that belong to no room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) request_spans_max: u32,
    /// Bytes of the budget that no request can ever have.
    pub(super) set_aside: usize,
    queue_bytes_max: usize,
}

/// What is counted beside the books.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) received_grpc: u64,
    pub(super) received_http: u64,
    pub(super) rejected_trace_id: u64,
    pub(super) rejected_span_id: u64,
    pub(super) rejected_malformed: u64,
    pub(super) refused_full: u64,
    pub(super) late: (u64, u64),
    turned_away: [(u64, u64); TurnedAway::ALL.len()],
    discarded: [u64; 3],
    decisions: [(u64, u64); Trigger::ALL.len()],
    decision_ages: Ages,
    kept_by_policy: Vec<u64>,
    /// In the order of [`Sampler::can_fail`].
    pub(super) policy_errors: Vec<u64>,
    maybe_duplicated: u64,
    pub(super) tracestate_unreadable: u64,
    exports: (u64, u64, u64),
}

impl Counts {
    /// Spans of a request that was read.
    pub(super) fn received(&mut self, transport: Transport, spans: u64) {
        match transport {
            Transport::Grpc => self.received_grpc += spans,
            Transport::Http => self.received_http += spans,
        }
    }
}

impl Relay {
    /// A relay that holds nothing; none when the budget cannot even spare what making a request takes.
    pub fn new(options: Options, budget: Budget) -> Option<Relay> {
        let keyed = Keyed::new(options.secret);
        let policies = options.sampler.as_ref().map_or(0, |sampler| sampler.names().len());
        let can_fail = options.sampler.as_ref().map_or(0, |sampler| sampler.can_fail().len());
        let limits = Limits {
            request_spans_max: options.request_spans_max,
            set_aside: batch::spare_bytes(budget.limit(), options.batch.size_max),
            queue_bytes_max: options.queue.size_max,
        };
        Some(Relay {
            options: limits,
            overhead: budget.charge(0)?,
            packer: Packer::new(options.batch, &budget)?,
            ledger: Ledger::default(),
            counts: Counts { kept_by_policy: vec![0; policies], policy_errors: vec![0; can_fail], ..Counts::default() },
            ratio: options.ratio,
            sampler: options.sampler,
            memory: Memory::new((options.remember_bytes / memory::ENTRY_COST).max(1), options.secret),
            envelopes: Envelopes::new(keyed),
            runs: Runs::default(),
            buffer: Buffer::new(options.buffer, keyed),
            kept: Waiting::new(),
            queue: Queue::new(options.queue, options.secret[0] ^ options.secret[1]),
            desk: Desk::default(),
            closed: false,
            hurry: false,
            keyed,
            budget,
        })
    }

    /// Does what the time has come for: decides, packs, cuts, lets expire.
    pub fn advance(&mut self, now: Tick) {
        while let Some((held, trigger)) = self.buffer.take_due(now) {
            self.decide(held, trigger, now);
        }
        while let Some(batch) = self.queue.expired(now) {
            self.ledger.close(batch.custody, Fate::Dropped(Cause::Expired));
        }
        self.settle_overhead();
        self.pack(now);
    }

    /// When [`Relay::advance`] or [`Relay::take_batch`] has something to do; nothing when only a call can change that.
    pub fn next_due(&self, now: Tick) -> Option<Tick> {
        let cut = self.packer.due().filter(|_| self.queue.has_room(self.packer.len()));
        self.buffer.next_due().into_iter().chain(cut).chain(self.queue.next_due(now)).min()
    }

    /// The next batch for the collector, if one may go out now.
    pub fn take_batch(&mut self, now: Tick) -> Option<Batch> {
        self.queue.take(now)
    }

    /// Whether [`Relay::take_batch`] would give something now.
    pub fn has_batch(&self, now: Tick) -> bool {
        self.queue.can_take(now)
    }

    /// Says what became of a batch.
    pub fn settle(&mut self, batch: Batch, outcome: Outcome, now: Tick) {
        self.queue.returned(&batch);
        match outcome {
            Outcome::Delivered { rejected_spans } => {
                self.counts.exports.0 += 1;
                self.queue.reached();
                self.delivered(batch, rejected_spans);
            }
            Outcome::Rejected => {
                self.counts.exports.2 += 1;
                self.queue.reached();
                self.ledger.close(batch.custody, Fate::Dropped(Cause::Rejected));
            }
            Outcome::TryAgain { scope, delay, unknown } => {
                self.counts.exports.1 += 1;
                if scope == Backoff::Batch {
                    self.queue.reached();
                }
                self.try_again(batch, scope, delay, unknown, now);
            }
            Outcome::GivenUp { unknown } => {
                self.counts.exports.1 += 1;
                self.try_again(batch, Backoff::Batch, None, unknown, now);
            }
        }
        self.settle_overhead();
        self.pack(now);
    }

    /// Puts a batch back for another attempt, unless there will be none.
    fn try_again(&mut self, batch: Batch, scope: Backoff, delay: Option<Duration>, unknown: bool, now: Tick) {
        if self.closed {
            self.ledger.close(batch.custody, Fate::Dropped(Cause::Shutdown));
            return;
        }
        if unknown {
            self.counts.maybe_duplicated += batch.custody.spans();
        }
        self.queue.restore(batch, scope, delay, now);
    }

    /// Decides everything that is open on what is there, and cuts what is kept without waiting for more.
    pub fn decide_all(&mut self, now: Tick) {
        self.hurry = true;
        while let Some(held) = self.buffer.take_oldest() {
            self.decide(held, Trigger::Shutdown, now);
        }
        self.settle_overhead();
        self.pack(now);
    }

    /// Ends it: nothing is admitted any more, and what is not out at the collector is dropped.
    pub fn close(&mut self, now: Tick) {
        self.decide_all(now);
        self.closed = true;
        let end = Fate::Dropped(Cause::Shutdown);
        while let Some(batch) = self.queue.oldest() {
            self.ledger.close(batch.custody, end);
        }
        if let Some(batch) = self.packer.cut(now) {
            self.ledger.close(batch.custody, end);
        }
        while let Some(kept) = self.kept.pop() {
            self.runs.drop_all(kept.chain);
        }
        let rest = std::mem::replace(&mut self.kept.custody, Custody::none());
        self.ledger.close(rest, end);
        self.settle_overhead();
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.held().spans() == 0
    }

    /// Counts a request turned away, with the bytes it had or declared.
    pub fn turn_away(&mut self, reason: TurnedAway, bytes: u64) {
        let (requests, all) = &mut self.counts.turned_away[reason as usize];
        *requests += 1;
        *all = all.saturating_add(bytes);
    }

    /// Counts a request that was refused for [`Refusal::Full`](crate::relay::Refusal::Full), and had so many `bytes`.
    pub fn refuse(&mut self, spans: Option<u64>, bytes: u64, transport: Transport) {
        match spans {
            Some(spans) => {
                self.counts.received(transport, spans);
                self.counts.refused_full += spans;
            }
            None => self.turn_away(TurnedAway::Full, bytes),
        }
    }

    /// Counts a request of another signal: 0 metrics, 1 logs, 2 profiles.
    pub fn discard(&mut self, signal: usize) {
        if let Some(count) = self.counts.discarded.get_mut(signal) {
            *count += 1;
        }
    }

    /// Everything counted, as of this moment.
    pub fn snapshot(&self) -> Snapshot {
        let counts = &self.counts;
        let can_fail = self.sampler.as_ref().map_or(&[][..], Sampler::can_fail);
        Snapshot {
            ledger: self.ledger.clone(),
            unaccounted: custody::leaked(),
            received_grpc: counts.received_grpc,
            received_http: counts.received_http,
            rejected_trace_id: counts.rejected_trace_id,
            rejected_span_id: counts.rejected_span_id,
            rejected_malformed: counts.rejected_malformed,
            refused_full: counts.refused_full,
            turned_away: counts.turned_away,
            discarded: counts.discarded,
            held: self.held(),
            queue_capacity: self.options.queue_bytes_max as u64,
            budget: (self.budget.limit() as u64, self.budget.charged() as u64, self.budget.peak() as u64),
            decisions: counts.decisions,
            decision_ages: counts.decision_ages.clone(),
            kept_by_policy: counts.kept_by_policy.clone(),
            policy_errors: can_fail.iter().copied().zip(counts.policy_errors.iter().copied()).collect(),
            traces_open: self.buffer.len() as u64,
            remembered: self.memory.len() as u64,
            late: counts.late,
            maybe_duplicated: counts.maybe_duplicated,
            tracestate_unreadable: counts.tracestate_unreadable,
            exports: counts.exports,
            upstream_up: self.queue.up(),
            waiting: 0,
        }
    }

    /// What a kept trace's spans are told about how they were sampled. `randomness` is what it was decided by where that
    /// is not in its id: a span that lacks it is told, or the threshold would be compared with another one downstream.
    pub(super) fn stamp(&self, id: &TraceId, threshold: Threshold, randomness: Option<u64>) -> Stamp {
        if threshold == Threshold::UNTOLD {
            return Stamp::default();
        }
        match &self.ratio {
            Some(ratio) => ratio.stamp(id, threshold, randomness),
            None => Stamp { threshold: Some(threshold), randomness },
        }
    }

    /// Decides a trace and carries the verdict out.
    pub(super) fn decide(&mut self, held: buffer::Held, trigger: Trigger, now: Tick) {
        self.counts.decision_ages.note(now.since(held.first));
        let verdict = match &self.sampler {
            Some(sampler) => sampler.decide(&held.id, &held.facts, now),
            None => Verdict::Keep { policy: 0, threshold: Threshold::ALL },
        };
        let (kept, released) = &mut self.counts.decisions[trigger as usize];
        match verdict {
            Verdict::Release { drop_policy } => {
                *released += 1;
                self.memory.remember(held.id, Decision::Released);
                self.runs.drop_all(held.chain);
                let reason = drop_policy.map_or(Reason::NoMatch, Reason::Policy);
                self.ledger.close(held.custody, Fate::SampledOut(reason));
            }
            Verdict::Keep { policy, threshold } => {
                *kept += 1;
                if let Some(count) = self.counts.kept_by_policy.get_mut(usize::from(policy)) {
                    *count += 1;
                }
                self.memory.remember(held.id, Decision::Kept { policy, threshold });
                let stamp = self.stamp(&held.id, threshold, held.facts.randomness());
                self.kept.push(Kept { chain: held.chain, stamp, whole: false }, held.custody);
            }
        }
    }

    /// Gives back what is no longer owed for runs, traces and decisions.
    pub(super) fn settle_overhead(&mut self) {
        let owed = self.runs.owed() + self.buffer.owed() + self.kept.owed() + self.memory.len() * memory::ENTRY_COST;
        debug_assert!(owed <= self.overhead.bytes(), "owes {owed} and paid {}", self.overhead.bytes());
        self.overhead.shrink_to(owed);
    }

    fn delivered(&mut self, mut batch: Batch, rejected_spans: u64) {
        let rejected = batch.custody.split(rejected_spans);
        self.ledger.close(rejected, Fate::Dropped(Cause::Partial));
        self.ledger.close(batch.custody, Fate::Exported);
    }

    fn held(&self) -> Held {
        let (kept, open) = (self.kept.depth(), self.packer.depth());
        let batch = Depth { spans: kept.spans + open.spans, bytes: kept.bytes + open.bytes };
        Held { buffer: self.buffer.depth(), batch, queue: self.queue.waiting(), inflight: self.queue.out() }
    }
}
