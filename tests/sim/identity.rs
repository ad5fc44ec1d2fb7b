//! What is kept whole leaves as it came: byte for byte, however unlike our own way of writing it that is.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tailwater::relay::budget::Budget;
use tailwater::relay::clock::Tick;
use tailwater::relay::frame::Frame;
use tailwater::relay::queue::Outcome;
use tailwater::relay::{Relay, Transport};

use crate::random::Random;
use crate::setup;
use crate::spans::{self, Ids};

const NOW: Tick = Tick::from_millis(1);

/// A request of `count` spans under one resource that comes again and again, between others: put together by us, it would
/// come once.
fn scattered(count: usize) -> Vec<u8> {
    let (mut ids, mut random) = (Ids::default(), Random::new(5));
    let mut resources = Vec::new();
    for place in 0..count {
        let mut span = spans::span(&mut ids, &spans::trace_id(&mut random), None, 1);
        span.trace_state = "vendor=1,ot=th:0".to_owned();
        let one = ExportTraceServiceRequest::decode(&spans::request(place % 2, 1, vec![span])[..]).unwrap();
        resources.extend(one.resource_spans);
    }
    ExportTraceServiceRequest { resource_spans: resources }.encode_to_vec()
}

#[test]
fn a_request_of_which_all_is_kept_leaves_byte_for_byte_as_it_came() {
    let mut options = setup::options(&mut Random::new(1), 8 << 20);
    (options.ratio, options.sampler) = (None, None);
    options.request_spans_max = 10_000;
    (options.batch.spans_max, options.batch.size_max) = (512, 1 << 20);
    options.queue.size_max = 8 << 20;
    let budget = Budget::new(8 << 20);
    let mut relay = Relay::new(options, budget.clone()).unwrap();
    let body = scattered(512);
    let charge = budget.charge(body.len()).unwrap();
    relay.admit(Frame::new(body.clone(), charge), Transport::Grpc, NOW).unwrap();
    let batch = relay.take_batch(NOW).expect("nothing to wait for");
    assert_eq!(batch.custody.spans(), 512);
    assert!(batch.body.concat() == body, "it was put together anew");
    relay.settle(batch, Outcome::Delivered { rejected_spans: 0 }, NOW);
    assert!(relay.take_batch(NOW).is_none());
}
