//! Requests: what goes under which envelope, when they are full, and who pays.

use prost::Message;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::*;
use crate::relay::custody::{Fate, Ledger};
use crate::relay::frame::Frame;
use crate::relay::sampling::facts::Marks;

struct World {
    budget: Budget,
    packer: Packer,
    ledger: Ledger,
}

impl World {
    fn new(spans_max: u32, size_max: usize, budget: usize) -> World {
        let budget = Budget::new(budget);
        let options = Options { spans_max, size_max, delay: Duration::from_millis(200) };
        let packer = Packer::new(options, &budget).expect("the budget has room");
        World { budget, packer, ledger: Ledger::default() }
    }

    fn envelope(&self, schema: &str) -> Arc<Envelope> {
        let resource = [&[0x1a, schema.len() as u8], schema.as_bytes()].concat();
        let charge = self.budget.charge(resource.len()).expect("it fits");
        Arc::new(Envelope::new(resource.into(), Bytes::new(), Marks::default(), None, charge))
    }

    fn add(&mut self, envelope: &Arc<Envelope>, names: &[&str], mark: &Mark<'_>) -> Taken {
        let body = records(names);
        let charge = self.budget.charge(body.len()).expect("it fits");
        let (spans, len) = (names.len() as u32, body.len());
        let frame = Frame::new(body, charge);
        let piece = Piece { frame: &frame, offset: 0, len, spans, envelope };
        let mut custody = self.ledger.open(u64::from(spans));
        let taken = self.packer.add(&piece, spans, mark, &mut custody, Tick::ZERO);
        self.ledger.close(custody, Fate::Exported);
        taken
    }

    fn cut(&mut self) -> Option<ExportTraceServiceRequest> {
        let expected = self.packer.len();
        let batch = self.packer.cut(Tick::ZERO)?;
        let body = batch.body.concat();
        assert_eq!(body.len(), batch.len);
        assert!(batch.len <= expected, "{} bytes announced, {} cut", expected, batch.len);
        self.ledger.close(batch.custody, Fate::Exported);
        Some(ExportTraceServiceRequest::decode(body.as_slice()).expect("it is a request"))
    }
}

fn records(names: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for name in names {
        let span = Span { name: (*name).to_owned(), ..Span::default() };
        prost::encoding::message::encode(2, &span, &mut body);
    }
    body
}

fn names(request: &ExportTraceServiceRequest) -> Vec<Vec<String>> {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.map(|scope| scope.spans.iter().map(|span| span.name.clone()).collect()).collect()
}

#[test]
fn equal_envelopes_leave_as_one() {
    let mut world = World::new(512, 1 << 20, 1 << 24);
    let (one, same, other) = (world.envelope("a"), world.envelope("a"), world.envelope("b"));
    world.add(&one, &["1"], &Mark::none());
    world.add(&other, &["2"], &Mark::none());
    world.add(&same, &["3", "4"], &Mark::none());
    assert_eq!(world.packer.depth().spans, 4);
    let request = world.cut().expect("there are spans");
    assert_eq!(names(&request), [vec!["1", "3", "4"], vec!["2"]]);
    assert!(world.cut().is_none());
}

#[test]
fn a_request_is_full_at_its_spans_and_takes_a_run_apart() {
    let mut world = World::new(3, 1 << 20, 1 << 24);
    let envelope = world.envelope("a");
    let each = records(&["1"]).len();
    assert_eq!(world.add(&envelope, &["1", "2"], &Mark::none()), Taken::Some(2, 2 * each));
    assert_eq!(world.add(&envelope, &["3", "4"], &Mark::none()), Taken::Some(1, each));
    assert_eq!(world.add(&envelope, &["4"], &Mark::none()), Taken::Full);
    assert_eq!(names(&world.cut().expect("it is full")), [["1", "2", "3"]]);
}

#[test]
fn a_span_larger_than_a_request_travels_alone() {
    let mut world = World::new(512, 4096, 1 << 24);
    let envelope = world.envelope("a");
    let large = "x".repeat(20_000);
    world.add(&envelope, &["small"], &Mark::none());
    assert_eq!(world.add(&envelope, &[&large], &Mark::none()), Taken::Full);
    world.cut();
    assert!(matches!(world.add(&envelope, &[&large], &Mark::none()), Taken::Some(1, _)));
    assert_eq!(world.add(&envelope, &["small"], &Mark::none()), Taken::Full);
    assert_eq!(names(&world.cut().expect("the large one")), [[large]]);
}

