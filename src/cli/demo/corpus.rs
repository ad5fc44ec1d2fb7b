//! The recorded requests, and how one is made new: fresh ids and times, written over the old ones in place. Lengths do not
//! change, so every other byte stays as the SDK sent it.

use crate::cli::demo::patch::{self, Fresh};

/// Requests recorded together: traces may run from one into the next, so they share ids and times.
pub type Recording = &'static [&'static [u8]];

/// What is replayed, in this order. Described in `tests/corpus/README.md`.
pub const RECORDINGS: [Recording; 11] = [
    &[include_bytes!("../../../tests/corpus/python-grpc-busy.otlp")],
    &[include_bytes!("../../../tests/corpus/node-grpc.otlp")],
    &[include_bytes!("../../../tests/corpus/python-grpc-failing.otlp")],
    &[include_bytes!("../../../tests/corpus/go-grpc.otlp")],
    &[include_bytes!("../../../tests/corpus/python-http-gateway.otlp")],
    &[
        include_bytes!("../../../tests/corpus/python-grpc-split-1.otlp"),
        include_bytes!("../../../tests/corpus/python-grpc-split-2.otlp"),
    ],
    &[include_bytes!("../../../tests/corpus/python-http-busy.otlp")],
    &[include_bytes!("../../../tests/corpus/node-http.otlp")],
    &[include_bytes!("../../../tests/corpus/python-grpc-quiet.otlp")],
    &[include_bytes!("../../../tests/corpus/go-http.otlp")],
    &[
        include_bytes!("../../../tests/corpus/python-grpc-full-1.otlp"),
        include_bytes!("../../../tests/corpus/python-grpc-full-2.otlp"),
    ],
];

/// The requests of a recording as if they had been made just now: the latest span ends at `now` (nanoseconds since 1970),
/// and every id is another, the same one everywhere for the same old one.
pub fn renewed(recording: Recording, now: u64, trace: [u8; 16], span: [u8; 8]) -> Vec<Vec<u8>> {
    let mut requests: Vec<Vec<u8>> = recording.iter().map(|request| request.to_vec()).collect();
    let latest = requests.iter_mut().map(|request| patch::latest_end(request)).max().unwrap_or_default();
    let fresh = Fresh { trace, span, later: now.wrapping_sub(latest) };
    requests.iter_mut().for_each(|request| patch::renew(request, fresh));
    requests
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::trace::v1::Span;
    use prost::Message;

    use super::*;

    fn spans<'a>(requests: impl IntoIterator<Item = &'a [u8]>) -> Vec<Span> {
        let decoded = requests.into_iter().map(|request| ExportTraceServiceRequest::decode(request).unwrap());
        let resources = decoded.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    #[test]
    fn a_renewed_recording_ends_now_and_differs_in_ids_and_times_alone() {
        const NOW: u64 = 1_900_000_000_123_456_789;
        let (trace, span) = ([0x5a; 16], [0xc3; 8]);
        for recording in RECORDINGS {
            let old = spans(recording.iter().copied());
            let requests = renewed(recording, NOW, trace, span);
            let new = spans(requests.iter().map(Vec::as_slice));
            assert_eq!(new.iter().map(|span| span.end_time_unix_nano).max(), Some(NOW));
            let later = new[0].end_time_unix_nano.wrapping_sub(old[0].end_time_unix_nano);
            let other = |id: &[u8], by: &[u8]| id.iter().zip(by).map(|(id, by)| id ^ by).collect::<Vec<u8>>();
            let expected: Vec<Span> = old
                .into_iter()
                .map(|mut old| {
                    old.trace_id = other(&old.trace_id, &trace);
                    old.span_id = other(&old.span_id, &span);
                    old.parent_span_id = other(&old.parent_span_id, &span);
                    old.start_time_unix_nano = old.start_time_unix_nano.wrapping_add(later);
                    old.end_time_unix_nano = old.end_time_unix_nano.wrapping_add(later);
                    for event in &mut old.events {
                        event.time_unix_nano = event.time_unix_nano.wrapping_add(later);
                    }
                    for link in &mut old.links {
                        link.trace_id = other(&link.trace_id, &trace);
                        link.span_id = other(&link.span_id, &span);
                    }
                    old
                })
                .collect();
            assert_eq!(new, expected);
        }
    }

    #[test]
    fn no_id_comes_twice_in_a_round() {
        let mut seen = HashSet::new();
        for recording in RECORDINGS {
            for span in spans(recording.iter().copied()) {
                assert!(seen.insert((span.trace_id, span.span_id)));
            }
        }
    }
}
