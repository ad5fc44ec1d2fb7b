//! How long a collector asks us to wait: `google.rpc.RetryInfo`, alone in `google.rpc.retryinfo-bin` or as a detail of the
//! `google.rpc.Status` in `grpc-status-details-bin`. Hostile bytes give nothing; a long wait is cut to [`DELAY_MAX`].

use std::time::Duration;

use crate::exporter::proto::{Malformed, Value, fields};

/// The longest wait a collector can ask of us.
pub const DELAY_MAX: Duration = Duration::from_secs(60);

/// That the collector asked us to try again, and when, if it said so in a way that makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryInfo {
    /// At most [`DELAY_MAX`]; none when it is missing, negative or not a duration.
    pub delay: Option<Duration>,
}

impl RetryInfo {
    /// Reads a bare `google.rpc.RetryInfo`.
    pub fn from_bare(message: &[u8]) -> Option<RetryInfo> {
        let mut delay = None;
        for field in fields(message) {
            if let (1, Value::Bytes(duration)) = field.ok()? {
                delay = read_duration(duration).ok()?;
            }
        }
        Some(RetryInfo { delay })
    }

    /// Finds the first one among the details of a `google.rpc.Status`.
    pub fn from_status(message: &[u8]) -> Option<RetryInfo> {
        for field in fields(message) {
            if let (3, Value::Bytes(any)) = field.ok()?
                && let Some(info) = from_any(any)
            {
                return Some(info);
            }
        }
        None
    }
}

fn from_any(message: &[u8]) -> Option<RetryInfo> {
    let (mut url, mut value): (&[u8], &[u8]) = (&[], &[]);
    for field in fields(message) {
        match field.ok()? {
            (1, Value::Bytes(bytes)) => url = bytes,
            (2, Value::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    // The part before the last slash is a host of no meaning.
    if url.rsplit(|&byte| byte == b'/').next() != Some(b"google.rpc.RetryInfo") {
        return None;
    }
    RetryInfo::from_bare(value)
}

/// A `google.protobuf.Duration`; none when it is out of its own bounds or negative.
fn read_duration(message: &[u8]) -> Result<Option<Duration>, Malformed> {
    let (mut seconds, mut nanos) = (0u64, 0u64);
    for field in fields(message) {
        match field? {
            (1, Value::Varint(value)) => seconds = value,
            (2, Value::Varint(value)) => nanos = value,
            _ => {}
        }
    }
    // Negative numbers are huge when read without a sign, so one comparison catches both ends.
    if SECONDS_MAX < seconds || NANOS_MAX < nanos {
        return Ok(None);
    }
    let whole = Duration::from_secs(seconds) + Duration::from_nanos(nanos);
    Ok(Some(whole.min(DELAY_MAX)))
}

/// Bounds of `google.protobuf.Duration`: 10,000 years.
const SECONDS_MAX: u64 = 315_576_000_000;
const NANOS_MAX: u64 = 999_999_999;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exporter::tests::wire;

    fn check(seconds: i64, nanos: i64, delay: Option<Duration>) {
        let bare = wire::retry_info(seconds, nanos);
        assert_eq!(RetryInfo::from_bare(&bare), Some(RetryInfo { delay }));
        assert_eq!(RetryInfo::from_status(&wire::status_with(&bare)), Some(RetryInfo { delay }));
    }

    #[test]
    fn a_wait_is_read_from_either_place_and_capped() {
        check(0, 0, Some(Duration::ZERO));
        check(2, 500_000_000, Some(Duration::from_millis(2500)));
        check(0, 1, Some(Duration::from_nanos(1)));
        check(3600, 0, Some(DELAY_MAX));
        check(315_576_000_000, 999_999_999, Some(DELAY_MAX));
    }

    #[test]
    fn a_wait_that_makes_no_sense_is_none_but_the_wish_to_retry_stays() {
        check(-1, 0, None);
        check(1, -1, None);
        check(i64::MAX, 0, None);
        check(0, 1_000_000_000, None);
        check(i64::MIN, i64::MIN, None);
        assert_eq!(RetryInfo::from_bare(&[]), Some(RetryInfo { delay: None }));
    }

    #[test]
    fn other_details_are_not_a_wait() {
        let other = wire::message(&[(1, b"type.googleapis.com/google.rpc.ErrorInfo"), (2, &[0x0a, 0x00])]);
        let retry = wire::status_with(&wire::retry_info(2, 0));
        let mut both = wire::message(&[(3, &other)]);
        assert_eq!(RetryInfo::from_status(&both), None);
        both.extend_from_slice(&retry);
        assert_eq!(RetryInfo::from_status(&both), Some(RetryInfo { delay: Some(Duration::from_secs(2)) }));
    }

    #[test]
    fn no_cut_and_no_flipped_bit_makes_it_panic_or_wait_longer_than_the_cap() {
        let whole = wire::status_with(&wire::retry_info(5, 5));
        for cut in 0..whole.len() {
            let _ = RetryInfo::from_status(&whole[..cut]);
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[cut] ^= 1 << bit;
                for found in [RetryInfo::from_status(&flipped), RetryInfo::from_bare(&flipped)].into_iter().flatten() {
                    assert!(found.delay <= Some(DELAY_MAX));
                }
            }
        }
    }
}
