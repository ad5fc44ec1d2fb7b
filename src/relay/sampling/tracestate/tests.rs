//! What is read from tracestates, what is written into them, and what is left alone.

use proptest::prelude::*;

use super::*;
use crate::relay::sampling::threshold::WHOLE;

fn stamp(share: f64) -> Stamp {
    Stamp { threshold: Threshold::of_share(share), randomness: None }
}

/// Writes behind bytes that are there already, which have to stay.
fn written(existing: Option<&str>, stamp: Stamp) -> Option<String> {
    let mut out = b"before|".to_vec();
    let written = write(existing.map(str::as_bytes), &stamp, &mut out);
    let text = String::from_utf8(out).expect("ASCII");
    let text = text.strip_prefix("before|").expect("what was there stays").to_owned();
    assert!(written == Written::Yes || text.is_empty(), "nothing is left behind: {text}");
    (written == Written::Yes).then_some(text)
}

#[track_caller]
fn check(existing: &str, stamp: Stamp, expect: Option<&str>) {
    assert_eq!(written(Some(existing), stamp).as_deref(), expect, "{existing}");
}

#[test]
fn a_span_without_a_tracestate_gets_one() {
    assert_eq!(written(None, stamp(0.1)).as_deref(), Some("ot=th:e666"));
    check("", stamp(0.1), Some("ot=th:e666"));
    check(" , ,", stamp(1.0), Some("ot=th:0"));
}

#[test]
fn others_keep_their_place_behind_ours() {
    check("a=1, b=2", stamp(0.1), Some("ot=th:e666,a=1,b=2"));
    check(
        "a=1,ot=p:8;rv:ffffffffffffff;x1:y,b@c=2 3",
        stamp(0.5),
        Some("ot=th:8;rv:ffffffffffffff;p:8;x1:y,a=1,b@c=2 3"),
    );
}

#[test]
fn a_threshold_only_grows() {
    check("ot=th:c", stamp(0.5), Some("ot=th:c"));
    check("ot=th:4", stamp(0.5), Some("ot=th:8"));
    check("ot=th:4", stamp(1.0), Some("ot=th:4"));
    check("ot=th:4,a=1", Stamp::default(), Some("ot=th:4,a=1"));
}

#[test]
fn a_threshold_that_the_randomness_contradicts_is_erased() {
    check("ot=th:c;rv:10000000000000", stamp(1.0), Some("ot=th:0;rv:10000000000000"));
    check("ot=th:c;rv:10000000000000", Stamp::default(), Some("ot=rv:10000000000000"));
    check("ot=th:c", Stamp { randomness: Some(1), threshold: Some(Threshold::ALL) }, Some("ot=th:0;rv:00000000000001"));
    check("ot=rv:10000000000000", stamp(0.1), Some("ot=rv:10000000000000"));
    check("ot=th:1;rv:10000000000000", stamp(0.1), Some("ot=th:1;rv:10000000000000"));
}

#[test]
fn a_randomness_that_is_there_stays_and_a_threshold_found_with_another_is_not_written() {
    let sdk = Stamp { randomness: Some(0xff_ffff_ffff_ffff), ..stamp(0.5) };
    check("", sdk, Some("ot=th:8;rv:ffffffffffffff"));
    check("ot=rv:ffffffffffff00;th:4", sdk, Some("ot=th:4;rv:ffffffffffff00"));
    check("ot=rv:ffffffffffffff;th:4", sdk, Some("ot=th:8;rv:ffffffffffffff"));
}

#[test]
fn what_is_no_threshold_and_no_randomness_is_not_carried_on() {
    check("ot=th:xyz;rv:12;a:b", stamp(0.5), Some("ot=th:8;a:b"));
    check("ot=th:123456789abcdef", stamp(0.5), Some("ot=th:8"));
    assert_eq!(read(b"ot=th:xyz;rv:12"), Stamp::default());
}

#[test]
fn a_member_that_would_be_empty_is_left_out() {
    check("a=1,ot=th:xyz,b=2", Stamp::default(), Some("a=1,b=2"));
    check("", Stamp::default(), Some(""));
}

#[test]
fn what_cannot_be_read_is_left_alone() {
    for existing in [
        "no sign",
        "=v",
        "A=1",
        "a=",
        "a=b=c",
        "a b=1",
        "a=\u{7f}",
        "a=\t",
        "ot=th",
        "ot=:1",
        "ot=T:1",
        "ot=a:b c",
        "ot=th:4,ot=th:8",
        "a=1,b",
        "\u{e9}=1",
    ] {
        check(existing, stamp(0.1), None);
        assert_eq!(read(existing.as_bytes()), Stamp::default(), "{existing}");
    }
}

