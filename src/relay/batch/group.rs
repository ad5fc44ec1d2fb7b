//! One envelope of a request being filled, and the spans that go under it: copied together when they are small, left
//! where they are when they are large.

use std::sync::Arc;

use bytes::Bytes;

use super::{Mark, Room};
use crate::relay::budget::{Budget, Charge};
use crate::relay::envelope::Envelope;
use crate::relay::otlp::{compose, stamp};
use crate::relay::runs::Piece;

/// Who pays for copies: the budget, or the part of it set aside when the rest is full.
#[derive(Debug)]
pub struct Till {
    budget: Budget,
    pub(super) spare: Budget,
    /// Holds the spare part in the budget's books.
    _set_aside: Charge,
    charges: Vec<Charge>,
    /// Nobody pays: see [`Packer::add_unpaid`](super::Packer::add_unpaid).
    pub free: bool,
}

impl Till {
    /// A till with `spare` bytes of the budget set aside; nothing when the budget has no room for that.
    pub fn new(budget: &Budget, spare: usize) -> Option<Till> {
        let set_aside = budget.charge(spare)?;
        Some(Till {
            budget: budget.clone(),
            spare: Budget::new(spare),
            _set_aside: set_aside,
            charges: Vec::new(),
            free: false,
        })
    }

    /// Pays for `bytes`, or not at all.
    fn pay(&mut self, bytes: usize) -> bool {
        let Some(charge) = self.budget.charge(bytes).or_else(|| self.spare.charge(bytes)) else {
            return self.free;
        };
        match self.charges.iter_mut().find(|known| known.is_of_same_budget(&charge)) {
            Some(known) => known.join(charge),
            None => self.charges.push(charge),
        }
        true
    }

    /// What was paid since the last time.
    pub fn close(&mut self) -> Arc<Vec<Charge>> {
        Arc::new(std::mem::take(&mut self.charges))
    }
}

/// The spans of a request under one envelope.
#[derive(Debug)]
pub struct Group {
    pub envelope: Arc<Envelope>,
    pieces: Vec<Bytes>,
    copies: Vec<u8>,
    /// At most so many bytes will this be in the request.
    pub len: usize,
}

/// Runs at least this long that are most of their request stay where they are; shorter ones are copied, because a
/// slice costs about as much as copying this much.
const SLICE_MIN: usize = 8 * 1024;

/// Copies are made into pieces of at most this size, so that no piece is ever moved to grow.
const COPY_MAX: usize = 256 * 1024;
const COPY_MIN: usize = 1024;

/// Tags and lengths of one `ResourceSpans` with one `ScopeSpans`.
const HEADERS_MAX: usize = 2 * (1 + 10);

/// Tag and length of one span, and of a tracestate in it.
const STAMP_MAX: usize = 2 * (1 + 10);

impl Group {
    /// An empty group, its envelope paid for.
    pub fn open(envelope: Arc<Envelope>, till: &mut Till) -> Option<Group> {
        let len = envelope.resource.len() + envelope.scope.len() + HEADERS_MAX;
        till.pay(len + size_of::<Group>()).then(|| Group { envelope, pieces: Vec::new(), copies: Vec::new(), len })
    }

    /// Takes as many spans of `piece` as there is room for: spans, bytes of the piece. With `first`, one span is taken
    /// whatever its size.
    pub fn take(
        &mut self,
        piece: &Piece<'_>,
        spans: u32,
        mark: &Mark<'_>,
        room: Room,
        first: bool,
        till: &mut Till,
    ) -> (u32, usize) {
        let unmarked = mark.fresh.is_empty();
        let whole = unmarked && spans <= room.spans && piece.len <= room.bytes;
        if whole && self.put(piece, 0, piece.len, till) {
            return (spans, piece.len);
        }
        let (mut taken, mut offset) = (0, 0);
        let run = &piece.frame.bytes()[piece.offset..piece.offset + piece.len];
        let started = self.len;
        let mut value = Vec::new();
        for record in stamp::records(run) {
            let fits = self.len - started + record.len() + mark.fresh.len() + STAMP_MAX <= room.bytes;
            if taken == room.spans || !(fits || (first && taken == 0)) {
                break;
            }
            let put = if unmarked {
                self.put(piece, offset, record.len(), till)
            } else {
                self.put_marked(piece, offset, record, mark, &mut value, till)
            };
            if !put {
                break;
            }
            taken += 1;
            offset += record.len();
        }
        (taken, offset)
    }

