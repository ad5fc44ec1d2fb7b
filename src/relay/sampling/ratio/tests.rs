//! Shares, nesting, and agreement with what SDKs decide.

use super::*;

fn ids() -> impl Iterator<Item = TraceId> {
    let mut dice = crate::relay::hash::Keyed::new([7, 7]);
    (0..20_000_u64).map(move |number| {
        let high = dice.bytes(&number.to_le_bytes());
        dice = crate::relay::hash::Keyed::new([high, number]);
        let low = dice.bytes(b"low");
        TraceId::new(&(u128::from(high) << 64 | u128::from(low)).to_be_bytes()).expect("not all zero")
    })
}

fn kept(share: f64, mode: Mode) -> Vec<TraceId> {
    let ratio = Ratio::new(share, mode).expect("a share");
    ids().filter(|id| ratio.decide(id, None).is_some()).collect()
}

#[test]
fn every_mode_keeps_its_share() {
    for (name, mode) in MODES {
        let kept = kept(0.1, mode).len() as f64;
        // Six standard deviations of a binomial of 20,000 at 10 %.
        assert!((kept - 2000.0).abs() < 6.0 * 42.5, "{name} kept {kept} of 20000");
    }
}

#[test]
fn what_a_small_share_keeps_a_larger_one_keeps_too() {
    for (name, mode) in MODES {
        let (small, large) = (kept(0.05, mode), kept(0.4, mode));
        assert!(small.iter().all(|id| large.contains(id)), "{name}");
    }
}

#[test]
fn nothing_and_everything_are_shares_and_more_is_not() {
    for (name, mode) in MODES {
        assert_eq!(kept(0.0, mode).len(), 0, "{name}");
        assert_eq!(kept(1.0, mode).len(), 20_000, "{name}");
    }
    assert!(Ratio::new(1.1, Mode::Consistent).is_none() && Ratio::new(f64::NAN, Mode::Consistent).is_none());
}

#[test]
fn the_sdk_mode_decides_on_the_low_64_bits_and_says_so_truthfully() {
    let ratio = Ratio::new(0.1, Mode::SdkTraceIdRatio).expect("a share");
    let bound = (0.1 * 2f64.powi(64)) as u64;
    for (low, kept) in [(0, true), (bound - 1, true), (bound, false), (u64::MAX, false)] {
        let id = TraceId::new(&(1u128 << 100 | u128::from(low)).to_be_bytes()).expect("not all zero");
        assert_eq!(ratio.decide(&id, None).is_some(), kept, "low 64 bits {low:x}");
    }
    for id in ids() {
        let Some(stamp) = ratio.decide(&id, None) else { continue };
        let (threshold, randomness) = (stamp.threshold.expect("th"), stamp.randomness.expect("rv"));
        assert!(threshold.keeps(randomness), "a kept trace satisfies R >= T");
        assert!((threshold.share() - 0.1).abs() < 1e-9);
    }
}

#[test]
fn thresholds_are_written_with_four_digits_beyond_leading_fs() {
    let hex = |share: f64| Threshold::of_share(share).expect("something is kept").to_hex();
    assert_eq!([hex(1.0), hex(0.5), hex(0.1), hex(0.25)], ["0", "8", "e666", "c"]);
    assert_eq!(hex(0.001), "ffbe77");
    assert!(Threshold::of_share(0.0).is_none());
}

#[test]
fn an_explicit_randomness_is_what_counts() {
    let ratio = Ratio::new(0.1, Mode::Consistent).expect("a share");
    for id in ids().take(100) {
        assert!(ratio.decide(&id, Some(b"ot=rv:ffffffffffffff")).is_some());
        assert!(ratio.decide(&id, Some(b"ot=rv:00000000000000")).is_none());
    }
}

#[test]
fn proportional_multiplies_and_equalizing_does_not() {
    let id = TraceId::new(&[0xff; 16]).expect("not all zero");
    let stamp = |mode| {
        let ratio = Ratio::new(0.5, mode).expect("a share");
        ratio.decide(&id, Some(b"ot=th:8")).and_then(|stamp| stamp.threshold).expect("kept").to_hex()
    };
    assert_eq!([stamp(Mode::Proportional), stamp(Mode::Equalizing)], ["c", "8"]);
}
