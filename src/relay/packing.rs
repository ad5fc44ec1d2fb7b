//! Kept spans on their way into the queue: packed under their envelopes, or sent on whole, for as long as there is room.

use std::cell::Cell;

use crate::relay::Relay;
use crate::relay::batch::{Mark, Taken};
use crate::relay::clock::Tick;
use crate::relay::custody::{Cause, Fate};
use crate::relay::queue::Batch;
use crate::relay::sampling::tracestate::{self, Stamp, Written};

/// Requests to the collector are at most this long: the limit that OTLP sets for clients.
const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;

impl Relay {
    /// Makes requests of what was kept, as far as the queue and memory allow, and cuts those that are full or due.
    pub(super) fn pack(&mut self, now: Tick) {
        while self.pack_one(now) {}
        let due = self.packer.due().is_some_and(|due| due <= now || self.hurry);
        if due || self.packer.is_full() {
            self.cut(now);
        }
        self.settle_overhead();
        self.copy_out_if_much();
    }

    /// Packs the head of the line, or a part of it; false when that cannot go on now.
    fn pack_one(&mut self, now: Tick) -> bool {
        let Some((kept, custody)) = self.kept.front() else { return false };
        let Some(piece) = self.runs.first(&kept.chain) else {
            self.kept.pop();
            return true;
        };
        if kept.whole
            && !self.runs.is_copy(&kept.chain)
            && self.packer.suits(kept.chain.spans, piece.frame.bytes().len())
        {
            let body = piece.frame.bytes().clone();
            return self.send_whole(body, now);
        }
        let fresh = fresh(kept.stamp);
        let stamp = kept.stamp;
        let renew = |old: &[u8], out: &mut Vec<u8>| matches!(tracestate::write(Some(old), &stamp, out), Written::Yes);
        let mark = Mark { fresh: &fresh, renew: &renew, untouched: Cell::new(0) };
        let mut taken = self.packer.add(&piece, piece.spans, &mark, custody, now);
        if taken == Taken::NoMemory && self.queue.is_empty() {
            taken = self.packer.add_unpaid(&piece, &mark, custody, now);
        }
        self.counts.tracestate_unreadable += mark.untouched.get();
        match taken {
            Taken::Some(spans, bytes) => {
                // A request that has left in part must not leave once more as a whole.
                kept.whole = false;
                self.runs.advance(&mut kept.chain, spans, bytes);
                self.kept.packed(bytes);
                true
            }
            Taken::Full => self.cut(now),
            Taken::NoMemory => false,
        }
    }

    /// Puts a request that was kept whole into the queue as it came.
    fn send_whole(&mut self, body: bytes::Bytes, now: Tick) -> bool {
        if !self.queue.has_room(body.len()) {
            return false;
        }
        let Some(kept) = self.kept.pop() else { return false };
        let custody = self.kept.custody.split(u64::from(kept.chain.spans));
        self.runs.drop_all(kept.chain);
        let len = body.len();
        self.enqueue(Batch { body: vec![body], len, custody, cut_at: now, attempts: 0 })
    }

    /// Cuts the request being filled into the queue; false when the queue has no room.
    fn cut(&mut self, now: Tick) -> bool {
        if !self.queue.has_room(self.packer.len()) {
            return false;
        }
        match self.packer.cut(now) {
            Some(batch) if REQUEST_BYTES_MAX < batch.len => {
                self.ledger.close(batch.custody, Fate::Dropped(Cause::TooLarge));
                true
            }
            Some(batch) => self.enqueue(batch),
            None => false,
        }
    }

    fn enqueue(&mut self, batch: Batch) -> bool {
        match self.queue.push(batch) {
            Ok(()) => true,
            Err(batch) => {
                // Room was looked for just now; should that ever be wrong, the spans have a fate all the same.
                self.ledger.close(batch.custody, Fate::Dropped(Cause::Evicted));
                false
            }
        }
    }
}

/// The tracestate of a kept span that had none.
fn fresh(stamp: Stamp) -> Vec<u8> {
    let mut fresh = Vec::new();
    if stamp != Stamp::default() {
        tracestate::write(None, &stamp, &mut fresh);
    }
    fresh
}