    /// Adds records as they are: as a slice if they are large, or if nothing else can be paid for.
    fn put(&mut self, piece: &Piece<'_>, offset: usize, len: usize, till: &mut Till) -> bool {
        let from = piece.offset + offset;
        let whole = piece.frame.bytes();
        if SLICE_MIN <= len && (whole.len() <= 2 * len || till.free || !self.reserve(len, till)) {
            self.seal();
            self.pieces.push(whole.slice(from..from + len));
        } else if self.reserve(len, till) {
            self.copies.extend_from_slice(&whole[from..from + len]);
        } else {
            return false;
        }
        self.len += len;
        true
    }

    /// Adds one record with the tracestate that says how it was sampled.
    fn put_marked(
        &mut self,
        piece: &Piece<'_>,
        offset: usize,
        record: &[u8],
        mark: &Mark<'_>,
        value: &mut Vec<u8>,
        till: &mut Till,
    ) -> bool {
        let new = match stamp::trace_state_of(record) {
            Some(old) if !old.is_empty() => {
                value.clear();
                if !(mark.renew)(old, value) {
                    let put = self.put(piece, offset, record.len(), till);
                    mark.untouched.set(mark.untouched.get() + u64::from(put));
                    return put;
                }
                value.as_slice()
            }
            _ => mark.fresh,
        };
        if till.free
            && SLICE_MIN <= record.len()
            && let Some((head, skipped, tail)) = stamp::trace_state_around(record, new)
        {
            self.seal();
            let from = piece.offset + offset;
            let span = piece.frame.bytes().slice(from + skipped..from + record.len());
            self.len += head.len() + span.len() + tail.len();
            self.pieces.extend([Bytes::from(head), span, Bytes::from(tail)]);
            return true;
        }
        if !self.reserve(record.len() + new.len() + STAMP_MAX, till) {
            return false;
        }
        let before = self.copies.len();
        stamp::append_trace_state(record, new, &mut self.copies);
        self.len += self.copies.len() - before;
        true
    }

    /// Makes room for `len` more bytes of copies, paid for.
    fn reserve(&mut self, len: usize, till: &mut Till) -> bool {
        if len <= self.copies.capacity() - self.copies.len() {
            return true;
        }
        let wanted = if till.free { len } else { self.len.clamp(COPY_MIN, COPY_MAX).max(len) };
        let Some(capacity) = [wanted, len].into_iter().find(|&capacity| till.pay(capacity)) else {
            return false;
        };
        self.seal();
        self.copies = Vec::with_capacity(capacity);
        true
    }

    /// Bytes allocated for copies, or kept by slices.
    #[cfg(test)]
    pub fn pieces_allocated(&self) -> usize {
        self.copies.capacity() + self.pieces.iter().map(Bytes::len).sum::<usize>()
    }

    fn seal(&mut self) {
        if !self.copies.is_empty() {
            self.pieces.push(Bytes::from(std::mem::take(&mut self.copies)));
        }
    }
}

/// The groups of a request in their final form: scopes of equal resources under one resource.
pub fn merge(groups: impl Iterator<Item = Group>) -> Vec<compose::Group> {
    let mut merged: Vec<compose::Group> = Vec::new();
    for mut group in groups.filter(|group| !group.pieces.is_empty() || !group.copies.is_empty()) {
        group.seal();
        let scope = (group.envelope.scope.clone(), group.pieces);
        match merged.iter_mut().find(|known| known.resource == group.envelope.resource) {
            Some(known) => known.scopes.push(scope),
            None => merged.push(compose::Group { resource: group.envelope.resource.clone(), scopes: vec![scope] }),
        }
    }
    merged
}
