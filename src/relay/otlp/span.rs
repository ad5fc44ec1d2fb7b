//! One span: every byte of it checked, the facts taken out, its attributes shown to whoever watches.

use super::fields::{span, status};
use super::message::{check_event, check_link};
use super::value::{read_key_value, text};
use super::varint::{chunk, enter, fixed32, fixed64, key, unknown, varint};
use super::{Fault, Observer, Parentage, Status};

/// The fields of a span that the relay needs, each as the last record of it says.
pub(super) struct Facts<'a> {
    pub(super) trace_id: &'a [u8],
    pub(super) span_id: &'a [u8],
    pub(super) trace_state: &'a [u8],
    /// Where the trace state begins, counted from the start of the span's own bytes.
    pub(super) trace_state_at: usize,
    pub(super) start: u64,
    pub(super) end: u64,
    parent: &'a [u8],
    flags: u32,
    kind: i32,
    code: i32,
}

/// Bit 0 of `Span.flags`, the lowest of the trace flags of W3C Trace Context.
const SAMPLED: u32 = 1;

/// Bits 8 and 9 of `Span.flags`: whether the parent is remote is known, and it is.
const PARENT_IS_REMOTE: u32 = 0x300;

impl Facts<'_> {
    pub(super) fn parentage(&self) -> Parentage {
        if self.parent.iter().all(|byte| *byte == 0) {
            Parentage::TrueRoot
        } else if self.flags & PARENT_IS_REMOTE == PARENT_IS_REMOTE {
            Parentage::RemoteParent
        } else {
            Parentage::Child
        }
    }

    pub(super) fn kind(&self) -> u8 {
        if (0..=5).contains(&self.kind) { self.kind as u8 } else { 0 }
    }

    pub(super) fn status(&self) -> Status {
        match self.code {
            0 => Status::Unset,
            1 => Status::Ok,
            2 => Status::Error,
            _ => Status::Other,
        }
    }

    pub(super) fn sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    pub(super) fn has_span_id(&self) -> bool {
        matches!(self.span_id.try_into(), Ok(id) if u64::from_ne_bytes(id) != 0)
    }
}

/// Reads the bytes of one span, tag and length prefix taken off. `room` is what nesting is left inside the span.
#[inline]
pub(super) fn read<'a, O: Observer>(bytes: &'a [u8], room: u32, observer: &mut O) -> Result<Facts<'a>, Fault> {
    let mut facts = Facts {
        trace_id: &[],
        span_id: &[],
        trace_state: &[],
        trace_state_at: 0,
        start: 0,
        end: 0,
        parent: &[],
        flags: 0,
        kind: 0,
        code: 0,
    };
    let mut rest = bytes;
    while !rest.is_empty() {
        match key(&mut rest)? {
            span::ATTRIBUTES => {
                let inside = enter(room, rest)?;
                let (name, value) = read_key_value(chunk(&mut rest)?, inside)?;
                if O::WATCHES {
                    observer.attribute(name, value);
                }
            }
            span::TRACE_ID => facts.trace_id = chunk(&mut rest)?,
            span::SPAN_ID => facts.span_id = chunk(&mut rest)?,
            span::TRACE_STATE => {
                facts.trace_state = text(&mut rest)?;
                facts.trace_state_at = bytes.len() - rest.len() - facts.trace_state.len();
            }
            span::PARENT_SPAN_ID => facts.parent = chunk(&mut rest)?,
            span::NAME => drop(text(&mut rest)?),
            // An enum is an int32: of a longer number, the low 32 bits count.
            span::KIND => facts.kind = varint(&mut rest)? as i32,
            span::START => facts.start = fixed64(&mut rest)?,
            span::END => facts.end = fixed64(&mut rest)?,
            span::DROPPED_ATTRIBUTES | span::DROPPED_EVENTS | span::DROPPED_LINKS => drop(varint(&mut rest)?),
            span::EVENTS => {
                let inside = enter(room, rest)?;
                check_event(chunk(&mut rest)?, inside)?;
            }
            span::LINKS => {
                let inside = enter(room, rest)?;
                check_link(chunk(&mut rest)?, inside)?;
            }
            span::STATUS => {
                let inside = enter(room, rest)?;
                merge_status(chunk(&mut rest)?, inside, &mut facts.code)?;
            }
            span::FLAGS => facts.flags = fixed32(&mut rest)?,
            other => unknown(other, span::LAST, &mut rest, room)?,
        }
    }
    Ok(facts)
}

/// Checks a `Status`. A status in several records is one: a code stays until another is said, if only 0.
fn merge_status(mut rest: &[u8], room: u32, code: &mut i32) -> Result<(), Fault> {
    while !rest.is_empty() {
        match key(&mut rest)? {
            status::CODE => *code = varint(&mut rest)? as i32,
            status::MESSAGE => drop(text(&mut rest)?),
            other if other >> 3 == 1 => super::varint::skip(other, &mut rest, room)?,
            other => unknown(other, status::LAST, &mut rest, room)?,
        }
    }
    Ok(())
}
