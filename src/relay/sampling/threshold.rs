//! The rejection threshold T of consistent probability sampling: a share of traces as 56 bits that randomness is
//! compared with, and as the hexadecimal digits of `th`. Meaning and encoding are those of the OpenTelemetry
//! specification, "TraceState: Probability Sampling".

use crate::relay::otlp::TraceId;

/// A rejection threshold of 56 bits: a trace is kept when its randomness is at least this. 0 keeps everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold(u64);

/// Hexadecimal digits of 56 bits.
pub const DIGITS_MAX: u32 = 14;

/// 2^56: one more than the largest randomness.
pub(super) const WHOLE: u64 = 1 << 56;

impl Threshold {
    /// Keeps everything.
    pub const ALL: Threshold = Threshold(0);

    /// Nobody can say which share: what a rate limit lets through, say. It is the largest there is, so that what has to
    /// pass several is untold when one of them is, and its spans are stamped with nothing. (As a share it would be 2^-56,
    /// which nobody asks for.)
    pub const UNTOLD: Threshold = Threshold(WHOLE - 1);

    /// Hexadecimal digits of `th` unless more are asked for: they keep a share within 2^-16 of what was asked for.
    pub const PRECISION: u32 = 4;

    /// A threshold of these 56 bits; nothing when there are more.
    pub const fn new(bits: u64) -> Option<Threshold> {
        if bits < WHOLE { Some(Threshold(bits)) } else { None }
    }

    /// The threshold that keeps `share` of all traces, rounded to [`Threshold::PRECISION`] digits; nothing when
    /// `share` rounds to no trace at all.
    pub fn of_share(share: f64) -> Option<Threshold> {
        Threshold::of_share_with(share, Threshold::PRECISION)
    }

    /// The same, rounded to `precision` digits behind leading `0`s or `f`s, so that a share close to nothing or to
    /// everything is as precise as any other.
    pub fn of_share_with(share: f64, precision: u32) -> Option<Threshold> {
        let exact = WHOLE - (share.clamp(0.0, 1.0) * WHOLE as f64).round() as u64;
        let unit = unit(exact, precision);
        Threshold::new((exact + unit / 2) / unit * unit).or(Threshold::new(exact))
    }

    /// This threshold with no more than `precision` digits behind leading `0`s or `f`s, lowered where that is needed:
    /// whoever it kept is kept.
    pub fn lowered_to(self, precision: u32) -> Threshold {
        let unit = unit(self.0, precision);
        Threshold(self.0 / unit * unit)
    }

    /// The 56 bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether a trace of this randomness is kept.
    pub const fn keeps(self, randomness: u64) -> bool {
        self.0 <= randomness
    }

    /// The share of all traces that this keeps; its inverse is the adjusted count of a kept span.
    pub fn share(self) -> f64 {
        (WHOLE - self.0) as f64 / WHOLE as f64
    }

    /// Writes it as `th` has it: 14 hexadecimal digits without the zeros at the end, and `0` for [`Threshold::ALL`].
    pub fn write_hex(self, out: &mut Vec<u8>) {
        let mut rest = self.0 << 8;
        loop {
            out.push(HEX[(rest >> 60) as usize]);
            rest <<= 4;
            if rest == 0 {
                return;
            }
        }
    }

    /// Reads what `th` has: 1 to 14 hexadecimal digits, the zeros at the end left out.
    pub fn from_hex(digits: &[u8]) -> Option<Threshold> {
        let missing = (DIGITS_MAX as usize).checked_sub(digits.len())?;
        Some(Threshold(read_hex(digits)? << (4 * missing)))
    }
}

/// What the last digit counts when `bits` are written with `precision` digits behind leading `0`s or `f`s.
fn unit(bits: u64, precision: u32) -> u64 {
    let digits = bits << 8;
    let same = digits.leading_zeros().max(digits.leading_ones()) / 4;
    1 << (4 * (DIGITS_MAX - (same + precision.max(1)).min(DIGITS_MAX)))
}

/// The randomness that a trace id itself is: its last 56 bits (W3C Trace Context level 2, random trace ids).
pub fn randomness_of(trace: &TraceId) -> u64 {
    low_64(trace) & (WHOLE - 1)
}

/// The last 64 bits of a trace id.
pub(super) fn low_64(trace: &TraceId) -> u64 {
    u128::from_be_bytes(*trace.as_bytes()) as u64
}

/// A number of 1 to 14 hexadecimal digits. The specification has them in lower case; what a peer writes otherwise is
/// read all the same.
pub(super) fn read_hex(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || (DIGITS_MAX as usize) < digits.len() {
        return None;
    }
    digits.iter().try_fold(0, |number, &digit| Some(number << 4 | u64::from((digit as char).to_digit(16)?)))
}

