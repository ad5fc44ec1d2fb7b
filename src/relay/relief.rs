//! What gives way when memory is short, and in which order: first what nobody needs, then the waiting of open traces, and in
//! the end batches.

use crate::relay::clock::Tick;
use crate::relay::custody::{Cause, Fate};
use crate::relay::sampling::memory;
use crate::relay::{Relay, Trigger};

impl Relay {
    /// Makes room for `bytes`, if need be by deciding the oldest open traces on what is there, until there is none left.
    /// Says whether there is room now.
    pub fn relieve(&mut self, bytes: usize, now: Tick) -> bool {
        self.envelopes.forget_unneeded();
        self.pack(now);
        let worth = bytes.min(self.budget.limit() / COPIES_WORTH).max(self.budget.limit() / COPIES_WORTH_MIN);
        while self.free() < bytes {
            if worth <= self.runs.idle() {
                self.runs.copy_out(&self.budget);
                continue;
            }
            let Some(held) = self.buffer.take_oldest() else { break };
            self.decide(held, Trigger::Pressure, now);
            // Packing takes memory too: whether there is enough is seen after it.
            self.pack(now);
        }
        if self.free() < bytes && 0 < self.runs.idle() {
            self.runs.copy_out(&self.budget);
        }
        bytes <= self.free()
    }

    /// Makes room for `bytes`, if need be by giving up the oldest waiting batches too, until there is none left. Says whether
    /// there is room now.
    pub fn evict(&mut self, bytes: usize, now: Tick) -> bool {
        self.relieve(bytes, now);
        while self.free() < bytes {
            let Some(batch) = self.queue.oldest() else { break };
            self.ledger.close(batch.custody, Fate::Dropped(Cause::Evicted));
            self.pack(now);
        }
        bytes <= self.free()
    }

    /// While kept spans wait, the requests they came in wait with them. When what nobody needs of these is as much as what
    /// is free, and worth looking for, the needed part is copied out.
    pub(super) fn copy_out_if_much(&mut self) {
        let idle = self.runs.idle();
        if self.budget.limit() / IDLE_SHARE <= idle && self.free() <= idle {
            self.runs.copy_out(&self.budget);
        }
    }

    /// The most that may ever be free for one request and its index: decisions are remembered for good, the rest can go.
    pub(super) fn free_at_most(&self) -> usize {
        self.budget.limit().saturating_sub(self.options.set_aside + self.memory.len() * memory::ENTRY_COST)
    }

    fn free(&self) -> usize {
        self.budget.limit() - self.budget.charged()
    }
}

/// Copying out looks at every run that is held: while room is made it has to bring back this part of the budget, or what is
/// asked for if that is less, but no less than the other part.
const COPIES_WORTH: usize = 64;
const COPIES_WORTH_MIN: usize = 512;

/// Otherwise it is not done for less than this part of the budget.
const IDLE_SHARE: usize = 16;
