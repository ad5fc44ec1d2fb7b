//! The relay in simulated worlds: apps that burst, repeat themselves and talk nonsense, collectors that are slow, dead or
//! lie, budgets that are tight, ends that come at any moment; and after every step, the books.
//!
//! `TAILWATER_SIM_SEEDS` says how many worlds there are, `TAILWATER_SIM_SEED` names one to be seen again.

#![allow(clippy::unwrap_used)]

mod collector;
mod garbage;
mod pod;
mod random;
mod records;
mod regressions;
mod setup;
mod spans;
mod world;

/// Worlds in an ordinary run.
const SEEDS: u64 = 60;

#[test]
fn in_every_world_every_span_ends_once_and_in_time() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("TAILWATER_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TAILWATER_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let mut failed = Vec::new();
    for seed in seeds {
        if let Err(panic) = std::panic::catch_unwind(|| world::run(seed)) {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            failed.push(format!("TAILWATER_SIM_SEED={seed}: {}", text.unwrap_or_default()));
        }
    }
    assert!(failed.is_empty(), "{} worlds failed:\n{}", failed.len(), failed.join("\n"));
    assert_eq!(tailwater::relay::custody::leaked(), 0);
}
