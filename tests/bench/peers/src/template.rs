//! OTLP requests as an SDK would send them, encoded once and patched: a fresh request costs a copy and a few stores.
//! Every span is `SPAN_BYTES` long on the wire, so a count of spans is also a count of bytes. A trace is some children and,
//! last as an SDK ends it, its true root (no parent, flags 0x101); a small share of roots has status ERROR.

use std::time::Duration;

use crate::grpc::PREFIX;

/// Length of every span in the request, its tag and length included.
pub const SPAN_BYTES: usize = 465;

/// A stream of requests: spans of consecutive traces, all from one service.
pub struct Requests {
    child: Span,
    root: Span,
    failed_root: Span,
    trace_spans: Vec<usize>,
    failed_share: f64,
    random: Random,
    trace: Trace,
    traces: u64,
}

/// What a request is made of, beside its bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Content {
    /// Spans in the request.
    pub spans: u64,
    /// Of these, spans with status ERROR.
    pub failed: u64,
}

struct Trace {
    id: [u8; 16],
    root: [u8; 8],
    left: usize,
    failed: bool,
}

impl Requests {
    /// Traces of `trace_spans` spans (used in turn), of which `failed_share` (0 to 1) fail. Equal seeds give equal ids.
    pub fn new(trace_spans: Vec<usize>, failed_share: f64, seed: u64) -> Requests {
        let mut requests = Requests {
            child: Span::new(Kind::Child),
            root: Span::new(Kind::Root),
            failed_root: Span::new(Kind::FailedRoot),
            trace_spans,
            failed_share,
            random: Random(seed),
            trace: Trace {
                id: [0; 16],
                root: [0; 8],
                left: 0,
                failed: false,
            },
            traces: 0,
        };
        requests.next_trace();
        requests
    }

    /// Appends a framed request of `spans` spans that ended just before `now` (since the epoch).
    pub fn append(&mut self, spans: usize, now: Duration, out: &mut Vec<u8>) -> Content {
        let envelope = Envelope::new(spans * SPAN_BYTES);
        out.reserve_exact(PREFIX + envelope.0.len() + spans * SPAN_BYTES);
        out.push(0);
        out.extend_from_slice(&((envelope.0.len() + spans * SPAN_BYTES) as u32).to_be_bytes());
        out.extend_from_slice(&envelope.0);
        let mut content = Content {
            spans: spans as u64,
            failed: 0,
        };
        for _ in 0..spans {
            content.failed += u64::from(self.append_span(now, out));
        }
        content
    }

    /// Traces begun so far.
    pub fn traces(&self) -> u64 {
        self.traces
    }

    fn append_span(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        if self.trace.left == 0 {
            self.next_trace();
        }
        self.trace.left -= 1;
        let is_root = self.trace.left == 0;
        let (span, id) = match (is_root, self.trace.failed) {
            (false, _) => (&self.child, self.random.next().to_le_bytes()),
            (true, false) => (&self.root, self.trace.root),
            (true, true) => (&self.failed_root, self.trace.root),
        };
        let end = now.as_nanos() as u64 - self.trace.left as u64 * 100_000;
        let start = end - if is_root { 40_000_000 } else { 3_000_000 };
        let at = out.len();
        out.extend_from_slice(&span.bytes);
        let bytes = &mut out[at..];
        let mut patch = |at: usize, with: &[u8]| bytes[at..at + with.len()].copy_from_slice(with);
        patch(span.trace_at, &self.trace.id);
        patch(span.id_at, &id);
        if let Some(parent_at) = span.parent_at {
            patch(parent_at, &self.trace.root);
        }
        patch(span.start_at, &start.to_le_bytes());
        patch(span.end_at, &end.to_le_bytes());
        is_root && self.trace.failed
    }

    fn next_trace(&mut self) {
        let (high, low) = (self.random.next().to_le_bytes(), self.random.next().to_le_bytes());
        self.trace.id[..8].copy_from_slice(&high);
        self.trace.id[8..].copy_from_slice(&low);
        self.trace.root = self.random.next().to_le_bytes();
        self.trace.left = self.trace_spans[self.traces as usize % self.trace_spans.len()];
        self.trace.failed = (self.random.next() >> 11) as f64 / ((1u64 << 53) as f64) < self.failed_share;
        self.traces += 1;
    }
}

