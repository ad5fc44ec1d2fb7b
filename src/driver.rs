//! Real time and wake-ups for the relay: the one place where the pure and the real world meet, and the only lock on the
//! data path. The lock is taken once a request or batch, never once a span, and never across an await.

mod line;
mod refusing;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::instruments::Instruments;
use crate::relay::budget::{Budget, Charge};
use crate::relay::clock::Tick;
use crate::relay::frame::Frame;
use crate::relay::queue::{Batch, Outcome};
use crate::relay::{self, Options, Relay, Snapshot, Transport, TurnedAway};
use line::Line;
use refusing::Refusing;

/// The relay behind its lock, with a clock. Shared as `Arc<Driver>`.
#[derive(Debug)]
pub struct Driver {
    relay: Mutex<Held>,
    /// What the last one who looked saw, for when the lock cannot be had any more.
    looked_at: Mutex<Option<Snapshot>>,
    budget: Budget,
    line: Line,
    origin: Instant,
    /// Somebody has to look at the time again.
    clock: Notify,
    /// A batch may be there to be sent.
    batches: Notify,
    phase: watch::Sender<Phase>,
    instruments: Instruments,
}

/// What the lock holds.
#[derive(Debug)]
struct Held {
    relay: Relay,
    /// When the clock is looked at next.
    wakes: Option<Tick>,
    /// Callers refused for want of room for a body.
    unread: Refusing,
    /// Callers refused for want of room for an index, their bodies read.
    read: Refusing,
}

/// What an OK to the app says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Spans in our custody from now on.
    pub accepted: u64,
    /// Spans that are not, for good: an invalid trace id.
    pub rejected_trace_id: u64,
    /// An invalid span id.
    pub rejected_span_id: u64,
    /// Bytes that are not a span.
    pub rejected_malformed: u64,
}

/// Why a scanned request was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No room for its index; try again. It is counted.
    Full,
    /// Its index would not fit even if nothing else were held.
    TooLarge,
    /// Not an OTLP trace request; the text says where and why, in at most 256 bytes.
    Malformed(String),
    /// The process is leaving; try again elsewhere.
    Draining,
}

/// A signal that is read, counted and discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Metrics.
    Metrics,
    /// Logs.
    Logs,
    /// Profiles.
    Profiles,
}

/// How old the last words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recency {
    /// As of this moment.
    Now,
    /// As of the last time somebody looked.
    LastLook,
}

/// Where a process is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// At work.
    Serving,
    /// Not ready any more, the door still open: the app flushes last.
    LameDuck,
    /// No new calls; those under way finish.
    Closing,
    /// Everything held is decided.
    Deciding,
    /// The queue is sent until the deadline.
    Flushing,
    /// Over; what is left is dropped for `shutdown`.
    Closed,
}

/// The clock is not looked at more often than this while much is due: what is due within it is done together.
const TICK_MIN: Duration = Duration::from_millis(10);

/// A request that has waited so long for room makes the relay decide its oldest traces to get it.
const PRESSURE_AFTER: Duration = Duration::from_millis(250);

impl Driver {
    /// A relay at work on a budget of `budget` bytes; none when that is too small to make a single request.
    pub fn new(options: Options, budget: usize, instruments: Instruments) -> Option<Arc<Driver>> {
        let line = Line::default();
        let room = line.room();
        let budget = Budget::with_listener(budget, Box::new(move || room.notify_one()));
        let relay = Relay::new(options, budget.clone())?;
        let held = Held { relay, wakes: None, unread: Refusing::default(), read: Refusing::default() };
        Some(Arc::new(Driver {
            relay: Mutex::new(held),
            looked_at: Mutex::default(),
            budget,
            line,
            origin: Instant::now(),
            clock: Notify::new(),
            batches: Notify::new(),
            phase: watch::Sender::new(Phase::Serving),
            instruments,
        }))
    }

