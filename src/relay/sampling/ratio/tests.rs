//! Shares, nesting, and agreement with what SDKs and the Collector decide.

use proptest::prelude::*;

use super::*;

/// Trace ids of a fixed seed.
fn ids(count: u64) -> impl Iterator<Item = TraceId> {
    let dice = crate::relay::hash::Keyed::new([7, 7]);
    (0..count).map(move |number| {
        let [high, low] = [0, 1].map(|half| dice.bytes(&(2 * number + half).to_le_bytes()));
        id(high, low)
    })
}

fn id(high: u64, low: u64) -> TraceId {
    TraceId::new(&(u128::from(high) << 64 | u128::from(low)).to_be_bytes()).expect("not all zero")
}

fn ratio(share: f64, mode: Mode) -> Ratio {
    Ratio::new(share, mode).expect("a share")
}

fn th(stamp: Option<Stamp>) -> String {
    let mut out = Vec::new();
    stamp.expect("kept").threshold.expect("th").write_hex(&mut out);
    String::from_utf8(out).expect("digits")
}

#[test]
fn every_mode_keeps_its_share() {
    const IDS: f64 = 50_000.0;
    for (name, mode) in MODES {
        for share in [0.01, 0.1, 0.5, 0.9] {
            let ratio = ratio(share, mode);
            let kept = ids(IDS as u64).filter(|id| ratio.decide(id, None).is_some()).count() as f64;
            // Five standard deviations: p < 1e-6.
            let bound = 5.0 * (IDS * share * (1.0 - share)).sqrt();
            assert!((kept - IDS * share).abs() < bound, "{name} at {share} kept {kept} of {IDS}");
        }
    }
}

#[test]
fn nothing_and_everything_are_shares_and_more_is_not() {
    for (name, mode) in MODES {
        let (nothing, everything) = (ratio(0.0, mode), ratio(1.0, mode));
        assert!(ids(100).all(|id| nothing.decide(&id, None).is_none()), "{name}");
        let state = Some(&b"ot=th:8"[..]);
        assert!(ids(100).all(|id| everything.decide(&id, state) == Some(Stamp::default())), "{name} stamps nothing");
        assert!(everything.keeps_all() && !nothing.keeps_all() && !ratio(0.5, mode).keeps_all());
        for share in [1.1, -0.1, f64::NAN, f64::INFINITY] {
            assert!(Ratio::new(share, mode).is_none(), "{name} {share}");
        }
    }
}

#[test]
fn precision_is_that_of_th_and_has_bounds() {
    let with = |precision, mode| {
        let details = Details { precision, ..Details::default() };
        Ratio::with(0.1, mode, &details)
            .map(|ratio| th(ratio.decide(&id(1, if mode == Mode::SdkTraceIdRatio { 1 } else { u64::MAX }), None)))
    };
    for mode in [Mode::Consistent, Mode::Equalizing, Mode::Proportional, Mode::SdkTraceIdRatio] {
        assert_eq!(with(4, mode).as_deref(), Some("e666"), "{mode:?}");
        assert_eq!(with(2, mode).as_deref(), Some("e6"), "{mode:?}");
        assert_eq!((with(0, mode), with(15, mode)), (None, None), "{mode:?}");
    }
    assert_eq!(with(14, Mode::Consistent).as_deref(), Some("e6666666666666"));
}

#[test]
fn an_explicit_randomness_is_what_counts() {
    for mode in [Mode::Consistent, Mode::Equalizing, Mode::Proportional] {
        let ratio = ratio(0.1, mode);
        for id in ids(100) {
            assert!(ratio.decide(&id, Some(b"ot=rv:ffffffffffffff")).is_some());
            assert!(ratio.decide(&id, Some(b"ot=rv:00000000000000")).is_none());
        }
    }
}

#[test]
fn a_trace_is_kept_from_its_threshold_on() {
    let half = ratio(0.5, Mode::Consistent);
    assert_eq!(half.decide(&id(1, 0x7f_ffff_ffff_ffff), None), None);
    let stamp = Stamp { threshold: Threshold::new(1 << 55), randomness: None };
    assert_eq!(half.decide(&id(1, 0x80_0000_0000_0000), None), Some(stamp));
    assert_eq!(
        half.decide(&id(1, 0xff7f_ffff_ffff_ffff), None),
        None,
        "the first of the last eight bytes is not random"
    );
}

#[test]
fn proportional_takes_its_share_of_what_arrives_and_the_others_of_everything() {
    let all = id(1, u64::MAX);
    let halved = |mode| th(ratio(0.5, mode).decide(&all, Some(b"ot=th:8")));
    assert_eq!([Mode::Proportional, Mode::Equalizing, Mode::Consistent].map(halved), ["c", "8", "8"]);
}

#[test]
fn a_threshold_that_the_randomness_contradicts_is_not_built_upon() {
    let low = id(1, 0x90_0000_0000_0000);
    assert_eq!(th(ratio(0.5, Mode::Proportional).decide(&low, Some(b"ot=th:c"))), "8");
    assert_eq!(th(ratio(0.5, Mode::Equalizing).decide(&low, Some(b"ot=th:c"))), "8");
}

