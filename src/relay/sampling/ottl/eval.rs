//! Conditions and values, evaluated on what is seen of a span. There is no way to fail but by what the span says.

use regex::bytes::Regex;

use super::call;
use super::compare::compare;
use super::convert::{Failed, hex, to_text};
use super::functions::Function;
use super::paths::Field;
use super::seen::Seen;
use super::syntax::{Comparison, Index, Math};
use super::trace_state;
use super::value::{List, Value};

/// Something that is true of a span or not.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    Always(bool),
    Compare(Comparison, Expr, Expr),
    /// A value that is true or false.
    Holds(Expr),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

/// Something that has a value.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    Literal(Value<'static>),
    Field(Field),
    /// What is found in a slot, and inside of it.
    Attribute(usize, Vec<Index>),
    TraceState(Box<[u8]>),
    List(Vec<Expr>),
    Negative(Box<Expr>),
    Math(Math, Box<Expr>, Box<Expr>),
    Call(Function, Vec<Option<Expr>>),
    Matches(Box<Expr>, Regex),
    Inside(Box<Expr>, Vec<Index>),
}

impl Condition {
    /// Whether it is true. What comes after the first part that decides is not looked at.
    pub(super) fn holds(&self, seen: &Seen<'_>) -> Result<bool, Failed> {
        match self {
            Condition::Always(truth) => Ok(*truth),
            Condition::Compare(comparison, left, right) => {
                Ok(compare(*comparison, &left.value(seen)?, &right.value(seen)?))
            }
            Condition::Holds(value) => match value.value(seen)? {
                Value::Bool(truth) => Ok(truth),
                _ => Err(Failed),
            },
            Condition::Not(inside) => inside.holds(seen).map(|truth| !truth),
            Condition::All(parts) => decided(parts, seen, false),
            Condition::Any(parts) => decided(parts, seen, true),
        }
    }
}

/// The first part that is `decisive` decides; if there is none, it is the opposite.
fn decided(parts: &[Condition], seen: &Seen<'_>, decisive: bool) -> Result<bool, Failed> {
    for part in parts {
        if part.holds(seen)? == decisive {
            return Ok(decisive);
        }
    }
    Ok(!decisive)
}

impl Expr {
    /// Whether its value is the same whatever the span says.
    pub(super) fn is_fixed(&self) -> bool {
        match self {
            Expr::Literal(_) => true,
            Expr::Field(_) | Expr::Attribute(..) | Expr::TraceState(_) => false,
            Expr::List(items) => items.iter().all(Expr::is_fixed),
            Expr::Negative(inside) | Expr::Matches(inside, _) | Expr::Inside(inside, _) => inside.is_fixed(),
            Expr::Math(_, left, right) => left.is_fixed() && right.is_fixed(),
            Expr::Call(Function::IsRootSpan, _) => false,
            Expr::Call(_, values) => values.iter().flatten().all(Expr::is_fixed),
        }
    }

    /// Its value.
    pub(super) fn value<'a>(&'a self, seen: &Seen<'a>) -> Result<Value<'a>, Failed> {
        match self {
            Expr::Literal(value) => Ok(value.lend()),
            Expr::Field(field) => Ok(seen.field(*field)),
            Expr::Attribute(slot, keys) => match &seen.found[*slot] {
                None => Ok(Value::Nil),
                Some(value) => inside(value.clone(), keys, true),
            },
            Expr::TraceState(key) => Ok(trace_state::member(seen.trace_state, key).map_or(Value::Nil, Value::text)),
            Expr::List(items) => {
                let items: Result<_, Failed> = items.iter().map(|item| item.value(seen)).collect();
                Ok(Value::List(List::Made(items?)))
            }
            Expr::Negative(of) => match of.value(seen)? {
                Value::Int(number) => Ok(Value::Int(number.wrapping_neg())),
                Value::Double(number) => Ok(Value::Double(-number)),
                _ => Err(Failed),
            },
            Expr::Math(math, left, right) => calculate(*math, left.value(seen)?, right.value(seen)?),
            Expr::Matches(target, pattern) => Ok(Value::Bool(match to_text(target.value(seen)?)? {
                Value::Text(text) => pattern.is_match(&text),
                _ => false,
            })),
            Expr::Call(function, values) => call::call(*function, values, seen),
            Expr::Inside(of, keys) => inside(of.value(seen)?, keys, false),
        }
    }
}

/// What the keys lead to. Of an attribute, a key that a map lacks gives nil; of what a function gives, it fails.
fn inside<'a>(mut value: Value<'a>, keys: &[Index], lenient: bool) -> Result<Value<'a>, Failed> {
    for key in keys {
        value = match (&value, key) {
            (Value::Map(map), Index::Name(name)) => match map.get(name) {
                Some(value) => value,
                None if lenient => return Ok(Value::Nil),
                None => return Err(Failed),
            },
            (Value::List(list), Index::Place(place)) => list.get(*place).ok_or(Failed)?,
            _ => return Err(Failed),
        };
    }
    Ok(value)
}

