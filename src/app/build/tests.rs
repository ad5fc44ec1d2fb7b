//! What was asked for is what is built.

use super::*;
use crate::config::Inputs;
use crate::relay::otlp::TraceId;

/// The ratio stage of a configuration.
fn ratio_of(text: &str) -> Ratio {
    let config = Config::load(&Inputs { file: Some(("t.yaml".into(), text.into())), ..Inputs::default() });
    let options = relay(&config.unwrap_or_else(|wrong| panic!("{wrong}")), [1, 2]).expect("it can be built");
    options.ratio.expect("a ratio below 1")
}

/// Trace ids spread over their whole range.
fn ids() -> impl Iterator<Item = TraceId> {
    let spread = |number: u128| number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    (1..2000).map(move |number| TraceId::new(&spread(number).to_be_bytes()).expect("not all zero"))
}

fn kept(text: &str) -> Vec<TraceId> {
    let ratio = ratio_of(text);
    ids().filter(|id| ratio.decide(id, None).is_some()).collect()
}

#[test]
fn a_hash_with_another_seed_or_salt_keeps_other_traces() {
    let (plain14, plain64) = ("mode: otel_fnv14, share: 0.2", "mode: otel_fnv64, share: 0.2");
    for (plain, detail) in [(plain14, "hash_seed: 22"), (plain64, "hash_salt: pepper")] {
        let of = |inside: &str| kept(&format!("sampling: {{ratio: {{{inside}}}}}"));
        let (without, with) = (of(plain), of(&format!("{plain}, {detail}")));
        assert_ne!(without, with, "{detail}");
        assert_eq!(with, of(&format!("{plain}, {detail}")), "the same seed keeps the same traces");
        assert!((300..500).contains(&with.len()), "{detail} kept {}", with.len());
    }
}

#[test]
fn a_threshold_has_as_many_digits_as_were_asked_for() {
    for (precision, digits) in [(2, "e6"), (4, "e666"), (6, "e66666")] {
        let ratio = ratio_of(&format!("sampling: {{ratio: 0.1, precision: {precision}}}"));
        let stamp = ids().find_map(|id| ratio.decide(&id, None)).expect("a tenth is kept");
        let mut written = Vec::new();
        stamp.threshold.expect("a threshold").write_hex(&mut written);
        assert_eq!(String::from_utf8_lossy(&written), digits);
    }
}
