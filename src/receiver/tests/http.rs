//! OTLP/HTTP over HTTP/1.1.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fake::{BUDGET, gzip, options, pause, start, start_with};
use crate::driver::Signal;
use crate::receiver::Options;
use crate::relay::TurnedAway;

const PROTOBUF: &str = "content-type: application/x-protobuf\r\n";

#[track_caller]
fn assert_answer(answer: &str, status: u16, parts: &[&str]) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    for part in parts {
        assert!(answer.contains(part), "{part:?} is not in {answer}");
    }
}

#[tokio::test]
async fn traces_are_taken_at_every_path_that_an_sdk_posts_to() {
    let served = start().await;
    for path in ["/v1/traces", "/", "/base/path/v1/traces", "/v1/traces?x=1"] {
        let answer = served.http1("POST", path, PROTOBUF, b"spans").await;
        assert_answer(&answer, 200, &["content-type: application/x-protobuf", "content-length: 0"]);
    }
    assert_eq!(served.fake.bodies(), vec![b"spans".to_vec(); 4]);
    assert_eq!(served.fake.budget.charged(), 20);
}

#[tokio::test]
async fn gzip_is_inflated_and_other_encodings_are_refused() {
    let served = start().await;
    let body = b"resource spans ".repeat(1000);
    let headers = format!("{PROTOBUF}content-encoding: gzip\r\n");
    assert_answer(&served.http1("POST", "/v1/traces", &headers, &gzip(&body)).await, 200, &[]);
    assert_eq!(served.fake.bodies(), [body]);
    let headers = format!("{PROTOBUF}content-encoding: br\r\n");
    assert_answer(&served.http1("POST", "/v1/traces", &headers, b"x").await, 415, &["OTEL_EXPORTER_OTLP_COMPRESSION"]);
}

#[tokio::test]
async fn a_chunked_body_is_paid_for_step_by_step_and_shrinks_to_what_it_is() {
    let served = start().await;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{PROTOBUF}transfer-encoding: chunked\r\n\r\n"
    );
    let answer = served.raw(&[head.as_bytes(), b"5\r\nspans\r\n4\r\nmore\r\n0\r\n\r\n"].concat()).await;
    assert_answer(&answer, 200, &[]);
    assert_eq!(served.fake.bodies(), [b"spansmore"]);
    assert_eq!((served.fake.budget.charged(), served.fake.budget.peak()), (9, 1 << 20));
}

#[tokio::test]
async fn an_index_that_can_never_fit_is_413() {
    let served = start().await;
    let head =
        format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{PROTOBUF}content-length: 4\r\n\r\n");
    let answer = served.raw(&[head.as_bytes(), b"MANY"].concat()).await;
    assert_answer(&answer, 413, &["memory.budget"]);
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_413() {
    let served = start_with(BUDGET, Options { max_request_size: 8, ..options() }).await;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{PROTOBUF}transfer-encoding: chunked\r\n\r\n"
    );
    let answer = served.raw(&[head.as_bytes(), b"9\r\nspansmore\r\n0\r\n\r\n"].concat()).await;
    assert_answer(&answer, 413, &["receiver.max_request_size"]);
    assert_eq!(served.fake.turned_away(), [(TurnedAway::TooLarge, 0)]);
}

