//! The little of gRPC that a unary OTLP export needs: paths, headers, the five-byte prefix, the status in the trailers.

use std::io::Read;

use http::{HeaderMap, HeaderValue, Request, Response, header};

/// The method that every program here speaks.
pub const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// Length of the prefix before a message: one byte of flags, four of length (big endian).
pub const PREFIX: usize = 5;
/// An export response without content, prefix included: everything was taken.
pub const EMPTY: &[u8] = &[0; PREFIX];
/// HTTP/2 flow-control window of one stream: room for a request of 512 spans in one go.
pub const WINDOW: u32 = 1 << 20;
/// HTTP/2 flow-control window of a connection.
pub const CONNECTION_WINDOW: u32 = 8 << 20;
/// A message that unpacks to more than this is refused: bounds what a compressed request may cost.
const UNPACKED_MAX: u64 = 64 << 20;

/// An export request to `authority`; the body travels separately. `encoding` is the value of `grpc-encoding`, if any.
pub fn request(authority: &str, encoding: Option<&HeaderValue>) -> Result<Request<()>, http::Error> {
    let mut request = Request::post(format!("http://{authority}{EXPORT}"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header(header::USER_AGENT, "tailwater-bench")
        .body(())?;
    if let Some(encoding) = encoding {
        request.headers_mut().insert("grpc-encoding", encoding.clone());
    }
    Ok(request)
}

/// The head of an answer to an export; data and trailers follow.
pub fn response_head() -> Response<()> {
    let mut response = Response::new(());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// Trailers that carry a status code and nothing else.
pub fn trailers(code: u16) -> HeaderMap {
    HeaderMap::from_iter([(header::HeaderName::from_static("grpc-status"), HeaderValue::from(code))])
}

/// The status code in trailers (or in the headers of an answer that has none).
pub fn status(headers: &HeaderMap) -> Option<u16> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// The message of a framed body, unpacked with gzip where its flag says so.
pub fn message(body: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, &'static str> {
    let (prefix, packed) = body.split_at_checked(PREFIX).ok_or("shorter than its prefix")?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    if packed.len() != length as usize {
        return Err("length differs from its prefix");
    }
    if prefix[0] == 0 {
        return Ok(packed.into());
    }
    let mut unpacked = Vec::with_capacity(packed.len() * 4);
    let mut reader = flate2::read::GzDecoder::new(packed).take(UNPACKED_MAX + 1);
    reader.read_to_end(&mut unpacked).map_err(|_| "not gzip")?;
    if unpacked.len() as u64 > UNPACKED_MAX {
        Err("unpacks to more than 64 MiB")
    } else {
        Ok(unpacked.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_plain_and_a_gzipped_message_read_the_same() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(b"spans").unwrap();
        let packed = packer.finish().unwrap();
        let mut framed = vec![1, 0, 0, 0, packed.len() as u8];
        framed.extend_from_slice(&packed);
        assert_eq!(message(&framed).unwrap().as_ref(), b"spans");
        assert_eq!(message(b"\0\0\0\0\x05spans").unwrap().as_ref(), b"spans");
    }

    #[test]
    fn a_message_shorter_than_it_says_is_an_error() {
        assert_eq!(message(b"\0\0\0\0\x06spans"), Err("length differs from its prefix"));
        assert_eq!(message(b"\0\0"), Err("shorter than its prefix"));
    }
}
