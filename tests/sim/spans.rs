//! Spans and requests as SDKs make them.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use crate::random::Random;

/// Whether the parent is in another process: the span flags' bit for it, and the bit that says that it is known.
const REMOTE: u32 = 0x300;
const LOCAL: u32 = 0x100;

pub const SERVER: i32 = 2;
pub const CLIENT: i32 = 3;

/// What numbers spans, so that no two are alike.
#[derive(Default)]
pub struct Ids(u64);

impl Ids {
    pub fn span(&mut self) -> Vec<u8> {
        self.0 += 1;
        (self.0 | 1 << 63).to_be_bytes().to_vec()
    }
}

pub fn trace_id(random: &mut Random) -> Vec<u8> {
    [random.next().to_be_bytes(), (random.next() | 1).to_be_bytes()].concat()
}

/// A span with nothing special about it. `parent` is the id of its parent, if it has one, and whether that is remote.
pub fn span(ids: &mut Ids, trace: &[u8], parent: Option<(&[u8], bool)>, kind: i32) -> Span {
    Span {
        trace_id: trace.to_vec(),
        span_id: ids.span(),
        parent_span_id: parent.map_or(Vec::new(), |(id, _)| id.to_vec()),
        flags: if parent.is_some_and(|(_, remote)| remote) { REMOTE } else { LOCAL },
        name: "work".to_owned(),
        kind,
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 1_001_000_000,
        ..Span::default()
    }
}

pub fn fail(span: &mut Span) {
    span.status = Some(Status { message: String::new(), code: 2 });
}

pub fn text(key: &str, value: String) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value)) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// One process's part of a trace, children first and its root last.
fn part(random: &mut Random, ids: &mut Ids, trace: &[u8], above: Option<&[u8]>, state: &str) -> Vec<Span> {
    let kind = if above.is_some() { SERVER } else { 1 };
    let mut root = span(ids, trace, above.map(|id| (id, true)), kind);
    let count = random.scale(1, 40) as usize - 1;
    let mut spans: Vec<Span> = Vec::new();
    for _ in 0..count {
        let parent = match spans.is_empty() || random.chance(2) {
            true => root.span_id.clone(),
            false => random.pick(&spans).span_id.clone(),
        };
        let kind = *random.pick(&[1, 1, 3, 4]);
        spans.push(span(ids, trace, Some((&parent, false)), kind));
    }
    spans.reverse();
    if random.chance(3) {
        root.kind = CLIENT;
    }
    spans.push(root);
    for span in &mut spans {
        span.trace_state = state.to_owned();

        if random.chance(60) {
            fail(span);
        }
        if random.chance(2) {
            span.end_time_unix_nano += random.scale(1, 3_000_000_000);
        }
        let filler = if random.chance(40) { random.scale(1000, 40_000) } else { random.scale(1, 300) };
        span.attributes.push(text("note", "x".repeat(filler as usize)));
    }
    spans
}

/// A trace through some of `services` processes: whose part is what.
pub fn trace(random: &mut Random, ids: &mut Ids, services: usize) -> Vec<(usize, Vec<Span>)> {
    let id = trace_id(random);
    let state = match random.below(8) {
        0 => format!("ot=rv:{:014x}", random.next() >> 8),
        1 => "vendor=1,ot=th:8".to_owned(),
        2 => "vendor=1".to_owned(),
        3 => "no state at all,,=".to_owned(),
        _ => String::new(),
    };
    let mut parts: Vec<(usize, Vec<Span>)> = Vec::new();
    let mut above: Option<Vec<u8>> = None;
    for _ in 0..1 + random.below(3) {
        let spans = part(random, ids, &id, above.as_deref(), &state);
        above = Some(random.pick(&spans).span_id.clone());
        parts.push((random.below(services), spans));
    }
    parts
}

/// A process that says no `service.name`.
pub const NAMELESS: usize = usize::MAX;

/// One request, under one resource and up to two scopes.
pub fn request(service: usize, scopes: usize, spans: Vec<Span>) -> Vec<u8> {
    let attributes = if service == NAMELESS { Vec::new() } else { vec![text("service.name", name(service))] };
    let resource = Resource { attributes, ..Resource::default() };
    let share = spans.len().div_ceil(scopes.max(1)).max(1);
    let scope_spans = spans.chunks(share).map(|spans| ScopeSpans { spans: spans.to_vec(), ..ScopeSpans::default() });
    let scope_spans =
        scope_spans.enumerate().map(|(place, scope)| ScopeSpans { schema_url: format!("{place}"), ..scope });
    let resource_spans =
        ResourceSpans { resource: Some(resource), scope_spans: scope_spans.collect(), ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec()
}

pub fn name(service: usize) -> String {
    format!("service-{service}")
}
