//! Time as a value. The relay never asks what time it is; whoever calls it says so.

use std::time::Duration;

/// A moment on a monotonic clock: nanoseconds since an origin that the caller chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(u64);

impl Tick {
    /// The origin itself.
    pub const ZERO: Tick = Tick(0);

    /// The moment `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Tick {
        Tick(nanos)
    }

    /// The moment `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Tick {
        Tick(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The moment `wait` later; the end of time instead of an overflow.
    pub fn after(self, wait: Duration) -> Tick {
        Tick(self.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this moment is; nothing when it is not after it.
    pub fn since(self, earlier: Tick) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_beyond_the_end_of_time_ends_there() {
        assert_eq!(Tick::from_millis(1).after(Duration::MAX), Tick::from_nanos(u64::MAX));
    }

    #[test]
    fn nothing_has_passed_since_a_later_moment() {
        assert_eq!(Tick::from_millis(1).since(Tick::from_millis(2)), Duration::ZERO);
        assert_eq!(Tick::from_millis(5).since(Tick::from_millis(2)), Duration::from_millis(3));
    }
}
