//! One connection: the first bytes tell HTTP/1 from HTTP/2, hyper does the rest, and whoever is silent, stuck or in the way
//! of leaving is cut off.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::driver::{Phase, Signal};
use crate::logs::RateLimit;
use crate::receiver::dispatch;
use crate::receiver::health::Health;
use crate::receiver::limits::{Dice, FRAME_MAX, HEADER_LIST_MAX, HTTP1_IDLE_MAX, share_window};
use crate::receiver::traffic::Traffic;
use crate::receiver::wire::Wire;
use crate::receiver::{Intake, Options};
use crate::relay::TurnedAway;
use crate::relay::budget::Budget;

/// What all connections share.
pub(super) struct Door<I> {
    pub(super) intake: Arc<I>,
    pub(super) options: Options,
    pub(super) traffic: Arc<Traffic>,
    pub(super) health: Health,
    pub(super) dice: Dice,
    pub(super) sites: Sites,
    /// What held calls may keep of their bodies, beside the relay's budget: the part of all windows that flow control does
    /// not give away.
    pub(super) kept: Budget,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

/// The places that log.
#[derive(Debug)]
pub(super) struct Sites {
    pub(super) discarded: RateLimit,
    pub(super) crowded: RateLimit,
    pub(super) accept: RateLimit,
    broken: RateLimit,
}

impl<I: Intake> Door<I> {
    pub(super) fn new(intake: Arc<I>, options: Options, traffic: Arc<Traffic>) -> Door<I> {
        let sites = Sites {
            discarded: RateLimit::new(QUIET),
            crowded: RateLimit::new(QUIET),
            accept: RateLimit::new(QUIET),
            broken: RateLimit::new(QUIET),
        };
        let (http1, http2) = (http1_builder(&options), http2_builder(&options));
        let (health, dice) = (Health::new(), Dice::new(options.seed));
        let kept = Budget::new(options.connections_max.saturating_mul(share_window(options.window).1));
        Door { intake, options, traffic, health, dice, sites, kept, http1, http2 }
    }
}

fn http1_builder(options: &Options) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HTTP1_IDLE_MAX)
        .max_header_size(HEADER_LIST_MAX as usize)
        .max_buf_size(share_window(options.window).0 as usize)
        .auto_date_header(false);
    builder
}

fn http2_builder(options: &Options) -> http2::Builder<TokioExecutor> {
    let window = share_window(options.window).0;
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        // One window for the connection and for each stream: together the streams can send no more ahead than one could.
        .initial_connection_window_size(window)
        .initial_stream_window_size(window)
        .max_frame_size(FRAME_MAX)
        .max_header_list_size(HEADER_LIST_MAX)
        .max_concurrent_streams(options.streams_max)
        .keep_alive_interval(options.read_timeout)
        .keep_alive_timeout(options.read_timeout / 2)
        .auto_date_header(false);
    builder
}

/// What the calls of one connection share.
#[derive(Debug)]
pub(super) struct Visitor {
    active: AtomicUsize,
    begun: AtomicUsize,
    noted: AtomicU8,
}

impl Visitor {
    fn new() -> Visitor {
        Visitor { active: AtomicUsize::new(0), begun: AtomicUsize::new(0), noted: AtomicU8::new(0) }
    }

