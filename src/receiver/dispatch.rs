//! What is asked of us, told by content type and path: every protocol on every port.

use std::time::Instant;

use ::http::header::CONTENT_TYPE;
use ::http::request::Parts;
use ::http::{HeaderMap, Method, Request, Response, Version};
use hyper::body::Incoming;

use crate::driver::Signal;
use crate::receiver::answer::Answer;
use crate::receiver::body::Reader;
use crate::receiver::connection::{Door, Visitor};
use crate::receiver::hold::Call;
use crate::receiver::status::Denial;
use crate::receiver::{Intake, grpc, health, http};

/// What a request wants.
#[derive(Clone, Debug)]
pub(super) enum Want {
    /// Hand over spans.
    Traces,
    /// Hand over something that is not forwarded.
    Other(Signal),
    /// Know how we are.
    Health,
    /// Something that is not done here.
    Nothing(Denial),
}

/// Answers one request.
pub(super) async fn answer<I: Intake>(
    door: &Door<I>,
    visitor: &Visitor,
    request: Request<Incoming>,
) -> Response<Answer> {
    let is_grpc = speaks_grpc(&request);
    let want = if is_grpc { grpc::want(&request) } else { http::want(&request) };
    if let Want::Health = want {
        return door.health.call(request).await;
    }
    let mut call = Call::begin(door, visitor);
    let (head, body) = request.into_parts();
    let mut reader = Reader::new(body, door.options.read_timeout);
    let outcome =
        serve(&mut call, &want, is_grpc, &head, &mut reader).await.map_err(|denial| denial.spread(&door.dice));
    call.settle(outcome.as_ref().err());
    match (is_grpc, outcome) {
        (true, Ok(response)) => grpc::accept(response),
        (true, Err(denial)) => grpc::refuse(&denial),
        (false, Ok(response)) => http::accept(response),
        (false, Err(denial)) => {
            let response = http::refuse(&denial, head.headers.get(CONTENT_TYPE));
            http::hear_out(&head, &mut reader, door.options.max_request_size).await;
            response
        }
    }
}

/// The encoded export response; an empty one says that everything was taken.
async fn serve<I: Intake>(
    call: &mut Call<'_, I>,
    want: &Want,
    is_grpc: bool,
    head: &Parts,
    reader: &mut Reader<Incoming>,
) -> Result<Vec<u8>, Denial> {
    call.declares(http::content_length(&head.headers).unwrap_or(0));
    match want {
        Want::Traces if is_grpc => grpc::export(call, &head.headers, reader).await,
        Want::Traces => http::export(call, &head.headers, reader).await,
        Want::Other(signal) => discard(call, *signal, &head.headers, reader).await,
        Want::Nothing(denial) => Err(denial.clone()),
        Want::Health => Ok(Vec::new()),
    }
}

/// Reads a request of another signal, keeps nothing of it, and says so once a connection.
async fn discard<I: Intake>(
    call: &mut Call<'_, I>,
    signal: Signal,
    headers: &HeaderMap,
    reader: &mut Reader<Incoming>,
) -> Result<Vec<u8>, Denial> {
    call.check(headers)?;
    let max = call.door.options.max_request_size as u64;
    call.bytes = 0;
    while let Some(piece) = reader.next().await? {
        call.bytes += piece.len() as u64;
        if max < call.bytes {
            return Err(Denial::too_large(call.door.options.max_request_size));
        }
    }
    call.door.intake.discard(signal);
    if !call.visitor.first_of(signal) {
        return Ok(Vec::new());
    }
    let (name, key) = match signal {
        Signal::Metrics => ("metrics", "OTEL_METRICS_EXPORTER"),
        Signal::Logs => ("logs", "OTEL_LOGS_EXPORTER"),
        Signal::Profiles => ("profiles", "OTEL_PROFILES_EXPORTER"),
    };
    let message = format!(
        "tailwater takes traces; {name} are counted and discarded here: set {key}=none, or send them elsewhere"
    );
    if let Some(suppressed) = call.door.sites.discarded.allow(Instant::now()) {
        tracing::warn!(target: "tailwater::receiver", signal = name, suppressed, "a signal other than traces is counted and discarded");
    }
    Ok(crate::receiver::status::partial_success(0, &message))
}

/// Whether a request is a POST.
pub(super) fn is_post<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST
}

/// Whether whoever asks reads a gRPC answer: what is called gRPC over HTTP/1.1 is not, and gRPC-Web is another protocol.
fn speaks_grpc<B>(request: &Request<B>) -> bool {
    let named = media_type(request).strip_prefix(b"application/grpc");
    request.version() == Version::HTTP_2 && named.is_some_and(|rest| rest.is_empty() || rest[0] == b'+')
}

fn content_type<B>(request: &Request<B>) -> &[u8] {
    request.headers().get(CONTENT_TYPE).map_or(&[], |value| value.as_bytes())
}

/// The media type of a content type, without parameters.
pub(super) fn media_type<B>(request: &Request<B>) -> &[u8] {
    media(content_type(request))
}

/// The part of a content type before its parameters.
pub(super) fn media(content_type: &[u8]) -> &[u8] {
    content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()
}

/// Whether the path is one of the health service.
pub(super) fn is_health(path: &str) -> bool {
    path.starts_with(health::PREFIX)
}
