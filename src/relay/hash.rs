//! Keyed hashing for tables: whoever chooses trace ids cannot choose where they collide.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::relay::otlp::TraceId;

/// SipHash-1-3 under a secret of this process.
#[derive(Clone, Copy, Debug)]
pub struct Keyed {
    secret: [u64; 2],
}

impl Keyed {
    /// Hashing under this secret.
    pub const fn new(secret: [u64; 2]) -> Keyed {
        Keyed { secret }
    }

    /// The hash of a trace id.
    pub fn trace(&self, id: &TraceId) -> u64 {
        self.bytes(id.as_bytes())
    }

    /// The hash of some bytes.
    pub fn bytes(&self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.secret[0], self.secret[1]);
        hasher.write(bytes);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_secret_gives_another_hash() {
        let hash = |secret| Keyed::new(secret).bytes(b"trace");
        assert_eq!(hash([1, 2]), hash([1, 2]));
        assert_ne!(hash([1, 2]), hash([1, 3]));
        assert_ne!(hash([1, 2]), hash([2, 2]));
    }
}
