//! Traces waiting for the rest of their spans: which are open, which is due next, and why. Deciding is not done here.

mod links;
mod siblings;

use std::time::Duration;

use hashbrown::HashTable;

use crate::relay::Depth;
use crate::relay::Trigger;
use crate::relay::clock::Tick;
use crate::relay::custody::Custody;
use crate::relay::hash::Keyed;
use crate::relay::keep::Waiting;
use crate::relay::otlp::{Parentage, TraceId};
use crate::relay::runs::Chain;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::memory;
use crate::relay::slab::Slab;
use links::{Line, Links};
use siblings::Siblings;

/// When traces are complete, and how large they may become.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A trace is decided this long after its first span at the latest.
    pub decision_wait: Duration,
    /// A trace whose local root has ended is decided this long after its last arrival.
    pub grace: Duration,
    /// Open traces.
    pub traces_max: usize,
    /// Spans of one trace.
    pub trace_spans_max: u32,
    /// Bytes of one trace.
    pub trace_bytes_max: u64,
}

/// The open traces.
#[derive(Debug)]
pub struct Buffer {
    options: Options,
    keyed: Keyed,
    index: HashTable<u32>,
    traces: Slab<Trace>,
    /// By first arrival, the oldest first.
    timers: Line,
    /// Those whose local root has ended, by last arrival.
    endings: Line,
    siblings: Siblings,
    custody: Custody,
    bytes: u64,
}

/// An open trace.
#[derive(Debug)]
struct Trace {
    id: TraceId,
    chain: Chain,
    facts: Facts,
    first: Tick,
    last: Tick,
    timer: Links,
    ending: Links,
    ended: Ended,
    /// It has a span that may have a child in another process.
    outgoing: bool,
}

/// What a trace's local roots say about its completeness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ended {
    /// No local root has been seen.
    No,
    /// One with a remote parent has.
    Remote,
    /// One without a parent has.
    True,
}

/// A trace taken out of the buffer to be decided.
#[derive(Debug)]
pub struct Held {
    /// Its id.
    pub id: TraceId,
    /// Its spans.
    pub chain: Chain,
    /// What policies may know of it.
    pub facts: Facts,
    /// When its first span came.
    pub first: Tick,
    /// Who answers for its spans.
    pub custody: Custody,
}

/// What the buffer wants to know of an arriving span beside the facts.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Where its parent is.
    pub parentage: Parentage,
    /// Whether it may have a child in another process: kind CLIENT or PRODUCER.
    pub outgoing: bool,
}

impl Buffer {
    /// What one open trace costs beside its spans, in bytes: its place, its share of the index at its emptiest while
    /// another one is being made, and what its decision will cost: its place may stay when the trace has gone.
    pub const TRACE_COST: usize = Slab::<Trace>::PLACE_COST + 24 + Waiting::COST + memory::ENTRY_COST;

    /// No open traces.
    pub fn new(options: Options, keyed: Keyed) -> Buffer {
        Buffer {
            options,
            keyed,
            index: HashTable::new(),
            traces: Slab::default(),
            timers: Line::default(),
            endings: Line::default(),
            siblings: Siblings::default(),
            custody: Custody::none(),
            bytes: 0,
        }
    }

    /// A span of this service came.
    pub fn heard(&mut self, service: u64, now: Tick) {
        self.siblings.heard(service, now);
    }

    /// The place of an open trace.
    pub fn find(&self, id: &TraceId) -> Option<u32> {
        self.index.find(self.keyed.trace(id), |&at| self.traces.at(at).id == *id).copied()
    }

    /// Whether one more trace would be too many.
    pub fn is_full(&self) -> bool {
        self.options.traces_max <= self.traces.len()
    }

    /// Opens a trace and says its place.
    pub fn open(&mut self, id: TraceId, now: Tick) -> u32 {
        let (timer, ending) = (Links::default(), Links::default());
        let (chain, facts) = (Chain::default(), Facts::default());
        let trace = Trace { id, chain, facts, first: now, last: now, timer, ending, ended: Ended::No, outgoing: false };
        let at = self.traces.insert(trace);
        let (traces, keyed) = (&self.traces, &self.keyed);
        self.index.insert_unique(keyed.trace(&id), at, |&at| keyed.trace(&traces.at(at).id));
        self.timers.push(&mut self.traces, at, |trace| &mut trace.timer);
        at
    }

    /// A span for the trace at `at`: its chain and its facts, for the caller to extend.
    pub fn arrive(&mut self, at: u32, arrival: Arrival, custody: Custody, now: Tick) -> (&mut Chain, &mut Facts) {
        self.custody.join(custody);
        let ended = match arrival.parentage {
            Parentage::TrueRoot => Ended::True,
            Parentage::RemoteParent => Ended::Remote,
            Parentage::Child => Ended::No,
        };
        let trace = self.traces.at_mut(at);
        let was = trace.ended;
        trace.ended = was.max(ended);
        trace.outgoing |= arrival.outgoing;
        let moved = trace.last != now;
        trace.last = now;
        if was != Ended::No && moved {
            self.endings.remove(&mut self.traces, at, |trace| &mut trace.ending);
        }
        if (was != Ended::No && moved) || (was == Ended::No && ended != Ended::No) {
            self.endings.push(&mut self.traces, at, |trace| &mut trace.ending);
        }
        let trace = self.traces.at_mut(at);
        (&mut trace.chain, &mut trace.facts)
    }

