//! Writing over ids and times in a serialised trace request, where they stand. For requests that are known to be right: a
//! message that is not is left alone from where it stops making sense.

/// What is new.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Trace ids are combined with this (exclusive or), so different ones stay different.
    pub trace: [u8; 16],
    /// Span ids with this.
    pub span: [u8; 8],
    /// Times grow by so many nanoseconds, wrapping.
    pub later: u64,
}

/// Gives every span, event and link of a request its new ids and times.
pub fn renew(request: &mut [u8], fresh: Fresh) {
    spans(request, &mut |span| {
        fields(span, &mut |number, value| match number {
            TRACE_ID => blend(value, &fresh.trace),
            SPAN_ID | PARENT_SPAN_ID => blend(value, &fresh.span),
            START | END => delay(value, fresh.later),
            EVENTS => fields(value, &mut |number, value| {
                if number == EVENT_TIME {
                    delay(value, fresh.later);
                }
            }),
            LINKS => fields(value, &mut |number, value| match number {
                TRACE_ID => blend(value, &fresh.trace),
                SPAN_ID => blend(value, &fresh.span),
                _ => {}
            }),
            _ => {}
        });
    });
}

/// When the last span of a request ended, in nanoseconds since 1970; 0 where there is none. Changes nothing.
pub fn latest_end(request: &mut [u8]) -> u64 {
    let mut latest = 0;
    spans(request, &mut |span| {
        fields(span, &mut |number, value| {
            if let (END, Ok(end)) = (number, <[u8; 8]>::try_from(&*value)) {
                latest = latest.max(u64::from_le_bytes(end));
            }
        });
    });
    latest
}

// Field numbers of `opentelemetry/proto/trace/v1/trace.proto`.
const RESOURCE_SPANS: u64 = 1;
const SCOPE_SPANS: u64 = 2;
const SPANS: u64 = 2;
const TRACE_ID: u64 = 1;
const SPAN_ID: u64 = 2;
const PARENT_SPAN_ID: u64 = 4;
const START: u64 = 7;
const END: u64 = 8;
const EVENTS: u64 = 11;
const EVENT_TIME: u64 = 1;
const LINKS: u64 = 13;

fn spans(request: &mut [u8], see: &mut dyn FnMut(&mut [u8])) {
    inside(request, RESOURCE_SPANS, &mut |resource| {
        inside(resource, SCOPE_SPANS, &mut |scope| inside(scope, SPANS, see));
    });
}

fn inside(message: &mut [u8], wanted: u64, see: &mut dyn FnMut(&mut [u8])) {
    fields(message, &mut |number, value| {
        if number == wanted {
            see(value);
        }
    });
}

/// Every field that has bytes to write over (fixed or of a length), by its number.
fn fields(message: &mut [u8], see: &mut dyn FnMut(u64, &mut [u8])) {
    let mut rest = message;
    while let Some(key) = varint(&mut rest) {
        let len = match key & 7 {
            0 => {
                if varint(&mut rest).is_none() {
                    return;
                }
                continue;
            }
            1 => Some(8),
            2 => varint(&mut rest).and_then(|len| usize::try_from(len).ok()),
            5 => Some(4),
            _ => None,
        };
        let Some((value, after)) = len.and_then(|len| std::mem::take(&mut rest).split_at_mut_checked(len)) else {
            return;
        };
        see(key >> 3, value);
        rest = after;
    }
}

fn varint(rest: &mut &mut [u8]) -> Option<u64> {
    let len = rest.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let (bytes, after) = std::mem::take(rest).split_at_mut(len);
    *rest = after;
    // Ten bytes are 70 bits; what is too much is shifted out.
    Some(bytes.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f)))
}

/// An absent id (no parent) stays absent.
fn blend(id: &mut [u8], by: &[u8]) {
    id.iter_mut().zip(by).for_each(|(id, by)| *id ^= by);
}

fn delay(time: &mut [u8], later: u64) {
    if let Ok(nanos) = <[u8; 8]>::try_from(&*time) {
        time.copy_from_slice(&u64::from_le_bytes(nanos).wrapping_add(later).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_cut_short_anywhere_is_no_trouble() {
        let whole = include_bytes!("../../../tests/corpus/python-grpc-failing.otlp");
        for len in 0..whole.len() {
            renew(&mut whole[..len].to_vec(), Fresh { trace: [1; 16], span: [2; 8], later: 3 });
        }
    }
}
