//! Attributes: key-values and the values in them, checked to the leaf, and what a policy may see of them.
//! Values nest, so this is where the nesting limit is felt.

use super::fields::{any_value as any, key_value, list};
use super::varint::{chunk, enter, fixed64, key, unknown, varint};
use super::{Fault, Value, What};

/// Checks one key-value and says its key and value. A repeated key replaces the earlier one, a repeated value is merged into it.
#[inline(always)]
pub(super) fn read_key_value(bytes: &[u8], room: u32) -> Result<(&[u8], Value<'_>), Fault> {
    match read_usual(bytes) {
        Some(found) if 0 < room => Ok(found),
        _ => read_any(bytes, room),
    }
}

/// Reads a key-value as every encoder writes it: one key, then one value with one member, each length in one byte. Anything else, faults
/// included, is none of its business. It says nothing that [`read_any`] would not say, only sooner.
#[inline(always)]
fn read_usual(bytes: &[u8]) -> Option<(&[u8], Value<'_>)> {
    let [KEY, len, rest @ ..] = bytes else { return None };
    let (name, rest) = rest.split_at_checked(usize::from(*len))?;
    let [VALUE, len, value @ ..] = rest else { return None };
    if usize::from(*len) != value.len() {
        return None;
    }
    let value = match value {
        // One look at everything: of ASCII bytes alone, the lengths are below 128 and the texts are UTF-8.
        [STRING, len, text @ ..] if usize::from(*len) == text.len() && is_ascii(bytes) => {
            return Some((name, Value::Str(text)));
        }
        [INT, number @ ..] => Value::Int(only_varint(number)? as i64),
        [BOOL, byte] if *byte < 0x80 => Value::Bool(*byte != 0),
        [DOUBLE, bits @ ..] => Value::Double(f64::from_le_bytes(bits.try_into().ok()?)),
        _ => return None,
    };
    // The value is too short for a length of two bytes; the key may not be.
    (bytes[1] < 0x80 && is_ascii(name)).then_some((name, value))
}

#[inline(always)]
fn only_varint(mut bytes: &[u8]) -> Option<u64> {
    let value = varint(&mut bytes).ok()?;
    bytes.is_empty().then_some(value)
}

const KEY: u8 = key_value::KEY as u8;
const VALUE: u8 = key_value::VALUE as u8;
const STRING: u8 = any::STRING as u8;
const BOOL: u8 = any::BOOL as u8;
const INT: u8 = any::INT as u8;
const DOUBLE: u8 = any::DOUBLE as u8;

/// Reads any key-value.
#[inline(never)]
fn read_any(mut rest: &[u8], room: u32) -> Result<(&[u8], Value<'_>), Fault> {
    let mut name: &[u8] = &[];
    let mut value = Value::Empty;
    while !rest.is_empty() {
        match key(&mut rest)? {
            key_value::KEY => name = text(&mut rest)?,
            key_value::VALUE => {
                let inside = enter(room, rest)?;
                merge_value(chunk(&mut rest)?, inside, &mut value)?;
            }
            key_value::KEY_STRINDEX => drop(varint(&mut rest)?),
            other => unknown(other, key_value::LAST, &mut rest, room)?,
        }
    }
    Ok((name, value))
}

/// Checks one `AnyValue`; the last member of the oneof is the value, and none leaves the value as it was.
#[inline]
fn merge_value<'a>(mut rest: &'a [u8], room: u32, value: &mut Value<'a>) -> Result<(), Fault> {
    while !rest.is_empty() {
        match key(&mut rest)? {
            any::STRING => *value = Value::Str(text(&mut rest)?),
            any::INT => *value = Value::Int(varint(&mut rest)? as i64),
            any::BOOL => *value = Value::Bool(varint(&mut rest)? != 0),
            any::DOUBLE => *value = Value::Double(f64::from_bits(fixed64(&mut rest)?)),
            any::ARRAY => {
                let inside = enter(room, rest)?;
                check_array(chunk(&mut rest)?, inside)?;
                *value = Value::Other;
            }
            any::KVLIST => {
                let inside = enter(room, rest)?;
                check_list(chunk(&mut rest)?, inside)?;
                *value = Value::Other;
            }
            any::BYTES => {
                chunk(&mut rest)?;
                *value = Value::Other;
            }
            any::STRING_STRINDEX => {
                varint(&mut rest)?;
                *value = Value::Empty;
            }
            other => unknown(other, any::LAST, &mut rest, room)?,
        }
    }
    Ok(())
}

#[inline(never)]
fn check_array(mut rest: &[u8], room: u32) -> Result<(), Fault> {
    while !rest.is_empty() {
        match key(&mut rest)? {
            list::VALUES => {
                let inside = enter(room, rest)?;
                merge_value(chunk(&mut rest)?, inside, &mut Value::Empty)?;
            }
            other => unknown(other, list::LAST, &mut rest, room)?,
        }
    }
    Ok(())
}

#[inline(never)]
fn check_list(mut rest: &[u8], room: u32) -> Result<(), Fault> {
    while !rest.is_empty() {
        match key(&mut rest)? {
            list::VALUES => {
                let inside = enter(room, rest)?;
                read_key_value(chunk(&mut rest)?, inside)?;
            }
            other => unknown(other, list::LAST, &mut rest, room)?,
        }
    }
    Ok(())
}

/// Reads a length and text of that many bytes.
#[inline(always)]
pub(super) fn text<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let bytes = chunk(rest)?;
    if is_ascii(bytes) || std::str::from_utf8(bytes).is_ok() { Ok(bytes) } else { Err(Fault::new(What::Text, bytes)) }
}

/// Whether no byte has its high bit set. Names, keys and most values are short and ASCII: two overlapping words, or a few, say so
/// sooner than a call of the general check.
#[inline(always)]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    if let Some(last) = bytes.last_chunk::<8>() {
        let (words, _) = bytes.as_chunks::<8>();
        let seen = words.iter().fold(u64::from_ne_bytes(*last), |seen, word| seen | u64::from_ne_bytes(*word));
        return seen & HIGH == 0;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return (u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last)) & HIGH as u32 == 0;
    }
    bytes.iter().fold(0, |seen, byte| seen | byte) < 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_is_told_from_the_rest_at_every_length_and_place() {
        for len in 0..70 {
            let mut bytes = vec![b'a'; len];
            assert!(is_ascii(&bytes));
            for at in 0..len {
                bytes[at] = 0x80;
                assert!(!is_ascii(&bytes), "byte {at} of {len}");
                bytes[at] = 0x7f;
            }
        }
    }
}
