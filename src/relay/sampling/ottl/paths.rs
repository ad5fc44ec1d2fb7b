//! The paths: which name asks for what, of which kind it is, and which attributes are asked for at all. Everything that
//! is not in these tables is refused by its name.

use std::ops::Range;

use hashbrown::HashMap;

use super::nearest::nearest;
use super::syntax::{Index, Key, Segment};
use super::types::Type;
use super::{Context, Fault};
use crate::relay::sampling::watch::Hashing;

/// A field of a span, of the event looked at, or of their scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    TraceId,
    TraceIdText,
    SpanId,
    SpanIdText,
    Parent,
    ParentText,
    TraceState,
    Name,
    Kind,
    KindText,
    KindOldText,
    Start,
    End,
    StartTime,
    EndTime,
    Attributes,
    DroppedAttributes,
    DroppedEvents,
    DroppedLinks,
    StatusCode,
    StatusMessage,
    Flags,
    EventName,
    EventNanos,
    EventTime,
    EventAttributes,
    EventDroppedAttributes,
    ScopeName,
    ScopeVersion,
}

/// What a path asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Path {
    /// A field.
    Field(Field),
    /// An attribute, by the number of its slot, and what is asked for inside of it.
    Attribute(usize, Vec<Index>),
    /// A member of the tracestate.
    TraceState(Box<[u8]>),
}

type Names = &'static [(&'static str, Field, Type)];

const SPAN: Names = &[
    ("name", Field::Name, Type::Text),
    ("kind", Field::Kind, Type::Int),
    ("kind.string", Field::KindText, Type::Text),
    ("kind.deprecated_string", Field::KindOldText, Type::Text),
    ("status.code", Field::StatusCode, Type::Int),
    ("status.message", Field::StatusMessage, Type::Text),
    ("attributes", Field::Attributes, Type::Map),
    ("start_time_unix_nano", Field::Start, Type::Int),
    ("end_time_unix_nano", Field::End, Type::Int),
    ("start_time", Field::StartTime, Type::Time),
    ("end_time", Field::EndTime, Type::Time),
    ("trace_id", Field::TraceId, Type::TraceId),
    ("trace_id.string", Field::TraceIdText, Type::Text),
    ("span_id", Field::SpanId, Type::SpanId),
    ("span_id.string", Field::SpanIdText, Type::Text),
    ("parent_span_id", Field::Parent, Type::SpanId),
    ("parent_span_id.string", Field::ParentText, Type::Text),
    ("trace_state", Field::TraceState, Type::Text),
    ("dropped_attributes_count", Field::DroppedAttributes, Type::Int),
    ("dropped_events_count", Field::DroppedEvents, Type::Int),
    ("dropped_links_count", Field::DroppedLinks, Type::Int),
    ("flags", Field::Flags, Type::Int),
];
const EVENT: Names = &[
    ("name", Field::EventName, Type::Text),
    ("attributes", Field::EventAttributes, Type::Map),
    ("time_unix_nano", Field::EventNanos, Type::Int),
    ("time", Field::EventTime, Type::Time),
    ("dropped_attributes_count", Field::EventDroppedAttributes, Type::Int),
];
const SCOPE: Names = &[("name", Field::ScopeName, Type::Text), ("version", Field::ScopeVersion, Type::Text)];

/// Who has attributes and fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Span,
    Event,
    Scope,
    Resource,
}

/// The names of owners, as they stand before a path.
const OWNERS: [(&str, Owner); 5] = [
    ("span", Owner::Span),
    ("spanevent", Owner::Event),
    ("resource", Owner::Resource),
    ("scope", Owner::Scope),
    ("instrumentation_scope", Owner::Scope),
];

/// The attributes asked for, each with a slot of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) resource: Keys,
    pub(super) scope: Keys,
    pub(super) span: Keys,
    pub(super) event: Keys,
    /// How many slots there are.
    pub(super) slots: usize,
}

/// Keys asked for, and their slots.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    slots: HashMap<Box<[u8]>, usize, Hashing>,
    /// Lengths that keys have, as bits; the last bit stands for 63 and more.
    lengths: u64,
}

impl Keys {
    /// The slot of a key, if it is asked for.
    pub(super) fn slot(&self, key: &[u8]) -> Option<usize> {
        if self.lengths >> key.len().min(63) & 1 == 0 { None } else { self.slots.get(key).copied() }
    }

    /// Every slot.
    pub(super) fn all(&self) -> impl Iterator<Item = usize> {
        self.slots.values().copied()
    }

    fn ask(&mut self, key: &[u8], next: &mut usize) -> usize {
        self.lengths |= 1 << key.len().min(63);
        *self.slots.entry(key.into()).or_insert_with(|| {
            *next += 1;
            *next - 1
        })
    }
}

