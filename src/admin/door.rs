//! Accepting connections, a few at once. When one more comes, the oldest ends: somebody who opens connections and says
//! nothing cannot keep the kubelet's probe waiting.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::panic;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::logs::RateLimit;
use crate::receiver::breaks_protocol;

/// How many connections a door has, and how long one lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) connections_max: usize,
    pub(super) lasts_max: Duration,
}

/// Accepts for ever, and serves every connection with `serve`. Dropping the future ends them all.
pub(super) async fn accept<S, F>(listener: TcpListener, limits: Limits, serve: S)
where
    S: Fn(TcpStream, SocketAddr) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let (mut connections, mut oldest_first) = (JoinSet::new(), VecDeque::new());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    oldest_first.retain(|connection: &tokio::task::AbortHandle| !connection.is_finished());
                    if limits.connections_max <= oldest_first.len() && let Some(oldest) = oldest_first.pop_front() {
                        oldest.abort();
                    }
                    let served = timeout(limits.lasts_max, serve(stream, peer));
                    oldest_first.push_back(connections.spawn(async move { drop(served.await) }));
                }
                Err(error) => pause(&error).await,
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended && let Ok(panicked) = error.try_into_panic() {
                    panic::resume_unwind(panicked);
                }
            }
        }
    }
}

/// Says that somebody spoke another protocol. Whoever merely went away is nobody's concern.
pub(super) fn note_end(peer: SocketAddr, ended: hyper::Result<()>) {
    static SITE: RateLimit = RateLimit::new(QUIET);
    if let Err(error) = ended
        && breaks_protocol(&error)
        && let Some(suppressed) = SITE.allow(Instant::now())
    {
        tracing::warn!(%peer, %error, suppressed, "a connection to the operator's door did not speak its protocol and was closed");
    }
}

/// The least time between two lines of one site.
pub(super) const QUIET: Duration = Duration::from_secs(10);

/// Without a pause, a process out of file descriptors would spin here.
async fn pause(error: &std::io::Error) {
    static SITE: RateLimit = RateLimit::new(QUIET);
    if let Some(suppressed) = SITE.allow(Instant::now()) {
        tracing::warn!(%error, suppressed, "cannot accept on the operator's door; trying again");
    }
    sleep(Duration::from_millis(100)).await;
}
