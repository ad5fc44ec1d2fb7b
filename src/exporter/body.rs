//! A batch as the body of a gRPC call: five bytes of prefix and the batch's slices, passed on as they are. Only slices so
//! small that a DATA frame for each would cost more than a copy are joined.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use flate2::write::GzEncoder;
use http_body::Frame;

/// How much of a body the connection has taken so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sent {
    /// Nothing: there was no connection, or it was lost before.
    Nothing,
    /// Some of it; a collector can do nothing with a part of a message.
    Part,
    /// All of it; the collector may have acted on it.
    All,
}

/// Tells, also after the body is gone, how much of it was taken.
#[derive(Debug, Default)]
pub struct Progress(AtomicU8);

impl Progress {
    /// How much of the body has been taken.
    pub fn sent(&self) -> Sent {
        match self.0.load(Ordering::Acquire) {
            0 => Sent::Nothing,
            1 => Sent::Part,
            _ => Sent::All,
        }
    }

    fn note(&self, all: bool) {
        self.0.store(if all { 2 } else { 1 }, Ordering::Release);
    }
}

/// One gRPC message on its way out.
#[derive(Debug)]
pub struct Message {
    slices: VecDeque<Bytes>,
    progress: Arc<Progress>,
}

impl Message {
    /// The message made of `slices`.
    pub fn plain(slices: Vec<Bytes>, progress: Arc<Progress>) -> Message {
        Message::framed(slices, 0, progress)
    }

    /// The message made of what [`compress`] gave.
    pub fn compressed(slices: Vec<Bytes>, progress: Arc<Progress>) -> Message {
        Message::framed(slices, 1, progress)
    }

    fn framed(slices: Vec<Bytes>, flag: u8, progress: Arc<Progress>) -> Message {
        let len: usize = slices.iter().map(Bytes::len).sum();
        let len = u32::try_from(len).expect("a batch is cut at a few MiB, and one span is never 4 GiB");
        let mut prefix = BytesMut::with_capacity(5);
        prefix.put_u8(flag);
        prefix.put_u32(len);
        let mut slices: VecDeque<Bytes> = slices.into_iter().filter(|slice| !slice.is_empty()).collect();
        slices.push_front(prefix.freeze());
        Message { slices, progress }
    }

    /// The next piece for a DATA frame: a part of a large slice as it is, or small ones joined. It is never more than a
    /// frame, because the connection asks for the next one only when the collector has room for it: that is what makes
    /// [`Progress`] true.
    fn next_piece(&mut self) -> Option<Bytes> {
        let first = self.slices.front_mut()?;
        if FRAME < first.len() {
            return Some(first.split_to(FRAME));
        }
        let first = self.slices.pop_front()?;
        if SMALL <= first.len() || self.slices.is_empty() {
            return Some(first);
        }
        let mut joined = BytesMut::with_capacity(FRAME);
        joined.put(first);
        while let Some(slice) = self.slices.front_mut() {
            let room = FRAME - joined.len();
            if SMALL <= slice.len() && SMALL <= joined.len() || room == 0 {
                break;
            }
            joined.put(slice.split_to(slice.len().min(room)));
            if slice.is_empty() {
                self.slices.pop_front();
            }
        }
        Some(joined.freeze())
    }
}

impl http_body::Body for Message {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.next_piece();
        if piece.is_some() {
            self.progress.note(self.slices.is_empty());
        }
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.slices.is_empty()
    }
}

/// The slices as one gzip stream, in pieces of a frame each. It runs through them one by one, so that the memory it takes
/// beside them is what it returns.
pub fn compress(slices: &[Bytes]) -> Vec<Bytes> {
    let mut encoder = GzEncoder::new(Pieces::default(), flate2::Compression::fast());
    for slice in slices {
        encoder.write_all(slice).expect("writing to memory does not fail");
    }
    encoder.finish().expect("writing to memory does not fail").finish()
}

