//! The embedded collector: receives OTLP/gRPC, keeps the most recent traces, and can be told to misbehave. `tailwater demo`
//! puts it behind the relay, tests do the same; it is no place to keep traces that matter.

pub mod store;
#[cfg(test)]
mod tests;
mod wire;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tonic::Code;
use tonic::body::Body;
use tonic::metadata::{MetadataMap, MetadataValue};

use crate::sink::store::Store;
pub use crate::sink::store::Trace;

/// How the sink meets a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Let it wait so long first.
    pub delay: Duration,
    /// Then say this.
    pub say: Say,
}

/// What the sink says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// OK, and keep the spans.
    Ok,
    /// OK, but so many spans were refused. They are kept all the same.
    Partial(i64),
    /// This code, with RetryInfo where there is a duration. Nothing is kept.
    Refuse(Code, Option<Duration>),
    /// Nothing, until the caller gives up. Nothing is kept.
    Nothing,
    /// Nothing, but keep the spans: an answer that was lost on its way.
    NothingButKeep,
}

impl Default for Manner {
    fn default() -> Manner {
        Manner { delay: Duration::ZERO, say: Say::Ok }
    }
}

/// What came in since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests that came in whole, whatever was said to them.
    pub requests: u64,
    /// Requests whose spans were kept.
    pub taken: u64,
    /// Requests that are not OTLP.
    pub unreadable: u64,
    /// Spans of kept requests.
    pub spans: u64,
    /// Spans among them that had come before and were still held.
    pub duplicates: u64,
    /// Spans among them without a usable id.
    pub invalid: u64,
    /// Bytes of kept requests, decompressed.
    pub bytes: u64,
    /// Traces pushed out by newer ones.
    pub evicted: u64,
}

/// A running sink. Dropping it cuts its connections.
#[derive(Debug)]
pub struct Sink {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    totals: Totals,
    manner: Manner,
}

impl Sink {
    /// Listens on `address` (port 0 for any) and serves in the background. Fails when the address cannot be had.
    pub async fn start(address: SocketAddr) -> io::Result<(Sink, SocketAddr)> {
        Sink::with_room(address, STORE_BYTES).await
    }

    /// As [`Sink::start`], holding traces of at most `bytes_max` bytes.
    pub async fn with_room(address: SocketAddr, bytes_max: usize) -> io::Result<(Sink, SocketAddr)> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let inner = Inner { store: Store::new(bytes_max), totals: Totals::default(), manner: Manner::default() };
        let shared = Arc::new(Shared { inner: Mutex::new(inner) });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Ok((Sink { shared, address, task }, address))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The traces held, oldest first.
    pub fn traces(&self) -> Vec<Trace> {
        self.shared.with(|inner| inner.store.traces())
    }

    /// What came in.
    pub fn totals(&self) -> Totals {
        self.shared.with(|inner| inner.totals)
    }

    /// Meets every request that is complete from now on like this.
    pub fn answer_with(&self, manner: Manner) {
        self.shared.with(|inner| inner.manner = manner);
    }

    /// Stops listening and cuts every connection, answered or not; returns when the port is free again.
    pub async fn stop(mut self) {
        self.task.abort();
        // An abort shows as an error, and there is none to report.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, request: wire::Request, bytes: usize) {
        self.with(|inner| {
            let taken = inner.store.take(request);
            let totals = &mut inner.totals;
            totals.taken += 1;
            totals.spans += taken.spans;
            totals.duplicates += taken.duplicates;
            totals.invalid += taken.invalid;
            totals.bytes += bytes as u64;
            totals.evicted += taken.evicted;
        });
    }
}

/// Serves until it is aborted; its connections live in it, so they end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // Room for the next is made before it is accepted.
        while CONNECTIONS_MAX <= connections.len() && connections.join_next().await.is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => drop(connections.spawn(serve(stream, shared.clone()))),
            // Out of descriptors, most likely: better wait than spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
        while connections.join_next().now_or_never().flatten().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| respond(request, shared.clone()));
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(1 << 20).initial_connection_window_size(4 << 20);
    // How a connection ends is its client's business.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Infallible> {
    if request.uri().path() != EXPORT {
        return Ok(status(Code::Unimplemented, "the sink takes OTLP traces by gRPC only", None));
    }
    let body = match Limited::new(request.into_body(), REQUEST_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Ok(status(Code::ResourceExhausted, &error.to_string(), None)),
    };
    let message = wire::unframe(body, REQUEST_MAX);
    let read = message.and_then(|message| {
        let request = wire::Request::decode(message.clone()).map_err(|_| "bytes that are no trace request")?;
        Ok((request, message.len()))
    });
    let manner = shared.with(|inner| {
        inner.totals.requests += 1;
        inner.totals.unreadable += u64::from(read.is_err());
        inner.manner.clone()
    });
    let (request, bytes) = match read {
        Ok(read) => read,
        Err(why) => return Ok(status(Code::InvalidArgument, why, None)),
    };
    tokio::time::sleep(manner.delay).await;
    Ok(say(manner.say, request, bytes, &shared).await)
}

async fn say(say: Say, request: wire::Request, bytes: usize, shared: &Shared) -> Response<Body> {
    match say {
        Say::Refuse(code, retry) => return status(code, "as told", retry),
        Say::Nothing => std::future::pending().await,
        Say::Ok | Say::Partial(_) | Say::NothingButKeep => shared.take(request, bytes),
    }
    let partial_success = match say {
        Say::NothingButKeep => std::future::pending().await,
        Say::Partial(rejected_spans) => {
            Some(wire::PartialSuccess { rejected_spans, error_message: "as told".to_owned() })
        }
        _ => None,
    };
    let message = wire::frame(&wire::Response { partial_success });
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    grpc(Body::new(Full::<Bytes>::new(message).with_trailers(async move { Some(Ok(trailers)) })))
}

/// An answer that is a status alone.
fn status(code: Code, message: &str, retry: Option<Duration>) -> Response<Body> {
    let mut metadata = MetadataMap::new();
    if let Some(wait) = retry {
        let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
        let retry_delay = Some(wire::Wait { seconds, nanos: wait.subsec_nanos().cast_signed() });
        let info = wire::RetryInfo { retry_delay }.encode_to_vec();
        metadata.insert_bin("google.rpc.retryinfo-bin", MetadataValue::from_bytes(&info));
    }
    let mut response = grpc(Body::empty());
    response.headers_mut().extend(metadata.into_headers());
    response.headers_mut().insert("grpc-status", HeaderValue::from(code as i32));
    let message = HeaderValue::from_str(message).unwrap_or(HeaderValue::from_static("unspeakable"));
    response.headers_mut().insert("grpc-message", message);
    response
}

fn grpc(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// What the store holds by default, in bytes.
const STORE_BYTES: usize = 32 << 20;
/// The largest request, in bytes, before and after decompression.
const REQUEST_MAX: usize = 64 << 20;
/// Connections at once.
const CONNECTIONS_MAX: usize = 64;
