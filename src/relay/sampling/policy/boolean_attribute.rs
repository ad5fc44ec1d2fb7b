//! `boolean_attribute`: keeps a trace in which an attribute of a resource or of some span is this truth.
//!
//! ```yaml
//! - {name: cold starts, type: boolean_attribute, boolean_attribute: {key: faas.coldstart, value: true}}
//! ```
//!
//! Only `true` and `false` count; the text "true" is none of the two. Without `value`, false is meant, as in the Collector.
//! With `invert_match` the trace is kept when the truth is nowhere in it, which is also so when nothing has the key.
//!
//! The Collector reads everything that is no truth as false: see [`differences`](crate::relay::sampling::differences).

use super::Vote;
use super::compile::Compiler;
use crate::relay::sampling::differences::BOOLEAN_KINDS;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::Threshold;
use crate::relay::sampling::watch::Matcher;

/// A question about a truth, and which answer counts.
#[derive(Debug)]
pub(super) struct BooleanAttribute {
    question: usize,
    invert: bool,
}

impl BooleanAttribute {
    pub(super) fn new(key: &str, value: bool, invert: bool, compiler: &mut Compiler) -> Option<BooleanAttribute> {
        if key.is_empty() {
            compiler.problem("key", "is empty: name the attribute");
            return None;
        }
        if !value {
            compiler.differs(&BOOLEAN_KINDS);
        }
        Some(BooleanAttribute { question: compiler.watch.ask(key, Matcher::Truth(value)), invert })
    }

    pub(super) fn vote(&self, facts: &Facts) -> Vote {
        (facts.has_mark(self.question) != self.invert).then_some(Threshold::ALL)
    }
}