/// Bytes written into pieces of [`FRAME`] bytes.
#[derive(Default)]
struct Pieces {
    done: Vec<Bytes>,
    open: BytesMut,
}

impl Pieces {
    fn finish(mut self) -> Vec<Bytes> {
        self.done.push(self.open.freeze());
        self.done
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.open.capacity() == 0 {
            self.open.reserve(FRAME);
        }
        let taken = bytes.len().min(FRAME - self.open.len());
        self.open.put_slice(&bytes[..taken]);
        if self.open.len() == FRAME {
            self.done.push(std::mem::take(&mut self.open).freeze());
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// HTTP/2's frame size unless the collector allows more, in bytes.
const FRAME: usize = 16 * 1024;
/// Below this a slice is copied to its neighbours, in bytes.
const SMALL: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn pieces(mut message: Message) -> Vec<Bytes> {
        std::iter::from_fn(|| message.next_piece()).collect()
    }

    fn slices(lens: &[usize]) -> Vec<Bytes> {
        lens.iter().enumerate().map(|(place, &len)| Bytes::from(vec![place as u8; len])).collect()
    }

    #[test]
    fn the_pieces_are_the_prefix_and_the_slices_in_order() {
        for lens in [&[][..], &[0], &[1, 2, 3], &[20_000, 1, 0, 20_000], &[4095; 20], &[16_379], &[16_384, 9]] {
            let slices = slices(lens);
            let mut expect = vec![0];
            expect.extend_from_slice(&(lens.iter().sum::<usize>() as u32).to_be_bytes());
            expect.extend(slices.iter().flatten());
            assert_eq!(pieces(Message::plain(slices, Arc::default())).concat(), expect, "{lens:?}");
        }
    }

    #[test]
    fn only_the_last_piece_may_be_small() {
        for lens in [&[1usize; 9000][..], &[300; 500], &[5000, 10, 5000, 10, 5000], &[40_000, 3, 40_000, 3]] {
            let pieces = pieces(Message::plain(slices(lens), Arc::default()));
            let small = pieces.iter().filter(|piece| piece.len() < SMALL).count();
            // A large slice may end in a small rest that the next large one does not wait for.
            assert!(small <= 1 + lens.iter().filter(|&&len| FRAME < len).count(), "{lens:?}: {small}");
        }
    }

    #[test]
    fn a_large_slice_is_not_copied() {
        let large = Bytes::from(vec![7; 100_000]);
        let whole = large.as_ptr_range();
        let pieces = pieces(Message::plain(vec![large.clone()], Arc::default()));
        let inside = |piece: &Bytes| whole.contains(&piece.as_ptr());
        assert_eq!(pieces.iter().map(inside).collect::<Vec<_>>(), [false, true, true, true, true, true, true]);
        assert!(pieces.iter().all(|piece| piece.len() <= FRAME));
    }

    #[test]
    fn progress_tells_nothing_part_and_all() {
        use http_body::Body;
        let progress = Arc::new(Progress::default());
        let mut message = Message::plain(slices(&[30_000, 30_000]), progress.clone());
        let mut seen = vec![progress.sent()];
        let mut context = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(Some(_)) = Pin::new(&mut message).poll_frame(&mut context) {
            seen.push(progress.sent());
        }
        assert!(message.is_end_stream());
        seen.dedup();
        assert_eq!(seen, [Sent::Nothing, Sent::Part, Sent::All]);
    }

    #[test]
    fn gzip_gives_back_what_went_in() {
        let mut state = 1u32;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        };
        let noise: Vec<u8> = (0..100_000).map(|_| random()).collect();
        let slices = [Bytes::from(noise.clone()), Bytes::new(), Bytes::from_static(b"tail")];
        let compressed = compress(&slices);
        assert!(compressed.iter().all(|piece| piece.len() <= FRAME) && 2 < compressed.len());
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(compressed.concat().as_slice()).read_to_end(&mut plain).expect("gzip");
        assert_eq!(plain, [&noise[..], b"tail"].concat());
    }
}
