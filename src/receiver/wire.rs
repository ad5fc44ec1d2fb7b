//! A socket that gives back what was read of it already, and that gives up on a peer who neither finishes the head of a
//! request nor takes our answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::receiver::connection::Visitor;
use crate::receiver::limits::Deadline;

/// The socket of one connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    first: Vec<u8>,
    visitor: Arc<Visitor>,
    head: Option<Deadline>,
    head_since: Option<usize>,
    write: Deadline,
}

impl Wire {
    /// A socket of which `first` was read. Once bytes have come, a call must have begun within `head_timeout`, if there is
    /// one; and bytes that are to be written must be taken within `write_timeout`.
    pub(super) fn new(
        stream: TcpStream,
        first: Vec<u8>,
        visitor: Arc<Visitor>,
        head_timeout: Option<Duration>,
        write_timeout: Duration,
    ) -> Wire {
        let head = head_timeout.map(Deadline::new);
        Wire { stream, first, visitor, head, head_since: None, write: Deadline::new(write_timeout) }
    }

    /// Bytes have come: between two calls they are the beginning of a head.
    fn note_read(&mut self) {
        let Some(head) = &mut self.head else { return };
        let begun = Some(self.visitor.begun());
        if self.visitor.active() == 0 && self.head_since != begun {
            self.head_since = begun;
            head.reset();
        }
    }

    /// No bytes have come: too late, if the head of a request is incomplete for too long.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (Some(head), Some(since)) = (&mut self.head, self.head_since) else { return Poll::Pending };
        if self.visitor.begun() != since {
            self.head_since = None;
            head.reset();
            return Poll::Pending;
        }
        head.poll_over(cx)
            .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "the head of a request did not arrive in time")))
    }

    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.write.reset();
            return written;
        }
        let over = self.write.poll_over(cx);
        over.map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not take our answer")))
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = &mut *self;
        if !me.first.is_empty() {
            let take = me.first.len().min(buf.remaining());
            buf.put_slice(&me.first[..take]);
            me.first.drain(..take);
            me.note_read();
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut me.stream).poll_read(cx, buf) {
            Poll::Ready(read) => {
                if before < buf.filled().len() {
                    me.note_read();
                }
                Poll::Ready(read)
            }
            Poll::Pending => me.poll_head(cx),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
