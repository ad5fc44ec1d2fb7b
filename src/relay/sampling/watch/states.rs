//! What is asked of a span beside its attributes: what its tracestate holds, and how long its trace has taken with it.

use hashbrown::HashSet;

use super::Hashing;
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::tracestate;

/// Whether a tracestate has one of these values at this key.
#[derive(Clone, Debug)]
pub(super) struct StateQuestion {
    pub(super) number: usize,
    pub(super) key: Box<[u8]>,
    pub(super) values: HashSet<Box<[u8]>, Hashing>,
}

/// Marks every question that a tracestate answers with yes; one that cannot be read answers none.
pub(super) fn answer(questions: &[StateQuestion], state: &[u8], compat: Compat, facts: &mut Facts) {
    let readable = match compat {
        Compat::Strict => tracestate::is_readable(state),
        Compat::Otelcol => tracestate::is_readable_by_collector(state),
    };
    if !readable {
        return;
    }
    for (key, value) in tracestate::members(state) {
        for asked in questions.iter().filter(|asked| *asked.key == *key && asked.values.contains(value)) {
            facts.set_mark(asked.number);
        }
    }
}

/// Durations in whole milliseconds: above the one, and up to the other if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Longer than this.
    pub above_ms: u64,
    /// At most this; 0 is no bound.
    pub up_to_ms: u64,
}

/// Whether the trace has been in a window after any of its spans.
#[derive(Clone, Debug)]
pub(super) struct WindowQuestion {
    pub(super) number: usize,
    pub(super) window: Window,
}

impl Window {
    /// Whether the time between two moments is within, what is below a millisecond cut off.
    pub(super) fn holds(self, start: u64, end: u64) -> bool {
        let millis = (i128::from(end) - i128::from(start)) / 1_000_000;
        i128::from(self.above_ms) < millis && (self.up_to_ms == 0 || millis <= i128::from(self.up_to_ms))
    }
}
