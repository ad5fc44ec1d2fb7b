//! Compressed bodies, inflated as they arrive: against the request limit, against a ratio no exporter reaches, and against
//! the budget, in slices between which other calls get their turn.

use std::io::{self, Write};

use ::http::HeaderValue;
use flate2::write::MultiGzDecoder;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::receiver::hold::Paid;
use crate::receiver::status::Denial;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

impl Encoding {
    /// What a `grpc-encoding` or `content-encoding` header says.
    pub(super) fn of(header: Option<&HeaderValue>) -> Result<Encoding, Denial> {
        match header.map(|value| value.as_bytes().trim_ascii()) {
            None | Some(b"" | b"identity") => Ok(Encoding::Identity),
            Some(b"gzip" | b"x-gzip") => Ok(Encoding::Gzip),
            Some(b"zstd") => Ok(Encoding::Zstd),
            Some(other) => Err(Denial::encoding(other)),
        }
    }

    /// What the decoder itself takes while it works, in bytes: charged with the body, given back with the decoder.
    pub(super) fn cost(self) -> usize {
        match self {
            Encoding::Identity => 0,
            Encoding::Gzip => GZIP_COST,
            Encoding::Zstd => ZSTD_COST,
        }
    }
}

/// What a gzip decoder takes while a body is inflated, in bytes: the window and its tables, and the piece it works on.
pub const GZIP_COST: usize = 96 * 1024;

/// What a zstd decoder takes beside its window, in bytes: its tables and one block.
const ZSTD_COST: usize = 384 * 1024;

/// The largest window that a zstd frame may ask for: what the format recommends every decoder to support.
const ZSTD_WINDOW_MAX: u64 = 8 * 1024 * 1024;

/// The largest block of a zstd frame, in bytes.
const ZSTD_BLOCK_MAX: usize = 128 * 1024;

/// How many times its compressed length an inflated body may have. Spans differ at least in their ids, which do not
/// compress; deflate itself can reach 1032.
const RATIO_MAX: usize = 200;

/// Below this length no ratio is asked for, in bytes.
const RATIO_FREE: usize = 1024 * 1024;

/// How much is inflated before other calls get their turn, in bytes.
const SLICE: usize = 256 * 1024;

/// The bounds of a body that is being inflated.
#[derive(Debug)]
struct Sink {
    paid: Paid,
    seen: usize,
    denied: Option<Denial>,
}

