//! Kept spans made into requests for the collector. Spans under byte-equal envelopes leave under one; a request is cut
//! when it has enough spans or bytes, or has waited long enough.

mod group;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::relay::Depth;
use crate::relay::budget::{Budget, Charge};
use crate::relay::clock::Tick;
use crate::relay::custody::Custody;
use crate::relay::envelope::Envelope;
use crate::relay::otlp::compose::{compose, encoded_len};
use crate::relay::queue::Batch;
use crate::relay::runs::Piece;
use group::{Group, Till};

/// When a request is cut.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Spans in a request.
    pub spans_max: u32,
    /// Bytes of a request; a single span that is larger travels alone.
    pub size_max: usize,
    /// How long the first span of a request waits for others.
    pub delay: Duration,
}

/// The request being filled.
#[derive(Debug)]
pub struct Packer {
    options: Options,
    till: Till,
    groups: Vec<Group>,
    /// The group that took the last span.
    last: usize,
    custody: Custody,
    len: usize,
    opened_at: Tick,
}

/// What [`Packer::add`] took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So many spans, and so many bytes of the piece. Less than all of it means that the request is full.
    Some(u32, usize),
    /// Nothing: the request is full and wants to be cut.
    Full,
    /// Nothing: there is no memory for it until another request has left.
    NoMemory,
}

impl Packer {
    /// An empty request. Copies are paid for out of `budget`, and out of a part of it set aside here when that is full:
    /// so that what is held can always leave. None when the budget cannot spare that part.
    pub fn new(options: Options, budget: &Budget) -> Option<Packer> {
        Some(Packer {
            options,
            till: Till::new(budget, spare_bytes(budget.limit(), options.size_max))?,
            groups: Vec::new(),
            last: 0,
            custody: Custody::none(),
            len: 0,
            opened_at: Tick::ZERO,
        })
    }

    /// Adds as much of `piece` (span records, `spans` of them) as there is room for. `custody` is taken from for it.
    pub fn add(&mut self, piece: &Piece<'_>, spans: u32, mark: &Mark<'_>, custody: &mut Custody, now: Tick) -> Taken {
        if self.is_full() {
            return Taken::Full;
        }
        let Some(at) = self.group_for(piece.envelope) else {
            return self.nothing();
        };
        let left = self.options.spans_max - self.custody.spans() as u32;
        let room = Room { spans: if self.till.free { 1 } else { left }, bytes: self.room_bytes() };
        let group = &mut self.groups[at];
        let before = group.len;
        let took = group.take(piece, spans, mark, room, self.custody.spans() == 0, &mut self.till);
        self.len += group.len - before;
        match took {
            (0, _) => self.nothing(),
            (spans, bytes) => {
                if self.custody.spans() == 0 {
                    self.opened_at = now;
                }
                self.custody.join(custody.split(u64::from(spans)));
                Taken::Some(spans, bytes)
            }
        }
    }

    /// Adds one span, paid for or not: a copy as long as the span and its mark, and a large span stays where it is. For
    /// when nothing else can leave and give memory back: otherwise what is held would be held for ever.
    pub fn add_unpaid(&mut self, piece: &Piece<'_>, mark: &Mark<'_>, custody: &mut Custody, now: Tick) -> Taken {
        self.till.free = true;
        let taken = self.add(piece, piece.spans, mark, custody, now);
        self.till.free = false;
        taken
    }

    /// Nothing could be added. What was paid for a request that is still empty is given back.
    fn nothing(&mut self) -> Taken {
        if self.custody.spans() != 0 {
            return Taken::Full;
        }
        drop(self.till.close());
        self.groups.clear();
        (self.len, self.last) = (0, 0);
        Taken::NoMemory
    }

    /// Whether the request has all the spans it may have.
    pub fn is_full(&self) -> bool {
        u64::from(self.options.spans_max) <= self.custody.spans() || self.options.size_max <= self.len
    }