/// Writes a randomness as `rv` has it: exactly 14 hexadecimal digits.
pub(super) fn write_randomness(randomness: u64, out: &mut Vec<u8>) {
    out.extend((0..DIGITS_MAX).rev().map(|digit| HEX[(randomness >> (4 * digit) & 0xf) as usize]));
}

const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(threshold: Option<Threshold>) -> String {
        let mut out = Vec::new();
        threshold.expect("something is kept").write_hex(&mut out);
        String::from_utf8(out).expect("digits")
    }

    #[test]
    fn common_shares_have_the_digits_of_the_specification() {
        let of = |share| hex(Threshold::of_share(share));
        assert_eq!([of(1.0), of(0.5), of(0.25), of(0.1), of(0.01)], ["0", "8", "c", "e666", "fd70a"]);
    }

    #[test]
    fn a_share_close_to_nothing_or_everything_is_as_precise_as_any_other() {
        assert_eq!(hex(Threshold::of_share(0.001)), "ffbe77");
        assert_eq!(hex(Threshold::of_share(0.9999)), "00068dc", "1e-4 x 2^56 = 00068db8bac711");
        assert_eq!(hex(Threshold::of_share(1.0 / (1u64 << 56) as f64)), "ffffffffffffff");
    }

    #[test]
    fn more_digits_come_closer() {
        assert_eq!(hex(Threshold::of_share_with(0.1, 1)), "e");
        assert_eq!(hex(Threshold::of_share_with(0.1, 2)), "e6");
        assert_eq!(hex(Threshold::of_share_with(1.0 / 3.0, 5)), "aaaab");
        assert_eq!(hex(Threshold::of_share_with(1.0 / 3.0, 14)), "aaaaaaaaaaaaac", "f64 has 53 bits");
    }

    #[test]
    fn a_share_that_rounds_to_no_trace_has_no_threshold() {
        assert_eq!(Threshold::of_share(0.0), None);
        assert_eq!(Threshold::of_share(1e-18), None);
        assert_eq!(Threshold::of_share(f64::NAN), None, "not a number keeps nothing");
    }

    #[test]
    fn a_share_just_above_nothing_is_not_rounded_away() {
        let share = 1.0 / (1u64 << 55) as f64;
        assert!(Threshold::of_share_with(share, 1).is_some());
    }

    #[test]
    fn what_is_no_threshold_is_not_read_as_one() {
        for digits in ["", "123456789abcdef", "12g4", " 1", "+1"] {
            assert_eq!(Threshold::from_hex(digits.as_bytes()), None, "{digits:?}");
        }
        assert_eq!(Threshold::from_hex(b"E6"), Threshold::new(0xe6 << 48), "capitals are read");
        assert_eq!(Threshold::new(WHOLE), None);
    }

    #[test]
    fn a_trace_ids_randomness_is_its_last_seven_bytes() {
        let id = TraceId::new(&core::array::from_fn::<u8, 16, _>(|at| at as u8)).expect("not all zero");
        assert_eq!(randomness_of(&id), 0x0009_0a0b_0c0d_0e0f);
    }

    proptest! {
        #[test]
        fn digits_are_read_as_they_were_written(bits in 0..WHOLE) {
            let threshold = Threshold::new(bits);
            prop_assert_eq!(Threshold::from_hex(hex(threshold).as_bytes()), threshold);
        }

        #[test]
        fn a_randomness_is_written_with_all_its_digits(randomness in 0..WHOLE) {
            let mut out = Vec::new();
            write_randomness(randomness, &mut out);
            prop_assert_eq!(String::from_utf8(out).expect("digits"), format!("{randomness:014x}"));
        }

        #[test]
        fn a_larger_share_never_has_a_higher_threshold(a in 0.0..=1.0f64, b in 0.0..=1.0f64, precision in 1..=14u32) {
            let of = |share: f64| Threshold::of_share_with(share, precision).map_or(WHOLE, Threshold::bits);
            prop_assert!(of(a.max(b)) <= of(a.min(b)));
        }

        #[test]
        fn lowering_loses_nobody_and_little(bits in 0..WHOLE, precision in 1..=14u32) {
            let exact = Threshold(bits);
            let lowered = exact.lowered_to(precision);
            prop_assert!(lowered <= exact);
            prop_assert!(exact.bits() - lowered.bits() < unit(bits, precision));
            prop_assert_eq!(lowered.lowered_to(precision).bits() % unit(bits, precision), 0);
        }
    }
}
