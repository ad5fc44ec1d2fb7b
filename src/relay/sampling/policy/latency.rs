//! `latency`: keeps a trace that took longer than `threshold_ms`.
//!
//! ```yaml
//! - {name: slow, type: latency, latency: {threshold_ms: 500}}
//! - {name: middling, type: latency, latency: {threshold_ms: 100, upper_threshold_ms: 500}}
//! ```
//!
//! A trace takes from the earliest start to the latest end of all its spans that came through here. The lower bound is
//! exclusive, `upper_threshold_ms` is inclusive, and 0 or none is no upper bound. Both are compared in nanoseconds: 500.000001
//! ms are more than 500. Spans without a start time are left out of the beginning.
//!
//! The Collector asks after each span, so that one short early child can put a long trace into a window of short ones, and
//! cuts off what is below a millisecond. Here the whole trace is compared, as documented there.

use super::Vote;
use super::compile::Compiler;
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::differences::{LATENCY_MILLIS, LATENCY_WINDOW};
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::Threshold;
use crate::relay::sampling::watch::Window;

/// Bounds of a trace's duration.
#[derive(Debug)]
pub(super) enum Latency {
    /// Nanoseconds.
    Whole {
        /// More than this.
        above: u64,
        /// At most this.
        up_to: u64,
    },
    /// The number of the question whether it has been within after any span.
    AfterAnySpan(usize),
}

impl Latency {
    pub(super) fn new(threshold_ms: u64, upper_threshold_ms: u64, compiler: &mut Compiler) -> Option<Latency> {
        if upper_threshold_ms != 0 && upper_threshold_ms <= threshold_ms {
            let message = format!(
                "{upper_threshold_ms} is not above threshold_ms, which is {threshold_ms}: nothing can match; 0 is no upper bound"
            );
            compiler.problem("upper_threshold_ms", message);
            return None;
        }
        compiler.differs(&LATENCY_MILLIS);
        if upper_threshold_ms != 0 {
            compiler.differs(&LATENCY_WINDOW);
        }
        let nanos = |millis: u64| millis.saturating_mul(1_000_000);
        let up_to = if upper_threshold_ms == 0 { u64::MAX } else { nanos(upper_threshold_ms) };
        Some(match compiler.compat {
            Compat::Strict => Latency::Whole { above: nanos(threshold_ms), up_to },
            Compat::Otelcol => {
                let window = Window { above_ms: threshold_ms, up_to_ms: upper_threshold_ms };
                Latency::AfterAnySpan(compiler.watch.ask_window(window))
            }
        })
    }

    pub(super) fn vote(&self, facts: &Facts) -> Vote {
        let wanted = match self {
            Latency::Whole { above, up_to } => {
                let took = facts.duration_nanos();
                *above < took && took <= *up_to
            }
            Latency::AfterAnySpan(question) => facts.has_mark(*question),
        };
        wanted.then_some(Threshold::ALL)
    }
}
