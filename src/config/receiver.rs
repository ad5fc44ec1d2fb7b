//! `receiver:` the door the app's spans come through.

use crate::config::amount::{Amount, share_of};
use crate::config::duration::Span;
use crate::config::layers::Layered;
use crate::config::reference::{Key, Kind};
use crate::config::size::Size;
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

impl ReceiverConfig {
    /// What was asked for; `max_request_size: auto` is min(64 MiB, budget / 4).
    pub(super) fn meant(layered: &Layered, budget: usize) -> ReceiverConfig {
        let addresses: Vec<SocketAddr> = layered.get("receiver.listen");
        let configured = !layered.is_default("receiver.listen");
        ReceiverConfig {
            listen: addresses.into_iter().map(|addr| Listen { addr, configured }).collect(),
            max_request_size: match layered.get("receiver.max_request_size") {
                Amount::Auto => REQUEST_MAX.min(budget / 4),
                Amount::Bytes(size) => size.bytes(),
                Amount::Percent(share) => share_of(budget, share),
            },
            hold: layered.get::<Span>("receiver.hold").0,
            connections_max: layered.get("receiver.connections_max"),
            streams_max: layered.get("receiver.streams_max"),
            window: u32::try_from(layered.get::<Size>("receiver.window").0).unwrap_or(u32::MAX),
            read_timeout: layered.get::<Span>("receiver.read_timeout").0,
        }
    }
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "receiver.listen",
        kind: Kind::Addresses,
        default: Some(r#"["127.0.0.1:4317", "[::1]:4317", "127.0.0.1:4318", "[::1]:4318"]"#),
        doc: "Addresses to listen on; gRPC and HTTP on every one. A default address whose family this host lacks is skipped, \
              one that was asked for is an error. A pod's containers reach each other on loopback, so nothing else is needed.",
    },
    Key {
        path: "receiver.max_request_size",
        kind: Kind::Size { min: 1 << 10, max: 1 << 30, auto: true, percent: false },
        default: Some("auto"),
        doc: "Largest request taken, after decompression. Above it the answer is \"too large\", which no sender repeats. \
              auto: 64MiB, or a quarter of memory.budget if that is less.",
    },
    Key {
        path: "receiver.hold",
        kind: Kind::Duration { min: 0, max: 300_000 },
        default: Some("5s"),
        doc: "Longest a call waits for room before it is told to come again; never longer than half of the call's own deadline.",
    },
    Key {
        path: "receiver.connections_max",
        kind: Kind::Integer { min: 1, max: 65_536 },
        default: Some("32"),
        doc: "Connections open at once. Further ones wait to be accepted.",
    },
    Key {
        path: "receiver.streams_max",
        kind: Kind::Integer { min: 1, max: 4_096 },
        default: Some("32"),
        doc: "HTTP/2 calls under way at once on one connection.",
    },
    Key {
        path: "receiver.window",
        kind: Kind::Size { min: 1 << 16, max: (1 << 31) - 1, auto: false, percent: false },
        default: Some("256KiB"),
        doc: "HTTP/2 flow control window of a connection: what a sender may have sent before it is read. It is memory outside \
              the budget, once per connection.",
    },
    Key {
        path: "receiver.read_timeout",
        kind: Kind::Duration { min: 100, max: 600_000 },
        default: Some("10s"),
        doc: "Longest a request's bytes may take to come, so that nobody keeps room by sending slowly.",
    },
];

/// Above this a request is a mistake: what the protocol recommends to accept.
const REQUEST_MAX: usize = 64 << 20;
