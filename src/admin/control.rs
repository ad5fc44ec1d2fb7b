//! The control service, on loopback only: Status, Ledger and Drain for `tailwater status` and whoever speaks gRPC. tower
//! layers bound it: a few calls at once, two seconds each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tonic::Status;
use tonic::body::Body;
use tower::{BoxError, ServiceBuilder};

use crate::admin::House;
use crate::admin::door::{self, Limits, QUIET};
use crate::admin::ledger::{Counts, Ledger};
use crate::admin::{Address, BindError, bind};
use crate::driver::Phase;
use crate::logs::RateLimit;
use crate::metrics::readings::held_by_place;
use crate::relay::Snapshot;

/// The service's messages and stubs, written from `proto/`.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod proto {
    tonic::include_proto!("tailwater.control.v1");
}

use proto::control_server::{Control, ControlServer};

/// What does not change while the process runs, for Status to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The sampling that is in effect, as a sentence.
    pub sampling: String,
    /// The collector's address, without user or headers.
    pub upstream: String,
    /// Where apps come in.
    pub listen: Vec<SocketAddr>,
}

/// The service. Draining is asked for through `leave`; [`crate::drain`] listens to it.
#[derive(Clone)]
pub struct Service {
    house: House,
    about: Arc<About>,
    leave: Arc<Notify>,
    began: Instant,
}

impl Service {
    /// A service that tells about `house`, and asks `leave` when it is to drain.
    pub fn new(house: House, about: About, leave: Arc<Notify>) -> Service {
        Service { house, about: Arc::new(about), leave, began: Instant::now() }
    }
}

/// Listens as [`bind`] does, on a loopback address only.
pub async fn listen(at: Address, patience: Duration) -> Result<Option<TcpListener>, BindError> {
    match at.address.ip().to_canonical().is_loopback() {
        true => bind(at, patience).await,
        false => Err(BindError::NotLoopback { key: at.key, address: at.address }),
    }
}

/// Serves the control service for ever; dropping the future ends it.
pub async fn serve(listener: TcpListener, service: Service) {
    let limits = Limits { connections_max: CONNECTIONS_MAX, lasts_max: CONNECTION_LASTS_MAX };
    let calls = layered(ControlServer::new(service).max_decoding_message_size(MESSAGE_BYTES_MAX));
    door::accept(listener, limits, move |stream, peer| connection(stream, peer, calls.clone())).await;
}

/// A few calls at once and a limit of time for each; what a layer ends is answered in gRPC's own words.
pub(super) fn layered<S, R>(
    calls: S,
) -> impl tower::Service<Request<R>, Response = http::Response<Body>, Error = BoxError, Future: Send> + Clone + Send
where
    S: tower::Service<Request<R>, Response = http::Response<Body>> + Clone + Send,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    ServiceBuilder::new()
        .then(|answer: Result<http::Response<Body>, BoxError>| async {
            Ok::<_, BoxError>(answer.unwrap_or_else(|error| shed(&error)))
        })
        .load_shed()
        .concurrency_limit(CALLS_MAX)
        .timeout(CALL_LASTS_MAX)
        .service(calls)
}

/// Connections at once; one more ends the oldest.
const CONNECTIONS_MAX: usize = 4;
/// From accepting a connection to its end.
const CONNECTION_LASTS_MAX: Duration = Duration::from_secs(60);
/// Calls at once, over all connections; one more is turned away.
pub(super) const CALLS_MAX: usize = 4;
/// From a call to its answer.
const CALL_LASTS_MAX: Duration = Duration::from_secs(2);
/// No message to us has anything in it.
const MESSAGE_BYTES_MAX: usize = 1024;

pub(super) async fn connection<S>(stream: TcpStream, peer: SocketAddr, calls: S)
where
    S: tower::Service<Request<Incoming>, Response = http::Response<Body>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
{
    // The address we listen on is ours alone, but a packet filter may have sent somebody else's call there.
    if !peer.ip().to_canonical().is_loopback() {
        static SITE: RateLimit = RateLimit::new(QUIET);
        if let Some(suppressed) = SITE.allow(Instant::now()) {
            tracing::warn!(%peer, suppressed, "a call to the control service did not come from this pod; hung up");
        }
        return;
    }
    let mut server = http2::Builder::new(TokioExecutor::new());
    server.timer(TokioTimer::new()).max_concurrent_streams(CALLS_MAX as u32).max_header_list_size(8 * 1024);
    door::note_end(peer, server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(calls)).await);
}

