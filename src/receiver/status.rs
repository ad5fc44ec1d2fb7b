//! What a caller is told who is not served: one refusal, worded for gRPC (`google.rpc.Status` in trailers) and for HTTP
//! (the same message as the body). The messages are tiny and written by hand.

use std::borrow::Cow;
use std::time::Duration;

use ::http::StatusCode;
use tonic::Code;

use crate::receiver::limits::{Dice, shorten};
use crate::relay::TurnedAway;

/// Why a call is refused, in both languages, and how it is counted.
#[derive(Clone, Debug)]
pub(super) struct Denial {
    /// What gRPC calls it.
    pub(super) code: Code,
    /// What HTTP calls it.
    pub(super) http: StatusCode,
    /// What happened, what was expected, and which setting gives it.
    pub(super) message: Cow<'static, str>,
    /// When to try again, if trying again is of use; whoever answers rolls the dice ([`Denial::spread`]).
    pub(super) retry: Option<Duration>,
    /// How it is counted; not at all when the relay has counted its spans.
    pub(super) reason: Option<TurnedAway>,
}

impl Denial {
    fn new(code: Code, http: StatusCode, message: impl Into<Cow<'static, str>>, reason: TurnedAway) -> Denial {
        Denial { code, http, message: message.into(), retry: None, reason: Some(reason) }
    }

    /// There is no room, and will be soon.
    pub(super) fn full() -> Denial {
        let message = "no room for this request; try again after the delay";
        let denial = Denial::new(Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, message, TurnedAway::Full);
        Denial { retry: Some(RETRY), ..denial }
    }

    /// There was no room for the spans of a request that was read: the relay has counted them.
    pub(super) fn full_after_scan() -> Denial {
        Denial { reason: None, ..Denial::full() }
    }

    /// The process is leaving.
    pub(super) fn draining() -> Denial {
        let message = "shutting down; try again after the delay";
        let denial = Denial::new(Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, message, TurnedAway::Draining);
        Denial { retry: Some(RETRY), ..denial }
    }

    /// Larger than any request may be. Without a delay: the same request would be refused again.
    pub(super) fn too_large(max: usize) -> Denial {
        let message = format!(
            "the request is larger than {max} bytes (receiver.max_request_size); \
             export smaller batches: OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
        );
        Denial::new(Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE, message, TurnedAway::TooLarge)
    }

    /// Short enough, but with more spans or envelopes than can be held. Without a delay: it would be refused again.
    pub(super) fn index_too_large() -> Denial {
        let message = "what has to be held of this request's spans would not fit into memory.budget even if it were empty; \
                       export smaller batches: OTEL_BSP_MAX_EXPORT_BATCH_SIZE";
        Denial::new(Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE, message, TurnedAway::TooLarge)
    }

    /// It inflates like nothing that an exporter compresses.
    pub(super) fn bomb(ratio: usize) -> Denial {
        let message = format!("the request inflates to more than {ratio} times its compressed length");
        Denial::new(Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE, message, TurnedAway::TooLarge)
    }

    /// Not what it says it is.
    pub(super) fn malformed(message: impl Into<Cow<'static, str>>) -> Denial {
        let message = shorten(message.into().into_owned());
        Denial::new(Code::InvalidArgument, StatusCode::BAD_REQUEST, message, TurnedAway::Malformed)
    }

    /// The body did not come in time.
    pub(super) fn timeout(after: Duration) -> Denial {
        let message = format!("the body did not arrive within {after:?} (receiver.read_timeout)");
        Denial::new(Code::DeadlineExceeded, StatusCode::REQUEST_TIMEOUT, message, TurnedAway::Timeout)
    }

    /// The caller gave the call up; nobody reads this.
    pub(super) fn cancelled() -> Denial {
        let message = "the call was given up before its body was complete";
        Denial::new(Code::Cancelled, StatusCode::BAD_REQUEST, message, TurnedAway::Cancelled)
    }

    /// An encoding that is not taken here.
    pub(super) fn encoding(found: &[u8]) -> Denial {
        let message = format!(
            "encoding {:?} is not supported, gzip, zstd and identity are: set OTEL_EXPORTER_OTLP_COMPRESSION=gzip or none",
            String::from_utf8_lossy(&found[..found.len().min(32)])
        );
        Denial::new(Code::Unimplemented, StatusCode::UNSUPPORTED_MEDIA_TYPE, message, TurnedAway::Unsupported)
    }

