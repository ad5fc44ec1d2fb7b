//! The handles through which the doors record what has a distribution: how long a call was held, how long an export took.
//! Once a request or export, never once a span.

use std::fmt;
use std::time::Duration;

use metrics::Histogram;

/// One handle a histogram; cloning is cheap and all clones record into the same one.
#[derive(Clone)]
pub struct Instruments {
    /// How long a request that found no room at once waited for it, in seconds; others are not recorded.
    pub hold_seconds: Histogram,
    /// From sending a request to the collector's answer, in seconds; attempts without an answer too.
    pub export_seconds: Histogram,
}

impl Instruments {
    /// Instruments that record nothing, for tests.
    pub fn none() -> Instruments {
        Instruments { hold_seconds: Histogram::noop(), export_seconds: Histogram::noop() }
    }

    /// Records how long a request waited for room.
    pub fn held(&self, waited: Duration) {
        self.hold_seconds.record(waited.as_secs_f64());
    }

    /// Records how long an attempt at the collector took.
    pub fn exported(&self, took: Duration) {
        self.export_seconds.record(took.as_secs_f64());
    }
}

impl fmt::Debug for Instruments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instruments")
    }
}
