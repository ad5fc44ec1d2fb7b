//! The protobuf wire format: keys, varints, lengths, fields to step over. Everything reads from the front of a slice and moves it on.
//! A nested message is a slice of its own, so nothing inside it can see past its parent's end.

use super::fields::{FIXED32, FIXED64, GROUP, GROUP_END, LEN, VARINT};
use super::{Fault, What};

/// Reads a varint of at most ten bytes and 64 bits; longer encodings of small numbers are legal.
#[inline(always)]
pub(super) fn varint(rest: &mut &[u8]) -> Result<u64, Fault> {
    match rest {
        [byte, tail @ ..] if *byte < 0x80 => {
            let value = u64::from(*byte);
            *rest = tail;
            Ok(value)
        }
        [low, high, tail @ ..] if *high < 0x80 => {
            let value = u64::from(low & 0x7f) | u64::from(*high) << 7;
            *rest = tail;
            Ok(value)
        }
        _ => varint_long(rest),
    }
}

#[inline(never)]
fn varint_long(rest: &mut &[u8]) -> Result<u64, Fault> {
    let mut value = 0u64;
    for (at, &byte) in rest.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            // The tenth byte has room for one bit.
            if at == 9 && 1 < byte {
                return Err(Fault::new(What::Varint, rest));
            }
            *rest = &rest[at + 1..];
            return Ok(value);
        }
    }
    Err(Fault::new(if rest.len() < 10 { What::Truncated } else { What::Varint }, rest))
}

/// Reads a field's key. The wire type is one of the six that exist, the field number is not 0, the whole fits 32 bits.
#[inline(always)]
pub(super) fn key(rest: &mut &[u8]) -> Result<u32, Fault> {
    let start = *rest;
    let key = varint(rest)?;
    if u64::from(u32::MAX) < key || key < 8 || 5 < key & 7 {
        return Err(Fault::new(What::Key, start));
    }
    Ok(key as u32)
}

/// Reads `len` bytes.
#[inline(always)]
pub(super) fn take<'a>(rest: &mut &'a [u8], len: u64) -> Result<&'a [u8], Fault> {
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    match rest.split_at_checked(len) {
        Some((taken, tail)) => {
            *rest = tail;
            Ok(taken)
        }
        None => Err(Fault::new(What::Overrun, rest)),
    }
}

/// Reads a length and that many bytes.
#[inline(always)]
pub(super) fn chunk<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    // Nearly every length of a field is below 128; the shortcut saves the widening and its checks.
    if let [len, tail @ ..] = *rest
        && *len < 0x80
        && let Some((taken, tail)) = tail.split_at_checked(usize::from(*len))
    {
        *rest = tail;
        return Ok(taken);
    }
    let len = varint(rest)?;
    take(rest, len)
}

/// Reads eight bytes, low byte first.
#[inline(always)]
pub(super) fn fixed64(rest: &mut &[u8]) -> Result<u64, Fault> {
    match rest.split_first_chunk::<8>() {
        Some((value, tail)) => {
            *rest = tail;
            Ok(u64::from_le_bytes(*value))
        }
        None => Err(Fault::new(What::Truncated, rest)),
    }
}

/// Reads four bytes, low byte first.
#[inline(always)]
pub(super) fn fixed32(rest: &mut &[u8]) -> Result<u32, Fault> {
    match rest.split_first_chunk::<4>() {
        Some((value, tail)) => {
            *rest = tail;
            Ok(u32::from_le_bytes(*value))
        }
        None => Err(Fault::new(What::Truncated, rest)),
    }
}

/// Steps over a field that `last`, the highest known field number of its message, says is unknown; a known number here has the wrong wire type.
#[inline(never)]
pub(super) fn unknown(key: u32, last: u32, rest: &mut &[u8], room: u32) -> Result<(), Fault> {
    if key >> 3 <= last {
        return Err(Fault::new(What::WireType, rest));
    }
    skip(key, rest, room)
}

/// Steps over the value that follows `key`. Every level of groups takes one of `room`, and the value itself needs one, as in prost.
pub(super) fn skip(field: u32, rest: &mut &[u8], room: u32) -> Result<(), Fault> {
    let Some(inside) = room.checked_sub(1) else {
        return Err(Fault::new(What::Depth, rest));
    };
    match field & 7 {
        VARINT => varint(rest).map(drop),
        FIXED64 => take(rest, 8).map(drop),
        LEN => chunk(rest).map(drop),
        FIXED32 => take(rest, 4).map(drop),
        GROUP => loop {
            let nested = key(rest)?;
            if nested & 7 == GROUP_END {
                if nested >> 3 != field >> 3 {
                    return Err(Fault::new(What::Group, rest));
                }
                return Ok(());
            }
            skip(nested, rest, inside)?;
        },
        _ => Err(Fault::new(What::Group, rest)),
    }
}

/// The room inside a nested message, if there is any left for it.
#[inline(always)]
pub(super) fn enter(room: u32, rest: &[u8]) -> Result<u32, Fault> {
    room.checked_sub(1).ok_or_else(|| Fault::new(What::Depth, rest))
}

/// How many bytes the shortest encoding of `value` takes.
pub fn len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends the shortest encoding of `value`.
pub fn put(mut value: u64, out: &mut impl Extend<u8>) {
    let mut bytes = [0u8; 10];
    let mut at = 0;
    while 0x80 <= value {
        bytes[at] = value as u8 | 0x80;
        value >>= 7;
        at += 1;
    }
    bytes[at] = value as u8;
    out.extend(bytes[..=at].iter().copied());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_bytes_are_those_of_prost() {
        for shift in 0..64 {
            for value in [(1u64 << shift) - 1, 1 << shift, (1 << shift) + 1, u64::MAX] {
                let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                put(value, &mut ours);
                prost::encoding::encode_varint(value, &mut theirs);
                assert_eq!((&ours, len(value)), (&theirs, theirs.len()), "{value}");
                assert_eq!(varint(&mut ours.as_slice()).ok(), Some(value));
            }
        }
    }

    #[test]
    fn ten_bytes_hold_one_bit_more_than_nine_and_eleven_are_too_many() {
        let ten = |last: u8| [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, last, 0];
        assert_eq!(varint(&mut &ten(1)[..]).ok(), Some(u64::MAX));
        assert_eq!(varint(&mut &ten(2)[..]).unwrap_err().what, What::Varint);
        assert_eq!(varint(&mut &ten(0x80)[..]).unwrap_err().what, What::Varint);
        assert_eq!(varint(&mut &ten(1)[..9]).unwrap_err().what, What::Truncated);
    }

    #[test]
    fn a_length_beyond_the_end_is_an_overrun() {
        assert_eq!(chunk(&mut &[3, 1, 2][..]).unwrap_err().what, What::Overrun);
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(chunk(&mut &huge[..]).unwrap_err().what, What::Overrun);
        assert_eq!(chunk(&mut &[2, 1, 2, 9][..]).ok(), Some(&[1, 2][..]));
    }
}
