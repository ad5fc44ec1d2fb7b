//! Batches waiting for the collector. Full means full: the caller gets its batch back.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::relay::Depth;
use crate::relay::clock::Tick;
use crate::relay::custody::Custody;
use crate::relay::retry::{Delays, Dice, Gate};

/// One request to the collector: an encoded `ExportTraceServiceRequest` in slices, and who answers for its spans.
#[derive(Debug)]
pub struct Batch {
    /// The encoded request; the slices in order are its bytes.
    pub body: Vec<Bytes>,
    /// The length of the body, in bytes.
    pub len: usize,
    /// Who answers for its spans.
    pub custody: Custody,
    /// When it was cut; its age counts from here.
    pub cut_at: Tick,
    /// How often it was given to an exporter before.
    pub attempts: u32,
}

/// What became of a batch at the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The collector answered OK; `rejected_spans` of it were refused in `partial_success` (clamped by the relay).
    Delivered {
        /// Spans the collector says it did not take.
        rejected_spans: u64,
    },
    /// Worth another try.
    TryAgain {
        /// Who has to wait.
        scope: Backoff,
        /// How long the collector asked us to wait (RetryInfo), already capped.
        delay: Option<Duration>,
        /// True when the collector may have taken it although we did not see an answer.
        unknown: bool,
    },
    /// The collector refused it for good.
    Rejected,
    /// We gave the attempt up ourselves, because the process ends: it says nothing about the collector.
    GivenUp {
        /// True when the collector may have taken it.
        unknown: bool,
    },
}

/// Who waits after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// Everything for this collector: it cannot be reached or says it is unavailable.
    Upstream,
    /// This batch alone.
    Batch,
}

/// What the queue may hold.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of batches, those out at the collector included.
    pub size_max: usize,
    /// Batches, those out at the collector included.
    pub batches_max: usize,
    /// How long a batch may wait for the collector, from its cutting.
    pub age_max: Duration,
    /// Waits between attempts.
    pub delays: Delays,
}

/// Batches in the order of their cutting; those that must wait for another attempt stand aside until their time.
///
/// One batch is always let in when the queue is empty, whatever its size: otherwise it would wait for ever.
#[derive(Debug)]
pub struct Queue {
    options: Options,
    ready: BTreeMap<Turn, Batch>,
    aside: BTreeMap<(Tick, u64), Batch>,
    gate: Gate,
    dice: Dice,
    next: u64,
    waiting: Depth,
    out: Depth,
    out_batches: usize,
    up: Option<bool>,
}

type Turn = (Tick, u64);

impl Queue {
    /// An empty queue; `seed` settles the jitter of its waits.
    pub fn new(options: Options, seed: u64) -> Queue {
        Queue {
            options,
            ready: BTreeMap::new(),
            aside: BTreeMap::new(),
            gate: Gate::default(),
            dice: Dice::new(seed),
            next: 0,
            waiting: Depth::default(),
            out: Depth::default(),
            out_batches: 0,
            up: None,
        }
    }

    /// Whether a batch of `len` bytes finds room.
    pub fn has_room(&self, len: usize) -> bool {
        let batches = self.ready.len() + self.aside.len() + self.out_batches;
        let bytes = self.waiting.bytes + self.out.bytes;
        batches == 0 || (batches < self.options.batches_max && bytes + len as u64 <= self.options.size_max as u64)
    }

    /// Puts a batch at its place, or gives it back.
    pub fn push(&mut self, batch: Batch) -> Result<(), Batch> {
        if !self.has_room(batch.len) {
            return Err(batch);
        }
        self.wait(batch);
        Ok(())
    }

    /// The oldest batch that may go out now. It counts as out until [`Queue::returned`].
    pub fn take(&mut self, now: Tick) -> Option<Batch> {
        self.call_back(now);
        if !self.gate.lets_through(now, self.out_batches) {
            return None;
        }
        let (_, mut batch) = self.ready.pop_first()?;
        leave(&mut self.waiting, &batch);
        enter(&mut self.out, &batch);
        self.out_batches += 1;
        batch.attempts = batch.attempts.saturating_add(1);
        Some(batch)
    }

