//! From a name to a connection: looked up afresh for every connect, each address tried in turn, and what happened on the
//! way noted, so that a wrong upstream can be told from a collector that is down.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tower::Service;

use crate::exporter::cork::Corked;
use crate::exporter::endpoint::Endpoint;

/// How far the newest connection came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nobody has tried.
    #[default]
    Idle,
    /// The name is being looked up.
    Resolving,
    /// The name is unknown; the text is the resolver's.
    NameUnknown(String),
    /// The addresses are being tried.
    Dialing,
    /// Every address refused: nobody listens there.
    Refused,
    /// No address could be reached; the text is the system's.
    Unreachable(String),
    /// There is, or was, a TCP connection.
    Connected,
}

/// What was seen of the newest connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// How far it came.
    pub stage: Stage,
    /// The first bytes the other side sent, before any decryption.
    pub first: Vec<u8>,
}

/// Keeps what is seen of the newest connection. Shared by the dialer and whoever has to explain a failure.
#[derive(Clone, Debug, Default)]
pub struct Witness(Arc<Mutex<Sight>>);

impl Witness {
    /// What was seen so far.
    pub fn sight(&self) -> Sight {
        self.with(|sight| sight.clone())
    }

    fn enter(&self, stage: Stage) {
        self.with(|sight| *sight = Sight { stage, first: Vec::new() });
    }

    fn saw(&self, bytes: &[u8]) {
        self.with(|sight| {
            let missing = FIRST_MAX - sight.first.len().min(FIRST_MAX);
            sight.first.extend(bytes.iter().take(missing));
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut Sight) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes TCP connections to one endpoint.
#[derive(Clone, Debug)]
pub struct Dialer {
    host: Arc<str>,
    port: u16,
    witness: Witness,
}

impl Dialer {
    /// A dialer to `endpoint` that tells `witness` what it sees.
    pub fn new(endpoint: &Endpoint, witness: Witness) -> Dialer {
        Dialer { host: endpoint.host().into(), port: endpoint.port(), witness }
    }

    async fn dial(self) -> io::Result<TokioIo<Corked<Watched>>> {
        self.witness.enter(Stage::Resolving);
        let found = tokio::net::lookup_host((&*self.host, self.port)).await;
        let addresses: Vec<SocketAddr> = match found {
            Ok(found) => found.take(ADDRESSES_MAX).collect(),
            Err(error) => {
                self.witness.enter(Stage::NameUnknown(error.to_string()));
                return Err(error);
            }
        };
        self.witness.enter(Stage::Dialing);
        match connect_any(&addresses).await {
            Ok(stream) => {
                self.witness.enter(Stage::Connected);
                prepare(&stream)?;
                Ok(TokioIo::new(Corked::new(Watched { stream, witness: Some(self.witness) })))
            }
            Err(error) => {
                let stage = match error.kind() {
                    io::ErrorKind::ConnectionRefused => Stage::Refused,
                    _ => Stage::Unreachable(error.to_string()),
                };
                self.witness.enter(stage);
                Err(error)
            }
        }
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<Corked<Watched>>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<TokioIo<Corked<Watched>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().dial())
    }
}

/// The first connection that comes about. A silent address gets its share of [`CONNECT_MAX`], so that it cannot hide the
/// one after it.
async fn connect_any(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let share = CONNECT_MAX / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    for &address in addresses {
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {share:?}")),
        }
    }
    Err(last)
}

/// Lets the kernel notice within 15 s that nobody is there any more, idle or not. HTTP/2 pings would do the same, but
/// gRPC servers in Go, Jaeger's among them, take pings on an idle connection for abuse: seen with grpc-go's defaults, one
/// every 10 s gets the connection cut ("too_many_pings") after 40 s, with whatever call is under way at that moment.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(IDLE_MAX).with_interval(PROBE_EVERY);
    socket.set_tcp_keepalive(&keepalive.with_retries(2))?;
    // Where it is set, this and not the number of probes decides when an idle connection is given up: at the first probe
    // that comes later. 13 s means the one at 14 s.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNANSWERED_MAX))?;
    Ok(())
}

/// A TCP connection whose first bytes are shown to the witness.
#[derive(Debug)]
pub struct Watched {
    stream: TcpStream,
    /// None once enough was seen.
    witness: Option<Witness>,
}

impl Watched {
    /// After a failed write: what the other side said before it hung up may still wait to be read, and it is the reason
    /// (a TLS alert, an HTTP/1 error). Nobody else will read it, because the connection ends with the write's error.
    fn last_words(&mut self) {
        if let Some(witness) = self.witness.take() {
            let mut words = [0; FIRST_MAX];
            let socket = SockRef::from(&self.stream);
            let heard = (&*socket).read(&mut words).unwrap_or(0);
            witness.saw(&words[..heard]);
        }
    }

    fn written(&mut self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(result, Poll::Ready(Err(_))) {
            self.last_words();
        }
        result
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let fresh = &buf.filled()[before..];
        if let Some(witness) = &self.witness
            && !fresh.is_empty()
        {
            witness.saw(fresh);
            if FIRST_MAX <= witness.with(|sight| sight.first.len()) {
                self.witness = None;
            }
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The time all of a name's addresses together get to answer a connect.
pub const CONNECT_MAX: Duration = Duration::from_secs(3);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;
/// As many bytes as tell TLS, HTTP/1 and HTTP/2 apart.
const FIRST_MAX: usize = 8;
/// Silence after which the kernel asks whether the other side is still there, and how often it asks again.
const IDLE_MAX: Duration = Duration::from_secs(10);
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// How long bytes or probes may stay unanswered.
#[cfg(target_os = "linux")]
const UNANSWERED_MAX: Duration = Duration::from_secs(13);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_silent_connection_is_given_up_within_fifteen_seconds() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint =
            Endpoint::parse(&format!("http://{}", listener.local_addr().expect("bound"))).expect("an endpoint");
        let dialed = Dialer::new(&endpoint, Witness::default()).dial().await.expect("connected");
        let socket = SockRef::from(&dialed.inner().get_ref().stream);
        assert!(socket.keepalive().expect("read") && socket.tcp_nodelay().expect("read"));
        let (idle, every) =
            (socket.tcp_keepalive_time().expect("read"), socket.tcp_keepalive_interval().expect("read"));
        let unanswered = socket.tcp_user_timeout().expect("read").expect("set");
        // The first probe at or after the limit ends it.
        let probes = unanswered.saturating_sub(idle).as_secs().div_ceil(every.as_secs());
        assert!(idle + every * u32::try_from(probes).expect("few") <= Duration::from_secs(15));
        assert!(idle <= unanswered);
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let refusing = closed.local_addr().expect("bound");
        drop(closed);
        let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let listening = open.local_addr().expect("bound");
        let stream = connect_any(&[refusing, listening]).await.expect("the second one");
        assert_eq!(stream.peer_addr().expect("connected"), listening);
        let error = connect_any(&[refusing]).await.expect_err("nobody there");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(connect_any(&[]).await.expect_err("no address").kind(), io::ErrorKind::NotFound);
    }
}