#[test]
fn limits_are_those_of_the_specification() {
    let members = |count: usize| (0..count).map(|number| format!("k{number}=v")).collect::<Vec<_>>().join(",");
    check(&members(31), stamp(1.0), Some(&format!("ot=th:0,{}", members(31))));
    check(&members(32), stamp(1.0), None);
    check(&format!("ot=th:4,{}", members(31)), stamp(0.5), Some(&format!("ot=th:8,{}", members(31))));
    check(&format!("ot=th:4,{}", members(32)), stamp(0.5), None);
    check(&members(32), Stamp::default(), Some(&members(32)));

    let field = |length: usize| format!("x:{}", "y".repeat(length - 2));
    check(&format!("ot={}", field(251)), stamp(0.5), Some(&format!("ot=th:8;{}", field(251))));
    check(&format!("ot={}", field(252)), stamp(0.5), None);
    check(&format!("{}=1", "k".repeat(256)), stamp(1.0), Some(&format!("ot=th:0,{}=1", "k".repeat(256))));
    check(&format!("{}=1", "k".repeat(257)), stamp(1.0), None);
    check(&format!("k={}", "v".repeat(257)), stamp(1.0), None);
}

/// Others' members, the fields of `ot` if there is one, and its place.
type Parts = (Vec<String>, Option<Vec<String>>, usize);

/// A tracestate as other vendors and older samplers may leave it: well-formed, `ot` anywhere in it or nowhere.
fn parts() -> impl Strategy<Value = Parts> {
    let other = "[a-np-z0-9][a-z0-9_*/@-]{0,8}=[!-+./0-9:;<>-~]([ -+./0-9:;<>-~]{0,10}[!-+./0-9:;<>-~])?";
    let field = prop_oneof!["th:[0-9a-f]{1,14}", "rv:[0-9a-f]{14}", "[a-q][a-z0-9]{1,5}:[A-Za-z0-9._-]{0,6}"];
    let own = proptest::option::of(proptest::collection::vec(field, 1..5));
    (proptest::collection::vec(other, 0..6), own, 0..6usize)
}

fn assemble((others, own, at): &Parts) -> String {
    let mut members = others.clone();
    if let Some(own) = own {
        members.insert((*at).min(members.len()), format!("ot={}", own.join(";")));
    }
    members.join(",")
}

/// The fields of `ot` but for `th` and `rv`.
fn other_fields(text: &str) -> Vec<&str> {
    let own = text.split(',').find_map(|member| member.strip_prefix("ot=")).unwrap_or_default();
    let ours = |field: &&str| field.is_empty() || field.starts_with("th:") || field.starts_with("rv:");
    own.split(';').filter(|field| !ours(field)).collect()
}

proptest! {
    #[test]
    fn what_is_written_says_the_most_that_is_true_and_loses_nobody(
        parts in parts(),
        threshold in proptest::option::of(0..WHOLE),
        randomness in proptest::option::of(0..WHOLE),
    ) {
        let existing = assemble(&parts);
        let before = read(existing.as_bytes());
        let stamp = Stamp { threshold: threshold.and_then(Threshold::new), randomness };
        let written = written(Some(&existing), stamp).expect("it is well-formed and has room");
        let after = read(written.as_bytes());

        prop_assert_eq!(after.randomness, before.randomness.or(randomness), "a randomness that is there stays");
        let fits = |threshold: &Threshold| after.randomness.is_none_or(|randomness| threshold.keeps(randomness));
        prop_assert!(after.threshold.iter().all(fits), "no threshold is written that R contradicts");
        prop_assert!(before.threshold.filter(fits) <= after.threshold, "th only grows");
        if before.randomness.is_none() {
            prop_assert!(stamp.threshold.filter(fits) <= after.threshold, "ours is written");
        }
        let members = written.split(',').filter(|member| !member.is_empty() && !member.starts_with("ot="));
        prop_assert_eq!(members.collect::<Vec<_>>(), parts.0.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert_eq!(other_fields(&written), other_fields(&existing));
    }

    #[test]
    fn writing_the_same_again_changes_nothing(
        parts in parts(),
        threshold in 0..WHOLE,
        randomness in proptest::option::of(0..WHOLE),
    ) {
        let stamp = Stamp { threshold: Threshold::new(threshold), randomness };
        let once = written(Some(&assemble(&parts)), stamp);
        let twice = written(once.as_deref(), stamp);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn what_was_written_is_read_again(bits in 0..WHOLE, randomness in 0..WHOLE) {
        let stamp = Stamp { threshold: Threshold::new(bits.min(randomness)), randomness: Some(randomness) };
        let text = written(Some("a=1"), stamp).expect("there is room");
        prop_assert_eq!(read(text.as_bytes()), stamp);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut out = Vec::new();
        let _ = (read(&bytes), write(Some(&bytes), &stamp(0.1), &mut out));
    }

    #[test]
    fn what_is_written_is_a_tracestate(text in "[ot=:;,thrv0-9a-f ]{0,60}") {
        let mut out = Vec::new();
        if write(Some(text.as_bytes()), &stamp(0.1), &mut out) == Written::Yes {
            prop_assert!(Members::check(&out).is_some(), "{:?}", String::from_utf8_lossy(&out));
        }
    }
}
