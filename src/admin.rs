//! The operator's door, on a thread of its own. What it serves on `admin.listen`, read-only:
//!
//! | `GET` | Answer |
//! |---|---|
//! | `/metrics` | every series, as Prometheus text |
//! | `/startupz` | 200 once apps can come in, 503 before and while leaving |
//! | `/livez` | 200 while the relay's lock can be had and answers can be given |
//! | `/readyz` | 200 while apps may come in: from listening to the lame duck; 503 else. The collector's state is no part of it: a sidecar's readiness is the pod's |
//! | `/ledger` | the books, as JSON |
//!
//! What changes anything is the control service's, on loopback only: [`control`].
//!
//! Whoever speaks another protocol gets an error or is hung up on, at both doors, with one line in the log in ten seconds. No
//! series counts it: `tailwater_requests_refused_total` is about requests for spans, at the receiver's doors.

pub mod control;
mod door;
pub mod http;
pub mod ledger;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::driver::Phase;
use crate::metrics::{Books, Metrics};
use crate::port::{self, Family};

/// What both doors of the operator look at.
#[derive(Clone)]
pub struct House {
    /// Who counts.
    pub books: Arc<dyn Books>,
    /// Every series.
    pub metrics: Arc<Metrics>,
    /// Whether apps can come in.
    pub open: Open,
}

impl House {
    /// Whether apps may come in: the ports are ours and we are not leaving.
    pub fn is_ready(&self) -> bool {
        self.open.is_said() && self.books.phase() == Phase::Serving
    }
}

/// Whether the receiver listens; said once, by whoever has bound its ports.
#[derive(Clone, Debug, Default)]
pub struct Open(Arc<AtomicBool>);

impl Open {
    /// Nobody listens yet.
    pub fn not_yet() -> Open {
        Open::default()
    }

    /// Every port is ours.
    pub fn say(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_said(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// An address that could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else has it, after all the retrying.
    #[error("listen on {address}: the port is taken; `{key}` sets it")]
    Taken {
        /// The configuration key.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
    },
    /// Everybody could reach it.
    #[error("listen on {address}: only a loopback address may change this process; `{key}` sets it")]
    NotLoopback {
        /// The configuration key.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
    },
    /// The system refused.
    #[error("listen on {address}: {source}; `{key}` sets it")]
    System {
        /// The configuration key.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// An address as the configuration has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The configuration key, `admin.listen` or `control.listen`.
    pub key: &'static str,
    /// Its value.
    pub address: SocketAddr,
    /// Whether a person set it; else it is the default.
    pub configured: bool,
}

/// Listens, trying a taken port again until `patience` is over ([`port::PATIENCE`] in earnest). `None`, and one line in the
/// log, for a default address of a family that this host lacks.
pub async fn bind(at: Address, patience: Duration) -> Result<Option<TcpListener>, BindError> {
    let Address { key, address, configured } = at;
    match port::bind(address, Family::AsTheSystem, Instant::now() + patience).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(BindError::Taken { key, address }),
        Err(error) if !configured && port::lacks_family(&error) => {
            tracing::info!(%address, key, "this host lacks the address family; not listening there");
            Ok(None)
        }
        Err(source) => Err(BindError::System { key, address, source }),
    }
}

#[cfg(test)]
mod tests;
