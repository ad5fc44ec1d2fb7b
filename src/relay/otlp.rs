//! OTLP trace requests as bytes: found, checked, cut and put together again without being decoded.
//! `scan` reads a request once and says where its spans are and what the relay needs to know of each; `compose` writes
//! requests out of the bytes spans arrived in; `stamp` appends to single spans. What is accepted is what prost accepts, with one
//! exception: a span whose trace id or span id is invalid by OTLP is rejected, alone.

use std::fmt;

pub mod compose;
pub mod detail;
pub mod fields;
mod message;
mod records;
pub mod scan;
mod span;
pub mod stamp;
mod value;
pub mod varint;

pub use compose::Group;
pub use message::resource_attributes;
pub use scan::{EnvelopeAt, Rejected, ResourceAt, Scan, scan};

/// A trace id that OTLP calls valid: sixteen bytes, not all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

/// Where a span stands in its trace, as far as the span itself says (`Span.parent_span_id` and bits 8 and 9 of `Span.flags`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parentage {
    /// It has a parent that is not known to be in another process.
    Child,
    /// It has no parent: the id is empty, which the protocol asks for, or all zero, which the Collector reads as empty.
    TrueRoot,
    /// It has a parent, and the flags say that it is known to be remote.
    RemoteParent,
}

/// A span's status code, `Span.status.code`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// 0, or no status at all.
    Unset,
    /// 1.
    Ok,
    /// 2.
    Error,
    /// A number that the protocol does not name.
    Other,
}

/// One accepted span: where its bytes are, and what can be known of it without its attributes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// The trace that it belongs to.
    pub trace: TraceId,
    /// Its `ScopeSpans`, as an index into [`Scan::envelopes`].
    pub envelope: u32,
    /// Where its record begins in the body: at the tag, before the length.
    pub offset: u32,
    /// The length of the record in bytes, tag and length prefix included.
    pub len: u32,
    /// Where it stands in its trace.
    pub parentage: Parentage,
    /// `SpanKind` as numbered by the protocol; a number that is not named there is 0, unspecified.
    pub kind: u8,
    /// Its status.
    pub status: Status,
    /// Whether its trace flags have the sampled bit. Several SDKs, Python's among them, never send it.
    pub sampled: bool,
    /// When it began, in nanoseconds since 1970.
    pub start: u64,
    /// When it ended, in nanoseconds since 1970.
    pub end: u64,
    /// Offset in the body and length of the trace state, if it is not empty.
    pub trace_state: Option<(u32, u32)>,
}

/// An attribute's value, as far as a policy can compare it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// Text; the bytes are valid UTF-8.
    Str(&'a [u8]),
    /// A truth.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number.
    Double(f64),
    /// An array, a list of key-values, or bytes.
    Other,
    /// No value, or one that has meaning in profiles only.
    Empty,
}

/// Someone who wants to see span attributes while they are being checked. `()` wants nothing and costs nothing.
///
/// Only attributes of spans are shown, not those of events, links, scopes or resources (see [`resource_attributes`]).
pub trait Observer {
    /// Whether there is anything to be shown at all.
    const WATCHES: bool;
    /// Takes one attribute of the current span, in the order of the bytes; a key may come twice.
    fn attribute(&mut self, key: &[u8], value: Value<'_>);
    /// Ends the current span. If it was not accepted, what was shown of it must be forgotten.
    fn span_end(&mut self, accepted: bool);
}

impl Observer for () {
    const WATCHES: bool = false;
    fn attribute(&mut self, _key: &[u8], _value: Value<'_>) {}
    fn span_end(&mut self, _accepted: bool) {}
}

/// What a request may ask of the scanner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many messages and groups may stand inside one another, the request not counted. More than [`Limits::DEPTH`] is read as that.
    pub depth: u32,
    /// How many span records a request may have, rejected ones included; one more makes it malformed.
    pub spans_max: u32,
}

impl Limits {
    /// The nesting limit of prost.
    pub const DEPTH: u32 = 100;
}

impl Default for Limits {
    /// What prost accepts.
    fn default() -> Limits {
        Limits { depth: Limits::DEPTH, spans_max: u32::MAX }
    }
}

/// Why a whole request cannot be read: an error outside of every single span. Its text is fit for the sender, below 256 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// What is wrong.
    pub what: What,
    /// Where in the body reading stopped, in bytes.
    pub offset: u64,
}

/// What can be wrong with bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// The bytes end inside a number.
    Truncated,
    /// A varint has more than 64 bits.
    Varint,
    /// A field's key has number 0, an undefined wire type or more than 32 bits.
    Key,
    /// A length reaches beyond the end of its message.
    Overrun,
    /// A known field does not have its wire type.
    WireType,
    /// A group ends that did not begin, or under another number.
    Group,
    /// Text is not UTF-8.
    Text,
    /// Messages stand too deep inside one another.
    Depth,
    /// The body has 4 GiB or more.
    TooLarge,
    /// There are more spans than allowed.
    TooManySpans,
}

/// What is wrong, and the address in memory at which it was noticed: an offset once the start of the body is known.
#[derive(Clone, Copy, Debug)]
struct Fault {
    what: What,
    address: usize,
}

impl TraceId {
    /// The id in `bytes`, if there are sixteen of them and they are not all zero.
    #[inline]
    pub fn new(bytes: &[u8]) -> Option<TraceId> {
        let id: [u8; 16] = bytes.try_into().ok()?;
        (u128::from_ne_bytes(id) != 0).then_some(TraceId(id))
    }

    /// The sixteen bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Fault {
    #[cold]
    fn new(what: What, at: &[u8]) -> Fault {
        Fault { what, address: at.as_ptr().addr() }
    }

    fn in_body(self, body: &[u8]) -> Malformed {
        Malformed { what: self.what, offset: self.address.saturating_sub(body.as_ptr().addr()) as u64 }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Truncated => "the bytes end inside a number",
            What::Varint => "a varint has more than 64 bits",
            What::Key => "a field key has number 0, an undefined wire type or more than 32 bits",
            What::Overrun => "a length reaches beyond the end of its message",
            What::WireType => "a known field has another wire type than OTLP gives it",
            What::Group => "a group ends that did not begin, or under another number",
            What::Text => "text is not UTF-8",
            What::Depth => "messages stand too deep inside one another",
            What::TooLarge => "the body has 4 GiB or more",
            What::TooManySpans => "there are more spans than this receiver takes in one request",
        })
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an OTLP trace request: {} (byte {})", self.what, self.offset)
    }
}

impl std::error::Error for Malformed {}