/// Everything of a request that stands before its spans: resource and scope, with lengths for the spans to come.
struct Envelope(Vec<u8>);

impl Envelope {
    fn new(spans_bytes: usize) -> Envelope {
        let mut resource = Vec::new();
        for (key, value) in RESOURCE {
            append_attribute(&mut resource, 1, key, value);
        }
        let mut scope = Vec::new();
        append_bytes(&mut scope, 1, b"opentelemetry.instrumentation.fastapi");
        append_bytes(&mut scope, 2, b"0.55b1");
        let mut scoped = Vec::new();
        append_bytes(&mut scoped, 1, &scope);

        let mut inner = Vec::new();
        append_bytes(&mut inner, 1, &resource);
        append_varint(&mut inner, 2 << 3 | 2);
        append_varint(&mut inner, (scoped.len() + spans_bytes) as u64);
        inner.extend_from_slice(&scoped);

        let mut bytes = vec![1 << 3 | 2];
        append_varint(&mut bytes, (inner.len() + spans_bytes) as u64);
        bytes.extend_from_slice(&inner);
        Envelope(bytes)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Child,
    Root,
    FailedRoot,
}

/// An encoded span (tag and length included) and where its changing fields stand in it.
struct Span {
    bytes: Vec<u8>,
    trace_at: usize,
    id_at: usize,
    parent_at: Option<usize>,
    start_at: usize,
    end_at: usize,
}

impl Span {
    fn new(kind: Kind) -> Span {
        // The statement is as long as it takes to reach the common length; one byte more may lengthen nothing else,
        // because all lengths concerned take two bytes.
        let shortest = Span::encode(kind, STATEMENT_BYTES_MIN).bytes.len();
        let span = Span::encode(kind, STATEMENT_BYTES_MIN + SPAN_BYTES - shortest);
        assert_eq!(
            span.bytes.len(),
            SPAN_BYTES,
            "the statement makes up for what else differs"
        );
        span
    }

