//! The exporter against a collector on loopback: every kind of answer and every kind of failure, over real sockets.

mod fake;
pub(crate) mod wire;

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::{Identity, ServerTlsConfig};

use self::fake::{Batches, Fake, Say, options, send};
use super::*;

fn again(scope: Backoff, delay: Option<u64>, unknown: bool) -> Outcome {
    Outcome::TryAgain { scope, delay: delay.map(Duration::from_secs), unknown }
}

/// A collector that says `say`, and what becomes of a batch of 512 spans there.
async fn check(say: Say, expect: Outcome) {
    let fake = Fake::start(vec![say.clone()]);
    let outcomes = send(options(&format!("http://{}", fake.address)), 1).await;
    assert_eq!(outcomes, [expect], "{say:?}");
}

/// What the exporter found wrong with an upstream: the newest trouble that it spoke of.
async fn trouble_of(options: Options) -> (Trouble, Outcome) {
    let exporter = Exporter::new(&options).expect("usable options");
    let batches = Batches::new(1, 512, vec![Bytes::from_static(b"\x0a\x00")]);
    exporter.run(&batches, |_| (), std::future::pending()).await;
    let trouble = exporter.watch().said().cloned().expect("trouble");
    (trouble, batches.outcomes()[0])
}

/// A raw TCP server: `serve` gets every connection.
async fn raw<F: Future<Output = ()> + Send>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    address.to_string()
}

#[tokio::test]
async fn ok_is_delivered() {
    check(Say::Ok(vec![]), Outcome::Delivered { rejected_spans: 0 }).await;
    check(Say::Headers(0, None), Outcome::Delivered { rejected_spans: 0 }).await;
}

#[tokio::test]
async fn a_partial_success_says_how_many_were_not_taken() {
    check(Say::Ok(wire::partial_success(7, "no")), Outcome::Delivered { rejected_spans: 7 }).await;
    check(Say::Ok(wire::partial_success(-7, "no")), Outcome::Delivered { rejected_spans: 0 }).await;
}

#[tokio::test]
async fn a_status_counts_in_trailers_and_in_headers() {
    for say in [Say::Trailers, Say::Headers] {
        check(say(3, None), Outcome::Rejected).await;
        check(say(14, None), again(Backoff::Upstream, None, true)).await;
        check(say(14, Some(wire::retry_info(2, 0))), again(Backoff::Upstream, Some(2), false)).await;
        check(say(8, Some(wire::retry_info(1 << 40, 0))), again(Backoff::Batch, None, false)).await;
        check(say(8, Some(wire::retry_info(3600, 0))), again(Backoff::Batch, Some(60), false)).await;
        check(say(1, None), again(Backoff::Batch, None, true)).await;
        check(say(99, None), Outcome::Rejected).await;
    }
}

#[tokio::test]
async fn an_answer_without_a_status_may_have_been_an_ok() {
    check(Say::Cut, again(Backoff::Upstream, None, true)).await;
}

#[tokio::test]
async fn an_answer_is_read_up_to_64_kib_and_no_further() {
    check(Say::Flood(answer::BODY_MAX), Outcome::Delivered { rejected_spans: 0 }).await;
    check(Say::Flood(answer::BODY_MAX + 1), Outcome::Rejected).await;
    check(Say::Flood(32 << 20), Outcome::Rejected).await;
}

#[tokio::test]
async fn http_without_grpc_is_a_wrong_upstream_and_waits_for_the_right_one() {
    for (status, content_type) in [(404, "text/plain"), (200, "text/html"), (415, "application/json")] {
        let fake = Fake::start(vec![Say::Http(status, content_type)]);
        let (trouble, outcome) = trouble_of(options(&format!("http://{}", fake.address))).await;
        assert!(matches!(trouble, Trouble::NotGrpc(text) if text.contains(content_type)), "{status}");
        assert_eq!(outcome, again(Backoff::Upstream, None, false));
    }
}

