//! `memory:` what all held bytes together may take.

use crate::config::amount::Amount;
use crate::config::ceiling::{self, BUDGET_UNLIMITED};
use crate::config::layers::Layered;
use crate::config::problem::Problem;
use crate::config::reference::{Key, Kind};
use crate::config::size::Size;

/// What all held bytes together may take, as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryConfig {
    /// The budget, in bytes; `auto` is worked out.
    pub budget: usize,
    /// The memory limit of the cgroup it was worked out from, in bytes; none where there is no limit.
    pub limit: Option<u64>,
}

impl MemoryConfig {
    /// What was asked for; `auto` is what fits the limit.
    pub(super) fn meant(layered: &Layered, limit: Option<u64>, problems: &mut Vec<Problem>) -> MemoryConfig {
        let meant = |budget| MemoryConfig { budget: Size(budget).bytes(), limit };
        match (layered.get("memory.budget"), limit) {
            (Amount::Bytes(size), _) => meant(size.0),
            (Amount::Auto | Amount::Percent(_), None) => meant(BUDGET_UNLIMITED),
            (Amount::Auto | Amount::Percent(_), Some(limit)) => {
                let (connections, window) =
                    (layered.get("receiver.connections_max"), layered.get::<Size>("receiver.window"));
                ceiling::auto_budget(limit, connections, window.0).map(meant).unwrap_or_else(|| {
                    problems.push(too_little(limit, connections, window));
                    UNKNOWN
                })
            }
        }
    }
}

/// Stands in for a budget that could not be worked out: one that contradicts nothing, so that nobody is told of problems
/// with a number that they did not write.
const UNKNOWN: MemoryConfig = MemoryConfig { budget: usize::MAX, limit: None };

fn too_little(limit: u64, connections: u64, window: Size) -> Problem {
    let (process, least) = (Size(ceiling::PROCESS), Size(ceiling::BUDGET_MIN));
    let windows = Size(connections.saturating_mul(window.0));
    let message = format!("the cgroup's memory limit of {} leaves no room for spans", Size(limit));
    Problem::nowhere(message)
        .help(format!(
            "memory.budget: auto is ({} - {process} - {connections} connections x {window} = {windows}) / 1.25, and at least \
             {least} are needed",
            Size(limit)
        ))
        .help("raise the limit (64MiB is a good size), or lower receiver.connections_max or receiver.window")
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[Key {
    path: "memory.budget",
    kind: Kind::Size { min: 1 << 20, max: 1 << 42, auto: true, percent: false },
    default: Some("auto"),
    doc: "What requests, open traces, remembered decisions and waiting batches may take together. When it is full, callers wait \
          and are then told to come again. auto: (the cgroup's memory limit - 12MiB - receiver.connections_max x \
          receiver.window) / 1.25, or 64MiB where there is no limit.",
}];
