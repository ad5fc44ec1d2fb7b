//! `queue:` what may wait for the collector.

use crate::config::amount::{Amount, share_of};
use crate::config::layers::Layered;
use crate::config::reference::{Key, Kind};

/// What may wait for the collector, as meant; what is out at the collector included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// Bytes.
    pub max_size: usize,
    /// Requests.
    pub max_batches: usize,
}

impl QueueConfig {
    /// What was asked for; a share is one of the budget.
    pub(super) fn meant(layered: &Layered, budget: usize) -> QueueConfig {
        QueueConfig {
            max_size: match layered.get("queue.max_size") {
                Amount::Auto => budget,
                Amount::Bytes(size) => size.bytes(),
                Amount::Percent(share) => share_of(budget, share),
            },
            max_batches: layered.get("queue.max_batches"),
        }
    }
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "queue.max_size",
        kind: Kind::Size { min: 1 << 10, max: 1 << 42, auto: false, percent: true },
        default: Some("75%"),
        doc: "Bytes waiting for the collector or out at it, inside memory.budget; a size or a share of the budget.",
    },
    Key {
        path: "queue.max_batches",
        kind: Kind::Integer { min: 1, max: 10_000_000 },
        default: Some("10000"),
        doc: "Requests waiting for the collector or out at it.",
    },
];
