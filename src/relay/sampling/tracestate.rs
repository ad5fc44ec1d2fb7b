//! W3C tracestate as far as sampling needs it: the member `ot` with its `th` (threshold) and `rv` (randomness), by the
//! OpenTelemetry specification "TraceState: Probability Sampling". Everything else in it is carried on in its order.
//! What is not a tracestate by the grammar of W3C Trace Context is left alone: nobody else could read it either.

use crate::relay::sampling::threshold::{DIGITS_MAX, Threshold, read_hex, write_randomness};

/// What a span says, or is to say, about how it was sampled. The default says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The threshold it was kept by, `th`; of the one to be written and the span's own, the larger is written.
    pub threshold: Option<Threshold>,
    /// The randomness it was kept by where that is not in the trace id, `rv`; one that is there already stays.
    pub randomness: Option<u64>,
}

/// Whether a new value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was.
    Yes,
    /// The old one cannot be read, or has no room for more; it is to be left as it is.
    Untouched,
}

/// Members that a tracestate may have.
const MEMBERS_MAX: usize = 32;
/// Characters that a key, and the value of one member, may have.
const TEXT_MAX: usize = 256;

/// What a tracestate says of how its span was sampled before; nothing of what it says wrongly.
pub fn read(trace_state: &[u8]) -> Stamp {
    Members::check(trace_state).and_then(|members| members.own).map(Own::check).unwrap_or_default().unwrap_or_default()
}

/// The explicit randomness of a tracestate.
pub fn randomness(trace_state: &[u8]) -> Option<u64> {
    read(trace_state).randomness
}

/// Whether a tracestate keeps to the grammar of W3C Trace Context.
pub fn is_readable(trace_state: &[u8]) -> bool {
    Members::check(trace_state).is_some()
}

/// The same as the Collector's library has it: a key begins with a letter (in front of an `@`, with a letter or a digit), and
/// none comes twice.
pub fn is_readable_by_collector(trace_state: &[u8]) -> bool {
    let keys: Vec<&[u8]> = members(trace_state).map(|(key, _)| key).collect();
    let twice = keys.iter().enumerate().any(|(place, key)| keys[..place].contains(key));
    is_readable(trace_state) && !twice && keys.into_iter().all(key_fine_for_collector)
}

fn key_fine_for_collector(key: &[u8]) -> bool {
    let begins_with_letter = |part: &[u8]| part.first().is_some_and(u8::is_ascii_lowercase);
    match key.iter().position(|&byte| byte == b'@') {
        None => begins_with_letter(key),
        Some(at) => {
            let (tenant, system) = (&key[..at], &key[at + 1..]);
            let lengths_fine = (1..=241).contains(&tenant.len()) && system.len() <= 14 && !system.contains(&b'@');
            lengths_fine && begins_with_letter(system)
        }
    }
}

/// The members of a tracestate in order, keys and values; what is no member is passed over.
pub fn members(trace_state: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    split(trace_state).flatten()
}

/// Writes the tracestate of a kept span behind `out`, given the one that it came with: `ot` first, then all others as
/// they came.
///
/// `th` only grows. A `th` that the randomness in the tracestate contradicts (R < T) says nothing true and goes, the
/// span's own and ours alike. A threshold that was found with another randomness than the one in the tracestate is
/// not written.
pub fn write(existing: Option<&[u8]>, stamp: &Stamp, out: &mut Vec<u8>) -> Written {
    let before = out.len();
    match try_write(existing.unwrap_or_default(), stamp, out) {
        Some(()) => Written::Yes,
        None => {
            out.truncate(before);
            Written::Untouched
        }
    }
}

fn try_write(existing: &[u8], stamp: &Stamp, out: &mut Vec<u8>) -> Option<()> {
    let members = Members::check(existing)?;
    let own = members.own.unwrap_or_default();
    let before = out.len();
    own.write_with(stamp, out)?;
    if out.len() != before && MEMBERS_MAX <= members.others {
        return None;
    }
    for (key, value) in split(existing).flatten().filter(|(key, _)| *key != b"ot") {
        if out.len() != before {
            out.push(b',');
        }
        out.extend_from_slice(key);
        out.push(b'=');
        out.extend_from_slice(value);
    }
    Some(())
}

