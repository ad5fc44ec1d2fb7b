//! How busy the door is: what a drain watches to know that the app has sent its last spans.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Calls under way, and when the last one came or ended. Health checks do not count.
#[derive(Debug)]
pub struct Traffic {
    active: AtomicUsize,
    last: Mutex<Instant>,
}

impl Traffic {
    /// A door at which nobody has called yet.
    pub fn new() -> Traffic {
        Traffic { active: AtomicUsize::new(0), last: Mutex::new(Instant::now()) }
    }

    /// Calls that came and are not answered yet, held ones included.
    pub fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// How long ago the last call came or ended; nothing while one is under way. Before the first call, the time since the
    /// beginning.
    pub fn quiet_for(&self) -> Duration {
        if self.active() != 0 {
            return Duration::ZERO;
        }
        self.last.lock().expect("no code panics while it holds this lock").elapsed()
    }

    pub(super) fn begin(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        *self.last.lock().expect("no code panics while it holds this lock") = Instant::now();
        self.active.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Traffic {
    fn default() -> Traffic {
        Traffic::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_door_is_quiet_only_when_no_call_is_under_way() {
        let traffic = Traffic::new();
        traffic.begin();
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!((traffic.active(), traffic.quiet_for()), (1, Duration::ZERO));
        traffic.end();
        assert_eq!((traffic.active(), traffic.quiet_for()), (0, Duration::ZERO));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(traffic.quiet_for(), Duration::from_secs(2));
    }
}
