//! `trace_state`: keeps a trace in which the tracestate of some span has one of these values at this key.
//!
//! ```yaml
//! - {name: asked for, type: trace_state, trace_state: {key: vendor, values: [debug, audit]}}
//! ```
//!
//! Values are compared whole. A tracestate that breaks the grammar of W3C Trace Context matches nothing, as a whole. So does
//! a value that is empty, or too long to stand beside its key: together they have less than 256 characters.

use super::Vote;
use super::compile::Compiler;
use crate::relay::sampling::differences::STATE_GRAMMAR;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::Threshold;

/// A question about tracestates.
#[derive(Debug)]
pub(super) struct TraceState {
    question: usize,
}

/// Characters of a key and its value together, at most.
const TEXT_MAX: usize = 255;

impl TraceState {
    pub(super) fn new(key: &str, values: &[String], compiler: &mut Compiler) -> Option<TraceState> {
        if key.is_empty() {
            compiler.problem("key", "is empty: name a member of the tracestate");
            return None;
        }
        let fitting = || {
            let fits = |value: &&str| !value.is_empty() && key.len() + value.len() <= TEXT_MAX;
            values.iter().map(String::as_str).filter(fits)
        };
        if fitting().next().is_none() {
            compiler.problem(
                "values",
                format!("has nothing that could match: not empty, and with the key at most {TEXT_MAX} characters"),
            );
            return None;
        }
        if !key.starts_with(|first: char| first.is_ascii_lowercase()) && !key.contains('@') {
            compiler.differs(&STATE_GRAMMAR);
        }
        Some(TraceState { question: compiler.watch.ask_state(key, fitting()) })
    }

    pub(super) fn vote(&self, facts: &Facts) -> Vote {
        facts.has_mark(self.question).then_some(Threshold::ALL)
    }
}
