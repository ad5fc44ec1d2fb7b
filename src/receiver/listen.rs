//! Where apps come in: binding the ports, and accepting connections, so many at once and none of them in a spin.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

use crate::driver::Phase;
use crate::port::{self, Family, PATIENCE};
use crate::receiver::connection::{self, Door};
use crate::receiver::{Address, Intake};

/// A port that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr} ({key}): {source}")]
pub struct BindError {
    /// The address.
    pub addr: SocketAddr,
    /// The configuration key that sets it.
    pub key: &'static str,
    /// What the system said.
    pub source: io::Error,
    /// Whether somebody else has it, after all the retrying.
    pub in_use: bool,
}

/// Ports that are ours.
#[derive(Debug)]
pub struct Listeners {
    listeners: Vec<TcpListener>,
    next: usize,
}

/// Binds every address. A taken port is tried again for [`PATIENCE`] from now; a default address of a family that the host
/// lacks is skipped with one line in the log, unless nothing would be left. Needs a tokio runtime.
pub async fn bind(addresses: &[Address]) -> Result<Listeners, BindError> {
    bind_within(addresses, PATIENCE).await
}

async fn bind_within(addresses: &[Address], patience: Duration) -> Result<Listeners, BindError> {
    let until = Instant::now() + patience;
    let mut listeners = Vec::with_capacity(addresses.len());
    let mut skipped = None;
    for &Address { addr, configured } in addresses {
        match port::bind(addr, Family::Own, until).await {
            Ok(listener) => listeners.push(listener),
            Err(error) if !configured && port::lacks_family(&error) => {
                tracing::info!(target: "tailwater::receiver", %addr, %error, "this host lacks the address family; not listening there");
                skipped = Some(bind_error(addr, error));
            }
            Err(error) => return Err(bind_error(addr, error)),
        }
    }
    match skipped {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(Listeners { listeners, next: 0 }),
    }
}

fn bind_error(addr: SocketAddr, source: io::Error) -> BindError {
    let in_use = source.kind() == io::ErrorKind::AddrInUse;
    BindError { addr, key: "receiver.listen", source, in_use }
}

impl Listeners {
    /// Where they listen, with the port that the system chose where none was given.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The next connection at any of them; each has its turn.
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| {
            for offset in 0..self.listeners.len() {
                let place = (self.next + offset) % self.listeners.len();
                if let Poll::Ready(accepted) = self.listeners[place].poll_accept(cx) {
                    self.next = place + 1;
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Accepts and serves connections until the door closes, and sees them to their end.
pub(super) async fn accept_all<I: Intake>(mut listeners: Listeners, door: Arc<Door<I>>) {
    door.health.begin().await;
    let places = Arc::new(Semaphore::new(door.options.connections_max.max(1)));
    let mut visitors =
        ServiceBuilder::new().layer(GlobalConcurrencyLimitLayer::with_semaphore(places.clone())).service(service_fn({
            let door = door.clone();
            move |(stream, peer): (TcpStream, SocketAddr)| {
                let door = door.clone();
                async move {
                    connection::serve(door, stream, peer).await;
                    Ok::<_, std::convert::Infallible>(())
                }
            }
        }));
    let mut connections = JoinSet::new();
    let intake = door.intake.clone();
    let mut closing = std::pin::pin!(intake.reached(Phase::Closing));
    loop {
        let next = async {
            // A place first: whoever finds none waits unaccepted, in the system's queue.
            let Ok(visitors) = visitors.ready().await;
            (visitors, listeners.accept().await)
        };
        tokio::select! {
            biased;
            () = &mut closing => break,
            Some(ended) = connections.join_next() => end(ended),
            (visitors, accepted) = next => match accepted {
                Ok(accepted) => {
                    connections.spawn(visitors.call(accepted));
                    note_crowd(&door, &places);
                }
                Err(error) => rest_after(&door, &error).await,
            },
        }
    }
    drop(listeners);
    door.health.end().await;
    while let Some(ended) = connections.join_next().await {
        end(ended);
    }
}

fn note_crowd<I: Intake>(door: &Door<I>, places: &Semaphore) {
    if places.available_permits() != 0 {
        return;
    }
    if let Some(suppressed) = door.sites.crowded.allow(Instant::now().into_std()) {
        let max = door.options.connections_max;
        tracing::warn!(target: "tailwater::receiver", max, suppressed, "all connections are in use (receiver.connections_max); more will wait");
    }
}

/// Rests when the system has no more files or memory to give; any other error was the peer's, and the next may come.
async fn rest_after<I: Intake>(door: &Door<I>, error: &io::Error) {
    let gone = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted];
    if gone.contains(&error.kind()) {
        return;
    }
    if let Some(suppressed) = door.sites.accept.allow(Instant::now().into_std()) {
        tracing::warn!(target: "tailwater::receiver", %error, suppressed, "cannot accept connections; trying again");
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// A connection's task has no way to fail but a bug, and half a receiver is worse than a restart.
fn end(ended: Result<Result<(), std::convert::Infallible>, JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(addr: &str, configured: bool) -> Address {
        Address { addr: addr.parse().unwrap(), configured }
    }

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_key_after_retrying() {
        let holder = bind(&[address("127.0.0.1:0", true)]).await.unwrap();
        let addr = holder.addresses()[0];
        let wanted = [Address { addr, configured: true }];
        let begin = Instant::now();
        let error = bind_within(&wanted, Duration::from_millis(250)).await.unwrap_err();
        assert!(Duration::from_millis(250) <= begin.elapsed());
        assert_eq!((error.addr, error.key, error.in_use), (addr, "receiver.listen", true));
        assert!(error.to_string().contains(&addr.to_string()) && error.to_string().contains("receiver.listen"));
    }

    #[tokio::test]
    async fn a_default_address_that_the_host_lacks_is_skipped_and_a_configured_one_is_an_error() {
        // 192.0.2.0/24 is reserved for documentation, so no host has it.
        let here = address("127.0.0.1:0", false);
        let bound = bind(&[here, address("192.0.2.1:4317", false)]).await.unwrap();
        assert_eq!(bound.addresses().len(), 1);
        let error = bind(&[here, address("192.0.2.1:4317", true)]).await.unwrap_err();
        assert!(!error.in_use);
        assert!(bind(&[address("192.0.2.1:4317", false)]).await.is_err(), "nothing would be left");
    }
}