    /// When the request is to be cut even if it is not full; nothing when it is empty.
    pub fn due(&self) -> Option<Tick> {
        (self.custody.spans() != 0).then(|| self.opened_at.after(self.options.delay))
    }

    /// The length of the request as it stands, in bytes; the request when cut is not longer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no span in it.
    pub fn is_empty(&self) -> bool {
        self.custody.spans() == 0
    }

    /// Spans and bytes in it.
    pub fn depth(&self) -> Depth {
        Depth { spans: self.custody.spans(), bytes: self.len as u64 }
    }

    /// Takes the request as it is; nothing when there is no span in it.
    pub fn cut(&mut self, now: Tick) -> Option<Batch> {
        if self.is_empty() {
            return None;
        }
        let paid = self.till.close();
        let groups = group::merge(self.groups.drain(..));
        let len = encoded_len(&groups);
        let mut body = Vec::new();
        compose(&groups, &mut body);
        let pay = |bytes: Bytes| Bytes::from_owner(Paid { bytes, _charges: paid.clone() });
        let body = body.into_iter().map(pay).collect();
        (self.len, self.last) = (0, 0);
        let custody = std::mem::replace(&mut self.custody, Custody::none());
        Some(Batch { body, len, custody, cut_at: now, attempts: 0 })
    }

    /// Whether a request that came whole may leave as its own batch, byte for byte.
    pub fn suits(&self, spans: u32, len: usize) -> bool {
        let enough = self.options.spans_max / 2 <= spans || self.options.size_max / 2 <= len;
        enough && spans <= self.options.spans_max && len <= self.options.size_max
    }

    fn room_bytes(&self) -> usize {
        self.options.size_max.saturating_sub(self.len)
    }

    /// The place of the group with this envelope, made if need be; nothing when its bytes cannot be paid for.
    fn group_for(&mut self, envelope: &Arc<Envelope>) -> Option<usize> {
        let same = |group: &Group| Arc::ptr_eq(&group.envelope, envelope);
        if self.groups.get(self.last).is_some_and(same) {
            return Some(self.last);
        }
        let known = self.groups.iter().position(same);
        let known = known.or_else(|| self.groups.iter().position(|group| group.envelope.same_bytes(envelope)));
        self.last = match known {
            Some(at) => at,
            None => {
                let group = Group::open(envelope.clone(), &mut self.till)?;
                self.len += group.len;
                self.groups.push(group);
                self.groups.len() - 1
            }
        };
        Some(self.last)
    }
}

/// Room left in a request.
#[derive(Clone, Copy, Debug)]
struct Room {
    spans: u32,
    bytes: usize,
}

/// How kept spans say how they were sampled: a tracestate for those that have none, and what makes one of theirs.
pub struct Mark<'a> {
    /// The tracestate of a span that had none; empty when nothing is written.
    pub fresh: &'a [u8],
    /// Writes the new value for an old one; false leaves the old one as it is.
    pub renew: &'a dyn Fn(&[u8], &mut Vec<u8>) -> bool,
    /// Spans taken whose old value was left as it is.
    pub untouched: Cell<u64>,
}

impl Mark<'_> {
    /// Nothing is written.
    #[cfg(test)]
    pub fn none() -> Mark<'static> {
        Mark { fresh: &[], renew: &|_, _| false, untouched: Cell::new(0) }
    }
}

impl std::fmt::Debug for Mark<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mark").field("fresh", &String::from_utf8_lossy(self.fresh)).finish_non_exhaustive()
    }
}

/// A budget's part that is set aside for making requests when the rest of it is full: one request, if there is as much.
pub fn spare_bytes(budget: usize, size_max: usize) -> usize {
    (budget / 16).min(size_max)
}

/// Bytes that live and die with a charge.
struct Paid {
    bytes: Bytes,
    _charges: Arc<Vec<Charge>>,
}

impl AsRef<[u8]> for Paid {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests;
