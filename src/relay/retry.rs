//! When to try again: exponential backoff with jitter, and the gate that keeps everything back from a collector that
//! cannot be reached.

use std::time::Duration;

use crate::relay::clock::Tick;

/// Waits that double from one failure to the next, up to a limit, each shortened by up to half at random, so that many
/// relays do not come back at the same moment.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub wait_max: Duration,
}

impl Default for Delays {
    fn default() -> Delays {
        Delays { first: Duration::from_millis(250), wait_max: Duration::from_secs(10) }
    }
}

impl Delays {
    /// The wait after the `failures`-th failure in a row (the first is 1). A collector that asked for more gets it.
    pub fn wait(&self, failures: u32, asked: Option<Duration>, dice: &mut Dice) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let full = self.first.saturating_mul(1 << doublings).min(self.wait_max);
        let jittered = full - full.mul_f64(0.5 * dice.share());
        jittered.max(asked.unwrap_or_default().min(ASKED_MAX))
    }
}

/// A collector may ask us to wait, but not for longer than this.
pub const ASKED_MAX: Duration = Duration::from_secs(60);

/// A sequence of numbers that looks random and is settled by its seed (xorshift64*), so that a run can be repeated.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Dice {
        Dice(seed | 1)
    }

    /// The next number of the sequence, from 0 up to 1.
    pub fn share(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Whether the collector is tried at all. After a failure it stays shut for a while, then lets one batch through at a
/// time, and opens when one was taken.
#[derive(Debug, Default)]
pub struct Gate {
    failures: u32,
    shut_until: Tick,
}

impl Gate {
    /// Whether a batch may go out now, with `out` of them under way.
    pub fn lets_through(&self, now: Tick, out: usize) -> bool {
        self.failures == 0 || (self.shut_until <= now && out == 0)
    }

    /// When it lets something through again, if it is shut.
    pub fn opens_at(&self) -> Option<Tick> {
        (self.failures > 0).then_some(self.shut_until)
    }

    /// The collector took a batch.
    pub fn succeeded(&mut self) {
        *self = Gate::default();
    }

    /// The collector could not be reached, or said so. Failures of one moment count once: of four batches under way when
    /// the collector goes, the first shuts the gate and the others find it shut. What they were asked to wait is heard all
    /// the same.
    pub fn failed(&mut self, now: Tick, asked: Option<Duration>, delays: &Delays, dice: &mut Dice) {
        if self.failures > 0 && now < self.shut_until {
            self.shut_until = self.shut_until.max(now.after(asked.unwrap_or_default().min(ASKED_MAX)));
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.shut_until = now.after(delays.wait(self.failures, asked, dice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_are_at_least_half_of_it() {
        let (delays, mut dice) = (Delays::default(), Dice::new(7));
        for (failures, full) in [(1, 250), (2, 500), (3, 1000), (6, 8000), (7, 10_000), (60, 10_000)] {
            let wait = delays.wait(failures, None, &mut dice).as_millis();
            assert!(full / 2 <= wait && wait <= full, "{wait} ms after {failures} failures");
        }
    }

    #[test]
    fn a_collector_that_asks_for_time_gets_it_but_not_without_end() {
        let (delays, mut dice) = (Delays::default(), Dice::new(7));
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(delays.wait(1, asked(30), &mut dice), Duration::from_secs(30));
        assert_eq!(delays.wait(1, asked(3600), &mut dice), ASKED_MAX);
    }

    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let throw = |seed| {
            let mut dice = Dice::new(seed);
            [dice.share(), dice.share(), dice.share()]
        };
        assert_eq!(throw(3), throw(3));
        assert_ne!(throw(3), throw(5));
        assert!(throw(3).iter().all(|share| (0.0..1.0).contains(share)));
    }

    #[test]
    fn after_a_failure_one_batch_at_a_time_until_one_is_taken() {
        let (delays, mut dice, mut gate) = (Delays::default(), Dice::new(7), Gate::default());
        assert!(gate.lets_through(Tick::ZERO, 3));
        gate.failed(Tick::ZERO, None, &delays, &mut dice);
        assert!(!gate.lets_through(Tick::ZERO, 0));
        let open = gate.opens_at().expect("it is shut");
        assert!(gate.lets_through(open, 0) && !gate.lets_through(open, 1));
        gate.succeeded();
        assert!(gate.lets_through(open, 1) && gate.opens_at().is_none());
    }

    #[test]
    fn failures_of_one_moment_count_once() {
        let (delays, mut dice, mut gate) = (Delays::default(), Dice::new(7), Gate::default());
        for _ in 0..4 {
            gate.failed(Tick::ZERO, None, &delays, &mut dice);
        }
        assert_eq!(gate.failures, 1);
    }

    #[test]
    fn a_wait_that_is_asked_for_when_the_gate_is_shut_keeps_it_shut_and_counts_no_failure() {
        let (delays, mut dice, mut gate) = (Delays::default(), Dice::new(7), Gate::default());
        let asked = |seconds| Some(Duration::from_secs(seconds));
        gate.failed(Tick::ZERO, None, &delays, &mut dice);
        gate.failed(Tick::ZERO, asked(30), &delays, &mut dice);
        gate.failed(Tick::ZERO, asked(20), &delays, &mut dice);
        assert_eq!((gate.failures, gate.opens_at()), (1, Some(Tick::from_millis(30_000))));
        gate.failed(Tick::ZERO, asked(3600), &delays, &mut dice);
        assert_eq!(gate.opens_at(), Some(Tick::ZERO.after(ASKED_MAX)));
    }
}
