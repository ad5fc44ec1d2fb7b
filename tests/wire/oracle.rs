//! The judge of the scanner: prost, with the generated OTLP messages. `check` takes any bytes and panics on the first difference between what
//! we and prost say of them. Shared, by path, by the wire tests and the fuzz target.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};
use tailwater::relay::otlp::{
    Group, Limits, Observer, Parentage, Rejected, Scan, Sighting, Status, Value, compose, resource_attributes, scan,
    stamp,
};

/// What was found to be true of the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The request as a whole is refused.
    Malformed,
    /// The request is read; so many spans of it are accepted, the others not.
    Read { accepted: usize, rejected: Rejected },
}

/// Compares everything the scanner says of `body` with what prost says, and every law with what is composed of it.
pub fn check(body: &[u8]) -> Verdict {
    let (mut ours, mut seen) = (Scan::default(), Attributes::default());
    let read = scan(body, &Limits::default(), &mut seen, &mut ours);
    let theirs = ExportTraceServiceRequest::decode(body);
    let readable = read.is_ok() && ours.rejected.malformed == 0;
    assert_eq!(readable, theirs.is_ok(), "the verdict on the whole request, ours first: {read:?} {theirs:?}");
    // A request with malformed spans is judged without them: what is left must be what we accepted.
    let (decoded, malformed) = match theirs {
        Ok(decoded) => (Some(decoded), 0),
        Err(_) => strip(body),
    };
    assert_eq!(read.is_ok(), decoded.is_some(), "the verdict on what is around the spans: {read:?}");
    let Some(decoded) = decoded else {
        let text = read.expect_err("it was just compared").to_string();
        assert!(text.len() <= 256);
        assert!(ours.spans.is_empty() && ours.envelopes.is_empty() && ours.resources.is_empty());
        return Verdict::Malformed;
    };
    assert_eq!(ours.rejected, rejected(&decoded, malformed));
    assert_eq!(ours.whole, ours.rejected.total() == 0);
    let accepted = filter(&decoded, is_valid);
    compare_facts(body, &ours, &seen, &accepted);
    compare_composed(body, &ours, &accepted);
    Verdict::Read { accepted: ours.spans.len(), rejected: ours.rejected }
}

/// Splits the request with prost's own primitives, leaves out every span that prost cannot decode where it stands, and decodes the rest.
fn strip(body: &[u8]) -> (Option<ExportTraceServiceRequest>, u32) {
    let mut malformed = 0;
    let stripped = strip_message(body, &[1, 2, 2], &mut malformed);
    (stripped.and_then(|bytes| ExportTraceServiceRequest::decode(bytes.as_slice()).ok()), malformed)
}

/// `path` are the field numbers that lead from here to the spans.
fn strip_message(mut rest: &[u8], path: &[u32], malformed: &mut u32) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    while !rest.is_empty() {
        let record = rest;
        let (field, wire) = decode_key(&mut rest).ok()?;
        if field != path[0] || wire != WireType::LengthDelimited {
            skip_field(wire, field, &mut rest, DecodeContext::default()).ok()?;
            out.extend_from_slice(&record[..record.len() - rest.len()]);
            continue;
        }
        let len = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
        let (inside, tail) = rest.split_at_checked(len)?;
        rest = tail;
        match path {
            [_] => {
                let alone = nest(1, &nest(2, &nest(2, inside)));
                if ExportTraceServiceRequest::decode(alone.as_slice()).is_ok() {
                    out.extend(nest(field, inside));
                } else {
                    *malformed += 1;
                }
            }
            [_, deeper @ ..] => out.extend(nest(field, &strip_message(inside, deeper, malformed)?)),
            [] => unreachable!("a path has a step"),
        }
    }
    Some(out)
}

/// A length-delimited field.
pub fn nest(field: u32, inside: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(field, WireType::LengthDelimited, &mut out);
    encode_varint(inside.len() as u64, &mut out);
    out.extend_from_slice(inside);
    out
}

fn is_trace_id(id: &[u8]) -> bool {
    id.len() == 16 && id.iter().any(|byte| *byte != 0)
}

fn is_valid(span: &Span) -> bool {
    is_trace_id(&span.trace_id) && span.span_id.len() == 8 && span.span_id.iter().any(|byte| *byte != 0)
}

fn spans(request: &ExportTraceServiceRequest) -> impl Iterator<Item = &Span> {
    request.resource_spans.iter().flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans)
}

