//! Appends to single spans. The last value of a field that is not repeated wins in every conforming decoder, so a span is stamped
//! by writing a second `trace_state` behind its bytes; nothing that is there is touched.

use super::fields::{scope_spans, span};
use super::varint::{self, chunk, key, skip};
use super::{Fault, Limits};

/// The span records of a run: any number of neighbours, each with tag and length. What does not read as one ends the run.
pub fn records(run: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = run;
    std::iter::from_fn(move || {
        let record = rest;
        content(&mut rest).ok()?;
        Some(&record[..record.len() - rest.len()])
    })
}

/// The trace state of a span record: the last one, if it is not empty.
pub fn trace_state_of(record: &[u8]) -> Option<&[u8]> {
    let mut rest = content(&mut &record[..]).ok()?;
    let mut found: &[u8] = &[];
    while !rest.is_empty() {
        match key(&mut rest).ok()? {
            span::TRACE_STATE => found = chunk(&mut rest).ok()?,
            other => skip(other, &mut rest, Limits::DEPTH).ok()?,
        }
    }
    (!found.is_empty()).then_some(found)
}

/// Appends the span record to `out` with `value`, which must be text, as its trace state: a new length, the bytes as they are, the new field.
/// What is not a span record is appended as it is.
pub fn append_trace_state(record: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let Ok(bytes) = content(&mut &record[..]) else {
        out.extend_from_slice(record);
        return;
    };
    varint::put(u64::from(scope_spans::SPANS), out);
    varint::put((bytes.len() + field_len(value)) as u64, out);
    out.extend_from_slice(bytes);
    varint::put(u64::from(span::TRACE_STATE), out);
    varint::put(value.len() as u64, out);
    out.extend_from_slice(value);
}

/// What [`append_trace_state`] writes before and after the span's own bytes, and how many bytes of the record come before
/// those; nothing when it is not a span record.
pub fn trace_state_around(record: &[u8], value: &[u8]) -> Option<(Vec<u8>, usize, Vec<u8>)> {
    let bytes = content(&mut &record[..]).ok()?;
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    varint::put(u64::from(scope_spans::SPANS), &mut head);
    varint::put((bytes.len() + field_len(value)) as u64, &mut head);
    varint::put(u64::from(span::TRACE_STATE), &mut tail);
    varint::put(value.len() as u64, &mut tail);
    tail.extend_from_slice(value);
    Some((head, record.len() - bytes.len(), tail))
}

fn field_len(value: &[u8]) -> usize {
    varint::len(u64::from(span::TRACE_STATE)) + varint::len(value.len() as u64) + value.len()
}

/// Reads one span record and gives the span's own bytes.
fn content<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let start = *rest;
    match key(rest)? {
        scope_spans::SPANS => chunk(rest),
        _ => Err(Fault::new(super::What::WireType, start)),
    }
}
