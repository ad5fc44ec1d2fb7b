//! `control:` the door of `tailwater status` and of Drain, on loopback only.

use std::net::SocketAddr;

/// The control door, as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlConfig {
    /// Where it listens: a loopback address.
    pub listen: SocketAddr,
}
