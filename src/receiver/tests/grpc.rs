//! Export over gRPC.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{Either, Full};

use super::fake::{BUDGET, EXPORT, collect, gzip, message, options, pause, pieces, start, start_at, start_with};
use crate::driver::Signal;
use crate::receiver::Options;
use crate::receiver::status::base64;
use crate::relay::{Transport, TurnedAway};

#[tokio::test]
async fn a_request_is_taken_as_it_came_and_answered_with_an_empty_response() {
    let served = start().await;
    let got = served.client().await.export(b"spans").await;
    assert_eq!((got.grpc(), got.header("content-type")), ((0, false), "application/grpc"));
    assert_eq!(got.body, [0; 5]);
    assert_eq!(served.fake.bodies(), [b"spans"]);
    assert_eq!(*served.fake.transports.lock().unwrap(), [Transport::Grpc]);
    assert_eq!(served.fake.budget.charged(), 5, "exactly the body is charged");
    assert_eq!(served.fake.turned_away(), []);
}

#[tokio::test]
async fn a_body_of_many_frames_and_calls_one_after_another_all_arrive() {
    let served = start().await;
    let client = served.client().await;
    let body: Vec<u8> = (0..900_000u32).map(|n| n as u8).collect();
    for _ in 0..4 {
        assert_eq!(client.export(&body).await.grpc().0, 0);
    }
    assert!(served.fake.bodies().iter().all(|got| *got == body));
    assert_eq!(served.fake.budget.peak(), 4 * body.len());
}

#[tokio::test]
async fn compressed_messages_are_inflated_and_charged_for_what_they_are() {
    let served = start().await;
    let client = served.client().await;
    let body = b"resource spans ".repeat(2000);
    let got = client.call(EXPORT, &[("grpc-encoding", "gzip")], &message(1, &gzip(&body))).await;
    assert_eq!(got.grpc().0, 0);
    let packed = ruzstd::encoding::compress_to_vec(&body[..], ruzstd::encoding::CompressionLevel::Fastest);
    let got = client.call(EXPORT, &[("grpc-encoding", "zstd")], &message(1, &packed)).await;
    assert_eq!(got.grpc().0, 0);
    // A message may say that it is not compressed although the call names an encoding.
    let got = client.call(EXPORT, &[("grpc-encoding", "gzip")], &message(0, &body)).await;
    assert_eq!(got.grpc().0, 0);
    assert_eq!(served.fake.bodies(), vec![body.clone(); 3]);
    assert!(served.fake.budget.charged() <= 3 * body.len() + 3 * body.len() / 8);
}

#[tokio::test]
async fn a_bomb_is_refused_for_good_within_the_budget() {
    let served = start_with(64 << 20, Options { max_request_size: 16 << 20, ..options() }).await;
    let bomb = gzip(&vec![0; 12 << 20]);
    let got = served.client().await.call(EXPORT, &[("grpc-encoding", "gzip")], &message(1, &bomb)).await;
    assert_eq!(got.grpc(), (8, false));
    assert!(served.fake.budget.peak() <= 4 << 20, "{} bytes were charged", served.fake.budget.peak());
    assert_eq!(served.fake.budget.charged(), 0);
    assert_eq!(served.fake.turned_away(), [(TurnedAway::TooLarge, bomb.len() as u64)]);
}

#[tokio::test]
async fn an_unknown_encoding_is_unimplemented_and_told_what_is() {
    let served = start().await;
    let got = served.client().await.call(EXPORT, &[("grpc-encoding", "snappy")], &message(1, b"x")).await;
    assert_eq!((got.grpc(), got.header("grpc-accept-encoding")), ((12, false), "identity,gzip,zstd"));
    assert!(got.header("grpc-message").contains("OTEL_EXPORTER_OTLP_COMPRESSION=gzip"));
    assert_eq!(served.fake.turned_away(), [(TurnedAway::Unsupported, 6)]);
}

