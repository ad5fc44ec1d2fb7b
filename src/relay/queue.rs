//! Batches waiting for the collector. Full means full: the caller gets its batch back.

use std::time::Duration;

use bytes::Bytes;

use crate::relay::clock::Tick;
use crate::relay::custody::Custody;

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
}

/// Who waits after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// Everything for this collector: it cannot be reached or says it is unavailable.
    Upstream,
    /// This batch alone.
    Batch,
}