#[test]
fn the_hashes_keep_what_they_keep_and_say_nothing_of_it() {
    for mode in [Mode::OtelFnv14, Mode::OtelFnv64] {
        let ratio = ratio(0.5, mode);
        let kept: Vec<Stamp> = ids(100).filter_map(|id| ratio.decide(&id, Some(b"ot=rv:00000000000000"))).collect();
        assert!((30..70).contains(&kept.len()));
        assert!(kept.iter().all(|stamp| *stamp == Stamp::default()));
    }
}

#[test]
fn details_reach_the_hashes() {
    let kept = |mode, details: &Details| -> Vec<bool> {
        let ratio = Ratio::with(0.5, mode, details).expect("a share");
        ids(200).map(|id| ratio.decide(&id, None).is_some()).collect()
    };
    let details = Details { hash_seed: 22, hash_salt: "salt".to_owned(), ..Details::default() };
    for mode in [Mode::OtelFnv14, Mode::OtelFnv64] {
        assert_ne!(kept(mode, &Details::default()), kept(mode, &details));
    }
}

#[test]
fn the_sdk_mode_cuts_where_pythons_sdk_does() {
    // round(share * 2^64) as Python computes it.
    for (share, bound) in [
        (0.1, 1_844_674_407_370_955_264_u64),
        (0.5, 9_223_372_036_854_775_808),
        (1.0 / 3.0, 6_148_914_691_236_516_864),
        (0.000_001, 18_446_744_073_710),
        (1e-19, 2),
    ] {
        let ratio = ratio(share, Mode::SdkTraceIdRatio);
        for (low, kept) in [(0, true), (bound - 1, true), (bound, false), (u64::MAX, false)] {
            assert_eq!(ratio.decide(&id(1, low), None).is_some(), kept, "{share}: low 64 bits {low:x}");
        }
    }
    assert!(ratio(1e-21, Mode::SdkTraceIdRatio).decide(&id(1, 0), None).is_none());
}

#[test]
fn the_sdk_mode_tells_later_stages_by_which_randomness_it_decided() {
    let (low, sdk) = (id(1, 5), ratio(0.1, Mode::SdkTraceIdRatio));
    assert_eq!(sdk.decide(&low, None).and_then(|stamp| stamp.randomness), Some((!5u64) >> 8));
}

#[test]
fn what_later_stages_keep_is_stamped_by_the_randomness_that_was_decided_by() {
    let (low, threshold) = (id(1, 5), Threshold::of_share(0.01).expect("a threshold"));
    for (name, mode) in MODES {
        let expect = match mode {
            Mode::Consistent | Mode::Equalizing | Mode::Proportional => {
                Stamp { threshold: Some(threshold), randomness: None }
            }
            Mode::OtelFnv14 | Mode::OtelFnv64 => Stamp::default(),
            Mode::SdkTraceIdRatio => Stamp { threshold: Some(threshold), randomness: Some((!5u64) >> 8) },
        };
        assert_eq!(ratio(0.1, mode).stamp(&low, threshold, None), expect, "{name}");
        let explicit = if expect == Stamp::default() { expect } else { Stamp { randomness: Some(9), ..expect } };
        assert_eq!(ratio(0.1, mode).stamp(&low, threshold, Some(9)), explicit, "{name}");
    }
}

fn modes() -> impl Strategy<Value = Mode> {
    (0..MODES.len()).prop_map(|at| MODES[at].1)
}

proptest! {
    #[test]
    fn what_a_small_share_keeps_a_larger_one_keeps_too(
        mode in modes(),
        high in 1..u64::MAX,
        low: u64,
        a in 0.0..=1.0f64,
        b in 0.0..=1.0f64,
        state in prop_oneof![Just(None), "ot=(th:[0-9a-f]{1,14};)?rv:[0-9a-f]{14}".prop_map(Some)],
    ) {
        let keeps = |share| ratio(share, mode).decide(&id(high, low), state.as_deref().map(str::as_bytes)).is_some();
        prop_assert!(!keeps(a.min(b)) || keeps(a.max(b)));
    }

    #[test]
    fn whoever_is_stamped_satisfies_the_threshold(mode in modes(), high in 1..u64::MAX, low: u64, share in 0.0..1.0f64, precision in 1..=14u32) {
        let details = Details { precision, ..Details::default() };
        let ratio = Ratio::with(share, mode, &details).expect("a share");
        let id = id(high, low);
        if let Some(Stamp { threshold: Some(threshold), randomness }) = ratio.decide(&id, None) {
            prop_assert!(threshold.keeps(randomness.unwrap_or_else(|| randomness_of(&id))), "R >= T");
        }
    }

    #[test]
    fn the_sdk_mode_keeps_whatever_a_go_or_rust_sdk_kept(high in 1..u64::MAX, low: u64, share in 0.0..1.0f64, near in -3..3i64) {
        // Both compare the upper 63 of the low 64 bits with share * 2^63 rounded down. Near the bound is where they could differ.
        let bound = (share * 2f64.powi(63)) as u64;
        for low in [low, (bound << 1).wrapping_add_signed(near)] {
            if low >> 1 < bound {
                prop_assert!(ratio(share, Mode::SdkTraceIdRatio).decide(&id(high, low), None).is_some());
            }
        }
    }
}