#[tokio::test]
async fn errors_are_a_status_in_the_language_of_the_request() {
    let served = start().await;
    let answer = served.http1("POST", "/v1/traces", PROTOBUF, b"BAD").await;
    assert_answer(
        &answer,
        400,
        &["content-type: application/x-protobuf", "\x08\x03\x12\x1bspan 3: field 99 ends early"],
    );
    let answer = served.http1("POST", "/v1/traces", "content-type: application/json; charset=utf-8\r\n", b"{}").await;
    assert_answer(
        &answer,
        415,
        &["content-type: application/json", "\"code\":3", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"],
    );
    let answer = served.http1("POST", "/v1/traces", "content-type: text/html\r\n", b"x").await;
    assert_answer(&answer, 415, &["text/plain", "application/x-protobuf"]);
    let answer = served.http1("POST", "/api/traces", PROTOBUF, b"x").await;
    assert_answer(&answer, 404, &["/v1/traces", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
    let answer = served.http1("GET", "/v1/traces", "", b"").await;
    assert_answer(&answer, 405, &["allow: POST", "POST"]);
    let answer = served.http1("POST", "/x", "content-type: application/grpc\r\n", b"").await;
    assert_answer(&answer, 415, &["text/plain", "HTTP/2", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"]);
    let reasons: Vec<TurnedAway> = served.fake.turned_away().iter().map(|(reason, _)| *reason).collect();
    assert_eq!(reasons[0], TurnedAway::Malformed);
    assert_eq!(reasons[1..], [TurnedAway::Unsupported; 5]);
}

#[tokio::test]
async fn a_full_relay_answers_503_with_whole_seconds_to_wait() {
    let served = start().await;
    let _all = served.fake.budget.charge(BUDGET).unwrap();
    let begin = Instant::now();
    let answer = served.http1("POST", "/v1/traces", PROTOBUF, b"spans").await;
    assert!(Duration::from_millis(290) <= begin.elapsed());
    assert_answer(&answer, 503, &["google.rpc.RetryInfo"]);
    assert!(answer.contains("retry-after: 1\r\n") || answer.contains("retry-after: 2\r\n"), "{answer}");
    assert_eq!(served.fake.turned_away(), [(TurnedAway::Full, 5)]);
}

#[tokio::test]
async fn a_client_still_sending_a_body_that_is_too_large_reads_413() {
    let served = start().await;
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{PROTOBUF}content-length: {}\r\n\r\n",
        (1 << 20) + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for part in [1 << 19, 1 << 18, (1 << 18) + 1] {
        pause(50).await;
        stream.write_all(&vec![7; part]).await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_answer(&String::from_utf8_lossy(&answer), 413, &[]);
    assert_eq!(served.fake.turned_away(), [(TurnedAway::TooLarge, 1 << 20)]);
}

#[tokio::test]
async fn a_client_still_sending_grpc_over_http_1_reads_why_that_is_not_taken() {
    let served = start().await;
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    let head = "POST /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/grpc\r\ncontent-length: 524288\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..2 {
        pause(50).await;
        stream.write_all(&[7; 1 << 18]).await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_answer(&String::from_utf8_lossy(&answer), 415, &["HTTP/2"]);
}

#[tokio::test]
async fn a_length_that_nobody_can_mean_is_booked_as_the_most_one_request_may_have() {
    let served = start().await;
    for length in [u64::MAX - 2, u64::MAX] {
        let head =
            format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{PROTOBUF}content-length: {length}\r\n\r\n");
        served.raw(head.as_bytes()).await;
    }
    assert!(served.fake.turned_away().iter().all(|(_, bytes)| *bytes <= 1 << 20), "{:?}", served.fake.turned_away());
    assert_eq!(served.fake.turned_away().len(), 2);
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_408() {
    let served = start().await;
    let head = format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\n{PROTOBUF}content-length: 10\r\n\r\nspan");
    assert_answer(&served.raw(head.as_bytes()).await, 408, &["receiver.read_timeout"]);
    assert_eq!(served.fake.turned_away(), [(TurnedAway::Timeout, 10)]);
    assert_eq!(served.fake.budget.charged(), 0);
}

#[tokio::test]
async fn a_client_that_goes_away_in_its_body_is_counted_as_cancelled() {
    let served = start().await;
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    let head = format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\n{PROTOBUF}content-length: 10\r\n\r\nspan");
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    assert_eq!(served.fake.turns_away(1).await, [(TurnedAway::Cancelled, 10)]);
    assert_eq!(served.fake.budget.charged(), 0);
}

#[tokio::test]
async fn our_own_export_over_http_is_refused_as_a_loop() {
    let served = start().await;
    let headers = format!("{PROTOBUF}tailwater-hop: me-7\r\n");
    let answer = served.http1("POST", "/v1/traces", &headers, b"spans").await;
    assert_answer(&answer, 400, &["upstream.endpoint"]);
    assert_eq!(served.fake.turned_away(), [(TurnedAway::Loop, 5)]);
}

#[tokio::test]
async fn other_signals_are_counted_and_noted_once_a_connection() {
    let served = start().await;
    let mut stream = TcpStream::connect(served.addr).await.unwrap();
    let request = format!("POST /v1/metrics HTTP/1.1\r\nhost: x\r\n{PROTOBUF}content-length: 2\r\n\r\nxx");
    let last = request.replace("host: x", "host: x\r\nconnection: close");
    stream.write_all(format!("{request}{last}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer.matches("200 OK").count(), 2, "{answer}");
    assert_eq!(answer.matches("OTEL_METRICS_EXPORTER=none").count(), 1, "{answer}");
    for path in ["/v1/logs", "/v1development/profiles"] {
        assert_answer(&served.http1("POST", path, PROTOBUF, b"xx").await, 200, &["=none"]);
    }
    let seen = [Signal::Metrics, Signal::Metrics, Signal::Logs, Signal::Profiles];
    assert_eq!(*served.fake.discarded.lock().unwrap(), seen);
}
