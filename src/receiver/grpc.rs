//! Unary gRPC by hand: the five bytes before the message are read, the message is paid for, and only then is it read.
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderMap, HeaderValue, Request, Response};
use bytes::Bytes;
use hyper::body::Incoming;
use tonic::Code;

use crate::driver::{Receipt, Signal};
use crate::receiver::Intake;
use crate::receiver::answer::Answer;
use crate::receiver::body::Reader;
use crate::receiver::compression::{Encoding, Gunzip, unzstd};
use crate::receiver::dispatch::{Want, is_health, is_post, media_type};
use crate::receiver::hold::{Call, Paid, grpc_patience};
use crate::receiver::limits::{FIRST_CHARGE, shorten};
use crate::receiver::status::{Denial, base64, partial_success, percent, retry_info};
use crate::relay::Transport;

/// What a gRPC request wants.
pub(super) fn want<B>(request: &Request<B>) -> Want {
    if !is_post(request) {
        return Want::Nothing(Denial::method_not_post());
    }
    if !matches!(media_type(request), b"application/grpc" | b"application/grpc+proto") {
        return Want::Nothing(Denial::content_type(
            "only protobuf is taken over gRPC (application/grpc): set OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        ));
    }
    match request.uri().path() {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Want::Traces,
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Want::Other(Signal::Metrics),
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Want::Other(Signal::Logs),
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export" => Want::Other(Signal::Profiles),
        path if is_health(path) => Want::Health,
        _ => Want::Nothing(Denial::method_unknown()),
    }
}

/// Takes one Export call; the encoded response, empty when every span was taken.
pub(super) async fn export<I: Intake>(
    call: &mut Call<'_, I>,
    headers: &HeaderMap,
    reader: &mut Reader<Incoming>,
) -> Result<Vec<u8>, Denial> {
    call.check(headers)?;
    let encoding = Encoding::of(headers.get("grpc-encoding"))?;
    let Some(prefix) = reader.prefix().await? else {
        return Err(Denial::malformed("the call has no message"));
    };
    let (flag, len) = (prefix[0], u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize);
    call.declares(len as u64);
    let encoding = match (flag, encoding) {
        (0, _) => Encoding::Identity,
        (1, Encoding::Identity) => {
            return Err(Denial::malformed("the message says it is compressed, but the call names no grpc-encoding"));
        }
        (1, encoding) => encoding,
        _ => return Err(Denial::malformed("the first byte before the gRPC message is neither 0 nor 1")),
    };
    let max = call.door.options.max_request_size;
    if max < len {
        return Err(Denial::too_large(max));
    }
    if len == 0 {
        expect_end(reader).await?;
        return Ok(Vec::new());
    }
    // While it waits, the call keeps the rest of the frame that its prefix came in. Room for that is not waited for: whoever
    // waited for it would keep it meanwhile.
    let Some(kept) = call.door.kept.charge(reader.kept()) else { return Err(Denial::full()) };
    let patience = grpc_patience(headers, call.door.options.hold);
    let charge = call.room(first_charge(encoding, Some(len), max), patience).await?;
    drop(kept);
    reader.was_held();
    let mut rest = len;
    let paid = gather(reader, encoding, Paid::new(charge, max, scratch(encoding, len)), len, Some(&mut rest)).await?;
    expect_end(reader).await?;
    let receipt = call.admit(paid, Transport::Grpc)?;
    Ok(response(&receipt))
}

/// What is charged before the first byte: the declared length; for a compressed body, whose length nobody declares, a
/// guess of at most 1 MiB, and what the decoder takes.
pub(super) fn first_charge(encoding: Encoding, declared: Option<usize>, max: usize) -> usize {
    let guess = |len: usize| len.max(len.saturating_mul(8).min(FIRST_CHARGE));
    match (encoding, declared) {
        (Encoding::Identity, Some(len)) => len,
        (Encoding::Identity, None) => FIRST_CHARGE.min(max),
        (_, Some(len)) => guess(len).min(max) + scratch(encoding, len),
        (_, None) => FIRST_CHARGE.min(max) + scratch(encoding, 0),
    }
}

/// What is charged beside the body while it is made: the decoder, and a compressed body that must be whole first.
pub(super) fn scratch(encoding: Encoding, declared: usize) -> usize {
    match encoding {
        Encoding::Identity | Encoding::Gzip => encoding.cost(),
        Encoding::Zstd => encoding.cost() + declared,
    }
}

/// Reads a body of `rest` more bytes, or up to its end, into `paid`, whose scratch has room for `declared` compressed bytes.
pub(super) async fn gather(
    reader: &mut Reader<Incoming>,
    encoding: Encoding,
    mut paid: Paid,
    declared: usize,
    rest: Option<&mut usize>,
) -> Result<Paid, Denial> {
    let mut rest = rest;
    match encoding {
        Encoding::Identity => {
            while let Some(piece) = piece(reader, &mut rest).await? {
                paid.put(&piece)?;
            }
            Ok(paid)
        }
        Encoding::Gzip => {
            let mut gunzip = Gunzip::new(paid);
            while let Some(piece) = piece(reader, &mut rest).await? {
                gunzip.put(&piece).await?;
            }
            gunzip.finish()
        }
        Encoding::Zstd => {
            let mut whole = Vec::with_capacity(declared);
            while let Some(piece) = piece(reader, &mut rest).await? {
                if whole.capacity() < whole.len() + piece.len() {
                    let larger = (whole.len() + piece.len()).max(whole.capacity() * 2);
                    paid.add_scratch(larger - whole.capacity())?;
                    whole.reserve_exact(larger - whole.len());
                }
                whole.extend_from_slice(&piece);
            }
            unzstd(&whole, paid).await
        }
    }
}

/// The next piece of a body, no more than `rest` bytes, which it counts down.
async fn piece(reader: &mut Reader<Incoming>, rest: &mut Option<&mut usize>) -> Result<Option<Bytes>, Denial> {
    let Some(rest) = rest else { return reader.next().await };
    if **rest == 0 {
        return Ok(None);
    }
    let Some(piece) = reader.next().await? else {
        return Err(Denial::malformed("the body ends before the gRPC message does"));
    };
    if **rest < piece.len() {
        return Err(Denial::malformed("bytes follow the gRPC message"));
    }
    **rest -= piece.len();
    Ok(Some(piece))
}

async fn expect_end(reader: &mut Reader<Incoming>) -> Result<(), Denial> {
    match reader.next().await? {
        None => Ok(()),
        Some(_) => Err(Denial::malformed("bytes follow the gRPC message")),
    }
}

/// The export response for a receipt: empty, or how many spans were not taken and why.
///
/// It is an OK also when no span was taken. The request could be read, so it is not the request that is wrong; partial
/// success is the one answer of OTLP that says how many spans are lost and why, and a client must not send them again. An
/// error status would say neither: some SDKs repeat what they were refused, and all of them log it without a count.
pub(super) fn response(receipt: &Receipt) -> Vec<u8> {
    let Receipt { accepted: _, rejected_trace_id, rejected_span_id, rejected_malformed } = receipt;
    let rejected = rejected_trace_id + rejected_span_id + rejected_malformed;
    if rejected == 0 {
        return Vec::new();
    }
    let reasons = [
        (rejected_trace_id, "a trace id that is not 16 bytes or all zero"),
        (rejected_span_id, "a span id that is not 8 bytes or all zero"),
        (rejected_malformed, "bytes that are not a span"),
    ];
    let named: Vec<String> = reasons
        .iter()
        .filter(|(count, _)| **count != 0)
        .map(|(count, reason)| format!("{count} with {reason}"))
        .collect();
    partial_success(rejected, &shorten(format!("rejected {rejected} spans: {}", named.join(", "))))
}

/// An OK with this export response.
pub(super) fn accept(response: Vec<u8>) -> Response<Answer> {
    let message = match response.len() {
        0 => Bytes::from_static(&[0; 5]),
        len => {
            let mut message = Vec::with_capacity(5 + len);
            message.push(0);
            message.extend_from_slice(&(len as u32).to_be_bytes());
            message.extend_from_slice(&response);
            Bytes::from(message)
        }
    };
    let mut answer = Response::new(Answer::Message(message));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    answer
}

/// A refusal: all of it in the head (Trailers-Only), where every client finds it.
pub(super) fn refuse(denial: &Denial) -> Response<Answer> {
    let mut answer = Response::new(Answer::Whole(Bytes::new()));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(denial.code as i32));
    insert(headers, "grpc-message", percent(&denial.message));
    if let Some(delay) = denial.retry {
        // The standard place, and the only one that the Python SDK reads.
        insert(headers, "grpc-status-details-bin", base64(&denial.encode()));
        insert(headers, "google.rpc.retryinfo-bin", base64(&retry_info(delay)));
    }
    if denial.code == Code::Unimplemented {
        headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity,gzip,zstd"));
    }
    answer
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: String) {
    headers.insert(name, HeaderValue::try_from(value).expect("base64 and percent encoding leave only printable ASCII"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    use prost::Message;

    #[test]
    fn partial_success_names_each_reason_with_its_count() {
        assert_eq!(response(&Receipt { accepted: 5, ..Receipt::default() }), b"");
        let receipt = Receipt { accepted: 1, rejected_trace_id: 2, rejected_span_id: 3, rejected_malformed: 4 };
        let partial = ExportTraceServiceResponse::decode(&response(&receipt)[..]).unwrap().partial_success.unwrap();
        assert_eq!(partial.rejected_spans, 9);
        for part in ["2 with a trace id", "3 with a span id", "4 with bytes"] {
            assert!(partial.error_message.contains(part), "{}", partial.error_message);
        }
        let worst = Receipt {
            accepted: 0,
            rejected_trace_id: u64::MAX / 4,
            rejected_span_id: u64::MAX / 4,
            rejected_malformed: 9,
        };
        let partial = ExportTraceServiceResponse::decode(&response(&worst)[..]).unwrap().partial_success.unwrap();
        assert!(partial.error_message.len() <= 256);
    }

    #[test]
    fn what_is_charged_first_is_what_was_declared_or_a_guess() {
        let max = 4 * FIRST_CHARGE;
        assert_eq!(first_charge(Encoding::Identity, Some(77), max), 77);
        assert_eq!(first_charge(Encoding::Identity, None, max), FIRST_CHARGE);
        assert_eq!(first_charge(Encoding::Identity, None, 10), 10);
        assert_eq!(first_charge(Encoding::Gzip, Some(100), max), 800 + Encoding::Gzip.cost());
        assert_eq!(first_charge(Encoding::Gzip, Some(FIRST_CHARGE), max), FIRST_CHARGE + Encoding::Gzip.cost());
        assert_eq!(first_charge(Encoding::Zstd, Some(100), max), 800 + Encoding::Zstd.cost() + 100);
    }
}
