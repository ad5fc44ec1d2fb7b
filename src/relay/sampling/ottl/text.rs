//! What is done with text. It is bytes, mostly UTF-8: a part of a text may have been cut anywhere.

use std::borrow::Cow;

use super::convert::Failed;
use super::value::Value;

/// A part of a text, counted in bytes; `safe` moves its ends inwards to where characters begin.
pub(super) fn substring(text: Cow<'_, [u8]>, start: i64, length: i64, safe: bool) -> Result<Cow<'_, [u8]>, Failed> {
    let (start, length) = (usize::try_from(start).map_err(|_| Failed)?, usize::try_from(length).map_err(|_| Failed)?);
    let end = start.checked_add(length).filter(|end| 0 < length && *end <= text.len()).ok_or(Failed)?;
    let begins = |at: usize| text.get(at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let (mut from, mut to) = (start, end);
    if safe {
        from = (from..text.len()).find(|at| begins(*at)).unwrap_or(text.len());
        to = (from..=to).rev().find(|at| begins(*at)).unwrap_or(from);
    }
    Ok(part(text, from, to))
}

fn part(text: Cow<'_, [u8]>, from: usize, to: usize) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[from..to]),
        Cow::Owned(text) => Cow::Owned(text[from..to].to_vec()),
    }
}

/// Small letters for capital ones, each for itself: no letter becomes two.
pub(super) fn lower<'a>(text: &[u8]) -> Cow<'a, [u8]> {
    mapped(text, |letter| letter.to_lowercase().next().unwrap_or(letter))
}

/// Capital letters for small ones, each for itself: no letter becomes two.
pub(super) fn upper<'a>(text: &[u8]) -> Cow<'a, [u8]> {
    mapped(text, |letter| {
        let mut capital = letter.to_uppercase();
        match (capital.next(), capital.next()) {
            (Some(capital), None) => capital,
            _ => letter,
        }
    })
}

fn mapped<'a>(text: &[u8], map: impl Fn(char) -> char) -> Cow<'a, [u8]> {
    let mapped: String = String::from_utf8_lossy(text).chars().map(map).collect();
    Cow::Owned(mapped.into_bytes())
}

/// The text without any of the characters of `set` at both of its ends.
pub(super) fn trim<'a>(text: Cow<'a, [u8]>, set: &[u8]) -> Cow<'a, [u8]> {
    let set = String::from_utf8_lossy(set);
    let Ok(whole) = std::str::from_utf8(&text) else { return text };
    let start = whole.len() - whole.trim_start_matches(|letter| set.contains(letter)).len();
    let end = start + whole[start..].trim_end_matches(|letter| set.contains(letter)).len();
    part(text, start, end)
}

pub(super) fn without_prefix<'a>(text: Cow<'a, [u8]>, prefix: &[u8]) -> Cow<'a, [u8]> {
    let from = if text.starts_with(prefix) { prefix.len() } else { 0 };
    let to = text.len();
    part(text, from, to)
}

pub(super) fn without_suffix<'a>(text: Cow<'a, [u8]>, suffix: &[u8]) -> Cow<'a, [u8]> {
    let to = text.len() - if text.ends_with(suffix) { suffix.len() } else { 0 };
    part(text, 0, to)
}

/// Where in a text another one begins first. Of what was cut within a character, only short texts are looked through:
/// for them alone there is no way to do so in one pass.
pub(super) fn find(text: &[u8], other: &[u8]) -> Result<Option<usize>, Failed> {
    match (std::str::from_utf8(text), std::str::from_utf8(other)) {
        (Ok(text), Ok(other)) => Ok(text.find(other)),
        _ if CUT_MAX < text.len() => Err(Failed),
        _ if other.is_empty() => Ok(Some(0)),
        _ => Ok(text.windows(other.len()).position(|part| part == other)),
    }
}

/// Longest text that was cut within a character and is looked through, in bytes.
const CUT_MAX: usize = 1 << 10;

/// The parts of a text between delimiters; an empty delimiter stands between all characters.
pub(super) fn split<'a>(text: &[u8], delimiter: &[u8]) -> Result<Vec<Value<'a>>, Failed> {
    if delimiter.is_empty() {
        return Ok(String::from_utf8_lossy(text).chars().map(|letter| Value::made(letter.to_string())).collect());
    }
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(at) = find(rest, delimiter)? {
        parts.push(Value::made(&rest[..at]));
        rest = &rest[at + delimiter.len()..];
    }
    parts.push(Value::made(rest));
    Ok(parts)
}
