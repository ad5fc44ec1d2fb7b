//! Values as JSON, which is the text that `String`, `IsMatch` and `Concat` see of everything that is no text: numbers
//! and truths as they are written, lists and maps with their keys in order and without spaces. What is too long has none.

use super::convert::{Failed, MADE_MAX, short};
use super::value::Value;

/// The text of a value; what has none fails.
pub(super) fn write(value: &Value<'_>) -> Result<Vec<u8>, Failed> {
    let mut out = Vec::new();
    put(value, &mut out)?;
    Ok(out)
}

fn put(value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), Failed> {
    if let Value::Text(bytes) | Value::Bytes(bytes) = value {
        short(bytes)?;
    }
    match value {
        Value::Nil => out.extend(b"null"),
        Value::Bool(truth) => out.extend(truth.to_string().bytes()),
        Value::Int(number) | Value::Duration(number) => out.extend(number.to_string().bytes()),
        Value::Double(number) => out.extend(double(*number)?.bytes()),
        Value::Text(text) => quote(&String::from_utf8_lossy(text), out),
        Value::Bytes(bytes) => quote(&base64(bytes), out),
        Value::List(list) => join(*b"[]", list.values(), out, |value, out| put(&value, out))?,
        Value::Map(map) => {
            map.len_if_small().ok_or(Failed)?;
            let mut pairs: Vec<_> = map.pairs().collect();
            pairs.sort_by_key(|(key, _)| *key);
            join(*b"{}", pairs.into_iter(), out, |(key, value), out| {
                quote(&String::from_utf8_lossy(short(key)?), out);
                out.push(b':');
                put(&value, out)
            })?;
        }
        Value::TraceId(_) | Value::SpanId(_) | Value::Time(_) => return Err(Failed),
    }
    Ok(())
}

fn join<T>(
    [open, close]: [u8; 2],
    items: impl Iterator<Item = T>,
    out: &mut Vec<u8>,
    mut put: impl FnMut(T, &mut Vec<u8>) -> Result<(), Failed>,
) -> Result<(), Failed> {
    out.push(open);
    for (place, item) in items.enumerate() {
        if 0 < place {
            out.push(b',');
        }
        put(item, out)?;
        if MADE_MAX < out.len() {
            return Err(Failed);
        }
    }
    out.push(close);
    Ok(())
}

/// The shortest digits that are read as the same number, with an exponent below 1e-6 and from 1e21 on.
fn double(number: f64) -> Result<String, Failed> {
    if !number.is_finite() {
        return Err(Failed);
    }
    if number == 0.0 || (1e-6..1e21).contains(&number.abs()) {
        return Ok(number.to_string());
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    Ok(format!("{digits}e{sign}{exponent:0>2}"))
}

/// Text in quotes; what could be taken for markup is escaped as well.
fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend([b'\\', character as u8]),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            '<' | '>' | '&' | '\0'..='\x1f' | '\u{2028}' | '\u{2029}' => {
                out.extend(format!("\\u{:04x}", character as u32).bytes());
            }
            other => out.extend(other.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    out.push(b'"');
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let part = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = part(0) << 16 | part(1) << 8 | part(2);
        for digit in 0..4 {
            let known = digit <= three.len();
            out.push(if known { DIGITS[(bits >> (18 - 6 * digit)) as usize & 63] as char } else { '=' });
        }
    }
    out
}
