//! The order in which we leave. Not ready but open (the app flushes last), then closed to new calls, then everything is
//! decided, then sent, then the books are closed; each phase has its time, and together they fit into `shutdown.grace`.

pub mod farewell;
pub mod wish;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::driver::Phase;

/// How long each phase may last.
///
/// | Phase | Ends |
/// |---|---|
/// | LameDuck | after 1 s without a request, or with 40 % of the grace |
/// | Closing | with the last call under way, or after 10 % of the grace |
/// | Deciding | at once |
/// | Flushing | when nothing is held any more, or 1 s before the end of the grace; of a grace below 5 s, a fifth before its end |
/// | Closed | when what was out at the collector is booked, or with the grace; after a second signal within 50 ms |
///
/// A phase that ends early leaves its time to Flushing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The longest time as a lame duck.
    pub lame_duck_max: Duration,
    /// A door at which nobody called for so long has heard the last of the app.
    pub quiet: Duration,
    /// The longest time for calls under way.
    pub closing_max: Duration,
    /// When flushing ends, counted from the beginning.
    pub flush_until: Duration,
    /// When the process must have ended, counted from the beginning.
    pub grace: Duration,
}

impl Schedule {
    /// The schedule of `shutdown.grace`.
    pub fn of(grace: Duration) -> Schedule {
        let reserve = Duration::from_secs(1).min(grace / 5);
        Schedule {
            lame_duck_max: grace * 2 / 5,
            quiet: Duration::from_secs(1),
            closing_max: grace / 10,
            flush_until: grace - reserve,
            grace,
        }
    }
}

/// What leaving needs to know of the house, and does to it.
pub trait Leaving {
    /// How long nobody has called; nothing while a call is under way.
    fn quiet_for(&self) -> Duration;
    /// Calls under way.
    fn calls_active(&self) -> usize;
    /// Goes on to the next phase.
    fn enter(&self, phase: Phase);
    /// Spans held, out at the collector included.
    fn spans_held(&self) -> u64;
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// In order; nothing was left.
    Empty,
    /// In order, but the time was over before everything was sent.
    OutOfTime,
    /// At once, because somebody asked a second time.
    Hurried,
}

/// Leaves: walks through the phases, the last of which is [`Phase::Closed`] in any case. `hurry` is a second signal.
pub async fn drain(house: &impl Leaving, schedule: Schedule, hurry: impl Future<Output = ()>) -> Ended {
    let begun = Instant::now();
    let mut hurry = pin!(hurry);
    let ended = tokio::select! {
        biased;
        () = &mut hurry => Ended::Hurried,
        ended = in_order(house, schedule, begun) => ended,
    };
    house.enter(Phase::Closed);
    // Exporters give back what they have out, so that its fate is booked: a step of theirs, not a wait for the collector.
    let grace = begun + schedule.grace.saturating_sub(LAST_WORDS);
    let booked = |deadline| until(deadline, || house.spans_held() == 0);
    match ended {
        Ended::Hurried => drop(booked(Instant::now() + LAST_WORDS).await),
        Ended::Empty | Ended::OutOfTime => tokio::select! {
            _ = booked(grace) => (),
            () = &mut hurry => (),
        },
    }
    ended
}

async fn in_order(house: &impl Leaving, schedule: Schedule, begun: Instant) -> Ended {
    house.enter(Phase::LameDuck);
    // The app may have been told to leave at the same moment: quiet before that says nothing.
    let quiet = || schedule.quiet <= house.quiet_for().min(begun.elapsed());
    until(begun + schedule.lame_duck_max, quiet).await;
    house.enter(Phase::Closing);
    until(Instant::now() + schedule.closing_max, || house.calls_active() == 0).await;
    house.enter(Phase::Deciding);
    house.enter(Phase::Flushing);
    match until(begun + schedule.flush_until, || house.spans_held() == 0).await {
        true => Ended::Empty,
        false => Ended::OutOfTime,
    }
}

/// Waits until `done` or `deadline`; says whether it was done. It looks a hundred times a second, but only while leaving.
async fn until(deadline: Instant, done: impl Fn() -> bool) -> bool {
    loop {
        let now = Instant::now();
        if done() {
            return true;
        }
        if deadline <= now {
            return false;
        }
        sleep_until(deadline.min(now + LOOK_EVERY)).await;
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Kept for writing the last books down, and all that one in a hurry waits.
const LAST_WORDS: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
