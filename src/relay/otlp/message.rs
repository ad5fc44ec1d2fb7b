//! The messages around values that carry no facts of their own: resource, entity, scope, event and link, checked to the leaf.

use super::fields::{entity_ref, event, link, resource, resource_spans, scope};
use super::value::{read_key_value, text};
use super::varint::{chunk, enter, fixed32, fixed64, key, skip, unknown, varint};
use super::{Fault, Limits, Value};

/// Shows every attribute of the resource in `envelope`, in order: the records of a `ResourceSpans` without its spans, as
/// [`super::Scan::resource_envelope`] gives them. A resource in several records is one resource, as protobuf merges it.
/// Meant for envelopes of scanned requests; of other bytes, what follows the first error is not shown.
pub fn resource_attributes(envelope: &[u8], mut show: impl FnMut(&[u8], Value<'_>)) {
    let _: Result<(), Fault> = show_resources(envelope, &mut show);
}

fn show_resources(mut rest: &[u8], show: &mut impl FnMut(&[u8], Value<'_>)) -> Result<(), Fault> {
    while !rest.is_empty() {
        match key(&mut rest)? {
            resource_spans::RESOURCE => show_resource(chunk(&mut rest)?, show)?,
            other => skip(other, &mut rest, Limits::DEPTH)?,
        }
    }
    Ok(())
}

fn show_resource(mut rest: &[u8], show: &mut impl FnMut(&[u8], Value<'_>)) -> Result<(), Fault> {
    while !rest.is_empty() {
        match key(&mut rest)? {
            resource::ATTRIBUTES => {
                let (name, value) = read_key_value(chunk(&mut rest)?, Limits::DEPTH)?;
                show(name, value);
            }
            other => skip(other, &mut rest, Limits::DEPTH)?,
        }
    }
    Ok(())
}

/// Checks a `Resource`.
pub(super) fn check_resource(mut rest: &[u8], room: u32) -> Result<(), Fault> {
    while !rest.is_empty() {
        match key(&mut rest)? {
            resource::ATTRIBUTES => {
                let inside = enter(room, rest)?;
                read_key_value(chunk(&mut rest)?, inside)?;
            }
            resource::DROPPED_ATTRIBUTES => drop(varint(&mut rest)?),
            resource::ENTITY_REFS => {
                let inside = enter(room, rest)?;
                check_entity(chunk(&mut rest)?, inside)?;
            }
            other => unknown(other, resource::LAST, &mut rest, room)?,
        }
    }
    Ok(())
}

fn check_entity(mut rest: &[u8], room: u32) -> Result<(), Fault> {
    use entity_ref::{DESCRIPTION_KEYS, ID_KEYS, SCHEMA_URL, TYPE};
    while !rest.is_empty() {
        match key(&mut rest)? {
            SCHEMA_URL | TYPE | ID_KEYS | DESCRIPTION_KEYS => drop(text(&mut rest)?),
            other => unknown(other, entity_ref::LAST, &mut rest, room)?,
        }
    }
    Ok(())
}

/// Checks an `InstrumentationScope`.
pub(super) fn check_scope(mut rest: &[u8], room: u32) -> Result<(), Fault> {
    while !rest.is_empty() {
        match key(&mut rest)? {
            scope::NAME | scope::VERSION => drop(text(&mut rest)?),
            scope::ATTRIBUTES => {
                let inside = enter(room, rest)?;
                read_key_value(chunk(&mut rest)?, inside)?;
            }
            scope::DROPPED_ATTRIBUTES => drop(varint(&mut rest)?),
            other => unknown(other, scope::LAST, &mut rest, room)?,
        }
    }
    Ok(())
}

/// Checks a `Span.Event`.
pub(super) fn check_event(mut rest: &[u8], room: u32) -> Result<(), Fault> {
    while !rest.is_empty() {
        match key(&mut rest)? {
            event::TIME => drop(fixed64(&mut rest)?),
            event::NAME => drop(text(&mut rest)?),
            event::ATTRIBUTES => {
                let inside = enter(room, rest)?;
                read_key_value(chunk(&mut rest)?, inside)?;
            }
            event::DROPPED_ATTRIBUTES => drop(varint(&mut rest)?),
            other => unknown(other, event::LAST, &mut rest, room)?,
        }
    }
    Ok(())
}

/// Checks a `Span.Link`.
pub(super) fn check_link(mut rest: &[u8], room: u32) -> Result<(), Fault> {
    while !rest.is_empty() {
        match key(&mut rest)? {
            link::TRACE_ID | link::SPAN_ID => drop(chunk(&mut rest)?),
            link::TRACE_STATE => drop(text(&mut rest)?),
            link::ATTRIBUTES => {
                let inside = enter(room, rest)?;
                read_key_value(chunk(&mut rest)?, inside)?;
            }
            link::DROPPED_ATTRIBUTES => drop(varint(&mut rest)?),
            link::FLAGS => drop(fixed32(&mut rest)?),
            other => unknown(other, link::LAST, &mut rest, room)?,
        }
    }
    Ok(())
}