    /// The bytes that may be held.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Waits in line until `bytes` are charged; `None` when `patience` is over first. Nobody who came later is served
    /// before. Dropping the future gives the place up. `patience` zero only looks.
    pub async fn room(&self, bytes: usize, patience: Duration) -> Option<Charge> {
        if self.line.is_empty()
            && let Some(charge) = self.budget.charge(bytes)
        {
            return Some(charge);
        }
        let began = self.now();
        let charge = match patience.is_zero() {
            true => None,
            false => {
                let waiting = self.line.wait(&self.budget, bytes, PRESSURE_AFTER, || self.relieve(bytes));
                tokio::time::timeout(patience, waiting).await.ok()
            }
        };
        let now = self.now();
        self.instruments.held(now.since(began));
        match charge {
            Some(charge) => {
                self.lock().unread.ended(now);
                Some(charge)
            }
            None => self.last_resort(bytes, began),
        }
    }

    /// Takes a request's spans into custody. No await: cancellation cannot tear it.
    pub fn admit(&self, frame: Frame, transport: Transport) -> Result<Receipt, Refusal> {
        let now = self.now();
        let mut held = self.lock();
        let receipt = held.admit(frame, transport, now);
        self.wake(held, now);
        match receipt {
            Ok(relay::Receipt { accepted, rejected }) => Ok(Receipt {
                accepted,
                rejected_trace_id: u64::from(rejected.invalid_trace_id),
                rejected_span_id: u64::from(rejected.invalid_span_id),
                rejected_malformed: u64::from(rejected.malformed),
            }),
            Err(relay::Refusal::Full { .. }) => Err(Refusal::Full),
            Err(relay::Refusal::TooLarge) => Err(Refusal::TooLarge),
            Err(relay::Refusal::Malformed(why)) => Err(Refusal::Malformed(why.to_string())),
            Err(relay::Refusal::Draining) => Err(Refusal::Draining),
        }
    }

    /// Counts a request turned away, with the bytes it had or declared.
    pub fn turn_away(&self, reason: TurnedAway, bytes: u64) {
        self.lock().relay.turn_away(reason, bytes);
    }

    /// Counts a request of another signal.
    pub fn discard(&self, signal: Signal) {
        self.lock().relay.discard(signal as usize);
    }

    /// The next batch whose time has come; `None` when the relay is closed. Dropping the future loses no batch.
    pub async fn next_batch(&self) -> Option<Batch> {
        loop {
            let asked = self.batches.notified();
            if self.phase() == Phase::Closed {
                // The next one who waits must hear of it too.
                self.batches.notify_one();
                return None;
            }
            if let Some(batch) = self.take_batch() {
                return Some(batch);
            }
            asked.await;
        }
    }

    fn take_batch(&self) -> Option<Batch> {
        let now = self.now();
        let mut held = self.lock();
        let batch = held.relay.take_batch(now)?;
        self.wake(held, now);
        Some(batch)
    }

    /// Says what became of a batch.
    pub fn settle(&self, batch: Batch, outcome: Outcome) {
        let now = self.now();
        let mut held = self.lock();
        held.relay.settle(batch, outcome, now);
        self.wake(held, now);
    }

