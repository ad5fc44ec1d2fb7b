//! The spans that are held, as runs: neighbouring span records of one request under one envelope. A chain of runs is a
//! trace, or what was kept of a request. A request's bytes stay for as long as one of its runs does, or until what is left
//! of it is copied out.

use std::sync::Arc;

use crate::relay::budget::{Budget, Charge};
use crate::relay::envelope::Envelope;
use crate::relay::frame::Frame;
use crate::relay::slab::{NOWHERE, Slab};

/// All runs and the requests they lie in.
#[derive(Debug, Default)]
pub struct Runs {
    runs: Slab<Run>,
    requests: Slab<Request>,
    /// Envelopes named by requests, all together.
    names: usize,
    /// Bytes that nobody needs in requests of which less than half is needed.
    idle: usize,
    /// Those of them that the last attempt to copy out had to leave.
    left: usize,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    next: u32,
    request: u32,
    offset: u32,
    len: u32,
    envelope: u32,
    spans: u32,
}

#[derive(Debug)]
struct Request {
    frame: Frame,
    envelopes: Vec<Arc<Envelope>>,
    /// Runs in it, and one more while the request is still being read.
    needed: u32,
    /// Bytes of these runs.
    len: u32,
    reading: bool,
    /// Its frame holds copies of its spans, and nothing else.
    copied: bool,
    /// What becomes its frame while it is being copied out.
    copy: Option<Box<(Vec<u8>, Charge)>>,
}

impl Request {
    /// Bytes that would come back if the request were copied out; none when that is not worth while.
    fn idle(&self) -> usize {
        let (all, needed) = (self.frame.charged(), self.len as usize);
        if self.reading || all <= 2 * needed { 0 } else { all - needed }
    }
}

/// Runs one after another, in the order of their arrival. It must be given back to [`Runs`], run by run or whole.
#[derive(Debug)]
pub struct Chain {
    head: u32,
    tail: u32,
    /// Spans in it.
    pub spans: u32,
    /// Bytes of their records.
    pub bytes: u64,
}

impl Default for Chain {
    fn default() -> Chain {
        Chain { head: NOWHERE, tail: NOWHERE, spans: 0, bytes: 0 }
    }
}

impl Chain {
    /// Whether there is no run in it.
    pub fn is_empty(&self) -> bool {
        self.head == NOWHERE
    }
}

/// One run, taken out of its chain.
#[derive(Debug)]
pub struct Piece<'a> {
    /// The request it lies in.
    pub frame: &'a Frame,
    /// Where in the request, in bytes.
    pub offset: usize,
    /// How long it is, in bytes.
    pub len: usize,
    /// How many spans it is.
    pub spans: u32,
    /// What its spans came under.
    pub envelope: &'a Arc<Envelope>,
}

impl Runs {
    /// What one run costs, in bytes.
    pub const RUN_COST: usize = Slab::<Run>::PLACE_COST;
    /// What one request costs beside its bytes and its envelopes, in bytes.
    pub const REQUEST_COST: usize = Slab::<Request>::PLACE_COST + Self::FRAME_COST;
    /// What a frame takes beside its bytes.
    const FRAME_COST: usize = 64;
    /// What copying a request out takes beside the copy while it is being made.
    const COPY_COST: usize = size_of::<(Vec<u8>, Charge)>();
    /// What naming one envelope costs a request, in bytes.
    pub const NAME_COST: usize = size_of::<Arc<Envelope>>();

    /// Opens a request. It stays until [`Runs::finish`], then for as long as it has runs.
    pub fn open(&mut self, frame: Frame, envelopes: Vec<Arc<Envelope>>) -> u32 {
        self.names += envelopes.len();
        let (needed, len, reading, copied, copy) = (1, 0, true, false, None);
        self.requests.insert(Request { frame, envelopes, needed, len, reading, copied, copy })
    }

    /// The request has been read to its end.
    pub fn finish(&mut self, request: u32) {
        self.requests.at_mut(request).reading = false;
        self.idle += self.requests.at(request).idle();
        self.unneed(request, 1, 0);
    }

    /// The bytes of a request that is open.
    pub fn body(&self, request: u32) -> &bytes::Bytes {
        self.requests.at(request).frame.bytes()
    }

    /// One of the envelopes of a request that is open.
    pub fn envelope(&self, request: u32, name: u32) -> &Arc<Envelope> {
        &self.requests.at(request).envelopes[name as usize]
    }

