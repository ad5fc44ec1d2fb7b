//! The two hashes that the OpenTelemetry Collector samples with when it does not use the trace's own randomness. Neither
//! writes a threshold: what they keep is not what any R >= T keeps, and saying so would be untrue.

use crate::relay::otlp::TraceId;

/// `probabilistic_sampler` in mode `hash_seed`: the low 14 bits of FNV-1a (32 bits) over the seed, little-endian, and the
/// trace id are below share x 2^14, rounded down.
#[derive(Clone, Debug)]
pub struct Fnv14 {
    seeded: u32,
    buckets: u32,
}

impl Fnv14 {
    /// A share between 0.0 and 1.0. The Collector computes with percents in 32 bits, which decides where rounding down
    /// leads.
    pub fn new(share: f64, seed: u32) -> Fnv14 {
        let percents = (share * 100.0) as f32;
        Fnv14 { seeded: fnv32(FNV32_OFFSET, &seed.to_le_bytes()), buckets: (percents * 163.84_f32) as u32 }
    }

    /// Whether the trace is kept.
    pub fn keeps(&self, trace: &TraceId) -> bool {
        fnv32(self.seeded, trace.as_bytes()) & 0x3fff < self.buckets
    }
}

/// Tail sampling's `probabilistic`: FNV-1a (64 bits) over salt and trace id is at most share x (2^64 - 1).
#[derive(Clone, Debug)]
pub struct Fnv64 {
    salted: u64,
    last: u64,
}

impl Fnv64 {
    /// A share between 0.0 and 1.0; an empty salt is the Collector's default one.
    pub fn new(share: f64, salt: &str) -> Fnv64 {
        let salt = if salt.is_empty() { "default-hash-seed" } else { salt };
        Fnv64 { salted: fnv64(FNV64_OFFSET, salt.as_bytes()), last: share_of_max(share) }
    }

    /// Whether the trace is kept.
    pub fn keeps(&self, trace: &TraceId) -> bool {
        fnv64(self.salted, trace.as_bytes()) <= self.last
    }

    /// Whether every trace is kept.
    pub fn keeps_all(&self) -> bool {
        self.last == u64::MAX
    }
}

/// share x (2^64 - 1) as the Collector has it: the product with 64 significant bits, rounded half to even, then without
/// what is behind the point.
fn share_of_max(share: f64) -> u64 {
    let bits = share.to_bits();
    let exponent = (bits >> 52) as u32;
    let (mantissa, exponent) = if exponent == 0 { (bits, 1) } else { (bits & ((1 << 52) - 1) | 1 << 52, exponent) };
    // share = mantissa / 2^behind
    let behind = 1075 - exponent;
    let product = u128::from(mantissa) * u128::from(u64::MAX);
    let dropped = (128 - product.leading_zeros()).saturating_sub(64);
    let (high, rest) = (product >> dropped, product & ((1 << dropped) - 1));
    let half = (1u128 << dropped) >> 1;
    let up = dropped != 0 && (half < rest || (half == rest && high & 1 == 1));
    let rounded = high + u128::from(up);
    rounded.checked_shr(behind - dropped).and_then(|whole| u64::try_from(whole).ok()).unwrap_or(0)
}

fn fnv32(state: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(state, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn fnv64(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

const FNV32_OFFSET: u32 = 0x811c_9dc5;
const FNV64_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_fnv_reference() {
        assert_eq!([fnv32(FNV32_OFFSET, b""), fnv32(FNV32_OFFSET, b"foobar")], [0x811c_9dc5, 0xbf9c_f968]);
        assert_eq!(fnv64(FNV64_OFFSET, b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn buckets_are_rounded_down_from_percents_in_32_bits() {
        let buckets = |share| Fnv14::new(share, 0).buckets;
        assert_eq!([buckets(0.1), buckets(0.5), buckets(0.29), buckets(0.00006)], [1638, 8192, 4751, 0]);
    }

    #[test]
    fn the_last_hash_kept_is_that_of_exact_arithmetic() {
        assert_eq!(share_of_max(0.5), (1 << 63) - 1, "2^63 - 0.5 has 64 significant bits and is cut");
        assert_eq!(share_of_max(0.7), 12_912_720_851_596_685_311, "2^63 and more are rounded to whole numbers");
        assert_eq!(share_of_max(0.3), 5_534_023_222_112_865_279);
        assert_eq!(share_of_max(0.1), 1_844_674_407_370_955_263);
        assert_eq!(share_of_max(1.0 - f64::EPSILON / 2.0), u64::MAX - 2048);
        assert_eq!(share_of_max(f64::MIN_POSITIVE / 4.0), 0);
        assert_eq!((share_of_max(0.0), share_of_max(1.0)), (0, u64::MAX), "0 % keeps the one id whose hash is 0");
    }

    #[test]
    fn seed_and_salt_choose_other_traces() {
        let ids = (1..=1000u128).map(|id| TraceId::new(&id.to_be_bytes()).expect("not all zero"));
        let of = |seed, salt: &str| -> (Vec<bool>, Vec<bool>) {
            let (small, large) = (Fnv14::new(0.5, seed), Fnv64::new(0.5, salt));
            ids.clone().map(|id| (small.keeps(&id), large.keeps(&id))).unzip()
        };
        let (first, other) = (of(0, ""), of(1, "salt"));
        assert!(first.0 != other.0 && first.1 != other.1);
        assert_eq!(first.1, of(0, "default-hash-seed").1);
    }
}
