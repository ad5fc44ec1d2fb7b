//! Which ports the demo listens on: those of a relay, or the next free ones.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// A port and the loopback addresses it can be had at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The port that was wanted.
    pub wanted: u16,
    /// The port there is.
    pub port: u16,
    /// IPv4 first; IPv6 where the host has it.
    pub addresses: Vec<SocketAddr>,
}

/// A place for each of `wanted`. Nothing is held: somebody quick could still take it. None when no port is free.
pub fn places(wanted: [u16; 3]) -> Option<Vec<Place>> {
    let mut places: Vec<Place> = Vec::new();
    for port in wanted {
        // The next one must not be another one's, nor one that a relay beside us has by default.
        let others = (OPERATOR_LAST + 1).max(port)..=u16::MAX;
        let unused = |candidate: &u16| places.iter().all(|place| place.port != *candidate);
        let found = std::iter::once(port).chain(others).filter(unused).find_map(|port| Some((port, free(port)?)));
        let (found, addresses) = found?;
        places.push(Place { wanted: port, port: found, addresses });
    }
    Some(places)
}

/// The last of the ports that a relay uses by default.
const OPERATOR_LAST: u16 = 4321;

/// The loopback addresses at which a port is free; none if anybody has it at any of them.
fn free(port: u16) -> Option<Vec<SocketAddr>> {
    let loopbacks = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
    let mut addresses = Vec::new();
    for address in loopbacks {
        match TcpListener::bind(address) {
            Ok(_) => addresses.push(address),
            Err(error) if error.kind() == ErrorKind::AddrInUse => return None,
            // A host without this family.
            Err(_) => {}
        }
    }
    (!addresses.is_empty()).then_some(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_gives_way_to_another_free_one() {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = holder.local_addr().unwrap().port();
        let places = places([taken; 3]).unwrap();
        assert!(places.iter().all(|place| place.wanted == taken && place.port != taken));
        assert!(places[0].port < places[1].port && places[1].port < places[2].port);
    }
}
