//! Reads a trace request once: checks every byte, finds the spans, and remembers where the envelopes around them are.
//! An error outside of the spans makes the request malformed; an error inside one span rejects that span alone.

use super::fields::{request, resource_spans, scope_spans};
use super::message::{check_resource, check_scope};
use super::records::{Records, Run};
use super::value::text;
use super::varint::{chunk, enter, key, unknown};
use super::{Fault, Limits, Malformed, Observer, Sighting, TraceId, What, span};

/// What a request holds. Made to be used again: clearing keeps the memory.
#[derive(Clone, Default, Debug)]
pub struct Scan {
    /// Every accepted span, in the order of the bytes.
    pub spans: Vec<Sighting>,
    /// Every `ScopeSpans` with an accepted span in it.
    pub envelopes: Vec<EnvelopeAt>,
    /// Every `ResourceSpans` with an accepted span in it.
    pub resources: Vec<ResourceAt>,
    /// How many spans were rejected, and why.
    pub rejected: Rejected,
    /// No span was rejected, so the body as it is may be sent on.
    pub whole: bool,
}

/// Rejected spans by reason.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// The trace id is not sixteen bytes, or all zero.
    pub invalid_trace_id: u32,
    /// The trace id is fine, and the span id is not eight bytes, or all zero.
    pub invalid_span_id: u32,
    /// The span's bytes do not decode: framing, wire type, UTF-8 or nesting.
    pub malformed: u32,
}

/// Where one `ScopeSpans` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnvelopeAt {
    /// Its `ResourceSpans`, as an index into [`Scan::resources`].
    pub resource: u32,
    records: Records,
}

/// Where one `ResourceSpans` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResourceAt {
    records: Records,
}

/// Reads `body`, an `ExportTraceServiceRequest`, into `out`, whose earlier contents are gone. The spans' attributes are shown to `observer`.
///
/// # Errors
/// `Malformed` if the bytes outside of the spans do not decode; `out` is then empty, but the observer may have been shown something.
pub fn scan(body: &[u8], limits: &Limits, observer: &mut impl Observer, out: &mut Scan) -> Result<(), Malformed> {
    out.clear();
    let limits = Limits { depth: limits.depth.min(Limits::DEPTH), ..*limits };
    let read = if u32::try_from(body.len()).is_ok() {
        Walk { body, limits, observer, out, seen: 0 }.request()
    } else {
        Err(Fault::new(What::TooLarge, body))
    };
    out.whole = out.rejected.total() == 0;
    read.map_err(|fault| {
        out.clear();
        fault.in_body(body)
    })
}

struct Walk<'a, O> {
    body: &'a [u8],
    limits: Limits,
    observer: &'a mut O,
    out: &'a mut Scan,
    /// Span records read so far.
    seen: u32,
}

impl<'a, O: Observer> Walk<'a, O> {
    fn request(&mut self) -> Result<(), Fault> {
        let room = self.limits.depth;
        let mut rest = self.body;
        while !rest.is_empty() {
            match key(&mut rest)? {
                request::RESOURCE_SPANS => {
                    let inside = enter(room, rest)?;
                    self.resource_spans(chunk(&mut rest)?, inside)?;
                }
                other => unknown(other, request::LAST, &mut rest, room)?,
            }
        }
        Ok(())
    }

    fn resource_spans(&mut self, message: &'a [u8], room: u32) -> Result<(), Fault> {
        let envelopes = self.out.envelopes.len();
        let mut records = Records::new(self.run(message, &[]));
        let mut rest = message;
        while !rest.is_empty() {
            let record = rest;
            match key(&mut rest)? {
                resource_spans::SCOPE_SPANS => {
                    let inside = enter(room, rest)?;
                    self.scope_spans(chunk(&mut rest)?, inside)?;
                    continue;
                }
                resource_spans::RESOURCE => {
                    let inside = enter(room, rest)?;
                    check_resource(chunk(&mut rest)?, inside)?;
                }
                resource_spans::SCHEMA_URL => drop(text(&mut rest)?),
                other => unknown(other, resource_spans::LAST, &mut rest, room)?,
            }
            records.note(self.run(record, rest));
        }
        if envelopes < self.out.envelopes.len() {
            self.out.resources.push(ResourceAt { records });
        }
        Ok(())
    }

    fn scope_spans(&mut self, message: &'a [u8], room: u32) -> Result<(), Fault> {
        let spans = self.out.spans.len();
        let mut records = Records::new(self.run(message, &[]));
        let mut rest = message;
        while !rest.is_empty() {
            let record = rest;
            match key(&mut rest)? {
                scope_spans::SPANS => {
                    let inside = enter(room, rest)?;
                    let bytes = chunk(&mut rest)?;
                    self.span(bytes, inside, self.run(record, rest))?;
                    continue;
                }
                scope_spans::SCOPE => {
                    let inside = enter(room, rest)?;
                    check_scope(chunk(&mut rest)?, inside)?;
                }
                scope_spans::SCHEMA_URL => drop(text(&mut rest)?),
                other => unknown(other, scope_spans::LAST, &mut rest, room)?,
            }
            records.note(self.run(record, rest));
        }
        if spans < self.out.spans.len() {
            // The resource itself is remembered when its end is reached.
            let resource = self.out.resources.len() as u32;
            self.out.envelopes.push(EnvelopeAt { resource, records });
        }
        Ok(())
    }