    fn encode(kind: Kind, statement_bytes: usize) -> Span {
        let mut body = Vec::new();
        append_bytes(&mut body, 1, &[0; 16]);
        let trace_at = body.len() - 16;
        append_bytes(&mut body, 2, &[0; 8]);
        let id_at = body.len() - 8;
        let parent_at = (kind == Kind::Child).then(|| {
            append_bytes(&mut body, 4, &[0; 8]);
            body.len() - 8
        });
        append_bytes(
            &mut body,
            5,
            if kind == Kind::Child {
                b"SELECT gestures"
            } else {
                b"POST /api/v1/predict"
            },
        );
        append_varint(&mut body, 6 << 3);
        append_varint(&mut body, if kind == Kind::Child { 3 } else { 2 });
        append_fixed64(&mut body, 7);
        let start_at = body.len() - 8;
        append_fixed64(&mut body, 8);
        let end_at = body.len() - 8;
        for (key, value) in ATTRIBUTES {
            append_attribute(&mut body, 9, key, value);
        }
        let statement: String = STATEMENT.chars().cycle().take(statement_bytes).collect();
        append_attribute(&mut body, 9, "db.query.text", &statement);
        match kind {
            Kind::FailedRoot => append_bytes(&mut body, 15, &[2 << 3 | 2, 5, b'b', b'r', b'o', b'k', b'e', 3 << 3, 2]),
            Kind::Child | Kind::Root => append_bytes(&mut body, 15, &[]),
        }
        append_varint(&mut body, 16 << 3 | 5);
        body.extend_from_slice(&0x101u32.to_le_bytes());

        let mut bytes = vec![2 << 3 | 2];
        append_varint(&mut bytes, body.len() as u64);
        let shift = bytes.len();
        bytes.extend_from_slice(&body);
        Span {
            bytes,
            trace_at: trace_at + shift,
            id_at: id_at + shift,
            parent_at: parent_at.map(|at| at + shift),
            start_at: start_at + shift,
            end_at: end_at + shift,
        }
    }
}

/// SplitMix64: ids need to be spread, not secret.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn append_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn append_bytes(out: &mut Vec<u8>, number: u64, value: &[u8]) {
    append_varint(out, number << 3 | 2);
    append_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn append_fixed64(out: &mut Vec<u8>, number: u64) {
    append_varint(out, number << 3 | 1);
    out.extend_from_slice(&[0; 8]);
}

fn append_attribute(out: &mut Vec<u8>, number: u64, key: &str, value: &str) {
    let (mut any, mut pair) = (Vec::new(), Vec::new());
    append_bytes(&mut any, 1, value.as_bytes());
    append_bytes(&mut pair, 1, key.as_bytes());
    append_bytes(&mut pair, 2, &any);
    append_bytes(out, number, &pair);
}

const RESOURCE: [(&str, &str); 5] = [
    ("telemetry.sdk.language", "python"),
    ("telemetry.sdk.name", "opentelemetry"),
    ("telemetry.sdk.version", "1.34.1"),
    ("service.name", "hand-gesture-api"),
    ("k8s.pod.name", "hand-gesture-deployment-7d9c6b5f4-x2x8z"),
];
const ATTRIBUTES: [(&str, &str); 4] = [
    ("http.request.method", "POST"),
    ("server.address", "hand-gesture.model-serving.svc"),
    ("prediction.user_id", "user-0042"),
    ("network.protocol.version", "1.1"),
];
const STATEMENT: &str =
    "SELECT id, label, score FROM gestures WHERE user_id = $1 AND seen_at > $2 ORDER BY score DESC ";
/// Long enough that the attribute's lengths take two bytes each, whatever is added.
const STATEMENT_BYTES_MIN: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::Totals;
    use crate::grpc::message;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn totals_of(requests: &mut Requests, sizes: &[usize]) -> (Totals, Content) {
        let (mut totals, mut content) = (Totals::default(), Content::default());
        for spans in sizes {
            let mut body = Vec::new();
            let part = requests.append(*spans, NOW, &mut body);
            let message = message(&body).unwrap();
            totals.add(&message, message.len()).unwrap();
            content = Content {
                spans: content.spans + part.spans,
                failed: content.failed + part.failed,
            };
        }
        (totals, content)
    }

    #[test]
    fn the_sink_counts_what_the_load_says_it_sent() {
        let mut requests = Requests::new(vec![10], 0.01, 1);
        let (totals, content) = totals_of(&mut requests, &[512, 512, 10, 1, 5]);
        assert_eq!((totals.requests, totals.spans), (5, 1040));
        assert_eq!((content.spans, content.failed), (totals.spans, totals.failed));
        assert_eq!(totals.traces() as u64, requests.traces());
        assert_eq!(totals.roots, 104);
        assert_eq!(totals.span_bytes, 1040 * SPAN_BYTES as u64);
    }

    #[test]
    fn about_one_trace_in_a_hundred_fails() {
        let (totals, _) = totals_of(&mut Requests::new(vec![10], 0.01, 2), &[512; 1000]);
        assert!((400..=630).contains(&totals.failed), "{} of 51200", totals.failed);
    }

    #[test]
    fn equal_seeds_give_equal_bytes_and_other_seeds_other_ids() {
        let bytes = |seed| {
            let mut body = Vec::new();
            Requests::new(vec![10], 0.01, seed).append(20, NOW, &mut body);
            body
        };
        assert_eq!(bytes(1), bytes(1));
        assert_ne!(bytes(1), bytes(2));
    }

    #[test]
    fn trace_lengths_are_used_in_turn() {
        let mut requests = Requests::new(vec![10, 10, 11], 0.0, 3);
        let (totals, _) = totals_of(&mut requests, &[31_000]);
        assert_eq!((totals.traces(), totals.roots, totals.failed), (3_000, 3_000, 0));
    }
}
