//! A collector on loopback that answers as it is told, and an outlet that hands out batches and notes what became of them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, ServerTlsConfig};

use super::wire;
use crate::exporter::{Compression, Endpoint, Exporter, Options, Outlet, Tls};
use crate::relay::clock::Tick;
use crate::relay::custody::{Fate, Ledger};
use crate::relay::queue::{Batch, Outcome};

/// What the fake collector says.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    /// OK, with this message.
    Ok(Vec<u8>),
    /// A status in trailers after an empty message.
    Trailers(u32, Option<Vec<u8>>),
    /// A status in the headers, as gRPC servers do that have no message.
    Headers(u32, Option<Vec<u8>>),
    /// HTTP without gRPC.
    Http(u16, &'static str),
    /// A message and no trailers.
    Cut,
    /// OK after a body of so many bytes.
    Flood(usize),
    /// The headers of an answer, and then nothing.
    Stall,
    /// Nothing, ever.
    Silence,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A collector in a task of its own; dropping it ends it.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Fake {
    pub(crate) fn start(says: Vec<Say>) -> Fake {
        Fake::serve(says, None)
    }

    /// Answers the first request with the first of `says` and so on; the last one stays.
    pub(crate) fn serve(says: Vec<Say>, tls: Option<ServerTlsConfig>) -> Fake {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = incoming.local_addr().expect("bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (says, noted) = (Arc::new(Mutex::new(VecDeque::from(says))), seen.clone());
        let service = tower::service_fn(move |request| answer(request, says.clone(), noted.clone()));
        let mut server = Server::builder();
        if let Some(tls) = tls {
            server = server.tls_config(tls).expect("a usable certificate");
        }
        let task = tokio::spawn(async move { server.serve_with_incoming(service, incoming).await.expect("served") });
        Fake { address, seen, task }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while noting").clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answering = BoxFuture<'static, Result<Response<Body>, Infallible>>;

fn answer(request: Request<Body>, says: Arc<Mutex<VecDeque<Say>>>, seen: Arc<Mutex<Vec<Seen>>>) -> Answering {
    Box::pin(async move {
        let (head, body) = request.into_parts();
        assert_eq!(head.uri.path(), "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        seen.lock().expect("no panic while noting").push(Seen { headers: head.headers, body });
        let say = {
            let mut says = says.lock().expect("no panic while speaking");
            if 1 < says.len() { says.pop_front() } else { says.front().cloned() }
        };
        Ok(speak(say.expect("something to say")).await)
    })
}

async fn speak(say: Say) -> Response<Body> {
    match say {
        Say::Ok(message) => with_trailers(wire::framed(&message), status(0, None)),
        Say::Trailers(code, info) => with_trailers(wire::framed(&[]), status(code, info)),
        Say::Headers(code, info) => {
            let mut response = grpc(Body::empty());
            response.headers_mut().extend(status(code, info));
            response
        }
        Say::Http(code, content_type) => {
            let mut response = Response::new(Body::new(Full::from("<html>")));
            *response.status_mut() = StatusCode::from_u16(code).expect("a status");
            response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
            response
        }
        Say::Cut => grpc(Body::new(Full::from(wire::framed(&[])))),
        Say::Flood(len) => with_trailers(vec![0; len], status(0, None)),
        Say::Stall => {
            let never = futures_util::stream::pending::<Result<http_body::Frame<Bytes>, Infallible>>();
            grpc(Body::new(http_body_util::StreamBody::new(never)))
        }
        Say::Silence => std::future::pending().await,
    }
}

fn grpc(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

fn with_trailers(body: Vec<u8>, trailers: HeaderMap) -> Response<Body> {
    grpc(Body::new(Full::<Bytes>::from(body).with_trailers(async move { Some(Ok(trailers)) })))
}

fn status(code: u32, info: Option<Vec<u8>>) -> HeaderMap {
    let mut metadata = MetadataMap::new();
    if let Some(info) = info {
        metadata.insert_bin("grpc-status-details-bin", MetadataValue::from_bytes(&wire::status_with(&info)));
    }
    let mut headers = metadata.into_headers();
    headers.insert("grpc-status", HeaderValue::from(code));
    headers.insert("grpc-message", HeaderValue::from_static("because%0A"));
    headers
}

/// Hands out batches of `spans` spans each, then says that there are no more.
pub(crate) struct Batches {
    ledger: Mutex<Ledger>,
    waiting: Mutex<VecDeque<Batch>>,
    outcomes: Mutex<Vec<Outcome>>,
}

impl Batches {
    pub(crate) fn new(count: usize, spans: u64, body: Vec<Bytes>) -> Batches {
        let mut ledger = Ledger::default();
        let len = body.iter().map(Bytes::len).sum();
        let batch = |_| Batch { body: body.clone(), len, custody: ledger.open(spans), cut_at: Tick::ZERO, attempts: 0 };
        let waiting = (0..count).map(batch).collect();
        Batches { ledger: Mutex::new(ledger), waiting: Mutex::new(waiting), outcomes: Mutex::default() }
    }

    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.outcomes.lock().expect("no panic while settling").clone()
    }

    /// Spans handed out and not settled, or never handed out.
    pub(crate) fn outstanding(&self) -> u64 {
        self.ledger.lock().expect("no panic while settling").outstanding()
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        let mut ledger = self.ledger.lock().expect("no panic while settling");
        for batch in self.waiting.lock().expect("no panic while taking").drain(..) {
            ledger.close(batch.custody, Fate::Exported);
        }
    }
}

impl Outlet for Batches {
    async fn next_batch(&self) -> Option<Batch> {
        self.waiting.lock().expect("no panic while taking").pop_front()
    }

    fn settle(&self, batch: Batch, outcome: Outcome) {
        self.ledger.lock().expect("no panic while settling").close(batch.custody, Fate::Exported);
        self.outcomes.lock().expect("no panic while settling").push(outcome);
    }
}

/// Options for `url` with little patience.
pub(crate) fn options(url: &str) -> Options {
    Options {
        endpoint: Endpoint::parse(url).expect("an endpoint"),
        compression: Compression::None,
        timeout: Duration::from_millis(2000),
        headers: Vec::new(),
        tls: Tls::default(),
        concurrency: 1,
        hop: "test-instance".to_owned(),
    }
}

/// Sends `count` batches of 512 spans and returns what became of them.
pub(crate) async fn send(options: Options, count: usize) -> Vec<Outcome> {
    let batches = Batches::new(count, 512, vec![Bytes::from_static(b"\x0a\x00")]);
    let exporter = Exporter::new(&options).expect("usable options");
    exporter.run(&batches, |_| (), std::future::pending()).await;
    assert_eq!(batches.outstanding(), 0, "every batch is settled exactly once");
    batches.outcomes()
}
