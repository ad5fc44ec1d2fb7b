//! What is seen of a span: one walk over its fields, another over those of each event where events are asked for. Of
//! attributes only those are kept that somebody asks for; resource and scope are walked once for all spans of a request
//! under them.

use super::paths::{Asked, Keys};
use super::value::{Map, Value};
use crate::relay::otlp::detail::{Fields, message, pair};
use crate::relay::otlp::fields::{event, resource, resource_spans, scope, scope_spans, span, status};

/// A span, and the event looked at.
#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    message: &'a [u8],
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) parent: [u8; 8],
    pub(super) trace_state: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) kind: i32,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) status: i32,
    pub(super) message_of_status: &'a [u8],
    pub(super) flags: u32,
    /// Attributes, events and links that the SDK dropped.
    pub(super) dropped: [u32; 3],
    pub(super) event: Event<'a>,
    /// Name and version.
    pub(super) scope: (&'a [u8], &'a [u8]),
    /// The attributes asked for, by slot.
    pub(super) found: Vec<Option<Value<'a>>>,
}

/// An event of a span.
#[derive(Debug, Default)]
pub(super) struct Event<'a> {
    message: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) nanos: u64,
    pub(super) dropped: u32,
}

/// Where in the envelope of a scope is what is asked for: it is the same for all spans under it.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Slots, and the bytes of the pairs in them, as offset and length in the records of the resource.
    resource: Vec<(usize, Place)>,
    /// The same in the records of the scope.
    scope: Vec<(usize, Place)>,
    name: Place,
    version: Place,
}

/// Offset and length.
type Place = (usize, usize);

fn place(part: &[u8], whole: &[u8]) -> Place {
    (part.as_ptr().addr() - whole.as_ptr().addr(), part.len())
}

fn at(whole: &[u8], (offset, len): Place) -> &[u8] {
    whole.get(offset..offset + len).unwrap_or_default()
}

impl Around {
    /// Looks for what is asked for in the records of a resource and a scope, as envelopes keep them.
    pub(super) fn look(&mut self, asked: &Asked, resource: &[u8], scope: &[u8]) {
        *self = Around::default();
        for (field, value) in Fields::of(resource) {
            if field == resource_spans::RESOURCE {
                note(&asked.resource, value.bytes(), resource::ATTRIBUTES, resource, &mut self.resource);
            }
        }
        for (field, value) in Fields::of(scope) {
            if field != scope_spans::SCOPE {
                continue;
            }
            note(&asked.scope, value.bytes(), scope::ATTRIBUTES, scope, &mut self.scope);
            for (field, value) in Fields::of(value.bytes()) {
                match field {
                    scope::NAME => self.name = place(value.bytes(), scope),
                    scope::VERSION => self.version = place(value.bytes(), scope),
                    _ => {}
                }
            }
        }
    }
}

/// Notes the pairs of a message that are asked for; of a key that comes twice, the first.
fn note(keys: &Keys, message: &[u8], entries: u32, whole: &[u8], found: &mut Vec<(usize, Place)>) {
    for (_, value) in Fields::of(message).filter(|(field, _)| *field == entries) {
        match keys.slot(pair(value.bytes()).0) {
            Some(slot) if found.iter().all(|(known, _)| *known != slot) => {
                found.push((slot, place(value.bytes(), whole)));
            }
            Some(_) | None => {}
        }
    }
}

impl<'a> Seen<'a> {
    /// What is seen of the span in `record`, under the records of a resource and a scope that `around` was found in.
    pub(super) fn span(
        asked: &Asked,
        record: &'a [u8],
        (resource, scope): (&'a [u8], &'a [u8]),
        around: &Around,
        found: Vec<Option<Value<'a>>>,
    ) -> Seen<'a> {
        let mut seen = Seen { message: message(record), found, ..Seen::default() };
        seen.found.resize(asked.slots, None);
        for (whole, places) in [(resource, &around.resource), (scope, &around.scope)] {
            places.iter().for_each(|(slot, pair_at)| seen.found[*slot] = Some(pair(at(whole, *pair_at)).1.into()));
        }
        seen.scope = (at(scope, around.name), at(scope, around.version));
        seen.walk(asked);
        seen
    }

    fn walk(&mut self, asked: &Asked) {
        for (field, value) in Fields::of(self.message) {
            match field {
                span::ATTRIBUTES => find(&asked.span, value.bytes(), &mut self.found),
                span::TRACE_ID => self.trace_id = value.bytes().try_into().unwrap_or_default(),
                span::SPAN_ID => self.span_id = value.bytes().try_into().unwrap_or_default(),
                span::PARENT_SPAN_ID => self.parent = value.bytes().try_into().unwrap_or_default(),
                span::TRACE_STATE => self.trace_state = value.bytes(),
                span::NAME => self.name = value.bytes(),
                span::KIND => self.kind = value.number() as i32,
                span::START => self.start = value.number(),
                span::END => self.end = value.number(),
                span::STATUS => self.status(value.bytes()),
                span::FLAGS => self.flags = value.number() as u32,
                span::DROPPED_ATTRIBUTES => self.dropped[0] = value.number() as u32,
                span::DROPPED_EVENTS => self.dropped[1] = value.number() as u32,
                span::DROPPED_LINKS => self.dropped[2] = value.number() as u32,
                _ => {}
            }
        }
    }

    /// A status in several records is one.
    fn status(&mut self, message: &'a [u8]) {
        for (field, value) in Fields::of(message) {
            match field {
                status::CODE => self.status = value.number() as i32,
                status::MESSAGE => self.message_of_status = value.bytes(),
                _ => {}
            }
        }
    }

    /// The events of the span, unread.
    pub(super) fn events(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Fields::of(self.message).filter(|(field, _)| *field == span::EVENTS).map(|(_, value)| value.bytes())
    }

    /// Looks at an event.
    pub(super) fn look(&mut self, asked: &Asked, message: &'a [u8]) {
        self.event = Event { message, ..Event::default() };
        asked.event.all().for_each(|slot| self.found[slot] = None);
        for (field, value) in Fields::of(message) {
            match field {
                event::ATTRIBUTES => find(&asked.event, value.bytes(), &mut self.found),
                event::NAME => self.event.name = value.bytes(),
                event::TIME => self.event.nanos = value.number(),
                event::DROPPED_ATTRIBUTES => self.event.dropped = value.number() as u32,
                _ => {}
            }
        }
    }

    /// All attributes of the span.
    pub(super) fn attributes(&self) -> Value<'a> {
        Value::Map(Map { message: self.message, entries: span::ATTRIBUTES })
    }
}

impl<'a> Event<'a> {
    /// All attributes of the event.
    pub(super) fn attributes(&self) -> Value<'a> {
        Value::Map(Map { message: self.message, entries: event::ATTRIBUTES })
    }
}

/// Puts the value of a pair into its slot, if it is asked for and was not found before.
fn find<'a>(keys: &Keys, message: &'a [u8], found: &mut [Option<Value<'a>>]) {
    let (key, value) = pair(message);
    if let Some(slot) = keys.slot(key)
        && found[slot].is_none()
    {
        found[slot] = Some(value.into());
    }
}