    /// A content type that is not taken here.
    pub(super) fn content_type(message: impl Into<Cow<'static, str>>) -> Denial {
        Denial::new(Code::InvalidArgument, StatusCode::UNSUPPORTED_MEDIA_TYPE, message, TurnedAway::Unsupported)
    }

    /// A path that means nothing here.
    pub(super) fn path() -> Denial {
        let message = "nothing is served at this path; traces are taken by POST at /v1/traces: set \
                       OTEL_EXPORTER_OTLP_ENDPOINT, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, without a path";
        Denial::new(Code::Unimplemented, StatusCode::NOT_FOUND, message, TurnedAway::Unsupported)
    }

    /// A gRPC method that does not exist here.
    pub(super) fn method_unknown() -> Denial {
        let message = "no such method here; spans are taken by \
                       opentelemetry.proto.collector.trace.v1.TraceService/Export: set OTEL_TRACES_EXPORTER=otlp";
        Denial::new(Code::Unimplemented, StatusCode::NOT_FOUND, message, TurnedAway::Unsupported)
    }

    /// Not POST.
    pub(super) fn method_not_post() -> Denial {
        let message = "OTLP is sent by POST; an OTLP exporter does so (OTEL_TRACES_EXPORTER=otlp)";
        Denial::new(Code::Unimplemented, StatusCode::METHOD_NOT_ALLOWED, message, TurnedAway::Unsupported)
    }

    /// It was sent by one of our own exporters.
    pub(super) fn own_export() -> Denial {
        let message = "upstream.endpoint points back at this very listener; the usual cause is a pod-wide \
                       OTEL_EXPORTER_OTLP_ENDPOINT that is meant for the app: set upstream.endpoint to the collector";
        Denial::new(Code::FailedPrecondition, StatusCode::BAD_REQUEST, message, TurnedAway::Loop)
    }

    /// The same with a delay of its own, if it has one, so that callers refused together do not come back together.
    pub(super) fn spread(self, dice: &Dice) -> Denial {
        Denial { retry: self.retry.map(|_| dice.retry_delay()), ..self }
    }

    /// The whole of it as a `google.rpc.Status` message.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96 + self.message.len());
        out.push(0x08);
        put_varint(&mut out, self.code as u64);
        put_bytes(&mut out, 0x12, self.message.as_bytes());
        if let Some(delay) = self.retry {
            let mut any = Vec::with_capacity(64);
            put_bytes(&mut any, 0x0a, b"type.googleapis.com/google.rpc.RetryInfo");
            put_bytes(&mut any, 0x12, &retry_info(delay));
            put_bytes(&mut out, 0x1a, &any);
        }
        out
    }
}

/// A delay before it is spread.
const RETRY: Duration = Duration::from_secs(1);

/// A `google.rpc.RetryInfo` message.
pub(super) fn retry_info(delay: Duration) -> Vec<u8> {
    let mut duration = Vec::with_capacity(16);
    duration.push(0x08);
    put_varint(&mut duration, delay.as_secs());
    duration.push(0x10);
    put_varint(&mut duration, u64::from(delay.subsec_nanos()));
    let mut out = Vec::with_capacity(20);
    put_bytes(&mut out, 0x0a, &duration);
    out
}

/// An export response with `partial_success`: how many were rejected, and why. The layout is the same for every signal.
pub(super) fn partial_success(rejected: u64, message: &str) -> Vec<u8> {
    let mut inner = Vec::with_capacity(16 + message.len());
    if rejected != 0 {
        inner.push(0x08);
        put_varint(&mut inner, rejected);
    }
    put_bytes(&mut inner, 0x12, message.as_bytes());
    let mut out = Vec::with_capacity(4 + inner.len());
    put_bytes(&mut out, 0x0a, &inner);
    out
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while 0x80 <= value {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Base64 without padding, as gRPC's binary headers want it.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word =
            group.iter().enumerate().fold(0u32, |word, (place, &byte)| word | u32::from(byte) << (16 - 8 * place));
        for place in 0..=group.len() {
            out.push(char::from(ALPHABET[(word >> (18 - 6 * place)) as usize & 63]));
        }
    }
    out
}

/// A gRPC status message: everything but printable ASCII, and the percent sign, is percent-encoded.
pub(super) fn percent(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                for half in [byte >> 4, byte & 15] {
                    out.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