#[tokio::test]
async fn a_collector_that_never_answers_costs_the_timeout_and_may_have_taken_it() {
    let fake = Fake::start(vec![Say::Silence]);
    let mut options = options(&format!("http://{}", fake.address));
    options.timeout = Duration::from_millis(300);
    let started = Instant::now();
    let (trouble, outcome) = trouble_of(options).await;
    assert_eq!((trouble, outcome), (Trouble::Timeout, again(Backoff::Upstream, None, true)));
    assert!(started.elapsed() < Duration::from_millis(1000));
    let seen = fake.seen();
    assert_eq!(seen[0].headers["grpc-timeout"], "300m");
}

#[tokio::test]
async fn an_answer_that_begins_and_never_ends_costs_the_timeout_too() {
    let fake = Fake::start(vec![Say::Stall]);
    let mut options = options(&format!("http://{}", fake.address));
    options.timeout = Duration::from_millis(300);
    let call = tokio::time::timeout(Duration::from_secs(2), trouble_of(options));
    let (trouble, outcome) = call.await.expect("given up in time");
    assert_eq!((trouble, outcome), (Trouble::Timeout, again(Backoff::Upstream, None, true)));
}

#[tokio::test]
async fn a_black_hole_costs_the_timeout() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let address = raw(move |stream| {
        held.lock().expect("no panic").push(stream);
        async {}
    });
    let mut options = options(&format!("http://{}", address.await));
    options.timeout = Duration::from_millis(300);
    let (trouble, outcome) = trouble_of(options).await;
    assert_eq!((trouble, outcome), (Trouble::Timeout, again(Backoff::Upstream, None, true)));
}

#[tokio::test]
async fn a_refused_connection_is_named_and_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let (trouble, outcome) = trouble_of(options(&format!("http://{address}"))).await;
    assert_eq!((trouble, outcome), (Trouble::Refused, again(Backoff::Upstream, None, false)));
}

#[tokio::test]
async fn an_unknown_name_is_named_and_nothing_was_sent() {
    let mut options = options("http://no-such-host.invalid:4317");
    options.timeout = Duration::from_secs(9);
    let (trouble, outcome) = trouble_of(options).await;
    // Where no name service answers, the lookup itself runs out of time.
    assert!(matches!(trouble, Trouble::NameUnknown(_) | Trouble::ConnectTimeout), "{trouble:?}");
    assert_eq!(outcome, again(Backoff::Upstream, None, false));
}

#[tokio::test]
async fn http_1_is_not_grpc() {
    let address = raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 24]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
    });
    let (trouble, outcome) = trouble_of(options(&format!("http://{}", address.await))).await;
    assert_eq!(trouble, Trouble::NotGrpc("HTTP/1".to_owned()));
    assert_eq!(outcome, again(Backoff::Upstream, None, false));
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_of_a_request_cannot_have_delivered_it() {
    // It reads a little of a request that is larger than any window, then hangs up.
    let address = raw(|mut stream| async move {
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let _ = stream.write_all(&settings).await;
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.set_zero_linger();
    });
    let exporter = Exporter::new(&options(&format!("http://{}", address.await))).expect("usable options");
    let batches = Batches::new(1, 512, vec![Bytes::from(vec![0; 3 << 20])]);
    exporter.run(&batches, |_| (), std::future::pending()).await;
    assert_eq!(batches.outcomes(), [again(Backoff::Upstream, None, false)]);
}

#[tokio::test]
async fn a_connection_lost_after_a_whole_request_may_have_delivered_it() {
    let address = raw(|mut stream| async move {
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let _ = stream.write_all(&settings).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let _ = stream.set_zero_linger();
    });
    let (trouble, outcome) = trouble_of(options(&format!("http://{}", address.await))).await;
    assert!(matches!(trouble, Trouble::Lost(_)), "{trouble:?}");
    assert_eq!(outcome, again(Backoff::Upstream, None, true));
}

#[tokio::test]
async fn a_port_that_hangs_up_without_a_word_is_named() {
    let address = raw(|mut stream| async move { drop(stream.read(&mut [0; 24]).await) });
    let (trouble, outcome) = trouble_of(options(&format!("http://{}", address.await))).await;
    assert_eq!(trouble, Trouble::HungUp);
    assert!(matches!(outcome, Outcome::TryAgain { scope: Backoff::Upstream, .. }));
}

