//! The floor: a relay that looks at nothing. It reads a request's body whole, sends the same bytes as one request to
//! `--upstream`, waits for the answer, and acknowledges. Whatever a sampling relay costs beyond this is the price of sampling.
//!
//! It is written as well as we can: one thread; hyper where requests come in; h2 itself where they leave, because hyper's
//! client writes a request's headers and body apart; bodies forwarded as the chunks they came in; windows that let a whole
//! request through without waiting; one upstream connection for each connection of a sender.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::{self, SendRequest};
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tailwater_peers::args::Args;
use tailwater_peers::grpc;
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = Args::from_env()?;
    let listener = TcpListener::bind(args.need::<SocketAddr>("listen")?).await?;
    let upstream = args.need::<SocketAddr>("upstream")?;
    args.finish()?;
    println!("ready");
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, upstream));
    }
}

/// Relays one connection until the peer closes it. Errors are the peer's or the sink's: they end this connection only.
async fn serve(stream: TcpStream, upstream: SocketAddr) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let sender = connect(upstream).await?;
    let authority = upstream.to_string();
    let service = service_fn(move |request| relay(request, sender.clone(), authority.clone()));
    server::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(grpc::WINDOW)
        .initial_connection_window_size(grpc::CONNECTION_WINDOW)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await?;
    Ok(())
}

async fn connect(upstream: SocketAddr) -> Result<SendRequest<Bytes>, Failure> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = client::Builder::new().enable_push(false).handshake(stream).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// One request: in whole, out whole, answered as the sink answered.
async fn relay(
    request: Request<Incoming>,
    sender: SendRequest<Bytes>,
    authority: String,
) -> Result<Response<Answer>, Infallible> {
    let answer = forward(request, sender, &authority)
        .await
        .unwrap_or_else(|_| Answer::status(14));
    let (head, ()) = grpc::response_head().into_parts();
    Ok(Response::from_parts(head, answer))
}

async fn forward(request: Request<Incoming>, sender: SendRequest<Bytes>, authority: &str) -> Result<Answer, Failure> {
    let (head, mut body) = request.into_parts();
    let mut chunks = Vec::new();
    while let Some(frame) = body.frame().await {
        chunks.extend(frame?.into_data().ok().filter(|chunk| !chunk.is_empty()));
    }
    let out = grpc::request(authority, head.headers.get("grpc-encoding"))?;
    let (response, mut stream) = sender.ready().await?.send_request(out, false)?;
    let last = chunks.pop().unwrap_or_default();
    for chunk in chunks {
        stream.send_data(chunk, false)?;
    }
    stream.send_data(last, true)?;
    Answer::read(response.await?).await
}

/// The sink's answer: its message, then its trailers.
struct Answer {
    message: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Answer {
    fn status(code: u16) -> Answer {
        Answer {
            message: None,
            trailers: Some(grpc::trailers(code)),
        }
    }

    async fn read(response: Response<h2::RecvStream>) -> Result<Answer, Failure> {
        if let Some(code) = grpc::status(response.headers()) {
            return Ok(Answer::status(code));
        }
        let (mut body, mut message) = (response.into_body(), Vec::new());
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            body.flow_control().release_capacity(chunk.len())?;
            message.extend_from_slice(&chunk);
        }
        let trailers = body.trailers().await?.unwrap_or_else(|| grpc::trailers(2));
        Ok(Answer {
            message: Some(message.into()),
            trailers: Some(trailers),
        })
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(message) = self.message.take() {
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}
