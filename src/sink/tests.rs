//! The sink behind our own exporter: what is sent is found, and it misbehaves as it is told.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;

use super::*;
use crate::exporter::{Compression, Endpoint, Exporter, Options, Outlet, Tls};
use crate::relay::clock::Tick;
use crate::relay::custody::{Fate, Ledger};
use crate::relay::queue::{Backoff, Batch, Outcome};
use crate::sink::wire::{AnyValue, KeyValue, Resource, ResourceSpans, ScopeSpans, Span};

pub(crate) fn request(service: &str, spans: Vec<Span>) -> wire::Request {
    let value = Some(AnyValue { string: service.to_owned() });
    let attributes = vec![KeyValue { key: "service.name".to_owned(), value }];
    let resource = Some(Resource { attributes });
    wire::Request { resource_spans: vec![ResourceSpans { resource, scope_spans: vec![ScopeSpans { spans }] }] }
}

pub(crate) fn span(trace: u8, id: u8, parent: u8, name: &str, start: u64, end: u64, error: bool) -> Span {
    Span {
        trace_id: Bytes::from(vec![trace; 16]),
        span_id: Bytes::from(vec![id; 8]),
        parent_span_id: if parent == 0 { Bytes::new() } else { Bytes::from(vec![parent; 8]) },
        name: name.to_owned(),
        start,
        end,
        status: error.then_some(wire::Status { code: 2 }),
    }
}

/// One batch and what became of it.
struct One {
    ledger: Mutex<Ledger>,
    batch: Mutex<VecDeque<Batch>>,
    outcome: Mutex<Option<Outcome>>,
}

impl Outlet for One {
    async fn next_batch(&self) -> Option<Batch> {
        self.batch.lock().expect("no panic").pop_front()
    }

    fn settle(&self, batch: Batch, outcome: Outcome) {
        self.ledger.lock().expect("no panic").close(batch.custody, Fate::Exported);
        *self.outcome.lock().expect("no panic") = Some(outcome);
    }
}

async fn send(address: SocketAddr, body: Vec<u8>, compression: Compression) -> Outcome {
    let mut ledger = Ledger::default();
    let (len, custody) = (body.len(), ledger.open(2));
    let batch = Batch { body: vec![body.into()], len, custody, cut_at: Tick::ZERO, attempts: 0 };
    let (batch, outcome) = (Mutex::new(VecDeque::from([batch])), Mutex::default());
    let one = One { ledger: Mutex::new(ledger), batch, outcome };
    let options = Options {
        endpoint: Endpoint::parse(&format!("http://{address}")).expect("an endpoint"),
        compression,
        timeout: Duration::from_millis(500),
        headers: vec![],
        tls: Tls::default(),
        concurrency: 1,
        hop: "test".to_owned(),
    };
    let exporter = Exporter::new(&options).expect("usable options");
    exporter.run(&one, |_| (), std::future::pending()).await;
    one.outcome.into_inner().expect("no panic").expect("settled")
}

fn two_spans() -> Vec<u8> {
    let spans =
        vec![span(1, 1, 0, "asl_prediction", 0, 5_000_000, false), span(1, 2, 1, "database_query", 1, 2, false)];
    request("hand-gesture-api", spans).encode_to_vec()
}

async fn started() -> Sink {
    Sink::start("127.0.0.1:0".parse().expect("an address")).await.expect("a free port").0
}

#[tokio::test]
async fn what_the_exporter_delivers_is_found_plain_and_compressed() {
    let sink = started().await;
    let bytes = two_spans().len() as u64;
    for compression in [Compression::None, Compression::Gzip] {
        let outcome = send(sink.address(), two_spans(), compression).await;
        assert_eq!(outcome, Outcome::Delivered { rejected_spans: 0 });
    }
    let shown: Vec<String> = sink.traces().iter().map(Trace::to_string).collect();
    assert_eq!(shown, ["01010101… hand-gesture-api asl_prediction 2 spans 5 ms"]);
    let expect = Totals { requests: 2, taken: 2, spans: 4, duplicates: 2, bytes: 2 * bytes, ..Totals::default() };
    assert_eq!(sink.totals(), expect);
}

#[tokio::test]
async fn it_answers_as_it_is_told() {
    let sink = started().await;
    let again = |scope, delay, unknown| Outcome::TryAgain { scope, delay, unknown };
    let wait = Duration::from_millis(1500);
    let cases = [
        (Say::Partial(1), Outcome::Delivered { rejected_spans: 1 }, 2),
        (Say::Refuse(Code::InvalidArgument, None), Outcome::Rejected, 0),
        (Say::Refuse(Code::Unavailable, Some(wait)), again(Backoff::Upstream, Some(wait), false), 0),
        (Say::Refuse(Code::ResourceExhausted, None), again(Backoff::Batch, None, false), 0),
        (Say::Nothing, again(Backoff::Upstream, None, true), 0),
        (Say::NothingButKeep, again(Backoff::Upstream, None, true), 2),
    ];
    for (say, expect, kept) in cases {
        let before = sink.totals().spans;
        sink.answer_with(Manner { say: say.clone(), ..Manner::default() });
        assert_eq!(send(sink.address(), two_spans(), Compression::None).await, expect, "{say:?}");
        assert_eq!(sink.totals().spans - before, kept, "{say:?}");
    }
    sink.answer_with(Manner { delay: Duration::from_millis(200), say: Say::Ok });
    let started = std::time::Instant::now();
    assert_eq!(send(sink.address(), two_spans(), Compression::None).await, Outcome::Delivered { rejected_spans: 0 });
    assert!(Duration::from_millis(200) <= started.elapsed());
}

#[tokio::test]
async fn bytes_that_are_no_request_are_refused_and_counted() {
    let sink = started().await;
    assert_eq!(send(sink.address(), b"\x0a\x7f".to_vec(), Compression::None).await, Outcome::Rejected);
    assert_eq!(sink.totals(), Totals { requests: 1, unreadable: 1, ..Totals::default() });
}

#[tokio::test]
async fn stopping_cuts_calls_under_way_and_frees_the_port() {
    let sink = started().await;
    sink.answer_with(Manner { say: Say::Nothing, ..Manner::default() });
    let address = sink.address();
    let call = tokio::spawn(send(address, two_spans(), Compression::None));
    while sink.totals().requests == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stopping = std::time::Instant::now();
    sink.stop().await;
    let lost = Outcome::TryAgain { scope: Backoff::Upstream, delay: None, unknown: true };
    assert_eq!(call.await.expect("no panic"), lost);
    assert!(stopping.elapsed() < Duration::from_millis(400), "cut, not timed out");
    TcpListener::bind(address).await.expect("the port is free");
}
