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
    /// All chunks but the first and the last are full.
    line: VecDeque<VecDeque<Kept>>,
    len: usize,
    /// Who answers for them.
    pub custody: Custody,
    bytes: u64,
}

impl Waiting {
    /// What one entry costs, in bytes: its place, and its share of the list of chunks when that has just grown. The first
    /// and the last chunk may be nearly empty.
    pub const COST: usize = size_of::<Kept>() + (3 * size_of::<VecDeque<Kept>>()).div_ceil(CHUNK);

    /// Nothing waits.
    pub fn new() -> Waiting {
        Waiting { line: VecDeque::new(), len: 0, custody: Custody::none(), bytes: 0 }
    }

    /// Joins the end of the line.
    pub fn push(&mut self, kept: Kept, custody: Custody) {
        self.bytes += kept.chain.bytes;
        self.custody.join(custody);
        self.len += 1;
        match self.line.back_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => chunk.push_back(kept),
            None => {
                let mut chunk = VecDeque::with_capacity(CHUNK);
                chunk.push_back(kept);
                self.line.push_back(chunk);
            }
        }
    }

    /// The head of the line, and who answers for it.
    pub fn front(&mut self) -> Option<(&mut Kept, &mut Custody)> {
        self.line.front_mut()?.front_mut().map(|kept| (kept, &mut self.custody))
    }

    /// Some bytes at the head have been packed.
    pub fn packed(&mut self, bytes: usize) {
        self.bytes -= bytes as u64;
    }

    /// The head of the line leaves it.
    pub fn pop(&mut self) -> Option<Kept> {
        let chunk = self.line.front_mut()?;
        let kept = chunk.pop_front()?;
        let empty = chunk.is_empty();
        self.bytes -= kept.chain.bytes;
        self.len -= 1;
        // One chunk stays, so that a line that is nearly empty does not come and go.
        if empty && 1 < self.line.len() {
            self.line.pop_front();
            if CHUNK.max(4 * self.line.len()) < self.line.capacity() {
                self.line.shrink_to(2 * self.line.len());
            }
        }
        Some(kept)
    }

    /// Spans waiting, and the bytes of their records.
    pub fn depth(&self) -> Depth {
        Depth { spans: self.custody.spans(), bytes: self.bytes }
    }

    /// What the line costs beside its spans, in bytes.
    pub fn owed(&self) -> usize {
        self.len * Self::COST
    }
}

/// Kept spans in one chunk of the line.
const CHUNK: usize = 64;

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::custody::{Cause, Fate, Ledger};

    fn kept(spans: u32) -> Kept {
        let mut chain = Chain::default();
        chain.spans = spans;
        Kept { chain, stamp: Stamp::default(), whole: false }
    }

    /// Bytes allocated for the line.
    fn allocated(line: &Waiting) -> usize {
        let chunks: usize = line.line.iter().map(|chunk| chunk.capacity() * size_of::<Kept>()).sum();
        chunks + line.line.capacity() * size_of::<VecDeque<Kept>>()
    }

    #[test]
    fn a_line_that_has_grown_gives_its_memory_back_as_it_shrinks() {
        let (mut line, mut ledger) = (Waiting::new(), Ledger::default());
        let spare = 2 * CHUNK * Waiting::COST + CHUNK * size_of::<VecDeque<Kept>>();
        for spans in 1..=20_000 {
            line.push(kept(spans), ledger.open(1));
            assert!(allocated(&line) <= line.owed() + spare);
        }
        for spans in 1..=20_000 {
            assert_eq!(line.pop().map(|kept| kept.chain.spans), Some(spans));
            assert!(allocated(&line) <= line.owed() + spare, "{} for {}", allocated(&line), line.owed());
        }
        assert_eq!((line.pop().map(|_| ()), line.front().map(|_| ()), line.owed()), (None, None, 0));
        let custody = std::mem::replace(&mut line.custody, Custody::none());
        ledger.close(custody, Fate::Dropped(Cause::Shutdown));
    }
}
