//! `span_count`: keeps a trace of at least `min_spans` and at most `max_spans` spans.
//!
//! ```yaml
//! - {name: large, type: span_count, span_count: {min_spans: 100}}
//! - {name: a few, type: span_count, span_count: {min_spans: 2, max_spans: 20}}
//! ```
//!
//! Both bounds are within, and a `max_spans` of 0 or none is no bound. What counts is what has come when the trace is
//! decided: a trace of several services counts here as far as it came through here.

use super::compile::Compiler;
use super::{Reach, Vote};
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::Threshold;

/// Bounds of a trace's size.
#[derive(Debug)]
pub(super) struct SpanCount {
    min: u32,
    max: u32,
}

impl SpanCount {
    pub(super) fn new(min_spans: u32, max_spans: u32, compiler: &mut Compiler) -> Option<SpanCount> {
        if max_spans != 0 && max_spans < min_spans {
            let message =
                format!("{max_spans} is below min_spans, which is {min_spans}: nothing can match; 0 is no bound");
            compiler.problem("max_spans", message);
            return None;
        }
        Some(SpanCount { min: min_spans, max: if max_spans == 0 { u32::MAX } else { max_spans } })
    }

    pub(super) fn vote(&self, facts: &Facts) -> Vote {
        (self.min..=self.max).contains(&facts.spans()).then_some(Threshold::ALL)
    }

    /// Every trace has a span.
    pub(super) fn reach(&self) -> Reach {
        if self.min <= 1 && self.max == u32::MAX { Reach::Always } else { Reach::Sometimes }
    }
}