    /// Everything counted, as of this moment.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.lock().relay.snapshot();
        snapshot.waiting = self.line.len() as u64;
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.clone());
        snapshot
    }

    /// Everything counted, for a panic hook, which must not wait: as of this moment, and where the panic holds the lock, as
    /// of the last [`Driver::snapshot`]. Says which; none where nobody has looked yet.
    pub fn last_words(&self) -> Option<(Snapshot, Recency)> {
        if let Ok(held) = self.relay.try_lock() {
            return Some((held.relay.snapshot(), Recency::Now));
        }
        let looked_at = self.looked_at.try_lock().ok()?;
        looked_at.clone().map(|snapshot| (snapshot, Recency::LastLook))
    }

    /// Where the process is on its way out.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Goes on to a later phase and does what belongs to it. There is no way back.
    pub fn enter(&self, phase: Phase) {
        let now = self.now();
        let later = self.phase.send_if_modified(|known| {
            let later = *known < phase;
            *known = (*known).max(phase);
            later
        });
        if !later {
            return;
        }
        let mut held = self.lock();
        match phase {
            Phase::Serving | Phase::LameDuck | Phase::Closing => {}
            Phase::Deciding | Phase::Flushing => held.relay.decide_all(now),
            Phase::Closed => held.relay.close(now),
        }
        self.wake(held, now);
        self.batches.notify_one();
        self.clock.notify_one();
    }

    /// Resolves when the phase is at least `phase`.
    pub async fn reached(&self, phase: Phase) {
        let mut phases = self.phase.subscribe();
        // The sender is part of this driver, so it cannot be gone.
        let _ = phases.wait_for(|now| phase <= *now).await;
    }

    /// Whether nothing is held any more.
    pub fn is_empty(&self) -> bool {
        self.lock().relay.is_empty()
    }

    /// Keeps the relay's time until it is closed.
    pub async fn run(&self) {
        while self.phase() != Phase::Closed {
            let due = {
                let now = self.now();
                let mut held = self.lock();
                held.relay.advance(now);
                let due = held.relay.next_due(now);
                held.wakes = due;
                if held.relay.has_batch(now) {
                    self.batches.notify_one();
                }
                due.map(|due| due.since(now).max(TICK_MIN))
            };
            let asked = self.clock.notified();
            match due {
                Some(wait) => {
                    let _ = tokio::time::timeout(wait, asked).await;
                }
                None => asked.await,
            }
        }
    }

    /// Decides the oldest traces to make room for `bytes`.
    fn relieve(&self, bytes: usize) {
        let now = self.now();
        let mut held = self.lock();
        held.relay.relieve(bytes, now);
        self.wake(held, now);
    }

    /// What is done before a caller who has waited since `began` is refused: nothing at first; after a while the oldest
    /// batches are given up.
    fn last_resort(&self, bytes: usize, began: Tick) -> Option<Charge> {
        let now = self.now();
        let mut held = self.lock();
        if held.unread.for_too_long(began, now) {
            held.relay.evict(bytes, now);
        }
        self.wake(held, now);
        // Whoever still waits came first.
        if self.line.is_empty() { self.budget.charge(bytes) } else { None }
    }

    /// Lets whoever waits for a batch or for the time know that there is something for them.
    fn wake(&self, mut held: MutexGuard<'_, Held>, now: Tick) {
        if held.relay.has_batch(now) {
            self.batches.notify_one();
        }
        let due = held.relay.next_due(now);
        let sooner = match (due, held.wakes) {
            (Some(due), Some(wakes)) => due < wakes,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if sooner {
            held.wakes = due;
            drop(held);
            self.clock.notify_one();
        }
    }

    fn now(&self) -> Tick {
        Tick::ZERO.after(self.origin.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // A panic ends the process; until it has, the books are still the best there are.
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Takes a request. It may not wait for room for its index, for it holds room itself; so room is made at once, first by
    /// deciding early, and after a while of refusing by giving up what waits.
    fn admit(&mut self, frame: Frame, transport: Transport, now: Tick) -> Result<relay::Receipt, relay::Refusal> {
        let mut taken = self.relay.admit(frame.clone(), transport, now);
        let Err(relay::Refusal::Full { bytes, .. }) = taken else { return taken };
        if self.relay.relieve(bytes, now) {
            taken = self.relay.admit(frame.clone(), transport, now);
        }
        if let Err(relay::Refusal::Full { bytes, .. }) = taken
            && self.read.for_too_long(now, now)
            && self.relay.evict(bytes, now)
        {
            taken = self.relay.admit(frame.clone(), transport, now);
        }
        match taken {
            Ok(_) => self.read.ended(now),
            Err(relay::Refusal::Full { spans, .. }) => {
                self.relay.refuse(spans, frame.bytes().len() as u64, transport);
            }
            Err(relay::Refusal::TooLarge | relay::Refusal::Malformed(_) | relay::Refusal::Draining) => {}
        }
        taken
    }
}

#[cfg(test)]
mod tests;