impl Sink {
    fn check_ratio(&self) -> Result<(), Denial> {
        let len = self.paid.len();
        if RATIO_FREE < len && self.seen.saturating_mul(RATIO_MAX) < len {
            Err(Denial::bomb(RATIO_MAX))
        } else {
            Ok(())
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.paid.put(bytes).and_then(|()| self.check_ratio()) {
            Ok(()) => Ok(bytes.len()),
            Err(denial) => {
                self.denied = Some(denial);
                Err(io::Error::other("the bound is reached"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Inflates a gzip body, piece by piece.
pub(super) struct Gunzip {
    decoder: MultiGzDecoder<Sink>,
    since_turn: usize,
}

impl Gunzip {
    /// Inflates into `paid`.
    pub(super) fn new(paid: Paid) -> Gunzip {
        Gunzip { decoder: MultiGzDecoder::new(Sink { paid, seen: 0, denied: None }), since_turn: 0 }
    }

    /// Takes the next piece of the compressed body.
    pub(super) async fn put(&mut self, mut piece: &[u8]) -> Result<(), Denial> {
        while !piece.is_empty() {
            let before = self.decoder.get_ref().paid.len();
            let taken = match self.decoder.write(piece) {
                Ok(0) => return Err(Denial::malformed("bytes follow the end of the gzip body")),
                Ok(taken) => taken,
                Err(error) => return Err(self.why(&error)),
            };
            self.decoder.get_mut().seen += taken;
            piece = &piece[taken..];
            self.since_turn += self.decoder.get_ref().paid.len() - before;
            if SLICE <= self.since_turn {
                self.since_turn = 0;
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// The inflated body, when the compressed one was whole.
    pub(super) fn finish(mut self) -> Result<Paid, Denial> {
        if let Err(error) = self.decoder.try_finish() {
            return Err(self.why(&error));
        }
        match self.decoder.finish() {
            Ok(sink) => Ok(sink.paid),
            Err(error) => Err(Denial::malformed(format!("the gzip body is incomplete or damaged: {error}"))),
        }
    }

    fn why(&mut self, error: &io::Error) -> Denial {
        let denied = self.decoder.get_mut().denied.take();
        denied.unwrap_or_else(|| Denial::malformed(format!("the gzip body is incomplete or damaged: {error}")))
    }
}

/// Inflates a whole zstd body into `paid`. Several frames may follow one another.
pub(super) async fn unzstd(mut body: &[u8], paid: Paid) -> Result<Paid, Denial> {
    let damaged = |error: &dyn std::fmt::Display| Denial::malformed(format!("the zstd body is damaged: {error}"));
    let mut sink = Sink { paid, seen: body.len(), denied: None };
    let (mut window, mut since_turn) = (0, 0);
    while !body.is_empty() {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW_MAX);
        decoder.reset(&mut body).map_err(|error| damaged(&error))?;
        let mut finished = false;
        while !finished {
            let needed = window_bytes(decoder.blocks_decoded() + 1);
            if window < needed {
                sink.paid.add_scratch(needed - window)?;
                window = needed;
            }
            finished = decoder
                .decode_blocks(&mut body, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(|error| damaged(&error))?;
            since_turn += decoder.collect_to_writer(&mut sink).map_err(|error| match sink.denied.take() {
                Some(denial) => denial,
                None => damaged(&error),
            })?;
            if SLICE <= since_turn {
                since_turn = 0;
                tokio::task::yield_now().await;
            }
        }
        if decoder.get_checksum_from_data().is_some_and(|sum| decoder.get_calculated_checksum() != Some(sum)) {
            return Err(damaged(&"its checksum is wrong"));
        }
    }
    Ok(sink.paid)
}

/// What the decoder may take, in bytes, for the window it keeps of so many blocks: paid for before the last of them is
/// decoded. Its ring of bytes doubles beyond two blocks, and while it grows the old one is still there.
fn window_bytes(blocks: usize) -> usize {
    let free = 2 * ZSTD_BLOCK_MAX;
    let data = (blocks * ZSTD_BLOCK_MAX).min(ZSTD_WINDOW_MAX as usize + ZSTD_BLOCK_MAX);
    let ring = free + data.saturating_sub(free).next_power_of_two();
    ring + ring / 2 + ZSTD_BLOCK_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::budget::Budget;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    const LIMIT: usize = 8 * 1024 * 1024;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 9u32;
        let mut roll = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..len).map(|place| if place % 4 == 0 { roll() } else { b'a' }).collect()
    }

    fn paid(budget: &Budget, first: usize) -> Paid {
        Paid::new(budget.charge(first).unwrap(), LIMIT, 0)
    }

    async fn gunzip(budget: &Budget, first: usize, pieces: &[&[u8]]) -> Result<Vec<u8>, Denial> {
        let mut gunzip = Gunzip::new(paid(budget, first));
        for piece in pieces {
            gunzip.put(piece).await?;
        }
        Ok(gunzip.finish()?.into_parts().0)
    }

    #[tokio::test]
    async fn gzip_in_any_pieces_inflates_to_the_same_body() {
        let (budget, body) = (Budget::new(LIMIT), noise(700_000));
        let packed = gzip(&body);
        for size in [1, 7, 1000, packed.len()] {
            let pieces: Vec<&[u8]> = packed.chunks(size).collect();
            assert_eq!(gunzip(&budget, 64, &pieces).await.unwrap(), body, "pieces of {size}");
        }
        assert_eq!(budget.charged(), 0);
    }

    #[tokio::test]
    async fn a_gzip_body_cut_short_or_damaged_is_malformed() {
        let (budget, packed) = (Budget::new(LIMIT), gzip(&noise(5000)));
        let mut damaged = packed.clone();
        damaged[packed.len() / 2] ^= 0x55;
        let mut longer = packed.clone();
        longer.extend_from_slice(b"garbage");
        for bad in [&packed[..packed.len() - 1], &packed[..3], &damaged, &longer, b"not gzip at all"] {
            let denial = gunzip(&budget, 64, &[bad]).await.unwrap_err();
            assert_eq!(denial.code, tonic::Code::InvalidArgument, "{denial:?}");
        }
    }

    #[tokio::test]
    async fn a_gzip_bomb_is_refused_at_200_times_its_length() {
        let budget = Budget::new(64 * 1024 * 1024);
        let bomb = gzip(&vec![0; LIMIT - 1]);
        let denial = gunzip(&budget, 1024, &[&bomb]).await.unwrap_err();
        assert_eq!((denial.code, denial.retry), (tonic::Code::ResourceExhausted, None));
        assert!(budget.peak() <= 4 * RATIO_FREE, "{} bytes were charged", budget.peak());
    }

    #[tokio::test]
    async fn what_inflates_over_the_request_limit_is_too_large_and_over_the_budget_is_full() {
        let packed = gzip(&noise(LIMIT + 1));
        let denial = gunzip(&Budget::new(64 * 1024 * 1024), 1024, &[&packed]).await.unwrap_err();
        assert_eq!(denial.code, tonic::Code::ResourceExhausted);
        let denial = gunzip(&Budget::new(1024 * 1024), 1024, &[&packed]).await.unwrap_err();
        assert_eq!(denial.code, tonic::Code::Unavailable);
    }

    #[tokio::test]
    async fn zstd_inflates_to_the_same_body_and_pays_for_its_window() {
        let (budget, body) = (Budget::new(LIMIT), noise(700_000));
        let packed = zstd(&body);
        let inflated = unzstd(&packed, paid(&budget, 64)).await.unwrap();
        assert_eq!(inflated.into_parts().0, body);
        assert!(2 * body.len() <= budget.peak());
        assert_eq!(budget.charged(), 0);
    }

    #[tokio::test]
    async fn the_window_of_a_zstd_body_is_paid_for_before_it_is_filled() {
        // The encoder's frames have windows far larger than these few blocks, so that nothing is given out before the end.
        let packed = zstd(&noise(10 * ZSTD_BLOCK_MAX));
        let budget = Budget::new(window_bytes(4) + ZSTD_BLOCK_MAX);
        let denial = unzstd(&packed, paid(&budget, 64)).await.unwrap_err();
        assert_eq!(denial.code, tonic::Code::Unavailable);
        assert!(window_bytes(4) <= budget.peak(), "{} bytes when four blocks had been decoded", budget.peak());
        let enough = Budget::new(LIMIT);
        unzstd(&packed, paid(&enough, 64)).await.unwrap();
        assert!(window_bytes(10) + 10 * ZSTD_BLOCK_MAX <= enough.peak());
        assert_eq!(enough.charged(), 0);
    }

    #[tokio::test]
    async fn a_zstd_body_cut_short_or_damaged_is_malformed() {
        let (budget, packed) = (Budget::new(LIMIT), zstd(&noise(5000)));
        for bad in [&packed[..packed.len() - 1], &packed[..3], b"not zstd at all"] {
            let denial = unzstd(bad, paid(&budget, 64)).await.unwrap_err();
            assert_eq!(denial.code, tonic::Code::InvalidArgument, "{denial:?}");
        }
    }

    #[tokio::test]
    async fn a_zstd_bomb_is_refused() {
        let denial = unzstd(&zstd(&vec![0; LIMIT]), paid(&Budget::new(4 * LIMIT), 64)).await.unwrap_err();
        assert_eq!((denial.code, denial.retry), (tonic::Code::ResourceExhausted, None));
    }

    #[test]
    fn an_unknown_encoding_is_named_in_the_refusal() {
        let denial = Encoding::of(Some(&HeaderValue::from_static("br"))).unwrap_err();
        assert_eq!(denial.code, tonic::Code::Unimplemented);
        assert!(denial.message.contains("\"br\"") && denial.message.contains("gzip"));
    }
}
