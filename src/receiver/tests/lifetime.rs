//! Connections from their first byte to their last, and the door's closing.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fake::{BUDGET, message, options, pause, start, start_with};
use crate::driver::Phase;
use crate::receiver::Options;
use crate::relay::TurnedAway;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[tokio::test]
async fn garbage_is_counted_closes_its_connection_and_the_server_goes_on() {
    let served = start().await;
    let broken_frame = [PREFACE, &[0xff; 64]].concat();
    let inputs = [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"hello?\r\n\r\n",
        &broken_frame,
    ];
    for (place, garbage) in inputs.iter().enumerate() {
        served.raw(garbage).await;
        let turned_away = served.fake.turns_away(place + 1).await;
        assert_eq!(turned_away, vec![(TurnedAway::Malformed, 0); place + 1], "{garbage:?}");
    }
    assert_eq!(served.client().await.export(b"spans").await.grpc().0, 0);
}

#[tokio::test]
async fn whoever_is_slow_with_its_first_bytes_or_head_is_cut_off() {
    let served = start().await;
    let slow: [&[u8]; 5] = [b"", b"P", &PREFACE[..20], b"POST /v1/tra", PREFACE];
    let closings = slow.map(|bytes| {
        let addr = served.addr;
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            let begin = Instant::now();
            let _ = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut Vec::new())).await;
            begin.elapsed()
        })
    });
    for (closing, bytes) in closings.into_iter().zip(slow) {
        let after = closing.await.unwrap();
        assert!((300..1500).contains(&after.as_millis()), "{after:?} after {:?}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(
        served.fake.turned_away(),
        [(TurnedAway::Malformed, 0); 3],
        "bytes came that are no request; the silent one and the one that said all of HTTP/2's preface asked nothing"
    );
}

#[tokio::test]
async fn bytes_that_end_before_they_are_a_request_are_counted_and_a_bare_connection_is_not() {
    let served = start().await;
    for (place, half) in [&b"PRI * HT"[..], b"POST /v1/traces HTTP/1.1\r\nhost: x"].iter().enumerate() {
        let mut stream = TcpStream::connect(served.addr).await.unwrap();
        stream.write_all(half).await.unwrap();
        drop(stream);
        let turned_away = served.fake.turns_away(place + 1).await;
        assert_eq!(turned_away, vec![(TurnedAway::Malformed, 0); place + 1], "{}", String::from_utf8_lossy(half));
    }
    drop(TcpStream::connect(served.addr).await.unwrap());
    pause(100).await;
    assert_eq!(served.fake.turned_away().len(), 2);
}

#[tokio::test]
async fn an_idle_connection_that_has_finished_its_requests_stays_open() {
    let served = start().await;
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    for _ in 0..2 {
        let request =
            b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 5\r\n\r\nspans";
        stream.write_all(request).await.unwrap();
        let mut answer = [0; 1024];
        let len = stream.read(&mut answer).await.unwrap();
        assert!(answer[..len].starts_with(b"HTTP/1.1 200"));
        pause(600).await;
    }
    let client = served.client().await;
    assert_eq!(client.export(b"spans").await.grpc().0, 0);
    pause(900).await;
    assert_eq!(client.export(b"spans").await.grpc().0, 0);
}

#[tokio::test]
async fn a_head_that_stops_halfway_on_a_used_connection_is_cut_off() {
    let served = start().await;
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(0 < stream.read(&mut [0; 1024]).await.unwrap());
    stream.write_all(b"POST / HT").await.unwrap();
    let rest = tokio::time::timeout(Duration::from_secs(2), stream.read_to_end(&mut Vec::new())).await;
    assert!(rest.is_ok(), "the connection stays open");
}