fn calculate<'a>(math: Math, left: Value<'a>, right: Value<'a>) -> Result<Value<'a>, Failed> {
    Ok(match (left, right, math) {
        (Value::Int(left), Value::Int(right), math) => Value::Int(whole(math, left, right)?),
        (Value::Int(left), Value::Double(right), math) => Value::Double(real(math, left as f64, right)?),
        (Value::Double(left), Value::Int(right), math) => Value::Double(real(math, left, right as f64)?),
        (Value::Double(left), Value::Double(right), math) => Value::Double(real(math, left, right)?),
        (Value::Time(time), Value::Duration(by), Math::Add) | (Value::Duration(by), Value::Time(time), Math::Add) => {
            Value::Time(time.saturating_add(by))
        }
        (Value::Time(time), Value::Duration(by), Math::Subtract) => Value::Time(time.saturating_sub(by)),
        (Value::Time(left), Value::Time(right), Math::Subtract) => Value::Duration(left.saturating_sub(right)),
        (Value::Duration(left), Value::Duration(right), Math::Add) => Value::Duration(left.wrapping_add(right)),
        (Value::Duration(left), Value::Duration(right), Math::Subtract) => Value::Duration(left.wrapping_sub(right)),
        _ => return Err(Failed),
    })
}

fn whole(math: Math, left: i64, right: i64) -> Result<i64, Failed> {
    Ok(match math {
        Math::Add => left.wrapping_add(right),
        Math::Subtract => left.wrapping_sub(right),
        Math::Multiply => left.wrapping_mul(right),
        Math::Divide if right == 0 => return Err(Failed),
        Math::Divide => left.wrapping_div(right),
    })
}

fn real(math: Math, left: f64, right: f64) -> Result<f64, Failed> {
    Ok(match math {
        Math::Add => left + right,
        Math::Subtract => left - right,
        Math::Multiply => left * right,
        Math::Divide if right == 0.0 => return Err(Failed),
        Math::Divide => left / right,
    })
}

impl<'a> Seen<'a> {
    /// The value of a field.
    fn field(&self, field: Field) -> Value<'a> {
        let text_of = |id: &[u8]| Value::made(hex(id));
        match field {
            Field::TraceId => Value::TraceId(self.trace_id),
            Field::TraceIdText => text_of(&self.trace_id),
            Field::SpanId => Value::SpanId(self.span_id),
            Field::SpanIdText => text_of(&self.span_id),
            Field::Parent => Value::SpanId(self.parent),
            Field::ParentText => text_of(&self.parent),
            Field::TraceState => Value::text(self.trace_state),
            Field::Name => Value::text(self.name),
            Field::Kind => Value::Int(self.kind.into()),
            Field::KindText => Value::text(kind(self.kind).0.as_bytes()),
            Field::KindOldText => Value::text(kind(self.kind).1.as_bytes()),
            Field::Start => Value::Int(self.start as i64),
            Field::End => Value::Int(self.end as i64),
            Field::StartTime => Value::Time(self.start as i64),
            Field::EndTime => Value::Time(self.end as i64),
            Field::Attributes => self.attributes(),
            Field::DroppedAttributes => Value::Int(self.dropped[0].into()),
            Field::DroppedEvents => Value::Int(self.dropped[1].into()),
            Field::DroppedLinks => Value::Int(self.dropped[2].into()),
            Field::StatusCode => Value::Int(self.status.into()),
            Field::StatusMessage => Value::text(self.message_of_status),
            Field::Flags => Value::Int(self.flags.into()),
            Field::EventName => Value::text(self.event.name),
            Field::EventNanos => Value::Int(self.event.nanos as i64),
            Field::EventTime => Value::Time(self.event.nanos as i64),
            Field::EventAttributes => self.event.attributes(),
            Field::EventDroppedAttributes => Value::Int(self.event.dropped.into()),
            Field::ScopeName => Value::text(self.scope.0),
            Field::ScopeVersion => Value::text(self.scope.1),
        }
    }
}

/// A kind as text, as it is written today and as it was.
fn kind(kind: i32) -> (&'static str, &'static str) {
    match kind {
        0 => ("Unspecified", "SPAN_KIND_UNSPECIFIED"),
        1 => ("Internal", "SPAN_KIND_INTERNAL"),
        2 => ("Server", "SPAN_KIND_SERVER"),
        3 => ("Client", "SPAN_KIND_CLIENT"),
        4 => ("Producer", "SPAN_KIND_PRODUCER"),
        5 => ("Consumer", "SPAN_KIND_CONSUMER"),
        _ => ("", ""),
    }
}