    /// Adds a span's record to the end of a chain; neighbours become one run.
    pub fn append(&mut self, chain: &mut Chain, request: u32, envelope: u32, offset: u32, len: u32) {
        chain.spans += 1;
        chain.bytes += u64::from(len);
        self.requests.at_mut(request).len += len;
        if chain.tail != NOWHERE {
            let last = self.runs.at_mut(chain.tail);
            if last.request == request && last.envelope == envelope && last.offset + last.len == offset {
                last.len += len;
                last.spans += 1;
                return;
            }
        }
        let at = self.runs.insert(Run { next: NOWHERE, request, offset, len, envelope, spans: 1 });
        self.requests.at_mut(request).needed += 1;
        match chain.tail {
            NOWHERE => chain.head = at,
            tail => self.runs.at_mut(tail).next = at,
        }
        chain.tail = at;
    }

    /// The request and the envelope's name of the last span in a chain.
    pub fn last(&self, chain: &Chain) -> Option<(u32, u32)> {
        self.runs.get(chain.tail).map(|run| (run.request, run.envelope))
    }

    /// The first run of a chain.
    pub fn first(&self, chain: &Chain) -> Option<Piece<'_>> {
        let run = self.runs.get(chain.head)?;
        let request = self.requests.at(run.request);
        let envelope = &request.envelopes[run.envelope as usize];
        let (offset, len) = (run.offset as usize, run.len as usize);
        Some(Piece { frame: &request.frame, offset, len, spans: run.spans, envelope })
    }

    /// The first `spans` records of a chain, `bytes` long, have gone elsewhere; a run that is used up is given back.
    pub fn advance(&mut self, chain: &mut Chain, spans: u32, bytes: usize) {
        if chain.head == NOWHERE {
            return;
        }
        chain.spans -= spans;
        chain.bytes -= bytes as u64;
        let run = self.runs.at_mut(chain.head);
        run.spans -= spans;
        run.offset += bytes as u32;
        run.len -= bytes as u32;
        let (request, used_up) = (run.request, run.len == 0);
        self.unneed(request, 0, bytes as u32);
        if used_up {
            self.drop_first(chain);
        }
    }

    /// Gives the first run of a chain back, and its request with it when no other run needs that.
    fn drop_first(&mut self, chain: &mut Chain) {
        if chain.head == NOWHERE {
            return;
        }
        let run = self.runs.remove(chain.head);
        chain.head = run.next;
        if run.next == NOWHERE {
            chain.tail = NOWHERE;
        }
        self.unneed(run.request, 1, run.len);
    }

    /// Gives a whole chain back.
    pub fn drop_all(&mut self, mut chain: Chain) {
        while !chain.is_empty() {
            self.drop_first(&mut chain);
        }
    }

    /// Whether a chain begins in a copy: its request is not there any more as it came.
    pub fn is_copy(&self, chain: &Chain) -> bool {
        self.runs.get(chain.head).is_some_and(|run| self.requests.at(run.request).copied)
    }

    /// Bytes that [`Runs::copy_out`] may give back and that it had not to leave the last time.
    pub fn idle(&self) -> usize {
        self.idle - self.left
    }

    /// Copies what is left of every request of which less than half is needed, as far as that can be paid for, so that
    /// the request itself is given back. This looks at all runs: for when there is much to be had.
    pub fn copy_out(&mut self, budget: &Budget) {
        for request in self.requests.iter_mut().filter(|request| request.idle() > 0) {
            let len = request.len as usize;
            let paid = budget.charge(len + Self::COPY_COST);
            request.copy = paid.map(|charge| Box::new((Vec::with_capacity(len), charge)));
        }
        for run in self.runs.iter_mut() {
            let request = self.requests.at_mut(run.request);
            if let Some((copy, _)) = request.copy.as_deref_mut() {
                let from = copy.len();
                copy.extend_from_slice(&request.frame.bytes()[run.offset as usize..][..run.len as usize]);
                run.offset = from as u32;
            }
        }
        for request in self.requests.iter_mut() {
            if let Some((copy, mut charge)) = request.copy.take().map(|copy| *copy) {
                self.idle -= request.idle();
                charge.shrink_to(copy.capacity());
                request.frame = Frame::new(copy, charge);
                request.copied = true;
            }
        }
        self.left = self.idle;
    }

    /// What everything here costs beside the requests' bytes, in bytes.
    pub fn owed(&self) -> usize {
        let requests = self.requests.owed() * Slab::<Request>::PLACE_COST + self.requests.len() * Self::FRAME_COST;
        self.runs.owed() * Self::RUN_COST + requests + self.names * Self::NAME_COST
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.requests.is_empty()
    }

    /// So many runs and bytes of a request are not needed any more.
    fn unneed(&mut self, at: u32, runs: u32, bytes: u32) {
        let request = self.requests.at_mut(at);
        let before = request.idle();
        request.needed -= runs;
        request.len -= bytes;
        let after = if request.needed == 0 { 0 } else { request.idle() };
        if request.needed == 0 {
            self.names -= self.requests.remove(at).envelopes.len();
        }
        self.idle = self.idle - before + after;
        self.left = self.left.min(self.idle);
    }
}

#[cfg(test)]
mod tests;
