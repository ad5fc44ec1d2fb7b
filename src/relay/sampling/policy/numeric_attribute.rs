//! `numeric_attribute`: keeps a trace in which an attribute of a resource or of some span is a number within bounds.
//!
//! ```yaml
//! - {name: server errors, type: numeric_attribute, numeric_attribute: {key: http.response.status_code, min_value: 500}}
//! - {name: not hundreds, type: numeric_attribute, numeric_attribute: {key: items, max_value: 99, invert_match: true}}
//! ```
//!
//! Both bounds are whole numbers and within; at least one must be there. Whole numbers and doubles are compared as the
//! numbers they are: 499.5 is below 500. A text is no number, whatever is written in it. With `invert_match` the trace is
//! kept when no number within the bounds is anywhere in it, which is also so when nothing has the key.
//!
//! The Collector reads everything but a whole number as 0, and takes a bound of 0 for none: see
//! [`differences`](crate::relay::sampling::differences).

use super::Vote;
use super::compile::Compiler;
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::differences::{NUMERIC_KINDS, NUMERIC_ZERO_BOUND};
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::Threshold;
use crate::relay::sampling::watch::{Matcher, Range};

/// A question about a number, and which answer counts.
#[derive(Debug)]
pub(super) struct NumericAttribute {
    question: usize,
    invert: bool,
}

impl NumericAttribute {
    pub(super) fn new(
        key: &str,
        bounds: (Option<i64>, Option<i64>),
        invert: bool,
        compiler: &mut Compiler,
    ) -> Option<NumericAttribute> {
        if key.is_empty() {
            compiler.problem("key", "is empty: name the attribute");
        }
        compiler.differs(&NUMERIC_KINDS);
        if bounds.0 == Some(0) || bounds.1 == Some(0) {
            compiler.differs(&NUMERIC_ZERO_BOUND);
        }
        let bound = |bound: Option<i64>| match compiler.compat {
            Compat::Strict => bound,
            Compat::Otelcol => bound.filter(|&bound| bound != 0),
        };
        let range = match (bound(bounds.0), bound(bounds.1)) {
            (None, None) => {
                compiler.problem(
                    "min_value",
                    "and max_value are both missing: one of them must be there, and not 0 in the Collector",
                );
                return None;
            }
            (min, max) => Range { min: min.unwrap_or(i64::MIN), max: max.unwrap_or(i64::MAX) },
        };
        if range.max < range.min {
            let message = format!("{} is below min_value, which is {}: nothing can match", range.max, range.min);
            compiler.problem("max_value", message);
            return None;
        }
        (!key.is_empty())
            .then(|| NumericAttribute { question: compiler.watch.ask(key, Matcher::Number(range)), invert })
    }

    pub(super) fn vote(&self, facts: &Facts) -> Vote {
        (facts.has_mark(self.question) != self.invert).then_some(Threshold::ALL)
    }
}
