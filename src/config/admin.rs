//! `admin:` the operator's door: metrics, probes and books, read-only.

use std::net::SocketAddr;

/// The operator's door, as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where it listens.
    pub listen: SocketAddr,
}
