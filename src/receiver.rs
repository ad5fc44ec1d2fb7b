//! OTLP in: gRPC and HTTP/protobuf on every port, read into memory only after it was paid for. A call that finds no room
//! is held for a moment before it is refused, and whoever is refused is told when to try again.
//!
//! The life of a call: `listen` accepts, `connection` tells HTTP/1 from HTTP/2, `dispatch` tells what is asked, `grpc` and
//! `http` read the body with the means of `hold`, `body` and `compression`, and `status` words what is refused.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::driver::{Driver, Phase, Receipt, Refusal, Signal};
use crate::relay::budget::Charge;
use crate::relay::frame::Frame;
use crate::relay::{Transport, TurnedAway};

mod answer;
mod body;
mod compression;
mod connection;
mod dispatch;
mod grpc;
mod health;
mod hold;
mod http;
mod limits;
pub mod listen;
mod status;
pub mod traffic;
mod wire;

#[cfg(test)]
mod tests;

pub use compression::GZIP_COST;
pub(crate) use connection::breaks_protocol;
pub use limits::{FIRST_CHARGE, HEADER_LIST_MAX};
pub use listen::{BindError, Listeners, bind};
pub use traffic::Traffic;

/// The name of the header by which an exporter of ours is known: its value is the process's instance id.
pub const HOP_HEADER: &str = "tailwater-hop";

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Where.
    pub addr: SocketAddr,
    /// Whether somebody asked for it. A default address whose family the host lacks is skipped, a configured one is an
    /// error.
    pub configured: bool,
}

/// What the receiver may do and use.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; every port takes every protocol.
    pub listen: Vec<Address>,
    /// The largest request, in bytes after decompression. A larger one is answered with "too large", never "full".
    pub max_request_size: usize,
    /// How long a call without room is held before it is refused. A gRPC call is held for at most half of its timeout,
    /// an HTTP one for at most 4 s.
    pub hold: Duration,
    /// Connections served at once; more wait unaccepted.
    pub connections_max: usize,
    /// HTTP/2 calls at once on one connection.
    pub streams_max: u32,
    /// Bytes of unpaid bodies that one connection may leave with us: three quarters are what flow control lets it send ahead
    /// of our reading, all its streams together; the last quarters of all connections are what calls that wait for room may
    /// keep. At least 64 KiB is used.
    pub window: u32,
    /// How long a connection may take for its first byte, its preface and a request's head, and a call for its body,
    /// counted from when we begin to read it.
    pub read_timeout: Duration,
    /// This process in the hop header; a call that carries it came from one of our own exporters.
    pub instance: String,
    /// Where the jitter of retry delays begins; anything.
    pub seed: u64,
}

/// Where received requests go, and what rules their reception: the driver, or a stand-in for it in tests.
pub trait Intake: Send + Sync + 'static {
    /// Waits in line until `bytes` are charged; `None` when `patience` is over first. Dropping the future gives the place
    /// up.
    fn room(&self, bytes: usize, patience: Duration) -> impl Future<Output = Option<Charge>> + Send;
    /// Takes a request's spans into custody.
    fn admit(&self, frame: Frame, transport: Transport) -> Result<Receipt, Refusal>;
    /// Counts a request turned away, with the bytes it had or declared.
    fn turn_away(&self, reason: TurnedAway, bytes: u64);
    /// Counts a request of another signal.
    fn discard(&self, signal: Signal);
    /// Where the process is on its way out.
    fn phase(&self) -> Phase;
    /// Resolves when the phase is at least `phase`.
    fn reached(&self, phase: Phase) -> impl Future<Output = ()> + Send;
}

impl Intake for Driver {
    fn room(&self, bytes: usize, patience: Duration) -> impl Future<Output = Option<Charge>> + Send {
        Driver::room(self, bytes, patience)
    }

    fn admit(&self, frame: Frame, transport: Transport) -> Result<Receipt, Refusal> {
        Driver::admit(self, frame, transport)
    }

    fn turn_away(&self, reason: TurnedAway, bytes: u64) {
        Driver::turn_away(self, reason, bytes);
    }

    fn discard(&self, signal: Signal) {
        Driver::discard(self, signal);
    }

    fn phase(&self) -> Phase {
        Driver::phase(self)
    }

    fn reached(&self, phase: Phase) -> impl Future<Output = ()> + Send {
        Driver::reached(self, phase)
    }
}

/// Serves OTLP on `listeners` until the intake's phase is [`Phase::Closing`], then stops accepting, lets the calls under
/// way finish, and returns: when all connections are closed, but no later than at [`Phase::Deciding`].
pub async fn serve<I: Intake>(listeners: Listeners, intake: Arc<I>, options: Options, traffic: Arc<Traffic>) {
    let door = connection::Door::new(intake, options, traffic);
    listen::accept_all(listeners, Arc::new(door)).await;
}