/// What a path asks for, and of which kind it is.
pub(super) fn resolve(
    segments: &[Segment],
    at: &Range<usize>,
    context: Context,
    asked: &mut Asked,
) -> Result<(Path, Type), Fault> {
    let named = OWNERS.iter().find(|(name, _)| 1 < segments.len() && segments[0].name == *name);
    let (owner, inside) = match named {
        Some((_, owner)) => (*owner, &segments[1..]),
        None if context == Context::Span => (Owner::Span, segments),
        None => (Owner::Event, segments),
    };
    if owner == Owner::Event && context == Context::Span {
        let fault = Fault::new(segments[0].at.clone(), "a condition on spans does not see their events");
        return Err(fault.help("write it under `spanevent`, which sees `span` too"));
    }
    let names: Vec<&str> = inside.iter().map(|segment| segment.name.as_str()).collect();
    let (name, keys) = (names.join("."), &inside[inside.len() - 1].keys);
    if let Some(early) = segments[..segments.len() - 1].iter().find_map(|segment| segment.keys.first()) {
        return Err(Fault::new(early.at.clone(), "a key stands at the end of a path only"));
    }
    match (name.as_str(), keys.split_first()) {
        ("attributes", Some((first, rest))) => attribute(owner, first, rest, asked),
        ("trace_state", Some((first, rest))) if owner == Owner::Span => trace_state(first, rest),
        (name, None) => field(owner, named.map_or("", |(name, _)| *name), name, at),
        (_, Some((first, _))) => {
            field(owner, "", &name, at)?;
            Err(Fault::new(first.at.clone(), format!("`{name}` has nothing inside that could be asked for")))
        }
    }
}

fn attribute(owner: Owner, first: &Key, rest: &[Key], asked: &mut Asked) -> Result<(Path, Type), Fault> {
    let Index::Name(name) = &first.what else {
        return Err(Fault::new(first.at.clone(), "attributes have names, not places").help("a text in quotes"));
    };
    let Asked { resource, scope, span, event, slots } = asked;
    let keys = match owner {
        Owner::Span => span,
        Owner::Event => event,
        Owner::Scope => scope,
        Owner::Resource => resource,
    };
    let slot = keys.ask(name, slots);
    Ok((Path::Attribute(slot, rest.iter().map(|key| key.what.clone()).collect()), Type::Any))
}

fn trace_state(first: &Key, rest: &[Key]) -> Result<(Path, Type), Fault> {
    match (&first.what, rest.first()) {
        (Index::Name(key), None) => Ok((Path::TraceState(key.clone()), Type::Any)),
        (Index::Place(_), _) => {
            Err(Fault::new(first.at.clone(), "members of a tracestate have names, not places").help("a text in quotes"))
        }
        (_, Some(key)) => Err(Fault::new(key.at.clone(), "there is nothing inside a member of a tracestate")),
    }
}

fn field(owner: Owner, prefix: &str, name: &str, at: &Range<usize>) -> Result<(Path, Type), Fault> {
    let names = match owner {
        Owner::Span => SPAN,
        Owner::Event => EVENT,
        Owner::Scope => SCOPE,
        Owner::Resource => &[],
    };
    if let Some((_, field, kind)) = names.iter().find(|(known, _, _)| *known == name) {
        return Ok((Path::Field(*field), *kind));
    }
    let written = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    let fault = Fault::new(at.clone(), format!("there is no path `{written}` here"));
    if let Some(instead) = instead(owner, name) {
        return Err(fault.help(instead));
    }
    let known = names.iter().map(|(known, _, _)| *known).chain(["attributes"]);
    Err(match nearest(name, known.clone()) {
        Some(near) if prefix.is_empty() => fault.help(format!("did you mean `{near}`?")),
        Some(near) => fault.help(format!("did you mean `{prefix}.{near}`?")),
        None => fault.help(format!("the paths are {}", known.collect::<Vec<_>>().join(", "))),
    })
}

/// What to write for a path that OTTL has elsewhere, or that somebody may expect.
fn instead(owner: Owner, name: &str) -> Option<&'static str> {
    Some(match (owner, name) {
        (Owner::Resource | Owner::Scope, "attributes") => "name one of them, as in `attributes[\"service.name\"]`",
        (Owner::Span, "duration") => "`end_time - start_time`, which is compared with Duration(\"500ms\")",
        (Owner::Span, "status") => "`status.code` or `status.message`",
        (Owner::Span, "events") => "conditions under `spanevent` are asked of each event",
        (Owner::Event, name) if name != "attributes" && SPAN.iter().any(|(known, _, _)| *known == name) => {
            "fields of the event's span are written with `span.` before them"
        }
        (_, "cache" | "links" | "schema_url" | "event_index") => "conditions here do not see it",
        _ => return None,
    })
}
