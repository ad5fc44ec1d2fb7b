//! Callers waiting for room in the budget, served in the order in which they came.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, timeout_at};

use crate::relay::budget::{Budget, Charge};

/// The line. Only its head looks at the budget; the others wait for its place.
#[derive(Debug, Default)]
pub struct Line {
    head: Mutex<()>,
    room: Arc<Notify>,
    waiting: AtomicUsize,
}

/// One caller's place; leaving the line gives it up.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Line {
    /// To be told when bytes have come back to the budget.
    pub fn room(&self) -> Arc<Notify> {
        self.room.clone()
    }

    /// How many callers wait.
    pub fn len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits for its turn, then for room. The head of the line calls `press` each time it has waited for `pressing`,
    /// however much room too small for it came meanwhile.
    pub async fn wait(&self, budget: &Budget, bytes: usize, pressing: Duration, press: impl Fn()) -> Charge {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _place = Place(&self.waiting);
        let _head = self.head.lock().await;
        let mut press_at = Instant::now() + pressing;
        loop {
            let room = self.room.notified();
            budget.want_room();
            if let Some(charge) = budget.charge(bytes) {
                return charge;
            }
            if press_at <= Instant::now() {
                press();
                press_at = Instant::now() + pressing;
                continue;
            }
            // Whether room came or the time, both are looked at again.
            let _ = timeout_at(press_at, room).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn room_that_comes_in_pieces_too_small_does_not_put_off_the_pressing() {
        let line = Line::default();
        let room = line.room();
        let budget = Budget::with_listener(1000, Box::new(move || room.notify_one()));
        let mut all = budget.charge(1000).expect("all of it is free");
        let presses = Cell::new(0);
        let began = Instant::now();
        let waiting = line.wait(&budget, 100, Duration::from_millis(250), || presses.set(presses.get() + 1));
        let trickle = async {
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                all.shrink_to(all.bytes() - 1);
            }
        };
        let (charge, ()) = tokio::join!(waiting, trickle);
        assert_eq!((charge.bytes(), began.elapsed()), (100, Duration::from_secs(2)));
        assert_eq!(presses.get(), 7, "every 250 ms of 2 s");
    }
}
