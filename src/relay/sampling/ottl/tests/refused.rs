//! What is refused before there is a span, where, and with what advice; and what is only noted.

use super::*;

#[track_caller]
fn refused(text: &str, at: Range<usize>, says: &str, helps: &str) {
    let fault = check(text, Context::Span).expect_err(text);
    let fits = fault.message.contains(says) && fault.help.as_deref().unwrap_or_default().contains(helps);
    assert_eq!((fault.at.clone(), fits), (at, true), "{fault:?}");
}

#[test]
fn unknown_names_are_refused_with_the_nearest_right_one() {
    refused("atributes[\"k\"] == 1", 0..14, "there is no path `atributes`", "did you mean `attributes`?");
    refused("span.nmae == \"x\"", 0..9, "there is no path `span.nmae`", "did you mean `span.name`?");
    refused("kind.strng == \"x\"", 0..10, "there is no path `kind.strng`", "did you mean `kind.string`?");
    refused("1 == zzzzzzzz", 5..13, "there is no path", "the paths are name, kind");
    refused("duration > 3", 0..8, "there is no path `duration`", "end_time - start_time");
    refused("status == 2", 0..6, "there is no path `status`", "status.code");
    refused("Len(events) > 0", 4..10, "there is no path `events`", "`spanevent`");
    refused("spanevent.name == \"x\"", 0..9, "does not see their events", "`spanevent`");
    refused("resource.attributes != nil", 0..19, "there is no path", "name one of them");
    refused("STATUS_CODE_ERR == status.code", 0..15, "no enum `STATUS_CODE_ERR`", "did you mean `STATUS_CODE_ERROR`?");
    refused("IsMach(name, \"x\")", 0..6, "no function `IsMach`", "did you mean `IsMatch`?");
    refused("isMatch(name, \"x\")", 0..7, "no function `isMatch`", "did you mean `IsMatch`?");
    refused("set(name, \"x\")", 0..3, "no function `set`", "");
    refused("ParseJSON(name)[\"a\"] == 1", 0..9, "`ParseJSON` of OTTL is not supported", "the functions are Bool");
    let fault = check("IsRootSpan()", Context::SpanEvent).expect_err("it has no parent");
    assert!(fault.message.contains("asked of spans"), "{fault:?}");
    let fault = check("kind == 2", Context::SpanEvent).expect_err("an event has no kind");
    assert!(fault.help.as_deref().is_some_and(|help| help.contains("`span.`")), "{fault:?}");
}

#[test]
fn keys_stand_where_there_is_something_inside() {
    refused("name[\"x\"] == 1", 4..9, "`name` has nothing inside", "");
    refused("attributes[0] == 1", 10..13, "have names, not places", "");
    refused("attributes[\"a\"].b == 1", 10..15, "at the end of a path only", "");
    refused("trace_state[0] == \"\"", 11..14, "have names, not places", "");
    refused("trace_state[\"a\"][\"b\"] == \"\"", 16..21, "nothing inside", "");
    refused("Len(name)[0] == 1", 9..12, "`Len` gives a whole number", "");
}

#[test]
fn functions_are_given_what_they_take() {
    refused("IsMatch(name)", 0..7, "is given 1 values", "IsMatch(target, pattern)");
    refused("Len(name, 1) == 1", 10..11, "is given 2 values", "Len(target)");
    refused("Substring(name, 0) == \"\"", 0..9, "is given 2 values", "Substring(target, start, length, [utf8_safe])");
    refused("IsMatch(name, pattern=\"x\", \"y\")", 27..30, "comes before what is given by name", "");
    refused("IsMatch(name, target=\"x\")", 21..24, "given twice", "");
    refused("IsMatch(name, patern=\"x\")", 21..24, "is given 2 values", "");
    refused("ToLowerCase(kind) == \"x\"", 12..16, "takes text as `target`, this is a whole number", "");
    refused("Len(ToLowerCase([1])) == 1", 16..19, "takes text as `target`, this is a list", "");
    refused("Milliseconds(start_time) > 1", 13..23, "takes a duration", "");
    refused("IsMatch(trace_id, \"x\")", 8..16, "takes what has a text", "");
    refused("IsMatch(name, attributes[\"p\"])", 14..29, "takes a text that is written out as `pattern`", "");
    refused("IsMatch(name, \"(\")", 14..17, "`(` is no regular expression: unclosed group, at character 1", "RE2");
    refused("Coalesce(attributes[\"x\"]) == 1", 9..24, "takes a list that is written out", "");
    refused("Duration(\"5\") > Duration(\"1s\")", 0..8, "cannot be evaluated", "\"250ms\"");
    refused("TraceID(0x01) == trace_id", 0..7, "cannot be evaluated", "sixteen bytes");
    refused("Int(\"x\") == 1", 0..3, "cannot be evaluated", "");
}

#[test]
fn values_are_no_conditions_and_conditions_no_values() {
    refused("attributes[\"x\"]", 0..15, "a path alone is no condition", "compare it");
    refused("Len(name) and true", 0..9, "gives a whole number, which is no condition", "compare it");
    refused("\"x\"", 0..3, "a value alone is no condition", "");
    refused("kind + 1", 0..8, "a value alone is no condition", "");
    refused("(kind == 1) == true", 1..10, "a condition is no value", "`and` or `or`");
    refused("Len([not true]) == 1", 5..8, "`not` cannot stand", "");
    refused("(\"x\") == name", 0..5, "only numbers, paths and functions", "");
}

#[test]
fn what_cannot_be_calculated_is_refused() {
    refused("name + 1 == 2", 0..8, "text and a whole number cannot be calculated", "");
    refused("1 + \"x\" == name", 4..7, "cannot be calculated with", "");
    refused("start_time + end_time == nil", 0..21, "cannot be calculated", "");
    refused("start_time * Duration(\"1s\") == nil", 0..27, "cannot be calculated", "");
    refused("-name == 1", 1..5, "this is text, which has no sign", "");
}

#[test]
fn an_expression_has_a_limit() {
    let long = format!("name == \"{}\"", "x".repeat(TEXT_MAX));
    assert!(check(&long, Context::Span).expect_err("too long").message.contains("65546 bytes long"));
}

#[test]
fn a_comparison_that_is_always_the_same_is_noted() {
    let notes = |text: &str| {
        let mut notes = Vec::new();
        compile(text, Context::Span, &mut Asked::default(), &mut notes).expect(text);
        notes.iter().map(|note| note.line(text)).collect::<Vec<_>>()
    };
    let said = notes("true and kind == \"server\"");
    let expect = "compares a whole number with text, which is always false (character 10); did you mean `kind.string`?";
    assert_eq!(said, [expect]);
    assert_eq!(notes("name != nil"), ["compares text with nil, which is always true (character 1)"]);
    for fine in
        ["kind == 2.0", "attributes[\"k\"] == nil", "Int(attributes[\"k\"]) == nil", "\"2\" == attributes[\"k\"]"]
    {
        assert_eq!(notes(fine).len(), 0, "{fine}");
    }
}