/// A tracestate that keeps to the grammar.
struct Members<'a> {
    /// The value of the member `ot`.
    own: Option<Own<'a>>,
    /// How many members there are beside it.
    others: usize,
}

impl<'a> Members<'a> {
    fn check(trace_state: &'a [u8]) -> Option<Members<'a>> {
        let mut members = Members { own: None, others: 0 };
        for member in split(trace_state) {
            match member? {
                (b"ot", _) if members.own.is_some() => return None,
                (b"ot", value) => members.own = Some(Own { text: value }),
                _ => members.others += 1,
            }
        }
        (members.others + usize::from(members.own.is_some()) <= MEMBERS_MAX).then_some(members)
    }
}

/// The members of a tracestate in order, keys and values; nothing in the place of what is not one.
fn split(trace_state: &[u8]) -> impl Iterator<Item = Option<(&[u8], &[u8])>> {
    trace_state.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|part| !part.is_empty()).map(member)
}

fn member(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = part.iter().position(|&byte| byte == b'=')?;
    let (key, value) = (&part[..at], &part[at + 1..]);
    let key_fine = key.first().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
        && key.iter().all(|&byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@')
        });
    let value_fine = !value.is_empty() && value.iter().all(|&byte| (0x20..0x7f).contains(&byte) && byte != b'=');
    (key_fine && value_fine && key.len() <= TEXT_MAX && value.len() <= TEXT_MAX).then_some((key, value))
}

/// The value of the member `ot`: fields `key:value`, separated by `;`.
#[derive(Clone, Copy, Default)]
struct Own<'a> {
    text: &'a [u8],
}

impl<'a> Own<'a> {
    /// What it says; nothing when it does not keep to the grammar.
    fn check(self) -> Option<Stamp> {
        let mut said = Stamp::default();
        for field in self.fields() {
            match field? {
                (b"th", digits) => said.threshold = Threshold::from_hex(digits),
                (b"rv", digits) if digits.len() == DIGITS_MAX as usize => said.randomness = read_hex(digits),
                _ => {}
            }
        }
        Some(said)
    }

    /// Writes the member with the stamp in it; nothing when it cannot be read or has no room, and no member when it
    /// would be empty.
    fn write_with(self, stamp: &Stamp, out: &mut Vec<u8>) -> Option<()> {
        let said = self.check()?;
        let threshold = settle(&said, stamp);
        out.extend_from_slice(b"ot=");
        let start = out.len();
        if let Some(threshold) = threshold {
            out.extend_from_slice(b"th:");
            threshold.write_hex(out);
        }
        if let Some(randomness) = said.randomness.or(stamp.randomness) {
            next_field(start, out);
            out.extend_from_slice(b"rv:");
            write_randomness(randomness, out);
        }
        for (key, value) in self.fields().flatten().filter(|(key, _)| *key != b"th" && *key != b"rv") {
            next_field(start, out);
            out.extend_from_slice(key);
            out.push(b':');
            out.extend_from_slice(value);
        }
        match out.len() - start {
            0 => out.truncate(start - b"ot=".len()),
            1..=TEXT_MAX => {}
            _ => return None,
        }
        Some(())
    }

    fn fields(self) -> impl Iterator<Item = Option<(&'a [u8], &'a [u8])>> {
        self.text.split(|&byte| byte == b';').filter(|part| !part.is_empty()).map(|part| {
            let at = part.iter().position(|&byte| byte == b':')?;
            let (key, value) = (&part[..at], &part[at + 1..]);
            let key_fine = key.first().is_some_and(u8::is_ascii_lowercase)
                && key.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            let value_fine =
                value.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
            (key_fine && value_fine).then_some((key, value))
        })
    }
}

/// The threshold to write for a span that says `said` and is stamped with `stamp`.
fn settle(said: &Stamp, stamp: &Stamp) -> Option<Threshold> {
    let ours = match (said.randomness, stamp.randomness) {
        (Some(theirs), Some(ours)) if theirs != ours => None,
        _ => stamp.threshold,
    };
    let true_of = |threshold: &Threshold| {
        said.randomness.or(stamp.randomness).is_none_or(|randomness| threshold.keeps(randomness))
    };
    said.threshold.filter(true_of).max(ours.filter(true_of))
}

fn next_field(start: usize, out: &mut Vec<u8>) {
    if start < out.len() {
        out.push(b';');
    }
}

#[cfg(test)]
mod tests;
