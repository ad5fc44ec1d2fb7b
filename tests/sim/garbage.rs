//! Requests that no SDK makes: bytes changed, cut, doubled or made up.

use crate::random::Random;

pub fn mutate(random: &mut Random, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..1 + random.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(64)).min(bytes.len());
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = *random.pick(&[0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x12, 0x0b, 0x0c]),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            // A request after itself is a request of twice the spans.
            4 => bytes.extend_from_within(..),
            _ => bytes = (0..random.below(400)).map(|_| random.next() as u8).collect(),
        }
    }
    bytes
}
