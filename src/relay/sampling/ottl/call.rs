//! What the functions give.

use std::borrow::Cow;

use super::compare::compare;
use super::convert::{Failed, id, short, to_bool, to_double, to_int, to_text, utf8};
use super::eval::Expr;
use super::functions::Function;
use super::seen::Seen;
use super::syntax::Comparison;
use super::types::Type;
use super::value::{List, Value};
use super::{duration, text};

/// The value of a function given these values, one for each parameter.
pub(super) fn call<'a>(function: Function, values: &'a [Option<Expr>], seen: &Seen<'a>) -> Result<Value<'a>, Failed> {
    if let (Function::Coalesce, [Some(Expr::List(items))]) = (function, values) {
        return coalesce(items, seen);
    }
    let mut given = values.iter().map(|value| value.as_ref().map(|value| value.value(seen)).transpose());
    let mut next = || given.next().unwrap_or(Ok(None));
    match (next()?, next()?) {
        (None, _) => Ok(Value::Bool(seen.parent == [0; 8])),
        (Some(first), None) => one(function, first),
        (Some(first), Some(second)) => match (next()?, next()?) {
            (None, _) => two(function, first, second),
            (Some(third), safe) => {
                let (start, length) = (int(&second)?, int(&third)?);
                let safe = matches!(safe, Some(Value::Bool(true)));
                Ok(Value::Text(text::substring(text_of(first)?, start, length, safe)?))
            }
        },
    }
}

/// The first that is not nil; those behind it are not looked at.
fn coalesce<'a>(items: &'a [Expr], seen: &Seen<'a>) -> Result<Value<'a>, Failed> {
    for item in items {
        match item.value(seen)? {
            Value::Nil => {}
            value => return Ok(value),
        }
    }
    Ok(Value::Nil)
}

fn one(function: Function, value: Value<'_>) -> Result<Value<'_>, Failed> {
    Ok(match function {
        Function::Bool => to_bool(&value)?,
        Function::Double => to_double(&value)?,
        Function::Int => to_int(&value)?,
        Function::String => to_text(value)?,
        Function::Duration => Value::Duration(duration::parse(utf8(&text_of(value)?)?)?),
        Function::Is(kind) => Value::Bool(is(kind, &value)),
        Function::IsEmpty => Value::Bool(is_empty(&value)),
        Function::Len => Value::Int(len(&value)? as i64),
        Function::SpanId => Value::SpanId(id(&value)?),
        Function::TraceId => Value::TraceId(id(&value)?),
        Function::ToLower => Value::Text(text::lower(short(&text_of(value)?)?)),
        Function::ToUpper => Value::Text(text::upper(short(&text_of(value)?)?)),
        Function::Trim => Value::Text(text::trim(text_of(value)?, b" ")),
        Function::Nanos | Function::Micros | Function::Millis => whole_of(function, lasting(&value)?),
        Function::Seconds => Value::Double(share(lasting(&value)?, SECOND)),
        Function::Minutes => Value::Double(share(lasting(&value)?, 60 * SECOND)),
        Function::Hours => Value::Double(share(lasting(&value)?, 3600 * SECOND)),
        Function::UnixNano => Value::Int(moment(&value)?),
        Function::UnixMicro => Value::Int(moment(&value)?.div_euclid(1_000)),
        Function::UnixMilli => Value::Int(moment(&value)?.div_euclid(1_000_000)),
        Function::UnixSeconds => Value::Int(moment(&value)?.div_euclid(SECOND)),
        _ => return Err(Failed),
    })
}

const SECOND: i64 = 1_000_000_000;

fn two<'a>(function: Function, first: Value<'a>, second: Value<'a>) -> Result<Value<'a>, Failed> {
    Ok(match function {
        Function::Concat => Value::made(concat(&first, &text_of(second)?)?),
        Function::ContainsValue => Value::Bool(place_of(&first, &second)?.is_some()),
        Function::HasPrefix => Value::Bool(text_of(first)?.starts_with(&text_of(second)?)),
        Function::HasSuffix => Value::Bool(text_of(first)?.ends_with(&text_of(second)?)),
        Function::Index => {
            let place = match &first {
                Value::Text(within) => text::find(within, &text_of(second)?)?,
                other => place_of(other, &second)?,
            };
            Value::Int(place.map_or(-1, |place| place as i64))
        }
        Function::Split => Value::List(List::Made(text::split(short(&text_of(first)?)?, &text_of(second)?)?)),
        Function::Trim => Value::Text(text::trim(text_of(first)?, &text_of(second)?)),
        Function::TrimPrefix => Value::Text(text::without_prefix(text_of(first)?, &text_of(second)?)),
        Function::TrimSuffix => Value::Text(text::without_suffix(text_of(first)?, &text_of(second)?)),
        _ => return Err(Failed),
    })
}

fn text_of(value: Value<'_>) -> Result<Cow<'_, [u8]>, Failed> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(Failed),
    }
}