fn rejected(request: &ExportTraceServiceRequest, malformed: u32) -> Rejected {
    let invalid_trace_id = spans(request).filter(|span| !is_trace_id(&span.trace_id)).count() as u32;
    let invalid_span_id = spans(request).filter(|span| !is_valid(span)).count() as u32 - invalid_trace_id;
    Rejected { invalid_trace_id, invalid_span_id, malformed }
}

/// The request with the spans that `keep` wants, without envelopes that have none.
fn filter(request: &ExportTraceServiceRequest, keep: impl Fn(&Span) -> bool) -> ExportTraceServiceRequest {
    let mut request = request.clone();
    for resource in &mut request.resource_spans {
        resource.scope_spans.iter_mut().for_each(|scope| scope.spans.retain(&keep));
        resource.scope_spans.retain(|scope| !scope.spans.is_empty());
    }
    request.resource_spans.retain(|resource| !resource.scope_spans.is_empty());
    request
}

fn compare_facts(body: &[u8], ours: &Scan, seen: &Attributes, accepted: &ExportTraceServiceRequest) {
    assert_eq!(ours.spans.len(), spans(accepted).count());
    assert_eq!(seen.accepted.len(), ours.spans.len());
    for ((span, sighting), attributes) in spans(accepted).zip(&ours.spans).zip(&seen.accepted) {
        let facts = (
            sighting.trace.as_bytes().as_slice(),
            sighting.parentage,
            sighting.kind,
            sighting.status,
            sighting.sampled,
            sighting.start,
            sighting.end,
        );
        let kind = if (0..=5).contains(&span.kind) { span.kind as u8 } else { 0 };
        let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
        let sampled = span.flags & 1 == 1;
        assert_eq!(facts, (span.trace_id.as_slice(), parentage(span), kind, status(span), sampled, start, end));
        let state = sighting.trace_state.map_or(&[][..], |(at, len)| &body[at as usize..][..len as usize]);
        assert_eq!(state, span.trace_state.as_bytes());
        assert_eq!(sighting.trace_state.is_none(), state.is_empty());
        assert_eq!(*attributes, shown(&span.attributes));
        let record = &body[sighting.offset as usize..][..sighting.len as usize];
        assert_eq!(stamp::records(record).collect::<Vec<_>>(), [record]);
        assert_eq!(stamp::trace_state_of(record).unwrap_or_default(), state);
        compare_stamped(record, span);
    }
    assert_eq!(ours.resources.len(), accepted.resource_spans.len());
    for (i, theirs) in accepted.resource_spans.iter().enumerate() {
        let (mut envelope, mut found) = (Vec::new(), Vec::new());
        ours.resource_envelope(body, i as u32, &mut envelope);
        resource_attributes(&envelope, |key, value| found.push(note(key, value)));
        assert_eq!(found, theirs.resource.as_ref().map(|resource| shown(&resource.attributes)).unwrap_or_default());
    }
}

fn compare_stamped(record: &[u8], span: &Span) {
    let mut stamped = Vec::new();
    stamp::append_trace_state(record, b"ot=th:8", &mut stamped);
    let mut inside = stamped.as_slice();
    assert_eq!(decode_key(&mut inside).ok(), Some((2, WireType::LengthDelimited)));
    let expected = Span { trace_state: "ot=th:8".into(), ..span.clone() };
    // Inside a request the nesting limit is nearer than for a span alone, so it decodes here if it did there.
    let decoded = Span::decode_length_delimited(inside).expect("a stamped span decodes");
    assert_eq!(decoded.encode_to_vec(), expected.encode_to_vec());
}

fn parentage(span: &Span) -> Parentage {
    if span.parent_span_id.iter().all(|byte| *byte == 0) {
        Parentage::TrueRoot
    } else if span.flags & 0x100 != 0 && span.flags & 0x200 != 0 {
        Parentage::RemoteParent
    } else {
        Parentage::Child
    }
}

fn status(span: &Span) -> Status {
    match span.status.as_ref().map_or(0, |status| status.code) {
        0 => Status::Unset,
        1 => Status::Ok,
        2 => Status::Error,
        _ => Status::Other,
    }
}

