//! The receiver's bounds and the small tools that keep them: a deadline that costs nothing until somebody is slow, and
//! the dice for retry delays.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use crate::relay::retry;

/// The longest list of header fields of one request, in bytes.
pub const HEADER_LIST_MAX: u32 = 8 * 1024;

/// What is charged first for a body that does not say how long it is, in bytes.
pub const FIRST_CHARGE: usize = 1024 * 1024;

/// The largest HTTP/2 frame taken, in bytes. Peers that make use of it need fewer reads than at the protocol's 16 KiB.
pub(super) const FRAME_MAX: u32 = 64 * 1024;

/// The smallest `receiver.window` that is of use, in bytes.
pub(super) const WINDOW_MIN: u32 = 64 * 1024;

/// How long an HTTP call is held at most: its client does not say how long it waits.
pub(super) const HTTP_HOLD_MAX: Duration = Duration::from_secs(4);

/// How long an HTTP/1 connection may stay open without a request.
pub(super) const HTTP1_IDLE_MAX: Duration = Duration::from_secs(300);

/// The longest message to a peer, in bytes.
pub(super) const MESSAGE_MAX: usize = 256;

/// Divides `receiver.window`: what flow control lets a connection send ahead, and its part of what calls on any connection
/// may keep of their bodies while they wait for room. Both together are the window.
pub(super) fn share_window(window: u32) -> (u32, usize) {
    let window = window.max(WINDOW_MIN);
    (window - window / 4, (window / 4) as usize)
}

/// The moment by which something must be over. The timer is made when it is first waited for, so what never waits never
/// pays for one.
#[derive(Debug)]
pub(super) struct Deadline {
    after: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// A deadline `after` the first time somebody had to wait.
    pub(super) fn new(after: Duration) -> Deadline {
        Deadline { after, sleep: None }
    }

    /// Whether the time is over; if not, the task is woken when it is.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.after))).as_mut().poll(cx)
    }

    /// Forgets what was waited so far.
    pub(super) fn reset(&mut self) {
        self.sleep = None;
    }
}

/// The relay's dice, thrown by all calls of a door.
#[derive(Debug)]
pub(super) struct Dice(Mutex<retry::Dice>);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(Mutex::new(retry::Dice::new(seed)))
    }

    /// How long a refused caller is asked to wait: evenly from 500 ms to 2 s, so that callers do not come back together.
    pub(super) fn retry_delay(&self) -> Duration {
        // A panic elsewhere cannot have left a number half written that matters.
        let share = self.0.lock().unwrap_or_else(PoisonError::into_inner).share();
        Duration::from_millis(500) + Duration::from_millis(1500).mul_f64(share)
    }
}

/// At most [`MESSAGE_MAX`] bytes of `message`, cut between characters.
pub(super) fn shorten(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MESSAGE_MAX));
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_ahead_and_held_is_never_more_than_the_window() {
        for window in [WINDOW_MIN, 100_000, 256 * 1024, 1 << 20] {
            let (ahead, kept) = share_window(window);
            assert!(FRAME_MAX / 2 < ahead && 0 < kept && ahead as usize + kept == window as usize);
        }
        assert_eq!(share_window(256 * 1024), (192 * 1024, 64 * 1024));
        assert_eq!(share_window(0), share_window(WINDOW_MIN));
    }

    #[test]
    fn retry_delays_are_spread_between_half_a_second_and_two() {
        let dice = Dice::new(7);
        let delays: Vec<u128> = (0..1000).map(|_| dice.retry_delay().as_millis()).collect();
        assert!(delays.iter().all(|delay| (500..=2000).contains(delay)));
        assert!(delays.iter().any(|&delay| delay < 700) && delays.iter().any(|&delay| 1800 < delay));
        let zero = Dice::new(0);
        assert_ne!(zero.retry_delay(), zero.retry_delay(), "a seed of zero works too");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(shorten("é".repeat(200)).len(), 256);
        assert_eq!(shorten(format!("a{}", "é".repeat(200))).len(), 255);
    }
}
