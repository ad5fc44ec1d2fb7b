//! What was kept and waits to be packed. It usually waits for no time at all; only when the queue to the collector is
//! full does it stay, still in the requests it came in.

use std::collections::VecDeque;

use crate::relay::Depth;
use crate::relay::custody::Custody;
use crate::relay::runs::Chain;
use crate::relay::sampling::tracestate::Stamp;

/// Spans kept together.
#[derive(Debug)]
pub struct Kept {
    /// The spans.
    pub chain: Chain,
    /// How they were sampled.
    pub stamp: Stamp,
    /// They are all the spans of one request, unstamped: its bytes may leave as they came.
    pub whole: bool,
}

/// Kept spans in the order of their decisions.
#[derive(Debug)]
pub struct Waiting {
    line: VecDeque<Kept>,
    /// Who answers for them.
    pub custody: Custody,
    bytes: u64,
}

impl Waiting {
    /// What one entry costs, in bytes, when the line has just grown.
    pub const COST: usize = 2 * size_of::<Kept>();

    /// Nothing waits.
    pub fn new() -> Waiting {
        Waiting { line: VecDeque::new(), custody: Custody::none(), bytes: 0 }
    }

    /// Joins the end of the line.
    pub fn push(&mut self, kept: Kept, custody: Custody) {
        self.bytes += kept.chain.bytes;
        self.custody.join(custody);
        self.line.push_back(kept);
    }

    /// The head of the line, and who answers for it.
    pub fn front(&mut self) -> Option<(&mut Kept, &mut Custody)> {
        self.line.front_mut().map(|kept| (kept, &mut self.custody))
    }

    /// Some bytes at the head have been packed.
    pub fn packed(&mut self, bytes: usize) {
        self.bytes -= bytes as u64;
    }

    /// The head of the line leaves it.
    pub fn pop(&mut self) -> Option<Kept> {
        let kept = self.line.pop_front()?;
        self.bytes -= kept.chain.bytes;
        if self.line.is_empty() {
            self.line.shrink_to(64);
        }
        Some(kept)
    }

    /// Spans waiting, and the bytes of their records.
    pub fn depth(&self) -> Depth {
        Depth { spans: self.custody.spans(), bytes: self.bytes }
    }

    /// What the line costs beside its spans, in bytes.
    pub fn owed(&self) -> usize {
        self.line.len() * Self::COST
    }
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting::new()
    }
}
