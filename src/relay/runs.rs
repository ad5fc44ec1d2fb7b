//! The spans that are held, as runs: neighbouring span records of one request under one envelope. A chain of runs is a
//! trace, or what was kept of a request. A request's bytes stay for as long as one of its runs does.

use std::sync::Arc;

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
    pub const REQUEST_COST: usize = Slab::<Request>::PLACE_COST + 64;
    /// What naming one envelope costs a request, in bytes.
    pub const NAME_COST: usize = size_of::<Arc<Envelope>>();

    /// Opens a request. It stays until [`Runs::finish`], then for as long as it has runs.
    pub fn open(&mut self, frame: Frame, envelopes: Vec<Arc<Envelope>>) -> u32 {
        self.names += envelopes.len();
        self.requests.insert(Request { frame, envelopes, needed: 1 })
    }

    /// The request has been read to its end.
    pub fn finish(&mut self, request: u32) {
        self.unneed(request);
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
        if run.len == 0 {
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
        self.unneed(run.request);
    }

    /// Gives a whole chain back.
    pub fn drop_all(&mut self, mut chain: Chain) {
        while !chain.is_empty() {
            self.drop_first(&mut chain);
        }
    }

    /// What everything here costs beside the requests' bytes, in bytes.
    pub fn owed(&self) -> usize {
        self.runs.len() * Self::RUN_COST + self.requests.len() * Self::REQUEST_COST + self.names * Self::NAME_COST
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.requests.is_empty()
    }

    fn unneed(&mut self, at: u32) {
        let request = self.requests.at_mut(at);
        request.needed -= 1;
        if request.needed == 0 {
            self.names -= self.requests.remove(at).envelopes.len();
        }
    }
}

#[cfg(test)]
mod tests;
