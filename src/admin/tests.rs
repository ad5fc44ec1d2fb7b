//! What each address answers, over real sockets on loopback.

use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::*;
use crate::admin::control::proto::control_client::ControlClient;
use crate::admin::control::proto::{DrainRequest, LedgerRequest, StatusRequest};
use crate::admin::control::{About, Service};
use crate::metrics::tests::{Fake, busy, preset};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn house() -> (House, Arc<Fake>) {
    let books = Arc::new(Fake::new(busy()));
    let house = House { books: books.clone(), metrics: Arc::new(Metrics::new(preset())), open: Open::not_yet() };
    (house, books)
}

fn at(address: SocketAddr) -> Address {
    Address { key: "admin.listen", address, configured: true }
}

/// The admin door, served in the background until the test is over.
async fn served(house: House) -> SocketAddr {
    let listener = bind(at(LOOPBACK), Duration::ZERO).await.unwrap().unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(http::serve(listener, house));
    address
}

/// Everything the door says to `request`, until it hangs up.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = timeout(Duration::from_secs(4), stream.read_to_end(&mut answer)).await.expect("the door hangs up");
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = ask(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn every_endpoint_answers_on_the_wire() {
    let (house, _) = house();
    house.open.say();
    let address = served(house).await;
    for path in ["/livez", "/readyz", "/startupz"] {
        assert_eq!(get(address, path).await, (200, "ok\n".to_owned()), "{path}");
    }
    let metrics = ask(address, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(metrics.contains("content-type: text/plain; version=0.0.4\r\n"), "{metrics}");
    assert!(metrics.contains("\ntailwater_spans_accepted_total 100\n"), "{metrics}");
    let (status, ledger) = get(address, "/ledger").await;
    let ledger: serde_json::Value = serde_json::from_str(&ledger).unwrap();
    assert_eq!((status, &ledger["balanced"], &ledger["phase"]), (200, &true.into(), &"serving".into()));
}

#[tokio::test]
async fn an_unknown_path_gets_the_list_and_any_other_method_is_refused() {
    let address = served(house().0).await;
    let (status, list) = get(address, "/").await;
    assert_eq!(status, 404);
    for path in ["/metrics", "/startupz", "/livez", "/readyz", "/ledger"] {
        assert!(list.contains(path), "{list}");
    }
    for method in ["POST", "HEAD", "DELETE"] {
        let answer = ask(address, &format!("{method} /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn ready_is_yes_from_listening_until_the_lame_duck_and_alive_is_always_yes() {
    let (house, books) = house();
    let code = |path| http::answer(&::http::Method::GET, path, &house).status().as_u16();
    assert_eq!((code("/readyz"), code("/startupz"), code("/livez")), (503, 503, 200));
    house.open.say();
    assert_eq!((code("/readyz"), code("/startupz"), code("/livez")), (200, 200, 200));
    for phase in [Phase::LameDuck, Phase::Closing, Phase::Deciding, Phase::Flushing, Phase::Closed] {
        books.enter(phase);
        assert_eq!((code("/readyz"), code("/startupz"), code("/livez")), (503, 503, 200), "{phase:?}");
    }
}

#[tokio::test]
async fn a_collector_that_is_down_does_not_make_the_pod_unready() {
    let (house, books) = house();
    house.open.say();
    let mut snapshot = busy();
    snapshot.upstream_up = Some(false);
    books.set(snapshot);
    assert!(house.is_ready());
}

#[tokio::test]
async fn silent_connections_cannot_keep_a_probe_waiting() {
    let address = served(house().0).await;
    let mut silent = Vec::new();
    for _ in 0..3 * http::CONNECTIONS_MAX {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let answer = timeout(Duration::from_secs(1), get(address, "/livez")).await.expect("an answer within a second");
    assert_eq!(answer.0, 200);
    let mut byte = [0];
    let oldest =
        timeout(Duration::from_millis(500), silent[0].read(&mut byte)).await.expect("the oldest was hung up on");
    assert!(matches!(oldest, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_request_that_does_not_end_is_hung_up_on_after_two_seconds() {
    let address = served(house().0).await;
    let begun = Instant::now();
    ask(address, "GET /livez HTTP/1.1\r\nhost: x\r\n").await;
    let took = begun.elapsed();
    assert!(Duration::from_millis(1500) < took && took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn garbage_gets_an_error_or_a_closed_connection_and_a_body_is_not_read() {
    let address = served(house().0).await;
    let long = format!("GET /livez HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    for garbage in ["\0\u{1}\u{2}\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &long] {
        let answer = ask(address, garbage).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let answer = ask(address, "GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nabc").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_taken_port_is_tried_again_and_then_named_with_its_key() {
    let holder = TcpListener::bind(LOOPBACK).await.unwrap();
    let address = holder.local_addr().unwrap();
    let error = bind(at(address), Duration::from_millis(150)).await.unwrap_err();
    assert!(matches!(error, BindError::Taken { .. }));
    assert_eq!(error.to_string(), format!("listen on {address}: the port is taken; `admin.listen` sets it"));
    let (bound, ()) = tokio::join!(bind(at(address), Duration::from_secs(5)), async {
        sleep(Duration::from_millis(50)).await;
        drop(holder);
    });
    assert!(bound.unwrap().is_some(), "the port became free while we waited");
}

#[tokio::test]
async fn an_address_this_host_lacks_is_an_error_where_a_person_set_it() {
    // From the range for documentation: no host has it.
    let missing = SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 0));
    let error = bind(at(missing), Duration::ZERO).await.unwrap_err();
    assert!(error.to_string().contains("`admin.listen` sets it"), "{error}");
    let skipped = bind(Address { configured: false, ..at(missing) }, Duration::ZERO).await.unwrap();
    assert!(skipped.is_none());
}

#[tokio::test]
async fn the_control_service_answers_status_ledger_and_drain() {
    let (house, books) = house();
    let mut snapshot = busy();
    snapshot.upstream_up = Some(false);
    snapshot.queue_capacity = 750;
    books.set(snapshot);
    let about = About {
        sampling: "keep errors, keep slow, 10 % of the rest".to_owned(),
        upstream: "http://jaeger:4317".to_owned(),
        listen: vec!["127.0.0.1:4317".parse().unwrap()],
    };
    let leave = Arc::new(Notify::new());
    let at = Address { key: "control.listen", ..at(LOOPBACK) };
    let listener = control::listen(at, Duration::ZERO).await.unwrap().unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(control::serve(listener, Service::new(house, about.clone(), leave.clone())));
    let mut client = ControlClient::connect(format!("http://{address}")).await.unwrap();

    let status = client.status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.sampling, status.upstream), (about.sampling, about.upstream));
    assert_eq!(status.upstream_reach, i32::from(control::proto::Reach::Down));
    assert_eq!(status.listen, ["127.0.0.1:4317"]);
    let queues: Vec<_> = status.queues.iter().map(|q| (q.name.as_str(), q.spans, q.capacity_bytes)).collect();
    assert_eq!(queues, [("buffer", 4, 0), ("batch", 3, 0), ("queue", 2, 750), ("inflight", 1, 0)]);

    let ledger = client.ledger(LedgerRequest {}).await.unwrap().into_inner();
    assert!(ledger.balanced);
    let total = |counts: &[control::proto::Count]| counts.iter().map(|count| count.count).sum::<u64>();
    let ended = ledger.exported + total(&ledger.sampled_out) + total(&ledger.dropped) + total(&ledger.held);
    assert_eq!((ledger.accepted, ended), (100, 100));

    client.drain(DrainRequest {}).await.unwrap();
    timeout(Duration::from_secs(1), leave.notified()).await.expect("Drain asks to leave");
}

#[tokio::test(start_paused = true)]
async fn more_calls_at_once_than_allowed_are_turned_away_and_slow_ones_ended() {
    use tower::{ServiceExt, service_fn};

    let never = service_fn(|_: ::http::Request<()>| async {
        std::future::pending::<()>().await;
        Ok::<_, tower::BoxError>(::http::Response::new(tonic::body::Body::empty()))
    });
    let calls = control::layered(never);
    let call = || calls.clone().oneshot(::http::Request::new(()));
    let begun = Instant::now();
    let slow: Vec<_> = (0..control::CALLS_MAX).map(|_| tokio::spawn(call())).collect();
    tokio::task::yield_now().await;
    let code = |answer: ::http::Response<_>| answer.headers()["grpc-status"].to_str().unwrap().to_owned();
    assert_eq!((code(call().await.unwrap()).as_str(), begun.elapsed()), ("14", Duration::ZERO), "UNAVAILABLE, at once");
    for call in slow {
        assert_eq!(code(call.await.unwrap().unwrap()), "4", "DEADLINE_EXCEEDED");
    }
    assert_eq!(begun.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn the_control_service_listens_on_loopback_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let at = Address { key: "control.listen", address: address.parse().unwrap(), configured: true };
        let error = control::listen(at, Duration::ZERO).await.unwrap_err();
        assert!(
            matches!(error, BindError::NotLoopback { .. }) && error.to_string().contains("`control.listen`"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_caller_from_elsewhere_is_hung_up_on() {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let mut caller = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let service = Service::new(house().0, About::default(), Arc::new(Notify::new()));
    let calls = control::layered(control::proto::control_server::ControlServer::new(service));
    let door = tokio::spawn(control::connection(stream, "192.0.2.1:5000".parse().unwrap(), calls));
    // A server that had taken the call would first say its HTTP/2 settings.
    let read = timeout(Duration::from_secs(1), caller.read(&mut [0; 16])).await.expect("an end, not silence");
    assert_eq!(read.unwrap(), 0);
    door.await.unwrap();
}
