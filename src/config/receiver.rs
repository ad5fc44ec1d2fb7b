//! `receiver:` the door the app's spans come through.

use std::net::SocketAddr;
use std::time::Duration;

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Where.
    pub addr: SocketAddr,
    /// Whether someone asked for it. A default address whose family the host lacks is skipped, a configured one is an
    /// error.
    pub configured: bool,
}

/// The door the app's spans come through, as meant.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiverConfig {
    /// Addresses to listen on; every protocol on every one of them.
    pub listen: Vec<Listen>,
    /// Largest request after decompression, in bytes.
    pub max_request_size: usize,
    /// Longest a call waits for room before it is refused.
    pub hold: Duration,
    /// Connections open at once, over all addresses.
    pub connections_max: usize,
    /// Calls under way at once on one connection.
    pub streams_max: u32,
    /// HTTP/2 flow control window of one connection, in bytes.
    pub window: u32,
    /// Longest a request's bytes may take to come.
    pub read_timeout: Duration,
}
