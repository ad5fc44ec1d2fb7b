//! How an address becomes a port of ours: tried again for a while when somebody else has it, given up quietly when the host
//! lacks a family that nobody asked for.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

/// How long a taken port is tried again before it is an error.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What an IPv6 address stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Itself: `0.0.0.0` and `[::]` are two addresses and may stand side by side.
    Own,
    /// `[::]` may take IPv4 too, as the system has it.
    AsTheSystem,
}

/// Listens on `address`; a taken port is tried again until `until`. Needs a tokio runtime.
pub async fn bind(address: SocketAddr, family: Family, until: Instant) -> io::Result<TcpListener> {
    loop {
        match listen(address, family) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                sleep(RETRY_EVERY).await;
            }
            outcome => return outcome,
        }
    }
}

/// Whether an error says that the host has no such address family, or no address in it.
pub fn lacks_family(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn listen(address: SocketAddr, family: Family) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for connections of the last process to be forgotten.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() && family == Family::Own {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

const RETRY_EVERY: Duration = Duration::from_millis(100);
const BACKLOG: i32 = 128;
/// It has no kind of its own in the standard library.
const EAFNOSUPPORT: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_becomes_free_while_retrying_is_had_and_one_that_does_not_is_taken() {
        let here = "127.0.0.1:0".parse().unwrap();
        let holder = bind(here, Family::Own, Instant::now()).await.unwrap();
        let address = holder.local_addr().unwrap();
        let begin = Instant::now();
        let error = bind(address, Family::Own, begin + Duration::from_millis(250)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(Duration::from_millis(250) <= begin.elapsed());
        let (bound, ()) = tokio::join!(bind(address, Family::Own, Instant::now() + PATIENCE), async {
            sleep(Duration::from_millis(50)).await;
            drop(holder);
        });
        assert_eq!(bound.unwrap().local_addr().unwrap(), address);
    }

    #[test]
    fn a_host_without_the_family_is_told_from_other_troubles() {
        assert!(lacks_family(&io::Error::from_raw_os_error(EAFNOSUPPORT)));
        assert!(!lacks_family(&io::Error::from(io::ErrorKind::PermissionDenied)));
    }
}