#[tokio::test]
async fn an_empty_request_is_ok_even_without_room() {
    let served = start_with(1, options()).await;
    let _all = served.fake.budget.charge(1).unwrap();
    assert_eq!(served.client().await.export(b"").await.grpc().0, 0);
}

#[tokio::test]
async fn spans_not_taken_are_named_in_partial_success() {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    use prost::Message;
    let served = start().await;
    let got = served.client().await.export(b"IDS").await;
    assert_eq!(got.grpc().0, 0);
    assert_eq!(got.body.len(), 5 + u32::from_be_bytes(got.body[1..5].try_into().unwrap()) as usize);
    let partial = ExportTraceServiceResponse::decode(&got.body[5..]).unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 2);
    assert!(partial.error_message.contains("2 with a trace id"));
}

#[tokio::test]
async fn what_is_no_trace_request_is_an_invalid_argument_with_the_reason() {
    let served = start().await;
    let got = served.client().await.export(b"BAD").await;
    assert_eq!((got.grpc(), got.header("grpc-message")), ((3, false), "span 3: field 99 ends early"));
    assert_eq!(served.fake.turned_away(), [(TurnedAway::Malformed, 3)]);
    assert_eq!(served.fake.budget.charged(), 0);
}

#[tokio::test]
async fn broken_framing_is_an_invalid_argument() {
    let served = start().await;
    let client = served.client().await;
    let longer = [message(0, b"abc"), b"d".to_vec()].concat();
    for bad in [&b"\0\0"[..], b"", &message(2, b"abc"), &message(1, b"abc"), &message(0, b"abc")[..7], &longer] {
        assert_eq!(client.call(EXPORT, &[], bad).await.grpc(), (3, false), "{bad:?}");
    }
    assert!(served.fake.turned_away().iter().all(|(reason, _)| *reason == TurnedAway::Malformed));
    assert_eq!((served.fake.turned_away().len(), served.fake.bodies().len()), (6, 0));
}

#[tokio::test]
async fn too_large_is_never_full() {
    let served = start().await;
    let _all = served.fake.budget.charge(BUDGET).unwrap();
    let begin = Instant::now();
    let got = served.client().await.call(EXPORT, &[], &[0, 0xff, 0xff, 0xff, 0xff]).await;
    assert_eq!(got.grpc(), (8, false));
    assert!(begin.elapsed() < Duration::from_millis(200), "it does not wait for room");
    assert_eq!(served.fake.turned_away(), [(TurnedAway::TooLarge, 1 << 20)]);
}

#[tokio::test]
async fn a_full_relay_holds_the_call_and_then_says_when_to_try_again() {
    let served = start().await;
    let _all = served.fake.budget.charge(BUDGET).unwrap();
    let begin = Instant::now();
    let got = served.client().await.export(b"spans").await;
    assert!(Duration::from_millis(290) <= begin.elapsed());
    assert_eq!(got.grpc(), (14, true));
    assert!(got.body.is_empty());
    // status { code: 14 .. }, and a RetryInfo that begins with its Duration.
    assert!(got.header("grpc-status-details-bin").starts_with(&base64(&[0x08, 14, 0x12])[..4]));
    assert!(got.header("google.rpc.retryinfo-bin").starts_with("Cg"));
    assert_eq!(served.fake.turned_away(), [(TurnedAway::Full, 5)]);
}