#[tokio::test]
async fn after_a_lost_connection_the_next_batch_takes_a_new_one() {
    let fake = Fake::start(vec![Say::Ok(vec![])]);
    let proxied = fake.address;
    let cut_first = std::sync::atomic::AtomicBool::new(true);
    let address = raw(move |mut stream| {
        let cut = cut_first.swap(false, std::sync::atomic::Ordering::SeqCst);
        async move {
            if !cut && let Ok(mut to) = TcpStream::connect(proxied).await {
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut to).await });
            }
        }
    });
    let outcomes = send(options(&format!("http://{}", address.await)), 2).await;
    assert!(matches!(outcomes[0], Outcome::TryAgain { scope: Backoff::Upstream, .. }));
    assert_eq!(outcomes[1], Outcome::Delivered { rejected_spans: 0 });
}

#[tokio::test]
async fn slices_leave_as_one_intact_message_with_all_headers() {
    let fake = Fake::start(vec![Say::Ok(vec![])]);
    let mut options = options(&format!("http://{}", fake.address));
    options.headers = vec![Header::new("Authorization", "Bearer s3cret").expect("a header")];
    let slices: Vec<Bytes> = (0..300usize).map(|n| Bytes::from(vec![n as u8; (n * n) % 30_000])).collect();
    let batches = Batches::new(1, 1, slices.clone());
    let exporter = Exporter::new(&options).expect("usable options");
    exporter.run(&batches, |_| (), std::future::pending()).await;
    let seen = &fake.seen()[0];
    assert!(seen.body == wire::framed(&slices.concat()), "{} bytes arrived", seen.body.len());
    let header = |name| seen.headers.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default();
    assert_eq!(header("authorization"), "Bearer s3cret");
    assert_eq!(header("tailwater-hop"), "test-instance");
    assert_eq!(header("content-type"), "application/grpc");
    assert_eq!(header("te"), "trailers");
    let agent =
        concat!("tailwater/", env!("CARGO_PKG_VERSION"), " OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"));
    assert!(header("user-agent").starts_with(agent), "{}", header("user-agent"));
    assert!(!seen.headers.contains_key("grpc-encoding"));
    assert!(!format!("{exporter:?} {options:?}").contains("s3cret"));
}

#[tokio::test]
async fn gzip_arrives_as_gzip_and_decodes() {
    let fake = Fake::start(vec![Say::Ok(vec![])]);
    let mut options = options(&format!("http://{}", fake.address));
    options.compression = Compression::Gzip;
    let exporter = Exporter::new(&options).expect("usable options");
    let slices = vec![Bytes::from(vec![1; 100_000]), Bytes::from_static(b"tail")];
    exporter.run(&Batches::new(1, 1, slices.clone()), |_| (), std::future::pending()).await;
    let seen = &fake.seen()[0];
    assert_eq!(seen.headers["grpc-encoding"], "gzip");
    assert_eq!(seen.body[0], 1, "the compressed flag");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&seen.body[5..]).read_to_end(&mut plain).expect("gzip");
    assert!(plain == slices.concat() && seen.body.len() < 2000);
}

#[tokio::test]
async fn up_to_four_requests_are_under_way_at_once() {
    for (concurrency, expect) in [(1, 1), (4, 4), (9, 4)] {
        let fake = Fake::start(vec![Say::Silence]);
        let mut options = options(&format!("http://{}", fake.address));
        options.concurrency = concurrency;
        let batches = Batches::new(10, 1, vec![Bytes::from_static(b"x")]);
        let exporter = Exporter::new(&options).expect("usable options");
        exporter.run(&batches, |_| (), tokio::time::sleep(Duration::from_millis(300))).await;
        assert_eq!(fake.seen().len(), expect);
        assert_eq!(
            batches.outcomes(),
            vec![Outcome::GivenUp { unknown: true }; expect],
            "what was under way is settled"
        );
        assert_eq!(batches.outstanding(), 10 - expect as u64);
    }
}

#[tokio::test]
async fn stopped_before_anything_was_sent_it_is_known_that_nothing_arrived() {
    let address = raw(|stream| async move { drop(stream) }).await;
    let mut options = options(&format!("https://{address}"));
    options.tls = trusting(&Authority::new());
    let batches = Batches::new(1, 1, vec![Bytes::from_static(b"x")]);
    let exporter = Exporter::new(&options).expect("usable options");
    exporter.run(&batches, |_| (), std::future::ready(())).await;
    assert_eq!((batches.outcomes(), batches.outstanding()), (vec![], 1), "not even taken");
}

