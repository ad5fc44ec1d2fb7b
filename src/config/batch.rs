//! `batch:` where one outgoing request ends and the next begins.

use crate::config::duration::Span;
use crate::config::layers::Layered;
use crate::config::reference::{Key, Kind};
use crate::config::size::Size;
use std::time::Duration;

/// Where one outgoing request ends and the next begins, as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchConfig {
    /// Spans in one request.
    pub max_spans: u32,
    /// Bytes of one request, before compression.
    pub max_size: usize,
    /// Longest a kept span waits for company.
    pub delay: Duration,
}

impl BatchConfig {
    /// What was asked for; where nobody said, a batch is at most half of what may wait.
    pub(super) fn meant(layered: &Layered, queue_max_size: usize) -> BatchConfig {
        let max_size = layered.get::<Size>("batch.max_size").bytes();
        let room = if layered.is_default("batch.max_size") { queue_max_size / 2 } else { usize::MAX };
        BatchConfig {
            max_spans: layered.get("batch.max_spans"),
            max_size: max_size.min(room),
            delay: layered.get::<Span>("batch.delay").0,
        }
    }
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "batch.max_spans",
        kind: Kind::Integer { min: 1, max: 1_000_000 },
        default: Some("512"),
        doc: "Spans in one outgoing request.",
    },
    Key {
        path: "batch.max_size",
        kind: Kind::Size { min: 1 << 10, max: 1 << 30, auto: false, percent: false },
        default: Some("3.5MiB"),
        doc: "Bytes of one outgoing request before compression. Many collectors take 4MiB and no more. Unless said, at \
              most half of queue.max_size.",
    },
    Key {
        path: "batch.delay",
        kind: Kind::Duration { min: 0, max: 60_000 },
        default: Some("200ms"),
        doc: "Longest a kept span waits for company.",
    },
];
