//! A request's body, read piece by piece under a deadline. Nothing is kept here but the rest of one piece.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::Body;

use crate::receiver::limits::Deadline;
use crate::receiver::status::Denial;

/// Reads a body. The deadline counts from when a piece is first waited for, not while the call is held for room.
pub(super) struct Reader<B> {
    body: B,
    rest: Bytes,
    deadline: Deadline,
    patience: Duration,
    empty: u32,
}

impl<B> Reader<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    /// Reads `body`, which has `patience` to arrive.
    pub(super) fn new(body: B, patience: Duration) -> Reader<B> {
        Reader { body, rest: Bytes::new(), deadline: Deadline::new(patience), patience, empty: 0 }
    }

    /// The next bytes, never none of them; `None` when the body is over.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Denial> {
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        if self.body.is_end_stream() {
            return Ok(None);
        }
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The five bytes before a gRPC message; `None` when there is no message.
    pub(super) async fn prefix(&mut self) -> Result<Option<[u8; 5]>, Denial> {
        let mut prefix = [0; 5];
        let mut have = 0;
        while have < prefix.len() {
            let Some(mut piece) = self.next().await? else {
                return match have {
                    0 => Ok(None),
                    _ => Err(Denial::malformed("the body ends within the five bytes before the gRPC message")),
                };
            };
            let take = piece.len().min(prefix.len() - have);
            piece.copy_to_slice(&mut prefix[have..have + take]);
            have += take;
            self.rest = piece;
        }
        Ok(Some(prefix))
    }

    /// Bytes that were read and not yet asked for.
    pub(super) fn kept(&self) -> usize {
        self.rest.len()
    }

    /// Starts the deadline anew: the call was held, and that time was ours.
    pub(super) fn was_held(&mut self) {
        self.deadline.reset();
    }

    /// Reads on and forgets, at most `bytes_max` bytes for at most `patience`, so that a peer that is still sending comes
    /// to read our answer.
    pub(super) async fn drain(&mut self, bytes_max: usize, patience: Duration) {
        self.deadline = Deadline::new(patience);
        let mut seen = 0;
        while let Ok(Some(piece)) = self.next().await {
            seen += piece.len();
            if bytes_max < seen {
                return;
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Denial>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(None) => return Poll::Ready(Ok(None)),
                // The connection or the call ended; hyper says no more, and nobody is left to tell.
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(Denial::cancelled())),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) if !piece.is_empty() => return Poll::Ready(Ok(Some(piece))),
                    Ok(_) => {
                        self.empty += 1;
                        if EMPTY_MAX < self.empty {
                            return Poll::Ready(Err(Denial::malformed("the body has too many empty frames")));
                        }
                    }
                    Err(_trailers) => {}
                },
                Poll::Pending => {
                    let over = self.deadline.poll_over(cx);
                    return over.map(|()| Err(Denial::timeout(self.patience)));
                }
            }
        }
    }
}

const EMPTY_MAX: u32 = 100;
