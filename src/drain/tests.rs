//! The order of leaving, under a paused clock.

use std::cell::RefCell;

use proptest::prelude::*;

use super::*;

/// A house on a clock that stands still unless waited for: when the last call comes, when calls end, when spans are gone.
struct Fake {
    begun: Instant,
    last_call: Duration,
    calls_end: Duration,
    spans_gone: Duration,
    closed_frees: bool,
    entered: RefCell<Vec<(Phase, u64)>>,
}

impl Fake {
    fn new(last_call: u64, calls_end: u64, spans_gone: u64) -> Fake {
        let [last_call, calls_end, spans_gone] = [last_call, calls_end, spans_gone].map(Duration::from_millis);
        let (begun, entered) = (Instant::now(), RefCell::default());
        Fake { begun, last_call, calls_end, spans_gone, closed_frees: false, entered }
    }

    fn is_closed(&self) -> bool {
        self.entered.borrow().iter().any(|(phase, _)| *phase == Phase::Closed)
    }
}

impl Leaving for Fake {
    fn quiet_for(&self) -> Duration {
        // Before the last call, somebody calls all the time.
        match self.last_call.is_zero() {
            true => Duration::from_secs(3600),
            false => self.begun.elapsed().saturating_sub(self.last_call),
        }
    }

    fn calls_active(&self) -> usize {
        usize::from(self.begun.elapsed() < self.calls_end)
    }

    fn enter(&self, phase: Phase) {
        let at = u64::try_from(self.begun.elapsed().as_millis()).unwrap();
        self.entered.borrow_mut().push((phase, at));
    }

    fn spans_held(&self) -> u64 {
        let freed = self.closed_frees && self.is_closed();
        u64::from(!freed && self.begun.elapsed() < self.spans_gone)
    }
}

/// Runs on tokio's paused clock, so that no time passes.
fn paused<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

/// Leaves within `grace` and says when each phase was entered, how it ended and when, in milliseconds.
fn left(grace: u64, fake: impl FnOnce() -> Fake) -> ([u64; 5], Ended, u64) {
    paused(async {
        let fake = fake();
        let ended = drain(&fake, Schedule::of(Duration::from_millis(grace)), std::future::pending()).await;
        let entered = fake.entered.borrow();
        let phases: Vec<Phase> = entered.iter().map(|(phase, _)| *phase).collect();
        assert_eq!(phases, [Phase::LameDuck, Phase::Closing, Phase::Deciding, Phase::Flushing, Phase::Closed]);
        let times = std::array::from_fn(|place| entered[place].1);
        (times, ended, u64::try_from(fake.begun.elapsed().as_millis()).unwrap())
    })
}

const NEVER: u64 = 1_000_000_000;

#[test]
fn an_idle_house_leaves_after_a_second() {
    assert_eq!(left(25_000, || Fake::new(0, 0, 0)), ([0, 1000, 1000, 1000, 1000], Ended::Empty, 1000));
}

#[test]
fn the_door_stays_open_until_the_app_has_been_quiet_for_a_second() {
    let (times, ended, _) = left(25_000, || Fake::new(4000, 0, 6000));
    assert_eq!((times, ended), ([0, 5000, 5000, 5000, 6000], Ended::Empty));
}

#[test]
fn an_app_that_never_falls_silent_is_shut_out_in_time_and_what_is_left_is_given_up_in_time() {
    let (times, ended, over) = left(25_000, || Fake::new(NEVER, NEVER, NEVER));
    assert_eq!((times, ended), ([0, 10_000, 12_500, 12_500, 24_000], Ended::OutOfTime));
    assert!(over <= 25_000, "over at {over}");
}

#[test]
fn a_grace_of_one_second_works() {
    let (times, ended, over) = left(1000, || Fake::new(NEVER, NEVER, NEVER));
    assert_eq!((times, ended), ([0, 400, 500, 500, 800], Ended::OutOfTime));
    assert!(over <= 1000, "over at {over}");
}

#[test]
fn what_is_out_at_the_collector_is_booked_before_the_end() {
    let (_, ended, over) = left(25_000, || Fake { closed_frees: true, ..Fake::new(0, 0, NEVER) });
    assert_eq!((ended, over), (Ended::OutOfTime, 24_000));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    paused(async {
        let fake = Fake::new(NEVER, NEVER, NEVER);
        let hurry = tokio::time::sleep(Duration::from_millis(1500));
        let ended = drain(&fake, Schedule::of(Duration::from_secs(25)), hurry).await;
        assert_eq!((ended, fake.begun.elapsed().as_millis()), (Ended::Hurried, 1550));
        assert_eq!(*fake.entered.borrow(), [(Phase::LameDuck, 0), (Phase::Closed, 1500)]);
    });
}

#[test]
fn a_second_signal_is_heard_after_the_books_were_closed_too() {
    paused(async {
        let fake = Fake::new(NEVER, NEVER, NEVER);
        let hurry = tokio::time::sleep(Duration::from_millis(24_300));
        let ended = drain(&fake, Schedule::of(Duration::from_secs(25)), hurry).await;
        assert_eq!((ended, fake.begun.elapsed().as_millis()), (Ended::OutOfTime, 24_300));
    });
}

#[test]
fn the_default_schedule_is_the_documented_one() {
    let schedule = Schedule::of(Duration::from_secs(25));
    let seconds = [schedule.lame_duck_max, schedule.closing_max, schedule.flush_until].map(|d| d.as_secs_f64());
    assert_eq!((seconds, schedule.quiet.as_secs()), ([10.0, 2.5, 24.0], 1));
    assert_eq!(Schedule::of(Duration::from_secs(5)).flush_until, Duration::from_secs(4));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_phase_comes_in_order_and_the_grace_is_kept(
        grace in 100u64..100_000, last in 0u64..50_000, calls in 0u64..50_000, spans in 0u64..150_000,
    ) {
        let (times, _, over) = left(grace, || Fake::new(last, calls, spans));
        prop_assert!(times.is_sorted(), "{times:?}");
        // The clock of the runtime counts in whole milliseconds and rounds up.
        prop_assert!(over <= grace + 1, "over at {over} of {grace}");
    }
}
