//! The read-only endpoints: HTTP/1, `GET` only, no body read, four connections, two seconds each, one answer each.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::admin::House;
use crate::admin::door::{self, Limits};
use crate::admin::ledger::Ledger;

type Answer = Response<Full<Bytes>>;

/// Serves the endpoints for ever; dropping the future ends it.
pub async fn serve(listener: TcpListener, house: House) {
    let limits = Limits { connections_max: CONNECTIONS_MAX, lasts_max: LASTS_MAX };
    door::accept(listener, limits, move |stream, peer| connection(stream, peer, house.clone())).await;
}

/// Connections at once; one more ends the oldest.
pub const CONNECTIONS_MAX: usize = 4;
/// From accepting a connection to its end.
pub const LASTS_MAX: Duration = Duration::from_secs(2);

const HEAD_BYTES_MAX: usize = 8 * 1024;

async fn connection(stream: TcpStream, peer: SocketAddr, house: House) {
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let answer = answer(request.method(), request.uri().path(), &house);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(LASTS_MAX).keep_alive(false).max_buf_size(HEAD_BYTES_MAX);
    door::note_end(peer, server.serve_connection(TokioIo::new(stream), service).await);
}

/// The answer to a request line: the whole of this door.
pub(super) fn answer(method: &Method, path: &str, house: &House) -> Answer {
    if method != Method::GET {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return answer;
    }
    match path {
        "/metrics" => page(StatusCode::OK, METRICS_TYPE, house.metrics.page(&*house.books)),
        "/startupz" | "/readyz" => ready(house),
        "/livez" => live(house),
        "/ledger" => {
            let ledger = Ledger::of(&house.books.snapshot(), house.books.phase(), house.metrics.labels());
            page(StatusCode::OK, "application/json", ledger.json() + "\n")
        }
        _ => text(StatusCode::NOT_FOUND, ENDPOINTS),
    }
}

fn ready(house: &House) -> Answer {
    match house.is_ready() {
        true => text(StatusCode::OK, "ok\n"),
        false if house.open.is_said() => text(StatusCode::SERVICE_UNAVAILABLE, "leaving\n"),
        false => text(StatusCode::SERVICE_UNAVAILABLE, "not listening yet\n"),
    }
}

/// Looking at the books takes the relay's lock: a relay that never lets go of it answers no probe.
fn live(house: &House) -> Answer {
    drop(house.books.snapshot());
    text(StatusCode::OK, "ok\n")
}

fn text(status: StatusCode, words: &'static str) -> Answer {
    page(status, "text/plain; charset=utf-8", words)
}

fn page(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

const METRICS_TYPE: &str = "text/plain; version=0.0.4";

const ENDPOINTS: &str = "\
nothing here; what there is:
  /metrics   every series, as Prometheus text
  /startupz  whether apps can come in
  /livez     whether the process works
  /readyz    whether apps may come in
  /ledger    the books, as JSON
";