fn int(value: &Value<'_>) -> Result<i64, Failed> {
    match value {
        Value::Int(number) => Ok(*number),
        _ => Err(Failed),
    }
}

fn lasting(value: &Value<'_>) -> Result<i64, Failed> {
    match value {
        Value::Duration(nanos) => Ok(*nanos),
        _ => Err(Failed),
    }
}

fn moment(value: &Value<'_>) -> Result<i64, Failed> {
    match value {
        Value::Time(nanos) => Ok(*nanos),
        _ => Err(Failed),
    }
}

fn is(kind: Type, value: &Value<'_>) -> bool {
    match value {
        Value::Bool(_) => kind == Type::Bool,
        Value::Int(_) => kind == Type::Int,
        Value::Double(_) => kind == Type::Double,
        Value::Text(_) => kind == Type::Text,
        Value::List(_) => kind == Type::List,
        Value::Map(_) => kind == Type::Map,
        Value::Nil | Value::Bytes(_) | Value::TraceId(_) | Value::SpanId(_) | Value::Duration(_) | Value::Time(_) => {
            false
        }
    }
}

fn is_empty(value: &Value<'_>) -> bool {
    match value {
        Value::Nil => true,
        Value::Bool(truth) => !truth,
        Value::Int(number) | Value::Duration(number) => *number == 0,
        Value::Double(number) => *number == 0.0 && number.is_sign_positive(),
        Value::Text(bytes) | Value::Bytes(bytes) => bytes.is_empty(),
        Value::TraceId(id) => *id == [0; 16],
        Value::SpanId(id) => *id == [0; 8],
        Value::List(list) => list.len() == 0,
        Value::Map(map) => map.pairs().next().is_none(),
        Value::Time(_) => false,
    }
}

fn len(value: &Value<'_>) -> Result<usize, Failed> {
    match value {
        Value::Text(bytes) | Value::Bytes(bytes) => Ok(bytes.len()),
        Value::List(list) => Ok(list.len()),
        Value::Map(map) => Ok(map.pairs().count()),
        _ => Err(Failed),
    }
}

fn whole_of<'a>(function: Function, nanos: i64) -> Value<'a> {
    Value::Int(match function {
        Function::Micros => nanos / 1_000,
        Function::Millis => nanos / 1_000_000,
        _ => nanos,
    })
}

/// How often `unit` is in it: whole units and the rest apart, so that large durations keep their digits.
fn share(nanos: i64, unit: i64) -> f64 {
    (nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64
}

fn concat(values: &Value<'_>, delimiter: &[u8]) -> Result<Vec<u8>, Failed> {
    let Value::List(list) = values else { return Err(Failed) };
    let mut out = Vec::new();
    for (place, value) in list.values().enumerate() {
        if 0 < place {
            out.extend_from_slice(delimiter);
        }
        match to_text(value)? {
            Value::Text(text) => out.extend_from_slice(&text),
            _ => out.extend_from_slice(b"<nil>"),
        }
        short(&out)?;
    }
    Ok(out)
}

/// Where in a list the first value equal to `item` is.
fn place_of(list: &Value<'_>, item: &Value<'_>) -> Result<Option<usize>, Failed> {
    let Value::List(list) = list else { return Err(Failed) };
    Ok(list.values().position(|value| compare(Comparison::Equal, &value, item)))
}
