//! The way a call takes: tower layers (so many at once, so long at most) around tonic's channel, from a request with a
//! batch's bytes to an [`Answer`].

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use tonic::body::Body;
use tonic::transport::Channel;
use tower::limit::ConcurrencyLimit;
use tower::timeout::Timeout;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

use crate::exporter::answer::Answer;
use crate::exporter::body::{self, Message, Progress};
use crate::exporter::resolve::{CONNECT_MAX, Dialer, Witness};
use crate::exporter::{Compression, Options, SetupError};

/// Calls `TraceService/Export` of one collector. Cloning is cheap and shares the connection.
#[derive(Clone, Debug)]
pub struct Caller {
    service: ConcurrencyLimit<Timeout<Exchange>>,
    headers: HeaderMap,
    compression: Compression,
    witness: Witness,
}

impl Caller {
    /// Prepares everything short of connecting. Must be called inside a tokio runtime.
    pub fn new(options: &Options) -> Result<Caller, SetupError> {
        let witness = Witness::default();
        let exchange = Exchange { channel: channel(options, witness.clone())? };
        let service = ServiceBuilder::new()
            .concurrency_limit(options.concurrency.clamp(1, super::CONCURRENCY_MAX))
            .timeout(options.timeout)
            .service(exchange);
        let (headers, compression) = (headers(options)?, options.compression);
        Ok(Caller { service, headers, compression, witness })
    }

    /// Sends a batch and waits for what is said to it, for at most the timeout. `progress` tells how far it went also
    /// when this future is dropped.
    pub async fn call(&self, batch: Vec<Bytes>, progress: Arc<Progress>) -> Result<Answer, BoxError> {
        let message = match self.compression {
            Compression::None => Message::plain(batch, progress),
            Compression::Gzip => Message::compressed(compress(batch).await, progress),
        };
        let mut request = Request::new(Body::new(message));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = Uri::from_static(EXPORT);
        *request.headers_mut() = self.headers.clone();
        self.service.clone().oneshot(request).await
    }

    /// What was seen of the newest connection.
    pub fn witness(&self) -> &Witness {
        &self.witness
    }
}

/// A tower service from a request to its answer: status, trailers and all, so that the layers' timeout covers them too.
#[derive(Clone, Debug)]
struct Exchange {
    channel: Channel,
}

impl Service<Request<Body>> for Exchange {
    type Response = Answer;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Answer, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.channel.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let response = self.channel.call(request);
        Box::pin(async move { Ok(Answer::read(response.await?).await?) })
    }
}

fn channel(options: &Options, witness: Witness) -> Result<Channel, SetupError> {
    let endpoint = &options.endpoint;
    let wrong = |error: tonic::transport::Error| SetupError::Channel(super::trouble::chain(&error));
    let mut builder = Channel::from_shared(endpoint.to_string())
        .map_err(|error| SetupError::Channel(error.to_string()))?
        .connect_timeout(CONNECT_MAX)
        // Answers are tiny; windows only bound what a hostile one may make us hold.
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024)
        .http2_max_header_list_size(TRAILERS_MAX)
        .user_agent(concat!(
            "tailwater/",
            env!("CARGO_PKG_VERSION"),
            " OTel-OTLP-Exporter-Rust/",
            env!("CARGO_PKG_VERSION")
        ))
        .map_err(wrong)?;
    if endpoint.tls() {
        let tls = options.tls.load().map_err(SetupError::Tls)?;
        let unusable = |error| SetupError::Tls(super::tls::TlsError::Unusable(super::trouble::chain(&error)));
        builder = builder.tls_config(tls).map_err(unusable)?;
    }
    Ok(builder.connect_with_connector_lazy(Dialer::new(endpoint, witness)))
}

/// What every call carries. The caller's own headers come first, so that they cannot break the protocol's.
fn headers(options: &Options) -> Result<HeaderMap, SetupError> {
    let mut headers = HeaderMap::new();
    for header in &options.headers {
        headers.append(header.name().clone(), header.value().clone());
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert("grpc-accept-encoding", HeaderValue::from_static("identity"));
    headers.insert("grpc-timeout", grpc_timeout(options.timeout));
    match options.compression {
        Compression::None => headers.remove("grpc-encoding"),
        Compression::Gzip => headers.insert("grpc-encoding", HeaderValue::from_static("gzip")),
    };
    let hop = HeaderValue::from_str(&options.hop).map_err(|_| SetupError::Hop(options.hop.clone()))?;
    headers.insert(HOP, hop);
    Ok(headers)
}

/// gRPC's `grpc-timeout`: at most eight digits and a unit.
fn grpc_timeout(timeout: Duration) -> HeaderValue {
    let millis = timeout.as_millis().max(1);
    let text = match millis {
        0..100_000_000 => format!("{millis}m"),
        _ => format!("{}S", timeout.as_secs().min(99_999_999)),
    };
    HeaderValue::from_str(&text).expect("digits and a letter are a header value")
}

/// Compresses beside the runtime what would hold up everything else on it.
async fn compress(batch: Vec<Bytes>) -> Vec<Bytes> {
    if batch.iter().map(Bytes::len).sum::<usize>() < BESIDE_FROM {
        return body::compress(&batch);
    }
    let work = tokio::task::spawn_blocking(move || body::compress(&batch));
    work.await.expect("compressing does not panic, and the runtime outlives its tasks")
}

/// The header that names the Tailwater a request came through.
pub const HOP: HeaderName = HeaderName::from_static("tailwater-hop");

/// OTLP's one method for traces.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// The largest headers or trailers of an answer, in bytes as HTTP/2 counts them.
const TRAILERS_MAX: u32 = 8 * 1024;
/// From this size on, in bytes, gzip takes milliseconds.
const BESIDE_FROM: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_header_never_has_more_than_eight_digits() {
        let shown = |millis| grpc_timeout(Duration::from_millis(millis));
        assert_eq!(shown(10_000), "10000m");
        assert_eq!(shown(0), "1m");
        assert_eq!(shown(99_999_999), "99999999m");
        assert_eq!(shown(100_000_000), "100000S");
        assert_eq!(grpc_timeout(Duration::MAX), "99999999S");
    }
}
