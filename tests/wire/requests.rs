//! Requests to try: as an instrumented service sends them, from a seed. Shared, by path, by the wire tests and the micro benchmark.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};

/// A small generator of numbers (splitmix64): the same seed, the same requests, on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

pub fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

pub fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// One request of one service and one scope: spans of about 465 bytes, ten to a trace, as web frameworks write them.
pub fn realistic(random: &mut Random, spans: usize) -> ExportTraceServiceRequest {
    let mut trace = random.bytes(16);
    let mut parent = Vec::new();
    let spans = (0..spans)
        .map(|i| {
            if i % 10 == 0 {
                (trace, parent) = (random.bytes(16), Vec::new());
            }
            let span = web_span(random, trace.clone(), parent.clone());
            parent = span.span_id.clone();
            span
        })
        .collect();
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(service("hand-gesture-api")),
            scope_spans: vec![ScopeSpans { scope: Some(library()), spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
}

fn service(name: &str) -> Resource {
    let attributes = vec![
        text("telemetry.sdk.language", "python"),
        text("telemetry.sdk.name", "opentelemetry"),
        text("telemetry.sdk.version", "1.39.0"),
        text("service.name", name),
        text("service.instance.id", "9f6f6a53-0a7f-4b70-9d5f-0c1f4b0e6a55"),
        text("k8s.namespace.name", "model-serving"),
    ];
    Resource { attributes, ..Resource::default() }
}

fn library() -> InstrumentationScope {
    InstrumentationScope {
        name: "opentelemetry.instrumentation.fastapi".into(),
        version: "0.60b0".into(),
        ..InstrumentationScope::default()
    }
}

fn web_span(random: &mut Random, trace_id: Vec<u8>, parent_span_id: Vec<u8>) -> Span {
    let start = 1_790_000_000_000_000_000 + random.next() % 1_000_000_000;
    let status = random.chance(20).then(|| Status { code: 2, message: "model did not answer in time".into() });
    let operation = *random.pick(&["asl_prediction", "image_preprocessing", "model_inference", "database_query"]);
    Span {
        flags: if parent_span_id.is_empty() { 0x101 } else { 0x301 },
        trace_id,
        span_id: random.bytes(8),
        parent_span_id,
        name: format!("POST /v1/{operation}"),
        kind: 1 + random.below(5) as i32,
        start_time_unix_nano: start,
        end_time_unix_nano: start + random.next() % 900_000_000,
        attributes: vec![
            text("http.request.method", "POST"),
            text("url.path", format!("/v1/{operation}")),
            text("url.scheme", "http"),
            text("server.address", "hand-gesture-api.model-serving.svc"),
            attribute("server.port", Value::IntValue(8000)),
            attribute("http.response.status_code", Value::IntValue(200)),
            text("network.protocol.version", "1.1"),
            text("user_agent.original", "python-requests/2.32.5"),
            text("prediction.user_id", format!("user-{}", random.below(10_000))),
            attribute("prediction.confidence", Value::DoubleValue(0.93)),
        ],
        status,
        ..Span::default()
    }
}

/// A small request that uses every field there is: several resources and scopes, events, links, every kind of value, invalid ids now and then.
pub fn varied(random: &mut Random) -> ExportTraceServiceRequest {
    let traces: Vec<_> = (0..1 + random.below(3)).map(|_| random.bytes(16)).collect();
    let resource_spans = (0..random.below(3)).map(|_| varied_resource(random, &traces)).collect();
    ExportTraceServiceRequest { resource_spans }
}

fn varied_resource(random: &mut Random, traces: &[Vec<u8>]) -> ResourceSpans {
    let resource = (!random.chance(4)).then(|| Resource {
        attributes: attributes(random),
        dropped_attributes_count: random.below(3) as u32,
        entity_refs: (0..random.below(2)).map(|_| entity(random)).collect(),
    });
    let scope_spans = (0..random.below(3)).map(|_| varied_scope(random, traces)).collect();
    ResourceSpans { resource, scope_spans, schema_url: word(random) }
}

fn entity(random: &mut Random) -> EntityRef {
    let mut words = || (0..2).map(|_| word(random)).collect();
    let (id_keys, description_keys) = (words(), words());
    EntityRef { schema_url: word(random), r#type: word(random), id_keys, description_keys }
}

fn varied_scope(random: &mut Random, traces: &[Vec<u8>]) -> ScopeSpans {
    let scope = (!random.chance(4)).then(|| InstrumentationScope {
        name: word(random),
        version: word(random),
        attributes: attributes(random),
        dropped_attributes_count: random.below(2) as u32,
    });
    let spans = (0..random.below(4)).map(|_| varied_span(random, traces)).collect();
    ScopeSpans { scope, spans, schema_url: word(random) }
}

fn varied_span(random: &mut Random, traces: &[Vec<u8>]) -> Span {
    let trace_id = match random.below(16) {
        0 => random.bytes(15),
        1 => vec![0; 16],
        _ => random.pick(traces).clone(),
    };
    let span_id = match random.below(16) {
        0 => Vec::new(),
        1 => vec![0; 8],
        _ => random.bytes(8),
    };
    let parent_span_id = match random.below(4) {
        0 => Vec::new(),
        1 => vec![0; 8],
        _ => random.bytes(8),
    };
    let event = |random: &mut Random| span::Event {
        time_unix_nano: random.next(),
        name: word(random),
        attributes: attributes(random),
        dropped_attributes_count: 1,
    };
    let link = |random: &mut Random| span::Link {
        trace_id: random.bytes(16),
        span_id: random.bytes(8),
        trace_state: word(random),
        attributes: attributes(random),
        dropped_attributes_count: 2,
        flags: random.next() as u32,
    };
    Span {
        trace_id,
        span_id,
        parent_span_id,
        trace_state: word(random),
        flags: random.next() as u32,
        name: word(random),
        kind: random.below(8) as i32 - 1,
        start_time_unix_nano: random.next(),
        end_time_unix_nano: random.next(),
        attributes: attributes(random),
        dropped_attributes_count: random.below(200) as u32,
        events: (0..random.below(3)).map(|_| event(random)).collect(),
        dropped_events_count: random.below(2) as u32,
        links: (0..random.below(3)).map(|_| link(random)).collect(),
        dropped_links_count: random.below(2) as u32,
        status: random.chance(2).then(|| Status { code: random.below(5) as i32 - 1, message: word(random) }),
    }
}

fn attributes(random: &mut Random) -> Vec<KeyValue> {
    (0..random.below(4))
        .map(|_| KeyValue { key: word(random), value: (!random.chance(8)).then(|| value(random, 0)), key_strindex: 0 })
        .collect()
}

fn value(random: &mut Random, depth: usize) -> AnyValue {
    let kinds = if depth < 3 { 9 } else { 6 };
    let value = match random.below(kinds) {
        0 => None,
        1 => Some(Value::StringValue(word(random))),
        2 => Some(Value::BoolValue(random.chance(2))),
        3 => Some(Value::IntValue(random.next() as i64 >> random.below(64))),
        4 => Some(Value::DoubleValue(f64::from_bits(random.next()))),
        5 => Some(Value::BytesValue(random.bytes(3))),
        6 => Some(Value::StringValueStrindex(7)),
        7 => Some(Value::ArrayValue(ArrayValue {
            values: (0..random.below(3)).map(|_| value(random, depth + 1)).collect(),
        })),
        _ => {
            let values = (0..random.below(3)).map(|_| KeyValue {
                key: word(random),
                value: Some(value(random, depth + 1)),
                key_strindex: 0,
            });
            Some(Value::KvlistValue(KeyValueList { values: values.collect() }))
        }
    };
    AnyValue { value }
}

fn word(random: &mut Random) -> String {
    let long = "x".repeat(random.below(300));
    match random.below(8) {
        0 => String::new(),
        1 => "präsentation – 手話 👋".into(),
        2 => long,
        3 => "ot=th:c;rv:0123456789abcd,vendor=value".into(),
        4 => "service.name".into(),
        _ => "database_query".into(),
    }
}