    /// Counts the bytes of a span that [`Buffer::arrive`] announced, and says whether its trace is now at a limit.
    pub fn arrived(&mut self, at: u32, bytes: u64) -> bool {
        self.bytes += bytes;
        let chain = &self.traces.at(at).chain;
        self.options.trace_spans_max <= chain.spans || self.options.trace_bytes_max <= chain.bytes
    }

    /// Takes a trace out, whether it is due or not.
    pub fn take(&mut self, at: u32) -> Held {
        self.timers.remove(&mut self.traces, at, |trace| &mut trace.timer);
        self.endings.remove(&mut self.traces, at, |trace| &mut trace.ending);
        let hash = self.keyed.trace(&self.traces.at(at).id);
        if let Ok(entry) = self.index.find_entry(hash, |&known| known == at) {
            entry.remove();
        }
        self.shrink_index();
        let Trace { id, chain, facts, first, .. } = self.traces.remove(at);
        self.bytes -= chain.bytes;
        let custody = self.custody.split(u64::from(chain.spans));
        Held { id, chain, facts, first, custody }
    }

    /// Takes the next trace whose time has come, and says why it has.
    pub fn take_due(&mut self, now: Tick) -> Option<(Held, Trigger)> {
        while let Some(at) = self.endings.front() {
            let trace = self.traces.at(at);
            if now < trace.last.after(self.options.grace) {
                break;
            }
            if self.is_complete(trace, now) {
                return Some((self.take(at), Trigger::LocalRoot));
            }
            // The timer decides it, unless it grows once more.
            self.endings.remove(&mut self.traces, at, |trace| &mut trace.ending);
        }
        let at = self.timers.front()?;
        let due = self.traces.at(at).first.after(self.options.decision_wait);
        (due <= now).then(|| (self.take(at), Trigger::Timer))
    }

    /// Takes the oldest trace, due or not.
    pub fn take_oldest(&mut self) -> Option<Held> {
        self.timers.front().map(|at| self.take(at))
    }

    /// When the next trace is due.
    pub fn next_due(&self) -> Option<Tick> {
        let ending = self.endings.front().map(|at| self.traces.at(at).last.after(self.options.grace));
        let timer = self.timers.front().map(|at| self.traces.at(at).first.after(self.options.decision_wait));
        ending.into_iter().chain(timer).min()
    }

    /// Open traces.
    pub fn len(&self) -> usize {
        self.traces.len()
    }

    /// Whether no trace is open.
    pub fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// Spans waiting, and the bytes of their records.
    pub fn depth(&self) -> Depth {
        Depth { spans: self.custody.spans(), bytes: self.bytes }
    }

    /// What the open traces cost beside their spans, in bytes.
    pub fn owed(&self) -> usize {
        let place = Slab::<Trace>::PLACE_COST;
        self.traces.owed() * place + self.traces.len() * (Self::TRACE_COST - place)
    }

    /// Makes the index smaller when it has become too empty for what its entries pay; that it is then not full again at
    /// once makes moving them cheap.
    fn shrink_index(&mut self) {
        let (traces, keyed, entries) = (&self.traces, &self.keyed, self.index.len());
        if INDEX_SPARE < self.index.capacity() && entries * 5 / 2 < self.index.capacity() {
            self.index.shrink_to(entries, |&at| keyed.trace(&traces.at(at).id));
        }
    }

    /// Whether the local part of a trace whose local root has ended can have no more spans to come. A process that is
    /// alone behind this relay sends its root last. One with siblings never knows; nor does one in its first minute, if
    /// its trace has a remote parent or may have a remote child.
    ///
    /// In that minute the kinds of spans are trusted to say whether there may be a remote child. An app that hands its
    /// context on from an INTERNAL span, to a sibling that has not spoken yet, can have that sibling's errors decided away.
    /// To wait for the minute with every trace would close this gap, and have `decision_wait` decide everything that each
    /// new pod begins with: the gap is narrower than the price, and an instrumented client is of kind CLIENT.
    fn is_complete(&self, trace: &Trace, now: Tick) -> bool {
        if !self.siblings.alone(now) {
            return false;
        }
        match trace.ended {
            Ended::No => false,
            Ended::Remote => self.siblings.settled(now),
            Ended::True => !trace.outgoing || self.siblings.settled(now),
        }
    }
}

/// An index for so few traces is not worth making smaller.
const INDEX_SPARE: usize = 1000;

const _: () = assert!(size_of::<Trace>() <= 192, "the cost of an open trace is part of the promise");

#[cfg(test)]
mod tests;
