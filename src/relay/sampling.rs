//! Verdicts from facts: what policies may know of a trace, what they say, and how a kept span tells its sampling.
//!
//! In reading order: `threshold` (a share as a number that is compared), `tracestate` (how spans carry it), `ratio`
//! (decisions from the trace id alone), `marks` and `watch` (which attributes matched), `facts` (all that is known of a
//! trace), `policy` (votes and verdicts), `memory` (verdicts kept for late spans).

pub mod facts;
pub mod marks;
pub mod memory;
pub mod policy;
pub mod ratio;
pub mod threshold;
pub mod tracestate;
pub mod watch;
