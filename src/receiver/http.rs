//! OTLP/HTTP with protobuf, over HTTP/1.1 and HTTP/2.

use std::time::Duration;

use ::http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, RETRY_AFTER};
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use bytes::Bytes;
use hyper::body::Incoming;

use crate::driver::Signal;
use crate::receiver::Intake;
use crate::receiver::answer::Answer;
use crate::receiver::body::Reader;
use crate::receiver::compression::Encoding;
use crate::receiver::dispatch::{Want, is_post, media, media_type};
use crate::receiver::grpc::{first_charge, gather, response, scratch};
use crate::receiver::hold::{Call, Paid, http_patience};
use crate::receiver::status::Denial;
use crate::relay::Transport;

const PROTOBUF: &str = "application/x-protobuf";

/// What an HTTP request wants.
pub(super) fn want<B>(request: &Request<B>) -> Want {
    if media_type(request).starts_with(b"application/grpc") {
        return Want::Nothing(Denial::content_type(
            "gRPC is taken over HTTP/2 alone, and gRPC-Web not at all: set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        ));
    }
    // An SDK given a signal's endpoint without a path posts to the root; one given a base path appends to it.
    let want = match request.uri().path() {
        "/" => Want::Traces,
        path if path.ends_with("/v1/traces") => Want::Traces,
        path if path.ends_with("/v1/metrics") => Want::Other(Signal::Metrics),
        path if path.ends_with("/v1/logs") => Want::Other(Signal::Logs),
        path if path.ends_with("/v1development/profiles") || path.ends_with("/v1/profiles") => {
            Want::Other(Signal::Profiles)
        }
        _ => return Want::Nothing(Denial::path()),
    };
    if !is_post(request) {
        return Want::Nothing(Denial::method_not_post());
    }
    match media_type(request) {
        b"application/x-protobuf" | b"application/protobuf" => want,
        b"application/json" => Want::Nothing(Denial::content_type(
            "JSON is not taken here, application/x-protobuf is: set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or grpc",
        )),
        _ => Want::Nothing(Denial::content_type(
            "expected content type application/x-protobuf or application/grpc: \
             set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or grpc",
        )),
    }
}

/// Takes one request; the encoded response, empty when every span was taken.
pub(super) async fn export<I: Intake>(
    call: &mut Call<'_, I>,
    headers: &HeaderMap,
    reader: &mut Reader<Incoming>,
) -> Result<Vec<u8>, Denial> {
    call.check(headers)?;
    let encoding = Encoding::of(headers.get(CONTENT_ENCODING))?;
    let max = call.door.options.max_request_size;
    let declared = match content_length(headers) {
        Some(len) if (max as u64) < len => return Err(Denial::too_large(max)),
        Some(0) => return Ok(Vec::new()),
        Some(len) => Some(len as usize),
        None => None,
    };
    let patience = http_patience(call.door.options.hold);
    let charge = call.room(first_charge(encoding, declared, max), patience).await?;
    let paid = Paid::new(charge, max, scratch(encoding, declared.unwrap_or(0)));
    let paid = gather(reader, encoding, paid, declared.unwrap_or(0), None).await?;
    if paid.len() == 0 {
        return Ok(Vec::new());
    }
    let receipt = call.admit(paid, Transport::Http)?;
    Ok(response(&receipt))
}

/// An OK with this export response.
pub(super) fn accept(response: Vec<u8>) -> Response<Answer> {
    let mut answer = Response::new(Answer::Whole(Bytes::from(response)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
    answer
}

/// A refusal, in the language of the request: a `google.rpc.Status` in protobuf or JSON, or plain text for a person.
pub(super) fn refuse(denial: &Denial, content_type: Option<&HeaderValue>) -> Response<Answer> {
    let (content_type, body) = match content_type.map(|value| media(value.as_bytes())) {
        Some(b"application/x-protobuf" | b"application/protobuf") => (PROTOBUF, denial.encode()),
        Some(b"application/json") => {
            let json = serde_json::json!({ "code": denial.code as i32, "message": denial.message });
            ("application/json", json.to_string().into_bytes())
        }
        _ => ("text/plain; charset=utf-8", format!("{}\n", denial.message).into_bytes()),
    };
    let mut answer = Response::new(Answer::Whole(Bytes::from(body)));
    *answer.status_mut() = denial.http;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(delay) = denial.retry {
        headers.insert(RETRY_AFTER, HeaderValue::from(delay.as_millis().div_ceil(1000).max(1) as u64));
    }
    if denial.http == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    answer
}

/// Reads on for a moment after a refusal over HTTP/1.1: a client that is still sending when the connection closes may see
/// a reset instead of the answer. Not when it waits for leave to send.
pub(super) async fn hear_out(head: &Parts, reader: &mut Reader<Incoming>, bytes_max: usize) {
    if head.version < Version::HTTP_2 && !head.headers.contains_key(EXPECT) {
        reader.drain(bytes_max, Duration::from_secs(1)).await;
    }
}

/// What the head declares.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    std::str::from_utf8(headers.get(CONTENT_LENGTH)?.as_bytes()).ok()?.parse().ok()
}
