//! A collector of any temper: what it does with a batch, and what it says it did.

use std::time::Duration;

use tailwater::relay::queue::{Backoff, Outcome};

use crate::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// Takes everything at once.
    Fast,
    /// Takes everything, after seconds.
    Slow,
    /// Cannot be reached.
    Dead,
    /// Anything may happen, but what it says is true.
    Moody,
    /// Says things that cannot be.
    Lying,
}

pub const TEMPERS: [Temper; 5] = [Temper::Fast, Temper::Slow, Temper::Dead, Temper::Moody, Temper::Lying];

/// What it does with one batch of `spans`.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub outcome: Outcome,
    /// Whether it has the batch in truth.
    pub took: bool,
    pub after: Duration,
}

impl Temper {
    pub fn answer(self, random: &mut Random, spans: u64) -> Answer {
        let all = Outcome::Delivered { rejected_spans: 0 };
        let after = |low, high, random: &mut Random| Duration::from_millis(random.scale(low, high));
        match self {
            Temper::Fast => Answer { outcome: all, took: true, after: Duration::ZERO },
            Temper::Slow => Answer { outcome: all, took: true, after: after(100, 9000, random) },
            Temper::Dead => {
                let unknown = random.chance(4);
                let outcome = Outcome::TryAgain { scope: Backoff::Upstream, delay: None, unknown };
                Answer { outcome, took: false, after: after(1, 10_000, random) }
            }
            Temper::Moody => {
                let after = after(1, 3000, random);
                match random.below(4) {
                    0 => Answer { outcome: Outcome::Rejected, took: false, after },
                    1 => {
                        let rejected_spans = random.below(spans as usize + 1) as u64;
                        Answer { outcome: Outcome::Delivered { rejected_spans }, took: true, after }
                    }
                    2 => {
                        let scope = *random.pick(&[Backoff::Upstream, Backoff::Batch]);
                        let delay = random.chance(2).then(|| Duration::from_millis(random.scale(1, 120_000)));
                        let unknown = random.chance(2);
                        let took = unknown && random.chance(2);
                        Answer { outcome: Outcome::TryAgain { scope, delay, unknown }, took, after }
                    }
                    _ => Answer { outcome: all, took: true, after },
                }
            }
            Temper::Lying => {
                let rejected_spans = *random.pick(&[0, spans + 1, u64::MAX, spans / 2]);
                Answer { outcome: Outcome::Delivered { rejected_spans }, took: true, after: after(1, 50, random) }
            }
        }
    }
}
