//! Real time and wake-ups for the relay: the one place where the pure and the real world meet, and the only lock on the
//! data path.

use std::time::Duration;

use crate::relay::budget::{Budget, Charge};
use crate::relay::frame::Frame;
use crate::relay::queue::{Batch, Outcome};
use crate::relay::{Snapshot, Transport, TurnedAway};

/// The relay behind its lock, with a clock. Shared as `Arc<Driver>`.
#[derive(Debug)]
pub struct Driver {}

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
    /// No room for its index; try again.
    Full,
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

#[allow(clippy::todo, unused_variables, missing_docs)]
impl Driver {
    /// The bytes that may be held.
    pub fn budget(&self) -> &Budget {
        todo!()
    }
    /// Waits in line until `bytes` are charged; `None` when `patience` is over first. Nobody who came later is served
    /// before. Dropping the future gives the place up. `patience` zero only looks.
    pub async fn room(&self, bytes: usize, patience: Duration) -> Option<Charge> {
        todo!()
    }
    /// Takes a request's spans into custody. No await: cancellation cannot tear it.
    pub fn admit(&self, frame: Frame, transport: Transport) -> Result<Receipt, Refusal> {
        todo!()
    }
    /// Counts a request turned away, with the bytes it had or declared.
    pub fn turn_away(&self, reason: TurnedAway, bytes: u64) {
        todo!()
    }
    /// Counts a request of another signal.
    pub fn discard(&self, signal: Signal) {
        todo!()
    }
    /// The next batch whose time has come; `None` when the relay is closed.
    pub async fn next_batch(&self) -> Option<Batch> {
        todo!()
    }
    /// Says what became of a batch.
    pub fn settle(&self, batch: Batch, outcome: Outcome) {
        todo!()
    }
    /// Everything counted, as of this moment.
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }
    pub fn phase(&self) -> Phase {
        todo!()
    }
    pub fn enter(&self, phase: Phase) {
        todo!()
    }
    /// Resolves when the phase is at least `phase`.
    pub async fn reached(&self, phase: Phase) {
        todo!()
    }
}
