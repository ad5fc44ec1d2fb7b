//! The body of every response. An answer to a gRPC call hands its message and its trailers over in one poll each, so that
//! hyper queues head, data and trailers before the connection writes: one write for the whole answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A response body.
#[derive(Debug)]
pub(super) enum Answer {
    /// These bytes and nothing after them; none at all for a response that is its head alone.
    Whole(Bytes),
    /// A gRPC message still to be sent, and `grpc-status: 0` after it.
    Message(Bytes),
    /// `grpc-status: 0`.
    Ok,
    /// What the health service says.
    Health(tonic::body::Body),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let me = self.get_mut();
        let frame = match me {
            Answer::Health(body) => return Pin::new(body).poll_frame(cx),
            Answer::Whole(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Answer::Whole(bytes) => Frame::data(std::mem::take(bytes)),
            Answer::Message(bytes) => {
                let frame = Frame::data(std::mem::take(bytes));
                *me = Answer::Ok;
                frame
            }
            Answer::Ok => {
                *me = Answer::Whole(Bytes::new());
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                Frame::trailers(trailers)
            }
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Answer::Whole(bytes) => bytes.is_empty(),
            Answer::Message(_) | Answer::Ok => false,
            Answer::Health(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Answer::Message(_) | Answer::Ok => SizeHint::default(),
            Answer::Health(body) => body.size_hint(),
        }
    }
}
