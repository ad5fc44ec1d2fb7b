//! What the collector answered, read within bounds: a body of 64 KiB at most, a few fields of it, and texts cut and
//! escaped before anybody sees them.

use std::time::Duration;

use bytes::BytesMut;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use tonic::Code;
use tonic::body::Body;
use tonic::metadata::MetadataMap;

use crate::exporter::proto::{Malformed, Value, fields};
use crate::exporter::retry_info::{DELAY_MAX, RetryInfo};

/// An answer as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A gRPC status.
    Grpc(Status),
    /// HTTP, but not gRPC: a proxy, or a wrong address.
    Foreign {
        /// The HTTP status.
        http: StatusCode,
        /// Its content type, escaped.
        content_type: String,
        /// From `retry-after`, in seconds only.
        retry: Option<RetryInfo>,
    },
    /// A body larger than [`BODY_MAX`]. OTLP wants that treated as a failure that is not tried again.
    TooLarge,
    /// It ended without a status.
    Cut,
}

/// A gRPC status and what came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The code.
    pub code: Code,
    /// `grpc-message`, or for OK the message of `partial_success`; escaped.
    pub message: String,
    /// Whether and when to come back.
    pub retry: Option<RetryInfo>,
    /// Spans the collector says it refused; 0 unless the code is OK.
    pub rejected_spans: u64,
}

impl Answer {
    /// Reads a response to its end or to the bound.
    pub async fn read(response: Response<Body>) -> Result<Answer, tonic::Status> {
        let (head, mut body) = response.into_parts();
        if head.headers.contains_key(GRPC_STATUS) {
            return Ok(Answer::Grpc(Status::read(&head.headers, &[])));
        }
        let content_type = head.headers.get(CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
        if head.status != StatusCode::OK || !content_type.starts_with(b"application/grpc") {
            let retry = retry_after(&head.headers);
            return Ok(Answer::Foreign { http: head.status, content_type: escape(content_type), retry });
        }
        let mut message = BytesMut::new();
        while let Some(frame) = body.frame().await {
            match frame?.into_data() {
                Ok(data) if BODY_MAX < message.len() + data.len() => return Ok(Answer::TooLarge),
                Ok(data) => message.extend_from_slice(&data),
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    return Ok(match trailers.contains_key(GRPC_STATUS) {
                        true => Answer::Grpc(Status::read(&trailers, &message)),
                        false => Answer::Cut,
                    });
                }
            }
        }
        Ok(Answer::Cut)
    }
}

impl Status {
    fn read(trailers: &HeaderMap, body: &[u8]) -> Status {
        let code = trailers.get(GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes())).unwrap_or(Code::Unknown);
        if code == Code::Ok {
            let (rejected_spans, message) = partial_success(body);
            return Status { code, message, retry: None, rejected_spans };
        }
        let message = trailers.get("grpc-message").map(|value| percent_decoded(value.as_bytes())).unwrap_or_default();
        Status { code, message: escape(&message), retry: retry_info(trailers), rejected_spans: 0 }
    }
}

/// A peer's text for a log line: at most [`TEXT_MAX`] bytes, and nothing in it that a terminal would obey.
pub fn escape(text: &[u8]) -> String {
    let cut = &text[..text.len().min(TEXT_MAX)];
    let mut shown = String::with_capacity(cut.len());
    for letter in String::from_utf8_lossy(cut).chars() {
        // What cannot be seen (control characters, marks that turn the direction of writing) is spelled out.
        let spelled = letter != '"' && letter != '\'' && letter != '\\';
        let piece: String = if spelled { letter.escape_debug().collect() } else { letter.to_string() };
        if TEXT_MAX < shown.len() + piece.len() {
            break;
        }
        shown.push_str(&piece);
    }
    shown
}

fn retry_info(trailers: &HeaderMap) -> Option<RetryInfo> {
    let metadata = MetadataMap::from_headers(trailers.clone());
    let bytes = |name| metadata.get_bin(name).and_then(|value| value.to_bytes().ok());
    let from_status = bytes("grpc-status-details-bin").and_then(|status| RetryInfo::from_status(&status));
    from_status.or_else(|| bytes("google.rpc.retryinfo-bin").and_then(|bare| RetryInfo::from_bare(&bare)))
}

/// `retry-after` in seconds. Its other form, a date, would need a clock that agrees with the other side's.
fn retry_after(headers: &HeaderMap) -> Option<RetryInfo> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(RetryInfo { delay: Some(Duration::from_secs(seconds).min(DELAY_MAX)) })
}

