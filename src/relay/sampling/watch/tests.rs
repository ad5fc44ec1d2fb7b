//! What is asked, and what spans and resources answer.

use regex::bytes::RegexSet;

use super::*;

fn patterns(patterns: &[&str]) -> Matcher {
    Matcher::Pattern(RegexSet::new(patterns).expect("patterns"))
}

/// Whether a span with these attributes answers the one question with yes.
fn span_answers(key: &str, matcher: Matcher, attributes: &[(&str, Value<'_>)]) -> bool {
    let mut watch = Watch::default();
    let number = watch.ask(key, matcher);
    let mut witness = Witness::default();
    let mut watching = witness.with(&watch);
    attributes.iter().for_each(|(key, value)| watching.attribute(key.as_bytes(), *value));
    watching.span_end(true);
    witness.row(0).expect("a row for the span").has(number)
}

fn text(text: &str) -> Value<'_> {
    Value::Str(text.as_bytes())
}

#[test]
fn a_value_matches_whole_and_under_its_own_key_only() {
    let ask = |attributes: &[(&str, Value<'_>)]| span_answers("user", Matcher::exact(["alice", "bob"]), attributes);
    assert!(ask(&[("user", text("bob"))]));
    assert!(!ask(&[("user", text("bobby"))]));
    assert!(!ask(&[("team", text("bob"))]), "another key of the same length");
    assert!(!ask(&[]));
}

#[test]
fn a_pattern_matches_anywhere_and_one_of_many_is_enough() {
    let ask = |value| span_answers("path", patterns(&["^/health", "[0-9]{3}"]), &[("path", text(value))]);
    assert!(ask("/health/live") && ask("/v1/items/404/x"));
    assert!(!ask("/v1/health"));
}

#[test]
fn a_key_that_comes_twice_counts_as_it_came_last() {
    let ask =
        |values: [&str; 2]| span_answers("user", Matcher::exact(["alice"]), &values.map(|value| ("user", text(value))));
    assert!(ask(["bob", "alice"]));
    assert!(!ask(["alice", "bob"]));
}

#[test]
fn only_strings_match() {
    let anything = || patterns(&[""]);
    assert!(span_answers("k", anything(), &[("k", text("x"))]));
    for value in [Value::Int(1), Value::Bool(true), Value::Double(1.0), Value::Other, Value::Empty] {
        assert!(!span_answers("k", anything(), &[("k", value)]), "{value:?}");
        assert!(!span_answers("k", anything(), &[("k", text("x")), ("k", value)]), "{value:?} after a string");
    }
}

#[test]
fn an_empty_text_matches_on_a_resource_and_never_on_a_span() {
    let mut watch = Watch::default();
    let number = watch.ask("k", patterns(&["^$"]));
    assert!(watch.resource(|show| show(b"k", text(""))).has(number));
    assert!(!span_answers("k", patterns(&["^$"]), &[("k", text(""))]));
}

#[test]
fn a_rejected_span_has_no_row_and_leaves_nothing_to_the_next() {
    let mut watch = Watch::default();
    let number = watch.ask("user", Matcher::exact(["alice"]));
    let mut witness = Witness::default();
    let mut watching = witness.with(&watch);
    watching.attribute(b"user", text("alice"));
    watching.span_end(false);
    watching.span_end(true);
    assert!(!witness.row(0).expect("the accepted span").has(number));
    assert_eq!(witness.row(1), None);
}

#[test]
fn a_cleared_witness_remembers_nothing() {
    let mut watch = Watch::default();
    let number = watch.ask("user", Matcher::exact(["alice"]));
    let mut witness = Witness::default();
    let mut watching = witness.with(&watch);
    watching.span_end(true);
    watching.attribute(b"user", text("alice"));
    witness.clear(8);
    assert_eq!(witness.row(0), None);
    witness.with(&watch).span_end(true);
    assert!(!witness.row(0).expect("a row").has(number));
}

#[test]
fn the_same_question_is_asked_once() {
    let mut watch = Watch::default();
    let numbers = [
        watch.ask("a", Matcher::exact(["1", "2"])),
        watch.ask("a", Matcher::exact(["2", "1"])),
        watch.ask("a", Matcher::exact(["1"])),
        watch.ask("a", patterns(&["1"])),
        watch.ask("a", patterns(&["1"])),
        watch.ask("b", Matcher::exact(["1", "2"])),
    ];
    assert_eq!(numbers, [0, 0, 1, 2, 2, 3]);
    assert_eq!(watch.len(), 4);
}

#[test]
fn long_keys_are_found_too() {
    let (long, longer) = ("k".repeat(63), "k".repeat(64));
    assert!(span_answers(&longer, Matcher::exact(["x"]), &[(&longer, text("x"))]));
    assert!(!span_answers(&longer, Matcher::exact(["x"]), &[(&long, text("x"))]));
}

#[test]
fn a_thousand_values_and_a_hundred_questions_find_theirs() {
    let values: Vec<String> = (0..1000).map(|number| format!("user-{number}")).collect();
    let mut watch = Watch::default();
    let numbers: Vec<usize> = (0..100)
        .map(|key| watch.ask(&format!("key.{key}"), Matcher::exact(values[key * 10..].iter().map(String::as_str))))
        .collect();
    let marks = watch.resource(|show| (0..100).for_each(|key| show(format!("key.{key}").as_bytes(), text("user-500"))));
    let found: Vec<bool> = numbers.iter().map(|&number| marks.has(number)).collect();
    assert_eq!(found, (0..100).map(|key| key * 10 <= 500).collect::<Vec<_>>());
}

#[test]
fn with_no_question_a_resource_is_not_even_walked() {
    let watch = Watch::default();
    assert!(watch.is_empty());
    watch.resource(|_| panic!("nobody asked"));
}
