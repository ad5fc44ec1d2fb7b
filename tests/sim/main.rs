//! The relay in simulated worlds: apps that burst, repeat themselves and talk nonsense, collectors that are slow, dead or
//! lie, budgets that are tight, ends that come at any moment; and after every step, the books.
//!
//! `TAILWATER_SIM_SEEDS` says how many worlds there are, `TAILWATER_SIM_SEED` names one to be seen again.

#![allow(clippy::unwrap_used)]

mod collector;
mod conditions;
mod garbage;
mod identity;
mod pod;
mod policies;
mod random;
mod records;
mod regressions;
mod setup;
mod spans;
mod thresholds;
mod world;

use tailwater::relay::custody::Cause;
use tailwater::relay::{Snapshot, Trigger, TurnedAway};

/// Worlds in an ordinary run.
const SEEDS: u64 = 60;

#[test]
fn in_every_world_every_span_ends_once_and_in_time() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("TAILWATER_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TAILWATER_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let (mut failed, mut seen) = (Vec::new(), Vec::new());
    for seed in seeds {
        match std::panic::catch_unwind(|| world::run(seed)) {
            Ok(snapshot) => seen.push(snapshot),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                failed.push(format!("TAILWATER_SIM_SEED={seed}: {}", text.unwrap_or_default()));
            }
        }
    }
    assert!(failed.is_empty(), "{} worlds failed:\n{}", failed.len(), failed.join("\n"));
    assert_eq!(tailwater::relay::custody::leaked(), 0);
    if SEEDS as usize <= seen.len() {
        worlds_are_wide_enough(&seen);
    }
}

/// Worlds in which nothing happens prove nothing: every fate, trigger and refusal that they can have was met.
fn worlds_are_wide_enough(seen: &[Snapshot]) {
    for cause in Cause::ALL {
        // No request of these worlds is as long as the limit of 64 MiB.
        let met = seen.iter().any(|snapshot| snapshot.ledger.dropped(cause) > 0);
        assert!(met || cause == Cause::TooLarge, "nothing was dropped as {}", cause.name());
    }
    for trigger in Trigger::ALL {
        let met = |snapshot: &Snapshot| snapshot.decisions[trigger as usize] != (0, 0);
        assert!(seen.iter().any(met), "no trace was decided by {}", trigger.name());
    }
    let met = |count: fn(&Snapshot) -> u64| assert!(seen.iter().any(|snapshot| count(snapshot) > 0));
    met(|snapshot| snapshot.ledger.exported());
    met(|snapshot| snapshot.ledger.sampled_out().ratio);
    met(|snapshot| snapshot.ledger.sampled_out().no_match);
    met(|snapshot| snapshot.ledger.sampled_out().remembered);
    met(|snapshot| snapshot.ledger.sampled_out().policies.iter().sum());
    met(|snapshot| snapshot.late.0);
    met(|snapshot| snapshot.late.1);
    met(|snapshot| snapshot.maybe_duplicated);
    met(|snapshot| snapshot.refused_full);
    met(|snapshot| snapshot.rejected_malformed);
    met(|snapshot| snapshot.turned_away[TurnedAway::Cancelled as usize].0);
}