#[tokio::test]
async fn a_call_is_held_for_no_more_than_half_of_its_timeout() {
    let served = start_with(BUDGET, Options { hold: Duration::from_secs(5), ..options() }).await;
    let _all = served.fake.budget.charge(BUDGET).unwrap();
    let begin = Instant::now();
    let got = served.client().await.call(EXPORT, &[("grpc-timeout", "200m")], &message(0, b"spans")).await;
    assert_eq!(got.grpc(), (14, true));
    assert!((100..1000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_full_index_is_told_to_try_again_and_counted_by_the_relay_alone() {
    let served = start().await;
    assert_eq!(served.client().await.export(b"FULL").await.grpc(), (14, true));
    assert_eq!(served.fake.turned_away(), []);
}

#[tokio::test]
async fn an_index_that_can_never_fit_is_too_large_without_a_delay_and_counted_so() {
    let served = start().await;
    assert_eq!(served.client().await.export(b"MANY").await.grpc(), (8, false));
    assert_eq!(served.fake.turned_away(), [(TurnedAway::TooLarge, 4)]);
}

#[tokio::test]
async fn a_held_call_is_taken_when_room_comes_and_the_first_is_first() {
    let served = start_with(BUDGET, Options { hold: Duration::from_secs(5), ..options() }).await;
    let (one, two) = (served.client().await, served.client().await);
    let all = served.fake.budget.charge(BUDGET - 500).unwrap();
    let first = one.export_later(&[1; 1000]);
    served.waits_for(1).await;
    let second = two.export_later(&[2; 10]);
    served.waits_for(2).await;
    pause(30).await;
    assert_eq!(
        (served.traffic.active(), served.fake.bodies().len()),
        (2, 0),
        "the second would fit, and waits its turn"
    );
    assert_eq!(served.traffic.quiet_for(), Duration::ZERO);
    drop(all);
    assert_eq!(first.await.unwrap().grpc().0, 0);
    assert_eq!(second.await.unwrap().grpc().0, 0);
    assert_eq!(served.fake.budget.charged(), 1010);
    assert_eq!(served.fake.turned_away(), []);
}

#[tokio::test]
async fn a_call_cancelled_while_held_leaves_nothing_but_its_count() {
    let served = start_with(BUDGET, Options { hold: Duration::from_secs(5), ..options() }).await;
    let client = served.client().await;
    let all = served.fake.budget.charge(BUDGET).unwrap();
    let held = client.start(EXPORT, &[], Either::Left(message(0, &[1; 1000]).into()));
    pause(50).await;
    held.abort();
    assert_eq!(served.fake.turns_away(1).await, [(TurnedAway::Cancelled, 1000)]);
    drop(all);
    assert_eq!((served.fake.budget.charged(), served.traffic.active()), (0, 0));
    assert_eq!(client.export(b"next").await.grpc().0, 0);
    assert_eq!(served.fake.bodies(), [b"next"]);
}

#[tokio::test]
async fn a_call_cancelled_while_its_body_comes_leaves_nothing_but_its_count() {
    let served = start().await;
    let client = served.client().await;
    let (sender, body) = pieces();
    sender.send(Bytes::from(message(0, &[1; 1000])[..500].to_vec())).unwrap();
    let call = client.start(EXPORT, &[], body);
    pause(50).await;
    assert_eq!(served.fake.budget.charged(), 1000, "it is paid for before it has come");
    call.abort();
    drop(client);
    assert_eq!(served.fake.turns_away(1).await, [(TurnedAway::Cancelled, 1000)]);
    assert_eq!((served.fake.budget.charged(), served.fake.bodies().len()), (0, 0));
    drop(sender);
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_a_deadline_exceeded() {
    let served = start().await;
    let (sender, body) = pieces();
    sender.send(Bytes::from(message(0, &[1; 1000])[..500].to_vec())).unwrap();
    let got = served.client().await.start(EXPORT, &[], body).await.unwrap().unwrap();
    assert_eq!(collect(got).await.grpc(), (4, false));
    assert_eq!(served.fake.turned_away(), [(TurnedAway::Timeout, 1000)]);
    assert_eq!(served.fake.budget.charged(), 0);
    drop(sender);
}

#[tokio::test]
async fn a_held_call_still_has_all_of_its_time_for_the_body() {
    let slow = Options { hold: Duration::from_secs(5), ..options() };
    let served = start_with(BUDGET, slow).await;
    let all = served.fake.budget.charge(BUDGET).unwrap();
    let (sender, body) = pieces();
    let whole = message(0, &[1; 1000]);
    let call = served.client().await.start(EXPORT, &[], body);
    pause(250).await;
    sender.send(Bytes::copy_from_slice(&whole[..500])).unwrap();
    pause(250).await;
    drop(all);
    pause(250).await;
    sender.send(Bytes::copy_from_slice(&whole[500..])).unwrap();
    drop(sender);
    assert_eq!(collect(call.await.unwrap().unwrap()).await.grpc().0, 0);
}

#[tokio::test]
async fn a_connection_full_of_held_calls_serves_on_when_they_are_refused() {
    let served = start_with(BUDGET, Options { hold: Duration::from_millis(100), ..options() }).await;
    let client = served.client().await;
    let all = served.fake.budget.charge(BUDGET).unwrap();
    let calls: Vec<_> = (0..12).map(|_| client.export_later(&[1; 100_000])).collect();
    let begin = Instant::now();
    for call in calls {
        assert_eq!(call.await.unwrap().grpc(), (14, true));
    }
    assert!(begin.elapsed() < Duration::from_millis(250), "they wait beside each other: {:?}", begin.elapsed());
    drop(all);
    assert_eq!(client.export(&[2; 900_000]).await.grpc().0, 0);
}

#[tokio::test]
async fn held_calls_keep_no_more_than_their_part_of_the_windows() {
    let few = Options { connections_max: 2, window: 64 * 1024, hold: Duration::from_secs(1), ..options() };
    let served = start_with(BUDGET, few).await;
    let _all = served.fake.budget.charge(BUDGET).unwrap();
    let client = served.client().await;
    // Two quarters of 64 KiB are room for two bodies of 15,000 bytes.
    let held = [client.export_later(&[1; 15_000]), client.export_later(&[1; 15_000])];
    served.waits_for(2).await;
    let begin = Instant::now();
    assert_eq!(client.export(&[1; 15_000]).await.grpc(), (14, true));
    assert!(begin.elapsed() < Duration::from_millis(500), "it is not held");
    assert!(held.iter().all(|held| !held.is_finished()));
    for held in held {
        assert_eq!(held.await.unwrap().grpc(), (14, true));
    }
}

#[tokio::test]
async fn many_large_calls_at_once_on_one_connection_do_not_stand_in_each_other_s_way() {
    let served = start_with(64 << 20, options()).await;
    let client = served.client().await;
    let calls: Vec<_> = (0..30).map(|_| client.export_later(&[1; 300_000])).collect();
    for call in calls {
        assert_eq!(call.await.unwrap().grpc().0, 0);
    }
}

#[tokio::test]
async fn other_signals_are_read_counted_and_noted_once_a_connection() {
    let served = start().await;
    let client = served.client().await;
    let paths = [
        ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", Signal::Metrics),
        ("/opentelemetry.proto.collector.logs.v1.LogsService/Export", Signal::Logs),
        ("/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export", Signal::Profiles),
    ];
    for (path, _) in paths {
        let got = client.call(path, &[], &message(0, &[7; 300_000])).await;
        assert_eq!(got.grpc().0, 0);
        assert!(5 < got.body.len(), "the note");
        assert_eq!(client.call(path, &[], &message(0, b"more")).await.body, [0; 5], "said once");
    }
    assert_eq!(served.fake.discarded.lock().unwrap().len(), 6);
    assert!(served.fake.discarded.lock().unwrap().contains(&Signal::Profiles));
    assert_eq!(served.client().await.call(paths[0].0, &[], &message(0, b"x")).await.header("grpc-status"), "0");
    assert_eq!((served.fake.turned_away(), served.fake.budget.peak()), (vec![], 0));
    let got = client.call(paths[0].0, &[], &message(0, &[7; 1_100_000])).await;
    assert_eq!(got.grpc(), (8, false));
}

#[tokio::test]
async fn another_method_is_unimplemented_and_told_what_is_taken() {
    let served = start().await;
    let got = served.client().await.call("/jaeger.api_v2.CollectorService/PostSpans", &[], &message(0, b"x")).await;
    assert_eq!(got.grpc(), (12, false));
    assert!(got.header("grpc-message").contains("TraceService/Export"));
    let got = served.client().await.call(EXPORT, &[("content-type", "application/grpc+json")], b"").await;
    assert_eq!(got.grpc(), (3, false));
    assert!(got.header("grpc-message").contains("OTEL_EXPORTER_OTLP_PROTOCOL=grpc"));
    assert_eq!(served.fake.turned_away().len(), 2);
}

#[tokio::test]
async fn our_own_export_is_refused_as_a_loop_and_another_process_s_is_not() {
    let served = start().await;
    let client = served.client().await;
    let got = client.call(EXPORT, &[("tailwater-hop", "me-7")], &message(0, b"spans")).await;
    assert_eq!(got.grpc(), (9, false));
    assert!(got.header("grpc-message").contains("OTEL_EXPORTER_OTLP_ENDPOINT"));
    assert_eq!(client.call(EXPORT, &[("tailwater-hop", "you-8")], &message(0, b"spans")).await.grpc().0, 0);
    assert_eq!(served.fake.turned_away(), [(TurnedAway::Loop, 10)]);
}

#[tokio::test]
async fn grpc_web_is_told_by_http_what_is_taken_and_grpc_with_json_by_grpc() {
    let served = start().await;
    let client = served.client().await;
    for kind in ["application/grpc-web", "application/grpc-web+proto; charset=utf-8"] {
        let got = client.call(EXPORT, &[("content-type", kind)], &message(0, b"spans")).await;
        assert_eq!((got.status, got.header("grpc-status")), (415, ""), "{kind}");
        assert!(String::from_utf8_lossy(&got.body).contains("OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"));
    }
    for kind in ["application/grpc+json", "application/grpc+json; charset=utf-8"] {
        assert_eq!(client.call(EXPORT, &[("content-type", kind)], b"").await.grpc(), (3, false), "{kind}");
    }
    assert_eq!(client.call(EXPORT, &[("content-type", "application/grpc;x")], &message(0, b"s")).await.grpc().0, 0);
}

#[tokio::test]
async fn other_signals_are_turned_away_as_traces_are() {
    let path = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    let served = start().await;
    let got = served.client().await.call(path, &[("tailwater-hop", "me-7")], &message(0, b"x")).await;
    assert_eq!(got.grpc(), (9, false), "a loop of metrics is a loop too");
    assert_eq!(served.fake.discarded.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn spans_come_in_over_the_ipv6_loopback() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("this host has no ::1; nothing is tested");
        return;
    }
    let served = start_at("[::1]:0", BUDGET, options()).await;
    assert!(served.addr.is_ipv6());
    assert_eq!(served.client().await.export(b"spans").await.grpc().0, 0);
    let answer = served.http1("POST", "/v1/traces", "content-type: application/x-protobuf\r\n", b"more").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(served.fake.bodies(), [&b"spans"[..], b"more"]);
}

#[tokio::test]
async fn protobuf_over_http2_is_taken_as_http() {
    let served = start().await;
    let body = Either::Left(Full::new(Bytes::from_static(b"spans")));
    let call = served.client().await.start("/v1/traces", &[("content-type", "application/x-protobuf")], body);
    let got = collect(call.await.unwrap().unwrap()).await;
    assert_eq!((got.status, got.body.len()), (200, 0));
    assert_eq!(*served.fake.transports.lock().unwrap(), [Transport::Http]);
}

#[tokio::test]
async fn health_is_told_by_grpc_and_does_not_count_as_traffic() {
    let served = start().await;
    let client = served.client().await;
    let got = client.call("/grpc.health.v1.Health/Check", &[], &message(0, b"")).await;
    assert_eq!(got.grpc().0, 0);
    assert_eq!(got.body, message(0, &[0x08, 1]), "SERVING");
    let name = b"\x0a\x33opentelemetry.proto.collector.trace.v1.TraceService";
    let got = client.call("/grpc.health.v1.Health/Check", &[], &message(0, name)).await;
    assert_eq!(got.body, message(0, &[0x08, 1]));
    assert_eq!(served.fake.turned_away(), []);
}
