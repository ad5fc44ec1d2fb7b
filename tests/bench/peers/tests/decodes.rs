//! The requests of the load, read by the reference decoder.

#![allow(clippy::unwrap_used)] // A test may.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tailwater_peers::grpc;
use tailwater_peers::template::{Requests, SPAN_BYTES};

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn spans(count: usize, failed_share: f64) -> Vec<Span> {
    let mut body = Vec::new();
    Requests::new(vec![10], failed_share, 1).append(count, NOW, &mut body);
    let request = ExportTraceServiceRequest::decode(grpc::message(&body).unwrap().as_ref()).unwrap();
    assert_eq!(
        request.encode_to_vec(),
        body[grpc::PREFIX..],
        "nothing unknown, nothing out of order"
    );
    request
        .resource_spans
        .into_iter()
        .flat_map(|of| of.scope_spans)
        .flat_map(|of| of.spans)
        .collect()
}

#[test]
fn a_trace_is_nine_children_and_then_their_true_root() {
    for trace in spans(512, 0.01).chunks_exact(10) {
        let root = &trace[9];
        assert!(root.parent_span_id.is_empty());
        assert!(
            trace
                .iter()
                .all(|span| span.trace_id == root.trace_id && span.trace_id.len() == 16)
        );
        assert!(
            trace[..9]
                .iter()
                .all(|span| span.parent_span_id == root.span_id && span.span_id != root.span_id)
        );
        assert!(
            trace
                .iter()
                .all(|span| span.flags == 0x101 && span.start_time_unix_nano < span.end_time_unix_nano)
        );
        assert!(trace.iter().all(|span| span.encoded_len() + 3 == SPAN_BYTES));
    }
}

#[test]
fn only_roots_fail_and_all_of_them_when_asked_for() {
    let codes: Vec<i32> = spans(20, 1.0)
        .iter()
        .map(|span| span.status.as_ref().unwrap().code)
        .collect();
    assert_eq!(codes, [[0; 9].as_slice(), &[2], &[0; 9], &[2]].concat());
}
