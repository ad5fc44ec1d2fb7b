//! Callers waiting for room in the budget, served in the order in which they came.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};

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

    /// Waits for its turn, then for room. The head of the line calls `press` each time it has waited for `pressing`.
    pub async fn wait(&self, budget: &Budget, bytes: usize, pressing: Duration, press: impl Fn()) -> Charge {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _place = Place(&self.waiting);
        let _head = self.head.lock().await;
        loop {
            let room = self.room.notified();
            budget.want_room();
            if let Some(charge) = budget.charge(bytes) {
                return charge;
            }
            if tokio::time::timeout(pressing, room).await.is_err() {
                press();
            }
        }
    }
}
