//! Who pays for a byte. A budget is a fixed number of bytes that may be held at once; a charge is a part of it, taken
//! before the bytes are, and given back when the charge is dropped.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The bytes that may be held at once, shared by everything that holds some.
#[derive(Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

struct Shared {
    limit: usize,
    charged: AtomicUsize,
    peak: AtomicUsize,
    wanted: AtomicBool,
    on_room: Box<dyn Fn() + Send + Sync>,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Budget {
        Budget::with_listener(limit, Box::new(|| ()))
    }

    /// A budget that calls `on_room` once when bytes come back after somebody said [`Budget::want_room`].
    ///
    /// The call comes from wherever a charge was dropped, so it must be short and must not charge.
    pub fn with_listener(limit: usize, on_room: Box<dyn Fn() + Send + Sync>) -> Budget {
        let (charged, peak, wanted) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        Budget { shared: Arc::new(Shared { limit, charged, peak, wanted, on_room }) }
    }

    /// Takes `bytes` of the budget, or nothing when they do not fit.
    pub fn charge(&self, bytes: usize) -> Option<Charge> {
        let shared = &self.shared;
        let mut seen = shared.charged.load(Ordering::Relaxed);
        loop {
            let next = seen.checked_add(bytes).filter(|&next| next <= shared.limit)?;
            match shared.charged.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    shared.peak.fetch_max(next, Ordering::Relaxed);
                    return Some(Charge { budget: self.clone(), bytes });
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Asks for one call of the listener when bytes come back. Say it, then try [`Budget::charge`] once more, then wait.
    pub fn want_room(&self) {
        self.shared.wanted.store(true, Ordering::SeqCst);
    }

    /// The whole of it, in bytes.
    pub fn limit(&self) -> usize {
        self.shared.limit
    }

    /// What is charged now, in bytes.
    pub fn charged(&self) -> usize {
        self.shared.charged.load(Ordering::Relaxed)
    }

    /// The most that was ever charged at once, in bytes.
    pub fn peak(&self) -> usize {
        self.shared.peak.load(Ordering::Relaxed)
    }

    fn give_back(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.shared.charged.fetch_sub(bytes, Ordering::SeqCst);
        if self.shared.wanted.load(Ordering::SeqCst) && self.shared.wanted.swap(false, Ordering::SeqCst) {
            (self.shared.on_room)();
        }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("limit", &self.limit()).field("charged", &self.charged()).finish()
    }
}

/// A part of a [`Budget`]; dropping it gives the bytes back.
#[derive(Debug)]
pub struct Charge {
    budget: Budget,
    bytes: usize,
}

impl Charge {
    /// How many bytes are paid for.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Pays for `more` bytes too; false, and nothing changed, when they do not fit.
    #[must_use]
    pub fn grow(&mut self, more: usize) -> bool {
        match self.budget.charge(more) {
            Some(charge) => {
                self.join(charge);
                true
            }
            None => false,
        }
    }

    /// Gives back what is above `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let excess = self.bytes.saturating_sub(bytes);
        self.bytes -= excess;
        self.budget.give_back(excess);
    }

    /// Takes over what `other` pays for. Both must be of one budget.
    pub fn join(&mut self, mut other: Charge) {
        assert!(Arc::ptr_eq(&self.budget.shared, &other.budget.shared), "charges of two budgets cannot be joined");
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Hands `bytes` of it (all of it, if it has fewer) to somebody else.
    pub fn split(&mut self, bytes: usize) -> Charge {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Charge { budget: self.budget.clone(), bytes }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_budget_is_never_charged() {
        let budget = Budget::new(10);
        let first = budget.charge(7).expect("7 of 10 fit");
        assert!(budget.charge(4).is_none());
        assert!(budget.charge(usize::MAX).is_none());
        let mut second = budget.charge(3).expect("3 more fit");
        assert!(!second.grow(1));
        drop(first);
        assert!(second.grow(7));
        assert_eq!((budget.charged(), budget.peak()), (10, 10));
        drop(second);
        assert_eq!(budget.charged(), 0);
    }

    #[test]
    fn parts_of_a_charge_come_back_one_by_one() {
        let budget = Budget::new(10);
        let mut whole = budget.charge(10).expect("all of it fits");
        let part = whole.split(4);
        whole.shrink_to(1);
        assert_eq!(budget.charged(), 5);
        drop(part);
        assert_eq!(budget.charged(), 1);
        whole.shrink_to(9);
        assert_eq!(budget.charged(), 1, "shrinking never grows");
    }

    #[test]
    fn the_listener_is_called_once_for_each_want() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        let listener = Box::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let budget = Budget::with_listener(10, listener);
        drop(budget.charge(1));
        assert_eq!(calls.load(Ordering::SeqCst), 0, "nobody wanted room");
        budget.want_room();
        drop(budget.charge(1));
        drop(budget.charge(1));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}
