//! What a sink counts: requests, bytes, spans and distinct traces, by walking tags; nothing is decoded that is not counted.

use std::collections::HashSet;

/// What arrived so far.
#[derive(Debug, Default)]
pub struct Totals {
    /// Export requests.
    pub requests: u64,
    /// Bytes of their messages as they came, compressed or not, without gRPC's prefix.
    pub bytes: u64,
    /// Spans.
    pub spans: u64,
    /// Bytes of the spans, tags and lengths included.
    pub span_bytes: u64,
    /// Spans with status ERROR.
    pub failed: u64,
    /// Spans without a parent.
    pub roots: u64,
    /// Messages that could not be read.
    pub unreadable: u64,
    traces: HashSet<[u8; 16]>,
    last_trace: [u8; 16],
}

/// Bytes that are not the OTLP they should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable;

impl Totals {
    /// Counts one ExportTraceServiceRequest that came as so many bytes.
    pub fn add(&mut self, message: &[u8], wire_bytes: usize) -> Result<(), Unreadable> {
        self.requests += 1;
        self.bytes += wire_bytes as u64;
        let counted = each(message, |number, resource_spans| match number {
            1 => each(resource_spans, |number, scope_spans| match number {
                2 => each(
                    scope_spans,
                    |number, span| if number == 2 { self.add_span(span) } else { Ok(()) },
                ),
                _ => Ok(()),
            }),
            _ => Ok(()),
        });
        self.unreadable += u64::from(counted.is_err());
        counted
    }

    /// Distinct trace ids.
    pub fn traces(&self) -> usize {
        self.traces.len()
    }

    /// The totals as one JSON object.
    pub fn to_json(&self) -> String {
        let Totals {
            requests,
            bytes,
            spans,
            span_bytes,
            failed,
            roots,
            unreadable,
            ..
        } = self;
        format!(
            "{{\"requests\":{requests},\"bytes\":{bytes},\"spans\":{spans},\"span_bytes\":{span_bytes},\
             \"failed\":{failed},\"roots\":{roots},\"traces\":{},\"unreadable\":{unreadable}}}",
            self.traces()
        )
    }

    fn add_span(&mut self, span: &[u8]) -> Result<(), Unreadable> {
        let (mut trace, mut is_root, mut code) = ([0; 16], true, 0);
        each(span, |number, value| {
            match number {
                1 => trace = value.try_into().map_err(|_| Unreadable)?,
                4 => is_root = value.is_empty(),
                15 => code = status_code(value)?,
                _ => {}
            }
            Ok(())
        })?;
        self.spans += 1;
        self.span_bytes += (1 + varint_bytes(span.len()) + span.len()) as u64;
        self.failed += u64::from(code == 2);
        self.roots += u64::from(is_root);
        // Spans of a trace mostly stand side by side: the set is asked once for each such run.
        if trace != self.last_trace {
            self.last_trace = trace;
            self.traces.insert(trace);
        }
        Ok(())
    }
}

/// Calls `visit` with every length-delimited field of a message; other fields are skipped.
fn each<'a>(
    mut rest: &'a [u8],
    mut visit: impl FnMut(u64, &'a [u8]) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    while !rest.is_empty() {
        let tag = take_varint(&mut rest)?;
        match tag & 7 {
            0 => drop(take_varint(&mut rest)?),
            1 => drop(take(&mut rest, 8)?),
            2 => {
                let length = take_varint(&mut rest)?;
                visit(tag >> 3, take(&mut rest, length)?)?;
            }
            5 => drop(take(&mut rest, 4)?),
            _ => return Err(Unreadable),
        }
    }
    Ok(())
}

/// Status.code, field 3 of a status.
fn status_code(mut status: &[u8]) -> Result<u64, Unreadable> {
    let mut code = 0;
    while !status.is_empty() {
        match take_varint(&mut status)? {
            24 => code = take_varint(&mut status)?,
            18 => {
                let length = take_varint(&mut status)?;
                take(&mut status, length)?;
            }
            _ => return Err(Unreadable),
        }
    }
    Ok(code)
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], Unreadable> {
    let length = usize::try_from(length).map_err(|_| Unreadable)?;
    let (taken, left) = rest.split_at_checked(length).ok_or(Unreadable)?;
    *rest = left;
    Ok(taken)
}

fn take_varint(rest: &mut &[u8]) -> Result<u64, Unreadable> {
    let mut value = 0;
    for (index, byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            *rest = &rest[index + 1..];
            return Ok(value);
        }
    }
    Err(Unreadable)
}

fn varint_bytes(value: usize) -> usize {
    (value.max(1).ilog2() as usize) / 7 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_and_foreign_bytes_are_unreadable_and_never_panic() {
        for message in [
            &b"\x0a\x05\x12"[..],
            b"\x0b",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        ] {
            let mut totals = Totals::default();
            assert_eq!(totals.add(message, message.len()), Err(Unreadable), "{message:?}");
            assert_eq!((totals.requests, totals.unreadable, totals.spans), (1, 1, 0));
        }
    }

    #[test]
    fn a_varint_is_as_long_as_its_value_needs() {
        assert_eq!([0, 1, 127, 128, 16_383, 16_384].map(varint_bytes), [1, 1, 1, 2, 2, 3]);
    }
}
