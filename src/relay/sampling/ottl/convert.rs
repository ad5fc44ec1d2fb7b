//! Values as other kinds of value: what the functions take, and what `Int`, `Double`, `Bool` and `String` give.

use super::json;
use super::value::Value;

/// An expression could not be evaluated. What of it is known is counted, so it says no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed;

/// Most bytes that a new text is made of: what is longer has none, so that no span takes more memory than it paid for.
pub(super) const MADE_MAX: usize = 1 << 16;

/// The bytes, if a new text may be made of them.
pub(super) fn short(bytes: &[u8]) -> Result<&[u8], Failed> {
    if bytes.len() <= MADE_MAX { Ok(bytes) } else { Err(Failed) }
}

/// A whole number of anything that can be read as one; nil stays nil.
pub(super) fn to_int<'a>(value: &Value<'_>) -> Result<Value<'a>, Failed> {
    Ok(Value::Int(match value {
        Value::Nil => return Ok(Value::Nil),
        Value::Int(number) => *number,
        Value::Double(number) => *number as i64,
        Value::Bool(truth) => i64::from(*truth),
        Value::Text(text) => utf8(text)?.parse().map_err(|_| Failed)?,
        _ => return Err(Failed),
    }))
}

/// A number of anything that can be read as one; nil stays nil.
pub(super) fn to_double<'a>(value: &Value<'_>) -> Result<Value<'a>, Failed> {
    Ok(Value::Double(match value {
        Value::Nil => return Ok(Value::Nil),
        Value::Int(number) => *number as f64,
        Value::Double(number) => *number,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Text(text) => double(utf8(text)?)?,
        _ => return Err(Failed),
    }))
}

fn double(text: &str) -> Result<f64, Failed> {
    let number: f64 = text.parse().map_err(|_| Failed)?;
    // A number too large for its kind is no number; an infinity has to be asked for by its name.
    let named = text.bytes().any(|byte| byte.is_ascii_alphabetic() && !matches!(byte, b'e' | b'E'));
    if number.is_infinite() && !named { Err(Failed) } else { Ok(number) }
}

/// A truth of anything that can be read as one; nil stays nil.
pub(super) fn to_bool<'a>(value: &Value<'_>) -> Result<Value<'a>, Failed> {
    Ok(Value::Bool(match value {
        Value::Nil => return Ok(Value::Nil),
        Value::Bool(truth) => *truth,
        Value::Int(number) => *number != 0,
        Value::Double(number) => *number != 0.0,
        Value::Text(text) => match &**text {
            b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => true,
            b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => false,
            _ => return Err(Failed),
        },
        _ => return Err(Failed),
    }))
}

/// Text of anything that has a text; nil stays nil.
pub(super) fn to_text(value: Value<'_>) -> Result<Value<'_>, Failed> {
    Ok(match value {
        Value::Nil | Value::Text(_) => value,
        Value::Bytes(bytes) => Value::made(hex(short(&bytes)?)),
        other => Value::made(json::write(&other)?),
    })
}

/// The bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The id that is written as its bytes or as their digits.
pub(super) fn id<const LEN: usize>(value: &Value<'_>) -> Result<[u8; LEN], Failed> {
    let (Value::Text(bytes) | Value::Bytes(bytes)) = value else { return Err(Failed) };
    if let Ok(id) = <[u8; LEN]>::try_from(&**bytes) {
        return Ok(id);
    }
    let mut id = [0; LEN];
    if bytes.len() != 2 * LEN || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return Err(Failed);
    }
    for (byte, digits) in id.iter_mut().zip(utf8(bytes)?.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(utf8(digits)?, 16).map_err(|_| Failed)?;
    }
    Ok(id)
}

pub(super) fn utf8(text: &[u8]) -> Result<&str, Failed> {
    std::str::from_utf8(text).map_err(|_| Failed)
}