/// For every trace, what is composed of its slices decodes to what filtering the decoded request leaves; and so for all of them together.
/// Values are compared as prost writes them, because NaN is not equal to itself.
fn compare_composed(body: &[u8], ours: &Scan, accepted: &ExportTraceServiceRequest) {
    let body = Bytes::copy_from_slice(body);
    let all = joined(&groups(&body, ours, |_| true));
    assert_decodes(&all, accepted);
    let mut traces: Vec<_> = ours.spans.iter().map(|span| span.trace).collect();
    traces.sort_unstable();
    traces.dedup();
    if 1 < traces.len() {
        for trace in traces {
            let composed = joined(&groups(&body, ours, |span| span.trace == trace));
            assert_decodes(&composed, &filter(accepted, |span| span.trace_id == trace.as_bytes()));
        }
    }
    let mut again = Scan::default();
    scan(&all, &Limits::default(), &mut (), &mut again).expect("what is composed can be scanned");
    assert!(again.whole);
    assert_eq!(joined(&groups(&all, &again, |_| true)), all, "composing twice changes nothing");
}

#[track_caller]
fn assert_decodes(bytes: &Bytes, expected: &ExportTraceServiceRequest) {
    let decoded = ExportTraceServiceRequest::decode(bytes.clone()).expect("what is composed decodes");
    assert_eq!(decoded.encode_to_vec(), expected.encode_to_vec());
}

/// The chosen spans as groups of slices, neighbours joined into runs, as the relay packs them.
pub fn groups(body: &Bytes, scan: &Scan, keep: impl Fn(&Sighting) -> bool) -> Vec<Group> {
    let mut groups: Vec<(u32, u32, Group)> = Vec::new();
    let mut end = 0;
    for span in scan.spans.iter().filter(|span| keep(span)) {
        let resource = scan.envelopes[span.envelope as usize].resource;
        if groups.last().is_none_or(|(last, ..)| *last != resource) {
            let mut envelope = Vec::new();
            scan.resource_envelope(body, resource, &mut envelope);
            if let Some(slice) = scan.resource_slice(body, resource) {
                assert_eq!(slice, envelope);
            }
            groups.push((resource, u32::MAX, Group { resource: envelope.into(), scopes: Vec::new() }));
        }
        let (_, scope, group) = groups.last_mut().expect("one was just pushed");
        if *scope != span.envelope {
            let mut envelope = Vec::new();
            scan.scope_envelope(body, span.envelope, &mut envelope);
            group.scopes.push((envelope.into(), Vec::new()));
            (*scope, end) = (span.envelope, u32::MAX);
        }
        let runs = &mut group.scopes.last_mut().expect("one was just pushed").1;
        let from = if end == span.offset {
            span.offset as usize - runs.pop().map_or(0, |run| run.len())
        } else {
            span.offset as usize
        };
        end = span.offset + span.len;
        runs.push(body.slice(from..end as usize));
    }
    groups.into_iter().map(|(.., group)| group).collect()
}

/// What the groups compose to, in one piece.
pub fn joined(groups: &[Group]) -> Bytes {
    let mut slices = Vec::new();
    compose::compose(groups, &mut slices);
    let bytes = Bytes::from(slices.concat());
    assert_eq!(bytes.len(), compose::encoded_len(groups));
    bytes
}

type Shown = (Vec<u8>, String);

/// An observer that believes everything and forgets rejected spans.
#[derive(Default)]
struct Attributes {
    current: Vec<Shown>,
    accepted: Vec<Vec<Shown>>,
}

impl Observer for Attributes {
    const WATCHES: bool = true;
    fn attribute(&mut self, key: &[u8], value: Value<'_>) {
        self.current.push(note(key, value));
    }
    fn span_end(&mut self, accepted: bool) {
        let current = std::mem::take(&mut self.current);
        if accepted {
            self.accepted.push(current);
        }
    }
}

fn note(key: &[u8], value: Value<'_>) -> Shown {
    let value = match value {
        Value::Double(number) => format!("double {:x}", number.to_bits()),
        other => format!("{other:?}"),
    };
    (key.to_vec(), value)
}

fn shown(attributes: &[KeyValue]) -> Vec<Shown> {
    let value = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => format!("{:?}", Value::Str(text.as_bytes())),
        Some(any_value::Value::BoolValue(truth)) => format!("{:?}", Value::Bool(*truth)),
        Some(any_value::Value::IntValue(number)) => format!("{:?}", Value::Int(*number)),
        Some(any_value::Value::DoubleValue(number)) => format!("double {:x}", number.to_bits()),
        Some(any_value::Value::ArrayValue(_) | any_value::Value::KvlistValue(_) | any_value::Value::BytesValue(_)) => {
            format!("{:?}", Value::Other)
        }
        Some(any_value::Value::StringValueStrindex(_)) | None => format!("{:?}", Value::Empty),
    };
    attributes.iter().map(|attribute| (attribute.key.clone().into_bytes(), value(attribute))).collect()
}