#[test]
fn a_mark_is_what_the_collector_reads() {
    let mut world = World::new(512, 1 << 20, 1 << 24);
    let envelope = world.envelope("a");
    let mark = Mark { fresh: b"ot=th:8", ..Mark::none() };
    world.add(&envelope, &["1", "2"], &mark);
    let request = world.cut().expect("there are spans");
    let spans = &request.resource_spans[0].scope_spans[0].spans;
    assert!(spans.iter().all(|span| span.trace_state == "ot=th:8"), "{spans:?}");
}

#[test]
fn everything_is_paid_for_and_given_back() {
    let mut world = World::new(512, 1 << 16, 1 << 20);
    let before = world.budget.charged();
    let envelope = world.envelope("a");
    world.add(&envelope, &["1", "2"], &Mark::none());
    let batch = world.packer.cut(Tick::ZERO).expect("there are spans");
    assert!(before + batch.len <= world.budget.charged());
    world.ledger.close(batch.custody, Fate::Exported);
    drop((batch.body, envelope));
    assert_eq!(world.budget.charged(), before);
}

#[test]
fn with_the_budget_full_requests_are_made_of_what_was_set_aside() {
    let mut world = World::new(512, 1 << 16, 1 << 20);
    let envelope = world.envelope("a");
    let body = records(&["1"]);
    let frame = Frame::new(body.clone(), world.budget.charge(body.len()).expect("it fits"));
    let rest = world.budget.charge(world.budget.limit() - world.budget.charged()).expect("all the rest");
    let mut custody = world.ledger.open(1);
    let piece = Piece { frame: &frame, offset: 0, len: body.len(), spans: 1, envelope: &envelope };
    assert!(matches!(world.packer.add(&piece, 1, &Mark::none(), &mut custody, Tick::ZERO), Taken::Some(1, _)));
    assert_eq!(names(&world.cut().expect("one span")), [["1"]]);
    drop((custody, rest));
}

/// One span with a tracestate that cannot be renewed, as a record.
fn stated(name: &str) -> Vec<u8> {
    let mut body = Vec::new();
    let span = Span { name: name.to_owned(), trace_state: "?".to_owned(), ..Span::default() };
    prost::encoding::message::encode(2, &span, &mut body);
    body
}

#[test]
fn a_span_whose_tracestate_is_left_as_it_is_counts_when_it_is_taken_and_not_before() {
    let mut world = World::new(512, 1 << 16, 1 << 20);
    let envelope = world.envelope("a");
    let body = stated("1");
    let frame = Frame::new(body.clone(), world.budget.charge(body.len()).expect("it fits"));
    let piece = Piece { frame: &frame, offset: 0, len: body.len(), spans: 1, envelope: &envelope };
    let mark = Mark { fresh: b"ot=th:8", ..Mark::none() };
    let mut custody = world.ledger.open(1);
    let rest = world.budget.charge(world.budget.limit() - world.budget.charged()).expect("all the rest");
    let spare = world.packer.till.spare.clone();
    let all = spare.charge(spare.limit()).expect("all of what was set aside");
    assert_eq!(world.packer.add(&piece, 1, &mark, &mut custody, Tick::ZERO), Taken::NoMemory);
    assert_eq!(mark.untouched.get(), 0);
    drop((rest, all));
    assert!(matches!(world.packer.add(&piece, 1, &mark, &mut custody, Tick::ZERO), Taken::Some(1, _)));
    assert_eq!(mark.untouched.get(), 1);
    world.cut();
    drop(custody);
}

#[test]
fn a_copy_that_nobody_pays_for_is_as_long_as_its_span() {
    let mut world = World::new(512, 1 << 20, 1 << 24);
    let envelope = world.envelope("a");
    let many: Vec<String> = (0..500).map(|number| "x".repeat(300) + &number.to_string()).collect();
    world.add(&envelope, &many.iter().map(String::as_str).collect::<Vec<_>>(), &Mark::none());
    let before = world.packer.groups[0].pieces_allocated();
    let rest = world.budget.charge(world.budget.limit() - world.budget.charged()).expect("all the rest");
    let spare = world.packer.till.spare.clone();
    let all = spare.charge(spare.limit()).expect("all of what was set aside");
    let body = records(&[&"y".repeat(5000)]);
    let frame = Frame::new(body.clone(), {
        drop(rest);
        world.budget.charge(body.len()).expect("it fits")
    });
    let rest = world.budget.charge(world.budget.limit() - world.budget.charged()).expect("all the rest");
    let piece = Piece { frame: &frame, offset: 0, len: body.len(), spans: 1, envelope: &envelope };
    let mut custody = world.ledger.open(1);
    assert!(matches!(world.packer.add_unpaid(&piece, &Mark::none(), &mut custody, Tick::ZERO), Taken::Some(1, _)));
    let after = world.packer.groups[0].pieces_allocated();
    assert!(after - before <= body.len(), "{} bytes for a span of {}", after - before, body.len());
    world.cut();
    drop((custody, rest, all));
}
