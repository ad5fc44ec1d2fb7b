//! The fields of OTLP that the sink looks at, and the gRPC framing around them. Everything else in a request is skipped.

use std::io::Read;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use prost::Message;

/// `ExportTraceServiceRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct Request {
    /// Spans by resource.
    #[prost(message, repeated, tag = "1")]
    pub resource_spans: Vec<ResourceSpans>,
}

/// `ResourceSpans`.
#[derive(Clone, PartialEq, Message)]
pub struct ResourceSpans {
    /// What the spans are of.
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    /// Spans by scope.
    #[prost(message, repeated, tag = "2")]
    pub scope_spans: Vec<ScopeSpans>,
}

impl ResourceSpans {
    /// `service.name`, or nothing.
    pub fn service(&self) -> &str {
        let mut attributes = self.resource.iter().flat_map(|resource| &resource.attributes);
        let named = attributes.rfind(|attribute| attribute.key == "service.name");
        named.and_then(|attribute| attribute.value.as_ref()).map(|value| value.string.as_str()).unwrap_or_default()
    }
}

/// `Resource`.
#[derive(Clone, PartialEq, Message)]
pub struct Resource {
    /// Its attributes.
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<KeyValue>,
}

/// `KeyValue`.
#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    /// The key.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

/// `AnyValue`, of which only strings matter here.
#[derive(Clone, PartialEq, Message)]
pub struct AnyValue {
    /// The string; empty when it is something else.
    #[prost(string, tag = "1")]
    pub string: String,
}

/// `ScopeSpans`.
#[derive(Clone, PartialEq, Message)]
pub struct ScopeSpans {
    /// The spans.
    #[prost(message, repeated, tag = "2")]
    pub spans: Vec<Span>,
}

/// `Span`.
#[derive(Clone, PartialEq, Message)]
pub struct Span {
    /// 16 bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub trace_id: Bytes,
    /// 8 bytes.
    #[prost(bytes = "bytes", tag = "2")]
    pub span_id: Bytes,
    /// 8 bytes, or none for a root.
    #[prost(bytes = "bytes", tag = "4")]
    pub parent_span_id: Bytes,
    /// The operation.
    #[prost(string, tag = "5")]
    pub name: String,
    /// Nanoseconds since 1970.
    #[prost(fixed64, tag = "7")]
    pub start: u64,
    /// Nanoseconds since 1970.
    #[prost(fixed64, tag = "8")]
    pub end: u64,
    /// How it ended.
    #[prost(message, optional, tag = "15")]
    pub status: Option<Status>,
}

impl Span {
    /// Whether its status is ERROR.
    pub fn is_error(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.code == 2)
    }
}

/// `Status`.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// 2 is ERROR.
    #[prost(int32, tag = "3")]
    pub code: i32,
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct Response {
    /// Set when not everything was taken.
    #[prost(message, optional, tag = "1")]
    pub partial_success: Option<PartialSuccess>,
}

/// `ExportTracePartialSuccess`.
#[derive(Clone, PartialEq, Message)]
pub struct PartialSuccess {
    /// Spans not taken.
    #[prost(int64, tag = "1")]
    pub rejected_spans: i64,
    /// Why.
    #[prost(string, tag = "2")]
    pub error_message: String,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
pub struct RetryInfo {
    /// When to come back.
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<Wait>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
pub struct Wait {
    /// Whole seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// The rest in nanoseconds.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// Reads one framed gRPC message, compressed or not, of at most `max` bytes; the text says what is wrong with it.
pub fn unframe(body: Bytes, max: usize) -> Result<Bytes, &'static str> {
    let prefix = body.get(..5).ok_or("no message")?;
    let len = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    let message = body.slice(5..);
    match prefix[0] {
        _ if message.len() != len => Err("a message of another length than it says"),
        0 => Ok(message),
        1 => gunzip(&message, max),
        _ => Err("a message with an unknown flag"),
    }
}

/// A message with its prefix.
pub fn frame(message: &impl Message) -> Bytes {
    let len = message.encoded_len();
    let mut framed = BytesMut::with_capacity(5 + len);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(len).expect("the sink answers with a few bytes"));
    message.encode(&mut framed).expect("a BytesMut grows as needed");
    framed.freeze()
}

fn gunzip(message: &[u8], max: usize) -> Result<Bytes, &'static str> {
    let mut plain = Vec::new();
    let bounded = MultiGzDecoder::new(message).take(max as u64 + 1).read_to_end(&mut plain);
    match bounded {
        Ok(len) if len <= max => Ok(plain.into()),
        Ok(_) => Err("too large a message"),
        Err(_) => Err("a message that is not gzip"),
    }
}