    /// Whether [`Queue::take`] would give something now.
    pub fn can_take(&self, now: Tick) -> bool {
        let some = !self.ready.is_empty() || self.aside.first_key_value().is_some_and(|(&(due, _), _)| due <= now);
        some && self.gate.lets_through(now, self.out_batches)
    }

    /// A batch is not out any more; what happens to it next is the caller's to say.
    pub fn returned(&mut self, batch: &Batch) {
        leave(&mut self.out, batch);
        self.out_batches -= 1;
    }

    /// The collector answered: it can be reached.
    pub fn reached(&mut self) {
        self.gate.succeeded();
        self.up = Some(true);
    }

    /// Puts a returned batch back for another attempt. There is room: it was counted while it was out.
    pub fn restore(&mut self, batch: Batch, scope: Backoff, asked: Option<Duration>, now: Tick) {
        match scope {
            Backoff::Upstream => {
                self.up = Some(false);
                self.gate.failed(now, asked, &self.options.delays, &mut self.dice);
                self.wait(batch);
            }
            Backoff::Batch => {
                let due = now.after(self.options.delays.wait(batch.attempts, asked, &mut self.dice));
                enter(&mut self.waiting, &batch);
                self.next += 1;
                self.aside.insert((due, self.next), batch);
            }
        }
    }

    /// A batch that has waited for too long, if there is one. Call until there is none.
    pub fn expired(&mut self, now: Tick) -> Option<Batch> {
        self.call_back(now);
        let &(cut_at, turn) = self.ready.keys().next()?;
        if now < cut_at.after(self.options.age_max) {
            return None;
        }
        let batch = self.ready.remove(&(cut_at, turn))?;
        leave(&mut self.waiting, &batch);
        Some(batch)
    }

    /// The batch cut longest ago of all that wait, aside or not, to be given up.
    pub fn oldest(&mut self) -> Option<Batch> {
        let ready = self.ready.keys().next().map(|&(cut_at, _)| cut_at);
        let aside = self.aside.iter().min_by_key(|(_, batch)| batch.cut_at).map(|(&turn, batch)| (batch.cut_at, turn));
        let batch = match (ready, aside) {
            (Some(ready), Some((cut_at, turn))) if cut_at < ready => self.aside.remove(&turn)?,
            (None, Some((_, turn))) => self.aside.remove(&turn)?,
            (_, _) => self.ready.pop_first()?.1,
        };
        leave(&mut self.waiting, &batch);
        Some(batch)
    }

    /// When there may be something to take or to expire; nothing when only a call can change that.
    pub fn next_due(&self, now: Tick) -> Option<Tick> {
        let aside = self.aside.keys().next().map(|&(due, _)| due);
        let ready = self.ready.keys().next().map(|&(cut_at, _)| {
            let expiry = cut_at.after(self.options.age_max);
            match self.gate.opens_at() {
                Some(opens) if self.out_batches == 0 => opens.max(now).min(expiry),
                _ => expiry,
            }
        });
        aside.into_iter().chain(ready).min()
    }

    /// What waits here.
    pub fn waiting(&self) -> Depth {
        self.waiting
    }

    /// What is out at the collector.
    pub fn out(&self) -> Depth {
        self.out
    }

    /// Whether nothing waits and nothing is out.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.aside.is_empty() && self.out_batches == 0
    }

    /// Whether the last attempt reached the collector; none before the first.
    pub fn up(&self) -> Option<bool> {
        self.up
    }

    fn call_back(&mut self, now: Tick) {
        while let Some(entry) = self.aside.first_entry() {
            if now < entry.key().0 {
                return;
            }
            let batch = entry.remove();
            leave(&mut self.waiting, &batch);
            self.wait(batch);
        }
    }

    fn wait(&mut self, batch: Batch) {
        enter(&mut self.waiting, &batch);
        self.next += 1;
        self.ready.insert((batch.cut_at, self.next), batch);
    }
}

fn enter(depth: &mut Depth, batch: &Batch) {
    depth.spans += batch.custody.spans();
    depth.bytes += batch.len as u64;
}

fn leave(depth: &mut Depth, batch: &Batch) {
    depth.spans -= batch.custody.spans();
    depth.bytes -= batch.len as u64;
}

#[cfg(test)]
mod tests;
