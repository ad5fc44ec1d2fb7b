//! `trace_flags`: keeps a trace in which some span has the sampled bit in its trace flags.
//!
//! ```yaml
//! - {name: sampled upstream, type: trace_flags}
//! ```
//!
//! It is the lowest bit of `Span.flags`, and not every SDK sends it: Python's sends the bits about the parent alone, so that
//! its spans never match, here or in the Collector. `tailwater validate` says so.

use super::Vote;
use super::compile::Compiler;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::Threshold;

/// Says which spans are never seen.
pub(super) fn note(compiler: &mut Compiler) {
    compiler.note("type", "never matches spans of the Python SDK, which does not send the sampled bit");
}

pub(super) fn vote(facts: &Facts) -> Vote {
    facts.is_sampled().then_some(Threshold::ALL)
}
