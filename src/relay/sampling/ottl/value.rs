//! Values as expressions see them, borrowed from the bytes of a span wherever they can be.

use std::borrow::Cow;

use crate::relay::otlp::detail::{Any, entries, items};
use crate::relay::otlp::fields::list;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    /// Text; not always UTF-8, for a part of a text may be cut anywhere.
    Text(Cow<'a, [u8]>),
    Bytes(Cow<'a, [u8]>),
    TraceId([u8; 16]),
    SpanId([u8; 8]),
    List(List<'a>),
    Map(Map<'a>),
    /// In nanoseconds.
    Duration(i64),
    /// In nanoseconds since 1970.
    Time(i64),
}

/// A list: as it stands in a span, or made by an expression.
#[derive(Clone, Debug)]
pub(super) enum List<'a> {
    Wire(&'a [u8]),
    Made(Vec<Value<'a>>),
}

/// A map as it stands in a span: the fields of a message that have the key `entries`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Map<'a> {
    pub(super) message: &'a [u8],
    pub(super) entries: u32,
}

impl<'a> Value<'a> {
    /// Text that stays where it is.
    pub(super) fn text(text: &'a [u8]) -> Value<'a> {
        Value::Text(Cow::Borrowed(text))
    }

    /// Text that was made.
    pub(super) fn made(text: impl Into<Vec<u8>>) -> Value<'a> {
        Value::Text(Cow::Owned(text.into()))
    }

    /// The same without a copy of what may be long.
    pub(super) fn lend(&'a self) -> Value<'a> {
        match self {
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            Value::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Value::List(List::Made(made)) => Value::List(List::Made(made.iter().map(Value::lend).collect())),
            other => other.clone(),
        }
    }

    /// Nothing, which empty bytes are too.
    pub(super) fn is_nil(&self) -> bool {
        matches!(self, Value::Nil) || matches!(self, Value::Bytes(bytes) if bytes.is_empty())
    }

    /// Whether both are the same down to the leaves. Here 1 is not 1.0: it is how lists and maps compare, not numbers.
    pub(super) fn is_same(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(this), Value::Bool(that)) => this == that,
            (Value::Int(this), Value::Int(that)) => this == that,
            (Value::Double(this), Value::Double(that)) => this == that,
            (Value::Text(this), Value::Text(that)) | (Value::Bytes(this), Value::Bytes(that)) => this == that,
            (Value::TraceId(this), Value::TraceId(that)) => this == that,
            (Value::SpanId(this), Value::SpanId(that)) => this == that,
            (Value::Duration(this), Value::Duration(that)) | (Value::Time(this), Value::Time(that)) => this == that,
            (Value::List(this), Value::List(that)) => this.is_same(that),
            (Value::Map(this), Value::Map(that)) => this.is_same(that),
            _ => false,
        }
    }
}

impl<'a> From<Any<'a>> for Value<'a> {
    fn from(any: Any<'a>) -> Value<'a> {
        match any {
            Any::Empty => Value::Nil,
            Any::Str(text) => Value::text(text),
            Any::Bool(truth) => Value::Bool(truth),
            Any::Int(number) => Value::Int(number),
            Any::Double(number) => Value::Double(number),
            Any::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Any::Array(message) => Value::List(List::Wire(message)),
            Any::Map(message) => Value::Map(Map { message, entries: list::VALUES }),
        }
    }
}

impl<'a> List<'a> {
    /// The values in it, one by one: a list of a million values is never all of them at once.
    pub(super) fn values(&self) -> impl Iterator<Item = Value<'a>> {
        let (wire, made): (&[u8], &[Value<'a>]) = match self {
            List::Wire(message) => (message, &[]),
            List::Made(made) => (&[], made),
        };
        items(wire).map(Value::from).chain(made.iter().cloned())
    }

    pub(super) fn len(&self) -> usize {
        match self {
            List::Wire(message) => items(message).count(),
            List::Made(made) => made.len(),
        }
    }

    /// The value at a place counted from 0, if there is one.
    pub(super) fn get(&self, place: i64) -> Option<Value<'a>> {
        let place = usize::try_from(place).ok()?;
        match self {
            List::Wire(message) => items(message).nth(place).map(Value::from),
            List::Made(made) => made.get(place).cloned(),
        }
    }

    fn is_same(&self, other: &List<'_>) -> bool {
        self.len() == other.len() && self.values().zip(other.values()).all(|(this, that)| this.is_same(&that))
    }
}

/// Most pairs of maps that are compared or written as text; a larger one is equal to none and has no text.
const PAIRS_MAX: usize = 1024;

impl<'a> Map<'a> {
    /// Keys and values in it; a key may come twice.
    pub(super) fn pairs(self) -> impl Iterator<Item = (&'a [u8], Value<'a>)> {
        entries(self.message, self.entries).map(|(key, value)| (key, value.into()))
    }

    /// The first value of a key.
    pub(super) fn get(self, key: &[u8]) -> Option<Value<'a>> {
        self.pairs().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// How many pairs there are, if they are few enough to be gone through for each of them.
    pub(super) fn len_if_small(self) -> Option<usize> {
        let len = self.pairs().take(PAIRS_MAX + 1).count();
        (len <= PAIRS_MAX).then_some(len)
    }

    fn is_same(self, other: &Map<'_>) -> bool {
        let len = self.len_if_small();
        if len.is_none() || len != other.len_if_small() {
            return false;
        }
        let same = |(key, value): (&[u8], Value<'_>)| other.get(key).is_some_and(|that| value.is_same(&that));
        self.pairs().all(same)
    }
}
