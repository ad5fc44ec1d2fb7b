//! What the command prints for a given answer of the control service.

use std::sync::Arc;

use tokio::sync::Notify;

use super::*;
use crate::admin::control::{self, About, Service};
use crate::admin::{Address, House, Open};
use crate::metrics::Metrics;
use crate::metrics::tests::{Fake, busy, preset};

async fn told(snapshot: crate::relay::Snapshot) -> String {
    let house = House {
        books: Arc::new(Fake::new(snapshot)),
        metrics: Arc::new(Metrics::new(preset())),
        open: Open::not_yet(),
    };
    let about = About {
        sampling: "keep errors, keep slow (> 500 ms), 10 % of the rest".to_owned(),
        upstream: "http://jaeger:4317".to_owned(),
        listen: vec!["127.0.0.1:4317".parse().unwrap(), "[::1]:4317".parse().unwrap()],
    };
    let at = Address { key: "control.listen", address: "127.0.0.1:0".parse().unwrap(), configured: true };
    let listener = control::listen(at, Duration::ZERO).await.unwrap().unwrap();
    let address = listener.local_addr().unwrap();
    let door = tokio::spawn(control::serve(listener, Service::new(house, about, Arc::new(Notify::new()))));
    let told = status(address).await.unwrap();
    door.abort();
    told
}

#[tokio::test]
async fn a_person_sees_the_books_the_queues_the_sampling_and_the_upstream() {
    let mut snapshot = busy();
    snapshot.upstream_up = Some(false);
    snapshot.queue_capacity = 3 << 20;
    snapshot.traces_open = 1234;
    let page = told(snapshot).await;
    let expected = format!(
        "\
tailwater {}, serving, up 0 s
  apps      127.0.0.1:4317, [::1]:4317
  sampling  keep errors, keep slow (> 500 ms), 10 % of the rest
  upstream  http://jaeger:4317 (NOT reachable; trying again)
  memory    600 B of 1000 B in use, at most 700 B so far

spans
  received                   105
  rejected                     0
  refused                      5  full 5
  accepted                   100
    exported                  50
    sampled out               30  ratio 10, no_match 20
    dropped                   10  expired 3, shutdown 7
    held                      10  buffer 4, batch 3, queue 2, inflight 1
  the books balance: accepted = exported + sampled out + dropped + held

held
  buffer                       4  400 B
  batch                        3  300 B
  queue                        2  200 B of 3.0 MiB
  inflight                     1  100 B
  1,234 traces wait for their decision, 0 decisions are remembered
",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(page, expected);
}

#[tokio::test]
async fn books_that_do_not_balance_and_requests_that_wait_are_said() {
    let mut snapshot = busy();
    snapshot.held.buffer.spans += 1;
    snapshot.waiting = 2;
    snapshot.maybe_duplicated = 3;
    snapshot.turned_away[0] = (4, 4096);
    let page = told(snapshot).await;
    for part in
        ["THE BOOKS DO NOT BALANCE", "2 requests wait for room", "sent twice?", "4 requests were turned away: full 4"]
    {
        assert!(page.contains(part), "no {part:?} in\n{page}");
    }
}

#[tokio::test]
async fn where_nobody_answers_the_key_is_named() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = status(unused).await.unwrap_err().to_string();
    assert!(error.contains(&unused.to_string()) && error.contains("`control.listen`"), "{error}");
}

#[test]
fn numbers_are_written_for_people() {
    assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!(
        [1023, 1024, 1536, 64 << 20, 5 << 40].map(size),
        ["1023 B", "1.0 KiB", "1.5 KiB", "64.0 MiB", "5.0 TiB"]
    );
    assert_eq!([59.9, 61.0, 7260.0, 90_000.0].map(uptime), ["59 s", "1 min 1 s", "2 h 1 min", "1 d 1 h"]);
}

#[test]
fn what_a_relay_says_cannot_move_the_cursor() {
    let status = StatusReply { sampling: "a\u{1b}[2J\nb".to_owned(), ..StatusReply::default() };
    let page = render(&status, &LedgerReply::default());
    assert!(page.contains("a\\u001b[2J\\u000ab"), "{page}");
}