    #[inline(always)]
    fn span(&mut self, bytes: &'a [u8], room: u32, record: Run) -> Result<(), Fault> {
        if self.limits.spans_max <= self.seen {
            return Err(Fault::new(What::TooManySpans, bytes));
        }
        self.seen += 1;
        let accepted = match span::read(bytes, room, self.observer) {
            Ok(facts) => self.admit(&facts, bytes, record),
            Err(_) => {
                self.out.rejected.malformed += 1;
                false
            }
        };
        if O::WATCHES {
            self.observer.span_end(accepted);
        }
        Ok(())
    }

    #[inline(always)]
    fn admit(&mut self, facts: &span::Facts<'_>, bytes: &[u8], record: Run) -> bool {
        let Some(trace) = TraceId::new(facts.trace_id) else {
            self.out.rejected.invalid_trace_id += 1;
            return false;
        };
        if !facts.has_span_id() {
            self.out.rejected.invalid_span_id += 1;
            return false;
        }
        // A record ends where its span's bytes end.
        let start = record.to - bytes.len() as u32;
        let state_at = start + facts.trace_state_at as u32;
        self.out.spans.push(Sighting {
            trace,
            envelope: self.out.envelopes.len() as u32,
            offset: record.from,
            len: record.to - record.from,
            parentage: facts.parentage(),
            kind: facts.kind(),
            status: facts.status(),
            sampled: facts.sampled(),
            start: facts.start,
            end: facts.end,
            trace_state: (!facts.trace_state.is_empty()).then_some((state_at, facts.trace_state.len() as u32)),
        });
        true
    }

    /// Where the bytes of `record` up to `rest`, its tail, are in the body, which is known to be shorter than 4 GiB.
    #[inline(always)]
    fn run(&self, record: &[u8], rest: &[u8]) -> Run {
        let from = record.as_ptr().addr() - self.body.as_ptr().addr();
        Run { from: from as u32, to: (from + record.len() - rest.len()) as u32 }
    }
}

impl Scan {
    /// For how many spans memory is kept from one request to the next; four times what SDKs send at most by default.
    pub const SPANS_KEPT: usize = 2048;

    /// What one span may take here, in bytes: its sighting, and an envelope and a resource that are its own.
    pub const SPAN_COST: usize = size_of::<Sighting>() + size_of::<EnvelopeAt>() + size_of::<ResourceAt>();

    /// Makes room for so many spans, exactly: reading them allocates nothing.
    pub fn reserve(&mut self, spans: usize) {
        self.spans.reserve_exact(spans);
        self.envelopes.reserve_exact(spans);
        self.resources.reserve_exact(spans);
    }

    /// Forgets everything but the memory, and of that what goes beyond [`Scan::SPANS_KEPT`], so that one huge request is not paid for ever after.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.spans.shrink_to(Scan::SPANS_KEPT);
        self.envelopes.clear();
        self.envelopes.shrink_to(Scan::SPANS_KEPT);
        self.resources.clear();
        self.resources.shrink_to(Scan::SPANS_KEPT);
        self.rejected = Rejected::default();
        self.whole = false;
    }

    /// Appends every record of resource `i` but its `scope_spans`, in order. `body` is what was scanned.
    pub fn resource_envelope(&self, body: &[u8], i: u32, out: &mut Vec<u8>) {
        self.resources[i as usize].records.copy(body, resource_spans::SCOPE_SPANS, out);
    }

    /// Appends every record of envelope `i` but its `spans`, in order. `body` is what was scanned.
    pub fn scope_envelope(&self, body: &[u8], i: u32, out: &mut Vec<u8>) {
        self.envelopes[i as usize].records.copy(body, scope_spans::SPANS, out);
    }

    /// How many bytes [`Scan::resource_envelope`] appends.
    pub fn resource_len(&self, body: &[u8], i: u32) -> usize {
        self.resources[i as usize].records.len(body, resource_spans::SCOPE_SPANS)
    }

    /// How many bytes [`Scan::scope_envelope`] appends.
    pub fn scope_len(&self, body: &[u8], i: u32) -> usize {
        self.envelopes[i as usize].records.len(body, scope_spans::SPANS)
    }

    /// What [`Scan::resource_envelope`] appends as one stretch of the body, if it is one.
    pub fn resource_slice<'b>(&self, body: &'b [u8], i: u32) -> Option<&'b [u8]> {
        self.resources[i as usize].records.slice(body)
    }

    /// What [`Scan::scope_envelope`] appends as one stretch of the body, if it is one.
    pub fn scope_slice<'b>(&self, body: &'b [u8], i: u32) -> Option<&'b [u8]> {
        self.envelopes[i as usize].records.slice(body)
    }
}

impl Rejected {
    /// All of them.
    pub fn total(&self) -> u32 {
        let Rejected { invalid_trace_id, invalid_span_id, malformed } = *self;
        invalid_trace_id + invalid_span_id + malformed
    }
}