/// The answer to a call that a layer ended.
fn shed(error: &BoxError) -> http::Response<Body> {
    match error.is::<tower::timeout::error::Elapsed>() {
        true => Status::deadline_exceeded("no answer within two seconds").into_http(),
        false => Status::unavailable("too many calls at once; try again").into_http(),
    }
}

#[tonic::async_trait]
impl Control for Service {
    async fn status(
        &self,
        _: tonic::Request<proto::StatusRequest>,
    ) -> Result<tonic::Response<proto::StatusReply>, Status> {
        let snapshot = self.house.books.snapshot();
        Ok(tonic::Response::new(proto::StatusReply {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            phase: phase(self.house.books.phase()).into(),
            uptime_seconds: self.began.elapsed().as_secs_f64(),
            sampling: self.about.sampling.clone(),
            upstream: self.about.upstream.clone(),
            upstream_reach: reach(snapshot.upstream_up).into(),
            listen: self.about.listen.iter().map(SocketAddr::to_string).collect(),
            queues: queues(&snapshot),
            memory: Some(memory(&snapshot)),
            traces_open: snapshot.traces_open,
            decisions_remembered: snapshot.remembered,
            requests_waiting: snapshot.waiting,
        }))
    }

    async fn ledger(
        &self,
        _: tonic::Request<proto::LedgerRequest>,
    ) -> Result<tonic::Response<proto::LedgerReply>, Status> {
        let (books, at) = (&self.house.books, self.house.books.phase());
        let ledger = Ledger::of(&books.snapshot(), at, self.house.metrics.labels());
        Ok(tonic::Response::new(reply(ledger, at)))
    }

    async fn drain(
        &self,
        _: tonic::Request<proto::DrainRequest>,
    ) -> Result<tonic::Response<proto::DrainReply>, Status> {
        let at = self.house.books.phase();
        self.leave.notify_one();
        Ok(tonic::Response::new(proto::DrainReply { phase: phase(at).into() }))
    }
}

fn reply(ledger: Ledger, at: Phase) -> proto::LedgerReply {
    let Ledger {
        phase: _,
        received,
        accepted,
        exported,
        sampled_out,
        dropped,
        rejected,
        refused,
        requests_refused,
        held,
        maybe_duplicated,
        upstream_up: _,
        memory: _,
        balanced,
    } = ledger;
    proto::LedgerReply {
        phase: phase(at).into(),
        received,
        accepted,
        exported,
        sampled_out: counts(sampled_out),
        dropped: counts(dropped),
        rejected: counts(rejected),
        refused: counts(refused),
        requests_refused: counts(requests_refused),
        held: counts(held),
        maybe_duplicated,
        balanced,
    }
}

fn counts(counts: Counts) -> Vec<proto::Count> {
    counts.0.into_iter().map(|(name, count)| proto::Count { name, count }).collect()
}

fn queues(snapshot: &Snapshot) -> Vec<proto::Queue> {
    let queue = |(place, depth): (&str, crate::relay::Depth)| proto::Queue {
        name: place.to_owned(),
        spans: depth.spans,
        bytes: depth.bytes,
        capacity_bytes: if place == "queue" { snapshot.queue_capacity } else { 0 },
    };
    held_by_place(&snapshot.held).map(queue).to_vec()
}

fn memory(snapshot: &Snapshot) -> proto::Memory {
    let (budget, charged, peak) = snapshot.budget;
    proto::Memory { budget, charged, peak }
}

const fn phase(phase: Phase) -> proto::Phase {
    match phase {
        Phase::Serving => proto::Phase::Serving,
        Phase::LameDuck => proto::Phase::LameDuck,
        Phase::Closing => proto::Phase::Closing,
        Phase::Deciding => proto::Phase::Deciding,
        Phase::Flushing => proto::Phase::Flushing,
        Phase::Closed => proto::Phase::Closed,
    }
}

const fn reach(upstream_up: Option<bool>) -> proto::Reach {
    match upstream_up {
        None => proto::Reach::Unspecified,
        Some(true) => proto::Reach::Up,
        Some(false) => proto::Reach::Down,
    }
}
