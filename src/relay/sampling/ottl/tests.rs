//! Conditions on spans as they come: what is true, what is not, what cannot be evaluated, and what is refused.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Proto;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::*;
use crate::relay::otlp::scan::scan;
use crate::relay::otlp::{Limits, Scan};

mod model;
mod refused;
mod values;

fn any_value(value: Proto) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn text(text: &str) -> Proto {
    Proto::StringValue(text.to_owned())
}

fn list(values: Vec<Proto>) -> Proto {
    Proto::ArrayValue(ArrayValue { values: values.into_iter().map(any_value).collect() })
}

fn map(values: Vec<(&str, Proto)>) -> Proto {
    Proto::KvlistValue(KeyValueList { values: values.into_iter().map(|(key, value)| pair(key, Some(value))).collect() })
}

fn pair(key: &str, value: Option<Proto>) -> KeyValue {
    KeyValue { key: key.to_owned(), value: value.map(any_value), ..KeyValue::default() }
}

fn attributes(values: Vec<(&str, Proto)>) -> Vec<KeyValue> {
    values.into_iter().map(|(key, value)| pair(key, Some(value))).collect()
}

/// A span that has something of everything, its resource and its scope.
fn sample() -> ResourceSpans {
    let event = |name: &str, attempt| Event {
        name: name.to_owned(),
        time_unix_nano: 1_500,
        attributes: attributes(vec![("attempt", Proto::IntValue(attempt))]),
        dropped_attributes_count: 7,
    };
    let mut span = Span {
        trace_id: (1..=16).collect(),
        span_id: (1..=8).collect(),
        parent_span_id: vec![9; 8],
        trace_state: "ot=th:8,vendor=a b".to_owned(),
        name: "GET /predict".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 1_750_000_000,
        attributes: attributes(vec![
            ("text", text("caf\u{e9} noir")),
            ("digits", text("42")),
            ("truth", Proto::BoolValue(true)),
            ("int", Proto::IntValue(500)),
            ("double", Proto::DoubleValue(0.25)),
            ("nan", Proto::DoubleValue(f64::NAN)),
            ("bytes", Proto::BytesValue(vec![0xab, 1])),
            ("no bytes", Proto::BytesValue(Vec::new())),
            ("list", list(vec![Proto::IntValue(1), text("two"), list(vec![])])),
            ("map", map(vec![("b", Proto::IntValue(1)), ("a", map(vec![("deep", text("<x>"))]))])),
        ]),
        status: Some(Status { code: 2, message: "boom".to_owned() }),
        events: vec![event("retry", 1), event("retry", 2), event("exception", 3)],
        flags: 0x101,
        dropped_attributes_count: 3,
        ..Span::default()
    };
    span.attributes.extend([pair("empty", None), pair("int", Some(text("the first counts")))]);
    let scope = InstrumentationScope {
        name: "library".to_owned(),
        version: "1.2".to_owned(),
        attributes: attributes(vec![("s", text("scope"))]),
        ..InstrumentationScope::default()
    };
    ResourceSpans {
        resource: Some(Resource {
            attributes: attributes(vec![("service.name", text("gesture")), ("int", Proto::IntValue(9))]),
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans { scope: Some(scope), spans: vec![span], ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

fn sample_with(change: impl FnOnce(&mut Span)) -> ResourceSpans {
    let mut spans = sample();
    change(&mut spans.scope_spans[0].spans[0]);
    spans
}

/// The mark of a trace in which a condition was true, and that of one in which one failed.
const MET: usize = 3;
const FAILED: usize = 70;

fn conditions(mode: ErrorMode, span: &[&str], event: &[&str]) -> Conditions {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let (span, event) = (texts(span), texts(event));
    let mut conditions = Conditions::default();
    let failed = (mode == ErrorMode::Propagate).then_some(FAILED);
    conditions.add([&span, &event], Marking { met: MET, failed, counter: 0 }, &mut |_, _, finding| {
        if let Finding::Wrong(fault) = finding {
            panic!("{span:?} {event:?}: {fault:?}");
        }
    });
    conditions
}

/// Whether a condition was true, whether one failed, and how many errors were counted.
fn judged(conditions: &Conditions, spans: &[ResourceSpans]) -> (bool, bool, u64) {
    let (mut facts, mut desk, mut errors) = (Facts::default(), Desk::default(), [0]);
    let body = ExportTraceServiceRequest { resource_spans: spans.to_vec() }.encode_to_vec();
    let mut found = Scan::default();
    scan(&body, &Limits::default(), &mut (), &mut found).expect("prost wrote it");
    for seen in &found.spans {
        let (mut resource, mut scope) = (Vec::new(), Vec::new());
        found.resource_envelope(&body, found.envelopes[seen.envelope as usize].resource, &mut resource);
        found.scope_envelope(&body, seen.envelope, &mut scope);
        let record = &body[seen.offset as usize..][..seen.len as usize];
        let arrival = Arrival { record, envelope: (&resource, &scope), name: seen.envelope };
        conditions.judge(arrival, &mut desk, &mut facts, &mut errors);
    }
    (facts.has_mark(MET), facts.has_mark(FAILED), errors[0])
}

/// What a condition on spans says of a span: true, false, or that it cannot be evaluated.
fn said(condition: &str, spans: &ResourceSpans) -> Option<bool> {
    let (met, _, errors) = judged(&conditions(ErrorMode::Ignore, &[condition], &[]), std::slice::from_ref(spans));
    (errors == 0).then_some(met)
}

#[test]
fn the_conditions_of_a_list_are_alternatives_and_those_on_spans_come_first() {
    let says = |span: &[&str], event: &[&str]| judged(&conditions(ErrorMode::Ignore, span, event), &[sample()]).0;
    assert!(says(&["false", "kind == 2"], &[]));
    assert!(says(&["false"], &["name == \"exception\""]));
    assert!(says(&["true"], &["false"]));
    assert!(!says(&["false", "kind == 3"], &["name == \"other\"", "false"]));
    let quiet = sample_with(|span| span.events.clear());
    assert!(!judged(&conditions(ErrorMode::Ignore, &[], &["true"]), &[quiet]).0, "there is no event");
}

#[test]
fn an_event_is_seen_with_its_own_attributes_and_those_of_its_span() {
    let says = |event: &str| judged(&conditions(ErrorMode::Ignore, &[], &[event]), &[sample()]).0;
    for yes in [
        r#"name == "retry" and attributes["attempt"] == 2"#,
        r#"spanevent.name == "exception" and spanevent.attributes["attempt"] == 3"#,
        r#"span.name == "GET /predict" and span.attributes["int"] == 500"#,
        r#"resource.attributes["service.name"] == "gesture" and instrumentation_scope.version == "1.2""#,
        "time_unix_nano == 1500 and dropped_attributes_count == 7 and Len(attributes) == 1",
        "time < span.start_time",
    ] {
        assert!(says(yes), "{yes}");
    }
    for no in [r#"name == "exception" and attributes["attempt"] == 2"#, r#"attributes["int"] == 500"#] {
        assert!(!says(no), "{no}");
    }
    let bare = sample_with(|span| span.events[1].attributes.clear());
    let at_the_second = conditions(ErrorMode::Ignore, &[], &[r#"attributes["attempt"] == nil"#]);
    assert!(judged(&at_the_second, &[bare]).0, "nothing is left over from the event before");
}

#[test]
fn an_error_is_not_true_and_counted_or_ends_it_where_that_is_asked_for() {
    let fails = r#"Int(attributes["text"]) == 1"#;
    let with = |mode, span: &[&str]| judged(&conditions(mode, span, &[]), &[sample()]);
    for mode in [ErrorMode::Ignore, ErrorMode::Silent] {
        assert_eq!(with(mode, &[fails, "true"]), (true, false, 1));
        assert_eq!(with(mode, &[fails, fails]), (false, false, 2));
    }
    assert_eq!(with(ErrorMode::Propagate, &[fails, "true"]), (false, true, 1));
    assert_eq!(with(ErrorMode::Propagate, &["true", fails]), (true, false, 0));
    let event = conditions(ErrorMode::Propagate, &["false"], &["Int(span.attributes[\"text\"]) == 1", "true"]);
    assert_eq!(judged(&event, &[sample()]), (false, true, 1), "the first event ends it");
}

#[test]
fn a_trace_that_is_decided_is_not_looked_at_again() {
    let late = |mode, first: &str| {
        let other = sample_with(|span| span.kind = 3);
        judged(&conditions(mode, &[first, "Int(attributes[\"text\"]) == 1"], &[]), &[sample(), other.clone(), other])
    };
    assert_eq!(late(ErrorMode::Ignore, "kind == 2"), (true, false, 0));
    assert_eq!(
        late(ErrorMode::Ignore, "kind == 3"),
        (true, false, 1),
        "the second span decides, the third counts nothing"
    );
    assert_eq!(late(ErrorMode::Propagate, "kind == 3"), (false, true, 1), "an error decides too");
}

#[test]
fn several_policies_are_judged_in_one_walk_each_for_itself() {
    let mut all = Conditions::default();
    for (mark, text) in [(0, "kind == 3"), (1, "attributes[\"int\"] == 500"), (2, "Int(attributes[\"text\"]) == 1")] {
        let marking = Marking { met: mark, failed: None, counter: mark };
        all.add([&[text.to_owned()], &[]], marking, &mut |_, _, _| panic!("{text}"));
    }
    let (mut facts, mut errors) = (Facts::default(), [0; 3]);
    let record = sample().scope_spans[0].spans[0].encode_to_vec();
    let mut framed = vec![0x12];
    prost::encoding::encode_varint(record.len() as u64, &mut framed);
    framed.extend(record);
    let arrival = Arrival { record: &framed, envelope: (&[], &[]), name: 0 };
    all.judge(arrival, &mut Desk::default(), &mut facts, &mut errors);
    assert_eq!(([0, 1, 2].map(|mark| facts.has_mark(mark)), errors), ([false, true, false], [0, 0, 1]));
}

#[test]
fn resources_are_told_apart_within_a_request_and_from_one_to_the_next() {
    let with = |name: &str| {
        let mut spans = sample();
        // The name stands at another place in each.
        let before = "x".repeat(usize::from(name.as_bytes()[0]));
        let resource = attributes(vec![("before", text(&before)), ("service.name", text(name))]);
        spans.resource.as_mut().expect("it has one").attributes = resource;
        spans
    };
    let only_b = conditions(ErrorMode::Ignore, &[r#"resource.attributes["service.name"] == "b""#], &[]);
    assert!(judged(&only_b, &[with("a"), with("b")]).0);
    assert!(!judged(&only_b, &[with("a"), with("c")]).0);
    let none = conditions(ErrorMode::Ignore, &[r#"resource.attributes["service.name"] == nil"#], &[]);
    let mut bare = sample();
    bare.resource = None;
    assert!(judged(&none, &[with("a"), bare]).0, "nothing is left over from the resource before");
    let (mut desk, mut facts) = (Desk::default(), Facts::default());
    for (name, met) in [("a", false), ("b", true)] {
        let resource = ResourceSpans { scope_spans: Vec::new(), ..with(name) }.encode_to_vec();
        desk.clear();
        only_b.judge(Arrival { record: &[], envelope: (&resource, &[]), name: 0 }, &mut desk, &mut facts, &mut []);
        assert_eq!(facts.has_mark(MET), met);
    }
}