#[tokio::test]
async fn every_attempt_is_timed() {
    let fake = Fake::start(vec![Say::Ok(vec![]), Say::Trailers(14, None)]);
    let exporter = Exporter::new(&options(&format!("http://{}", fake.address))).expect("usable options");
    let times = Mutex::new(0);
    let observe = |took: Duration| {
        assert!(Duration::ZERO < took);
        *times.lock().expect("no panic") += 1;
    };
    exporter.run(&Batches::new(3, 1, vec![]), observe, std::future::pending()).await;
    assert_eq!(*times.lock().expect("no panic"), 3);
}

/// Collects log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is logged while `says` is said to one batch after the other.
async fn lines_for(says: Vec<Say>) -> Vec<String> {
    let (lines, count) = (Lines::default(), says.len());
    let writer = lines.clone();
    let format = tracing_subscriber::fmt().with_ansi(false).without_time().with_target(false);
    let logging = tracing::subscriber::set_default(format.with_writer(move || writer.clone()).finish());
    let fake = Fake::start(says);
    send(options(&format!("http://{}", fake.address)), count).await;
    drop(logging);
    let text = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("text");
    text.lines().map(|line| line.trim().replace(&fake.address.to_string(), "…")).collect()
}

#[tokio::test]
async fn a_lost_upstream_is_one_warning_and_its_return_one_line() {
    let down = Say::Trailers(14, None);
    let lines = lines_for(vec![down.clone(), down.clone(), down, Say::Ok(vec![]), Say::Ok(vec![])]).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    let warning = "WARN cannot deliver to the collector: it says that it is unavailable (because\\n); spans are held, \
                   trying again upstream=http://… attempts=1";
    assert_eq!(lines[0], warning);
    assert!(
        lines[1].starts_with("INFO the collector can be reached again upstream=http://… down_seconds=0.0"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_proxy_that_lets_nobody_through_drops_the_spans_and_says_so() {
    let denied = Say::Http(401, "text/html");
    let lines = lines_for(vec![denied.clone(), denied]).await;
    let refused = "WARN the collector refused a request; its spans are dropped upstream=http://… code=\"HTTP 401 \
                   Unauthorized\" reason=not gRPC, content type 'text/html' spans=512 suppressed=0";
    assert_eq!(lines, [refused]);
}

#[tokio::test]
async fn a_proxy_that_finds_a_request_too_large_has_it_tried_again_and_is_no_upstream_that_is_down() {
    let lines = lines_for(vec![Say::Trailers(14, None), Say::Http(413, "text/html"), Say::Ok(vec![])]).await;
    assert!(lines[0].starts_with("WARN cannot deliver to the collector"), "{lines:?}");
    assert!(lines[1].starts_with("INFO the collector can be reached again"), "{lines:?}");
    assert!(lines[2].starts_with("WARN the collector refused a request; its spans are tried again"), "{lines:?}");
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[tokio::test]
async fn refusals_and_partial_successes_are_told_once_in_ten_seconds() {
    let partial = Say::Ok(wire::partial_success(3, "bad\x1b[31m ids"));
    let lines = lines_for(vec![Say::Headers(3, None), Say::Headers(3, None), partial.clone(), partial]).await;
    let refused = "WARN the collector refused a request; its spans are dropped upstream=http://… code=\"InvalidArgument\" \
                   reason=because\\n spans=512 suppressed=0";
    let partial = "WARN the collector did not take every span of a request upstream=http://… spans=3 \
                   reason=bad\\u{1b}[31m ids suppressed=0";
    assert_eq!(lines, [refused, partial]);
}

/// A certificate authority for a test, and a certificate for `localhost` signed by it.
struct Authority {
    ca: String,
    server: ServerTlsConfig,
}

impl Authority {
    fn new() -> Authority {
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca_key = rcgen::KeyPair::generate().expect("a key");
        let ca = params.self_signed(&ca_key).expect("signed");
        let issuer = rcgen::Issuer::new(params, ca_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let cert = params.signed_by(&key, &issuer).expect("signed");
        let server = ServerTlsConfig::new().identity(Identity::from_pem(cert.pem(), key.serialize_pem()));
        Authority { ca: ca.pem(), server }
    }
}

/// TLS options that trust `authority` and expect the name `localhost`.
fn trusting(authority: &Authority) -> Tls {
    static FILES: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = FILES.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let file = std::env::temp_dir().join(format!("tailwater-test-ca-{}-{number}.pem", std::process::id()));
    std::fs::write(&file, &authority.ca).expect("a place for temporary files");
    Tls { ca_file: Some(file), server_name: Some("localhost".to_owned()), ..Tls::default() }
}

fn over_tls(address: impl std::fmt::Display, tls: Tls) -> Options {
    Options { tls, ..options(&format!("https://{address}")) }
}

#[tokio::test]
async fn tls_with_a_given_authority_delivers() {
    let authority = Authority::new();
    let fake = Fake::serve(vec![Say::Ok(vec![])], Some(authority.server.clone()));
    let outcomes = send(over_tls(fake.address, trusting(&authority)), 2).await;
    assert_eq!(outcomes, [Outcome::Delivered { rejected_spans: 0 }; 2]);
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_and_named() {
    let fake = Fake::serve(vec![Say::Ok(vec![])], Some(Authority::new().server));
    let (trouble, outcome) = trouble_of(over_tls(fake.address, trusting(&Authority::new()))).await;
    assert!(matches!(&trouble, Trouble::Tls(text) if text.contains("certificate")), "{trouble:?}");
    assert_eq!(outcome, again(Backoff::Upstream, None, false));
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_and_named() {
    let authority = Authority::new();
    let fake = Fake::serve(vec![Say::Ok(vec![])], Some(authority.server.clone()));
    let tls = Tls { server_name: Some("other.example".to_owned()), ..trusting(&authority) };
    let (trouble, _) = trouble_of(over_tls(fake.address, tls)).await;
    assert!(matches!(&trouble, Trouble::Tls(text) if text.contains("other.example")), "{trouble:?}");
}

#[tokio::test]
async fn tls_to_a_plaintext_port_is_named() {
    let fake = Fake::start(vec![Say::Ok(vec![])]);
    let (trouble, outcome) = trouble_of(over_tls(fake.address, trusting(&Authority::new()))).await;
    assert_eq!((trouble, outcome), (Trouble::PlaintextPort, again(Backoff::Upstream, None, false)));
}

#[tokio::test]
async fn plaintext_to_a_tls_port_is_named() {
    let fake = Fake::serve(vec![Say::Ok(vec![])], Some(Authority::new().server));
    let (trouble, outcome) = trouble_of(options(&format!("http://{}", fake.address))).await;
    assert_eq!((trouble, outcome), (Trouble::TlsPort, again(Backoff::Upstream, None, false)));
}

#[tokio::test]
async fn tls_settings_mean_nothing_to_a_plaintext_endpoint() {
    let fake = Fake::start(vec![Say::Ok(vec![])]);
    let mut options = options(&format!("http://{}", fake.address));
    options.tls.ca_file = Some("/nowhere/ca.pem".into());
    assert_eq!(send(options, 1).await, [Outcome::Delivered { rejected_spans: 0 }]);
}

#[test]
fn a_header_of_the_protocol_or_of_nobody_is_refused_without_showing_its_value() {
    for name in ["grpc-timeout", "TE", "content-type", "Content-Length", "tailwater-hop", "x-bin", "sp ace", ""] {
        assert!(Header::new(name, "s3cret").is_err_and(|message| !message.contains("s3cret")), "{name}");
    }
    assert!(Header::new("x-token", "s3cret\n").is_err_and(|message| !message.contains("s3cret")));
}

#[test]
fn the_exporter_can_be_a_task_on_any_thread() {
    fn sendable(_: impl Send) {}
    // Compiling is the test; a driver is not needed for it.
    let _ = |exporter: &'static Exporter, driver: &'static Driver| {
        sendable(exporter.run(driver, |_| (), std::future::pending()));
    };
}