    pub(super) fn begin(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// Calls under way.
    pub(super) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Calls that ever began.
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// True once for each signal.
    pub(super) fn first_of(&self, signal: Signal) -> bool {
        let bit = 1 << signal as u8;
        self.noted.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }
}

/// Serves one connection to its end.
pub(super) async fn serve<I: Intake>(door: Arc<Door<I>>, mut stream: TcpStream, peer: SocketAddr) {
    // Answers are written whole; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let mut first = Vec::with_capacity(PREFACE.len());
    let sniffed = tokio::select! {
        sniffed = timeout(door.options.read_timeout, sniff(&mut stream, &mut first)) => sniffed.unwrap_or(None),
        () = door.intake.reached(Phase::Closing) => return,
    };
    let Some(is_http2) = sniffed else {
        // Whoever said nothing asked for nothing, as a probe that only connects.
        if !first.is_empty() {
            note_broken(&door, peer, &"it ended, or fell silent, within its first bytes");
        }
        return;
    };
    let visitor = Arc::new(Visitor::new());
    let service = service_fn(|request: Request<Incoming>| {
        let (door, visitor) = (door.clone(), visitor.clone());
        async move { Ok::<_, std::convert::Infallible>(dispatch::answer(&*door, &visitor, request).await) }
    });
    let head_timeout = (!is_http2).then_some(door.options.read_timeout);
    let wire = TokioIo::new(Wire::new(stream, first, visitor.clone(), head_timeout, door.options.read_timeout));
    let ended = if is_http2 {
        supervise(&door, &visitor, door.http2.serve_connection(wire, service)).await
    } else {
        supervise(&door, &visitor, door.http1.serve_connection(wire, service)).await
    };
    if let Err(error) = ended {
        // Over HTTP/1 the first bytes are those of a request's head; an end before its own is half a request.
        let half = !is_http2 && visitor.begun() == 0 && door.intake.phase() < Phase::Closing;
        if half || breaks_protocol(&error) {
            note_broken(&door, peer, &error);
        }
    }
}

/// Reads as many of the first bytes as it takes to tell whether it is HTTP/2; none when they end before.
async fn sniff(stream: &mut TcpStream, first: &mut Vec<u8>) -> Option<bool> {
    while first.len() < PREFACE.len() && PREFACE.starts_with(first) {
        let missing = (PREFACE.len() - first.len()) as u64;
        if stream.take(missing).read_buf(first).await.ok()? == 0 {
            return None;
        }
    }
    Some(first == PREFACE)
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Runs a connection until it ends; when the process begins to close, until it is at rest or the time for that is over.
async fn supervise<I: Intake, C: Connection>(door: &Door<I>, visitor: &Visitor, connection: C) -> hyper::Result<()> {
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        ended = &mut connection => return ended,
        () = door.intake.reached(Phase::Closing) => connection.as_mut().close(),
    }
    tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = at_rest(visitor) => Ok(()),
        () = door.intake.reached(Phase::Deciding) => Ok(()),
    }
}

/// Resolves when no call was under way for [`REST`]: long enough for its answer to be written, and for a peer's last word.
async fn at_rest(visitor: &Visitor) {
    let mut calm = 0;
    while calm < 5 {
        tokio::time::sleep(REST / 5).await;
        calm = if visitor.active() == 0 { calm + 1 } else { 0 };
    }
}

/// The least time between two lines of one site.
const QUIET: Duration = Duration::from_secs(10);

const REST: Duration = Duration::from_millis(250);

/// hyper's two kinds of connections.
trait Connection: Future<Output = hyper::Result<()>> {
    /// No new calls; those under way finish.
    fn close(self: Pin<&mut Self>);
}

impl<S, B> Connection for http1::Connection<TokioIo<Wire>, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, B> Connection for http2::Connection<TokioIo<Wire>, S, TokioExecutor>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Counts and logs a connection that broke the protocol, or brought bytes and no request. One that was merely closed or
/// reset is nobody's concern: its calls have counted themselves.
fn note_broken<I: Intake>(door: &Door<I>, peer: SocketAddr, error: &dyn std::fmt::Display) {
    door.intake.turn_away(TurnedAway::Malformed, 0);
    if let Some(suppressed) = door.sites.broken.allow(Instant::now()) {
        tracing::warn!(target: "tailwater::receiver", %peer, %error, suppressed, "a connection did not speak HTTP and was closed");
    }
}

/// Whether a connection ended because its peer does not speak the protocol, and not because it is gone.
pub(crate) fn breaks_protocol(error: &hyper::Error) -> bool {
    if error.is_parse() {
        return true;
    }
    let source = std::error::Error::source(error);
    // What hyper reports of HTTP/2 is either an error of the socket or of the protocol.
    !error.is_timeout()
        && source.is_some_and(|source| {
            !source.is::<io::Error>() && source.source().is_none_or(|inner| !inner.is::<io::Error>())
        })
        && !error.is_incomplete_message()
        && !error.is_shutdown()
        && !error.is_canceled()
}