#[tokio::test]
async fn a_head_larger_than_its_limit_is_refused() {
    let served = start().await;
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(9000));
    assert!(served.raw(head.as_bytes()).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn one_connection_too_many_waits_for_a_place() {
    let served = start_with(BUDGET, Options { connections_max: 1, ..options() }).await;
    let first = served.client().await;
    assert_eq!(first.export(b"one").await.grpc().0, 0);
    let second = tokio::spawn({
        let addr = served.addr;
        async move {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        }
    });
    pause(150).await;
    assert!(!second.is_finished(), "it was served beside the first");
    drop(first);
    assert!(second.await.unwrap().starts_with("HTTP/1.1 405"));
}

#[tokio::test]
async fn a_lame_duck_still_takes_spans() {
    let served = start().await;
    served.fake.enter(Phase::LameDuck);
    assert_eq!(served.client().await.export(b"spans").await.grpc().0, 0);
}

#[tokio::test]
async fn closing_ends_silent_and_idle_connections_at_once_and_the_port_with_them() {
    let served = start_with(BUDGET, Options { read_timeout: Duration::from_secs(5), ..options() }).await;
    let silent = TcpStream::connect(served.addr).await.unwrap();
    let mut preface_only = TcpStream::connect(served.addr).await.unwrap();
    preface_only.write_all(PREFACE).await.unwrap();
    let idle = served.client().await;
    assert_eq!(idle.export(b"spans").await.grpc().0, 0);
    let watch = idle.start("/grpc.health.v1.Health/Watch", &[], http_body_util::Either::Left(message(0, b"").into()));
    let watching = watch.await.unwrap().unwrap();
    let begin = Instant::now();
    served.fake.enter(Phase::Closing);
    tokio::time::timeout(Duration::from_secs(2), served.task).await.unwrap().unwrap();
    assert!(begin.elapsed() < Duration::from_millis(600), "{:?}", begin.elapsed());
    assert!(TcpStream::connect(served.addr).await.is_err());
    drop((silent, preface_only, idle, watching));
}

#[tokio::test]
async fn closing_lets_a_call_under_way_finish_and_tells_held_ones_to_come_back() {
    let served =
        start_with(BUDGET, Options { hold: Duration::from_secs(5), read_timeout: Duration::from_secs(5), ..options() })
            .await;
    let mut under_way = TcpStream::connect(served.addr).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 5\r\n\r\n";
    under_way.write_all(head).await.unwrap();
    pause(50).await;
    let _rest = served.fake.budget.charge(BUDGET - 5).unwrap();
    let held = served.client().await.export_later(b"spans");
    pause(50).await;
    served.fake.enter(Phase::Closing);
    assert_eq!(held.await.unwrap().grpc(), (14, true));
    assert_eq!(served.fake.turned_away(), [(TurnedAway::Draining, 5)]);
    pause(300).await;
    under_way.write_all(b"spans").await.unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(served.fake.bodies(), [b"spans"]);
    served.task.await.unwrap();
}

#[tokio::test]
async fn a_call_that_comes_while_closing_is_told_to_go_elsewhere() {
    let served = start_with(BUDGET, Options { read_timeout: Duration::from_secs(5), ..options() }).await;
    // Its head was half here when the door began to close.
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    pause(30).await;
    served.fake.enter(Phase::Closing);
    stream.write_all(b"content-type: application/x-protobuf\r\ncontent-length: 5\r\n\r\nspans").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 503"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(served.fake.turned_away(), [(TurnedAway::Draining, 5)]);
    assert_eq!(served.fake.bodies().len(), 0);
}

#[tokio::test]
async fn whatever_a_peer_does_the_door_is_closed_when_deciding_begins() {
    let served = start_with(BUDGET, Options { read_timeout: Duration::from_secs(30), ..options() }).await;
    let mut stuck = TcpStream::connect(served.addr).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 5\r\n\r\nsp";
    stuck.write_all(head).await.unwrap();
    pause(50).await;
    served.fake.enter(Phase::Closing);
    pause(350).await;
    assert!(!served.task.is_finished(), "a call is under way");
    served.fake.enter(Phase::Deciding);
    tokio::time::timeout(Duration::from_secs(1), served.task).await.unwrap().unwrap();
    assert_eq!(served.fake.turns_away(1).await, [(TurnedAway::Cancelled, 5)]);
    assert_eq!((served.fake.budget.charged(), served.traffic.active()), (0, 0));
}

/// HTTP/2 frames: type, flags, payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while 9 <= bytes.len() {
        let len = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        frames.push((bytes[3], bytes[4], bytes[9..9 + len].to_vec()));
        bytes = &bytes[9 + len..];
    }
    assert!(bytes.is_empty(), "half a frame");
    frames
}

#[tokio::test]
async fn an_answer_leaves_in_one_write() {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    let served = start().await;
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    let mut head = Vec::new();
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", super::fake::EXPORT),
        (":authority", "x"),
        ("content-type", "application/grpc"),
    ];
    for (name, value) in fields {
        // A literal field, not indexed, with a new name.
        head.extend([0, name.len() as u8]);
        head.extend(name.as_bytes());
        head.push(value.len() as u8);
        head.extend(value.as_bytes());
    }
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let len = (payload.len() as u32).to_be_bytes();
        [&len[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
    };
    stream.write_all(&[PREFACE, &frame(4, 0, 0, b""), &frame(4, 1, 0, b"")].concat()).await.unwrap();
    let mut answer = [0; 4096];
    pause(50).await;
    let len = stream.read(&mut answer).await.unwrap();
    assert!(frames(&answer[..len]).iter().all(|(kind, ..)| *kind != HEADERS));
    let call = [frame(HEADERS, 4, 1, &head), frame(DATA, 1, 1, &message(0, b"spans"))].concat();
    stream.write_all(&call).await.unwrap();
    let len = stream.read(&mut answer).await.unwrap();
    let got: Vec<_> = frames(&answer[..len]).into_iter().filter(|(kind, ..)| *kind <= HEADERS).collect();
    assert_eq!(
        got.iter().map(|(kind, flags, _)| (*kind, flags & 1)).collect::<Vec<_>>(),
        [(HEADERS, 0), (DATA, 0), (HEADERS, 1)]
    );
    assert_eq!(got[1].2, [0; 5]);
}
