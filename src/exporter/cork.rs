//! Joins what HTTP/2 writes in one turn of its task. Frames are at most 16 KiB with every collector written in Go, and
//! written one by one each is a system call, a TCP segment and a wake-up of the other side; copying them together costs a
//! fraction of that.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is joined at most, in bytes: as much as one segment holds on loopback.
pub const CORK_MAX: usize = 64 * 1024;

/// A stream that sends what was written when it has [`CORK_MAX`] bytes of it, or when its task has had its turn: a flush
/// only asks for one more turn, in which everything that is there leaves. It relies on its task reading in every turn, as
/// every task of an HTTP/2 connection does.
#[derive(Debug)]
pub struct Corked<S> {
    stream: S,
    written: Vec<u8>,
    sent: usize,
    /// A flush was asked for: the next turn sends.
    flushing: bool,
}

impl<S: AsyncWrite + Unpin> Corked<S> {
    /// Nothing is written yet.
    pub fn new(stream: S) -> Corked<S> {
        Corked { stream, written: Vec::new(), sent: 0, flushing: false }
    }

    /// The stream itself.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Sends everything.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.written.len() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.written[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.sent += sent,
            }
        }
        self.written.clear();
        self.sent = 0;
        self.flushing = false;
        Poll::Ready(Ok(()))
    }

    /// Makes room and takes what fits of `slices`.
    fn poll_take(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if CORK_MAX <= self.written.len() {
            ready!(self.poll_send(cx))?;
        }
        let before = self.written.len();
        for slice in slices {
            let room = CORK_MAX - self.written.len();
            self.written.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        Poll::Ready(Ok(self.written.len() - before))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Corked<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.flushing
            && let Poll::Ready(sent) = self.poll_send(cx)
        {
            sent?;
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Corked<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_take(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_take(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.written.is_empty() && !self.flushing {
            self.flushing = true;
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Reads in every turn of the task until `until` bytes have come back.
    async fn turns(corked: &mut Corked<tokio::io::DuplexStream>, until: usize) -> Vec<u8> {
        let mut back = vec![0; until];
        corked.read_exact(&mut back).await.expect("the echo answers");
        back
    }

    async fn echo(mut stream: tokio::io::DuplexStream) -> Vec<usize> {
        let (mut sizes, mut bytes) = (Vec::new(), vec![0; 2 * CORK_MAX]);
        while let Ok(count @ 1..) = stream.read(&mut bytes).await {
            sizes.push(count);
            stream.write_all(&bytes[..count]).await.expect("it reads");
        }
        sizes
    }

    #[tokio::test]
    async fn what_is_written_in_one_turn_arrives_together_and_in_order() {
        let (near, far) = tokio::io::duplex(4 * CORK_MAX);
        let far = tokio::spawn(echo(far));
        let mut corked = Corked::new(near);
        for byte in 0..4 {
            corked.write_all(&[byte; 9]).await.expect("there is room");
            corked.write_all(&[byte; 1000]).await.expect("there is room");
            corked.flush().await.expect("it is open");
        }
        let back = turns(&mut corked, 4 * 1009).await;
        assert!(back.chunks(1009).zip(0..).all(|(chunk, byte)| chunk.iter().all(|&seen| seen == byte)));
        corked.shutdown().await.expect("it is open");
        drop(corked);
        assert_eq!(far.await.expect("no panic"), [4 * 1009]);
    }

    #[tokio::test]
    async fn more_than_fits_leaves_without_being_flushed_and_holds_no_more_than_its_limit() {
        let (near, mut far) = tokio::io::duplex(CORK_MAX / 4);
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.expect("it is open");
            all.len()
        });
        let mut corked = Corked::new(near);
        for _ in 0..5 {
            corked.write_all(&[7; CORK_MAX / 2]).await.expect("it is open");
            assert!(corked.written.len() <= CORK_MAX);
        }
        drop(corked);
        assert_eq!(reading.await.expect("no panic"), 2 * CORK_MAX);
    }

    #[tokio::test]
    async fn a_flush_alone_is_enough_when_the_task_goes_on_reading() {
        let (near, far) = tokio::io::duplex(CORK_MAX);
        let far = tokio::spawn(echo(far));
        let mut corked = Corked::new(near);
        corked.write_all(b"ping").await.expect("there is room");
        assert!(!corked.flushing, "nothing leaves before it is asked to");
        corked.flush().await.expect("it is open");
        assert_eq!(turns(&mut corked, 4).await, b"ping");
        assert!(corked.written.is_empty() && !corked.flushing);
        drop(corked);
        assert_eq!(far.await.expect("no panic"), [4]);
    }

    #[tokio::test]
    async fn a_shutdown_sends_what_is_left() {
        let (near, far) = tokio::io::duplex(CORK_MAX);
        let far = tokio::spawn(echo(far));
        let mut corked = Corked::new(near);
        corked.write_all(b"last").await.expect("there is room");
        corked.shutdown().await.expect("it is open");
        assert_eq!(far.await.expect("no panic"), [4]);
    }
}