/// `ExportTraceServiceResponse.partial_success` of a gRPC body: rejected spans and why. A body that cannot be read says
/// nothing, and the OK that came with it stands.
fn partial_success(body: &[u8]) -> (u64, String) {
    // One byte of flag (compressed answers are not asked for), four of length, the message.
    let Some((prefix, message)) = body.split_at_checked(5) else { return (0, String::new()) };
    let len = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    match message.get(..len) {
        Some(message) if prefix[0] == 0 => read_response(message).unwrap_or_default(),
        _ => (0, String::new()),
    }
}

fn read_response(message: &[u8]) -> Result<(u64, String), Malformed> {
    let (mut rejected, mut why): (u64, &[u8]) = (0, &[]);
    for field in fields(message) {
        let (1, Value::Bytes(partial)) = field? else { continue };
        for field in fields(partial) {
            match field? {
                // An int64; a negative one is nonsense and means none.
                (1, Value::Varint(value)) => rejected = u64::try_from(value as i64).unwrap_or(0),
                (2, Value::Bytes(text)) => why = text,
                _ => {}
            }
        }
    }
    Ok((rejected, escape(why)))
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len().min(TEXT_MAX));
    let mut rest = text;
    while let [first, tail @ ..] = rest
        && decoded.len() < TEXT_MAX
    {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                decoded.push((hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0)) as u8);
                rest = after;
            }
            _ => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    decoded
}

/// The largest answer that is read, in bytes.
pub const BODY_MAX: usize = 64 * 1024;
/// The longest text of a peer that is shown, in bytes.
pub const TEXT_MAX: usize = 256;
const GRPC_STATUS: &str = "grpc-status";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::tests::wire;

    fn rejected(count: i64) -> u64 {
        partial_success(&wire::framed(&wire::partial_success(count, "no"))).0
    }

    #[test]
    fn rejected_spans_are_read_and_nonsense_is_none() {
        assert_eq!([0, 1, 512, i64::MAX].map(rejected), [0, 1, 512, i64::MAX as u64]);
        assert_eq!([-1, i64::MIN].map(rejected), [0, 0]);
        for body in [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x09\x0a", b"\x01\0\0\0\x02\x08\x01", b"\0\0\0\0\x02\x0a\x7f"] {
            assert_eq!(partial_success(body), (0, String::new()), "{body:?}");
        }
    }

    #[test]
    fn a_peers_text_is_cut_and_cannot_speak_to_a_terminal() {
        assert_eq!(escape(b"it's \"full\"\n\x1b[31m\xff"), "it's \"full\"\\n\\u{1b}[31m\u{fffd}");
        assert!(escape("\u{202e}".as_bytes()).starts_with("\\u{202e}"));
        for text in ["x".repeat(1000), "\u{1b}".repeat(1000), "é".repeat(1000)] {
            let shown = escape(text.as_bytes());
            assert!(200 < shown.len() && shown.len() <= TEXT_MAX, "{}", shown.len());
        }
    }

    #[test]
    fn a_percent_in_a_message_is_decoded_or_left_alone() {
        assert_eq!(percent_decoded(b"50%25 of %e2%82%AC %zz %2"), "50% of € %zz %2".as_bytes());
        assert!(percent_decoded(&[b'a'; 10_000]).len() <= TEXT_MAX);
    }

    #[test]
    fn the_wait_is_found_in_either_trailer_and_bad_base64_is_none() {
        use tonic::metadata::MetadataValue;
        let bare = wire::retry_info(2, 0);
        let found = |name: &'static str, bytes: &[u8]| {
            let mut metadata = MetadataMap::new();
            metadata.insert_bin(name, MetadataValue::from_bytes(bytes));
            retry_info(&metadata.into_headers())
        };
        let expect = Some(RetryInfo { delay: Some(Duration::from_secs(2)) });
        assert_eq!(found("grpc-status-details-bin", &wire::status_with(&bare)), expect);
        assert_eq!(found("google.rpc.retryinfo-bin", &bare), expect);
        let mut headers = HeaderMap::new();
        headers.insert("google.rpc.retryinfo-bin", http::HeaderValue::from_static("%%%not base64"));
        assert_eq!(retry_info(&headers), None);
    }

    #[test]
    fn retry_after_is_seconds_and_capped() {
        let read = |text| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, http::HeaderValue::from_static(text));
            retry_after(&headers).and_then(|info| info.delay)
        };
        assert_eq!(read("2"), Some(Duration::from_secs(2)));
        assert_eq!(read("99999999"), Some(DELAY_MAX));
        assert_eq!(read("-1"), None);
        assert_eq!(read("Fri, 31 Dec 1999 23:59:59 GMT"), None);
    }
}
