//! The floor: a relay that looks at nothing. It reads a request's body whole, sends the same bytes as one request to
//! `--upstream`, waits for the answer, and acknowledges. Whatever a sampling relay costs beyond this is the price of sampling.
//!
//! It is written as well as we can: one thread, hyper on both sides, bodies forwarded as the chunks they came in, windows
//! that let a whole request through without waiting, one upstream connection for each connection of a sender.

#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2 as client;
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tailwater_peers::args::Args;
use tailwater_peers::grpc;
use tokio::net::{TcpListener, TcpStream};

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
async fn serve(stream: TcpStream, upstream: SocketAddr) -> Result<(), Box<dyn Error + Send + Sync>> {
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

async fn connect(upstream: SocketAddr) -> Result<client::SendRequest<Message>, Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = client::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// One request: in whole, out whole, answered as the sink answered.
async fn relay(
    request: Request<Incoming>,
    sender: client::SendRequest<Message>,
    authority: String,
) -> Result<Response<Message>, Infallible> {
    let answer = forward(request, sender, &authority)
        .await
        .unwrap_or_else(|_| Message::status(14));
    let (head, ()) = grpc::response_head().into_parts();
    Ok(Response::from_parts(head, answer))
}

async fn forward(
    request: Request<Incoming>,
    mut sender: client::SendRequest<Message>,
    authority: &str,
) -> Result<Message, Box<dyn Error + Send + Sync>> {
    let (head, body) = request.into_parts();
    let body = Message::read(body).await?;
    let encoding: Option<&HeaderValue> = head.headers.get("grpc-encoding");
    let (out, ()) = grpc::request(authority, encoding)?.into_parts();
    let (head, body) = sender.send_request(Request::from_parts(out, body)).await?.into_parts();
    let mut answer = Message::read(body).await?;
    let trailers = answer
        .trailers
        .take()
        .or_else(|| grpc::status(&head.headers).map(grpc::trailers));
    Ok(Message {
        trailers: Some(trailers.unwrap_or_else(|| grpc::trailers(2))),
        ..answer
    })
}

/// A body that is already here: its chunks in order, then trailers if there are any.
struct Message {
    chunks: std::vec::IntoIter<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Message {
    fn status(code: u16) -> Message {
        Message {
            chunks: Vec::new().into_iter(),
            trailers: Some(grpc::trailers(code)),
        }
    }

    async fn read(mut body: Incoming) -> Result<Message, hyper::Error> {
        let (mut chunks, mut trailers) = (Vec::new(), None);
        while let Some(frame) = body.frame().await {
            match frame?.into_data() {
                Ok(chunk) if chunk.is_empty() => {}
                Ok(chunk) => chunks.push(chunk),
                Err(other) => trailers = other.into_trailers().ok(),
            }
        }
        Ok(Message {
            chunks: chunks.into_iter(),
            trailers,
        })
    }
}

impl Body for Message {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(chunk) = self.chunks.next() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.as_slice().is_empty() && self.trailers.is_none()
    }
}
