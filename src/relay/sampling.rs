//! Verdicts from facts: what policies may know of a trace, what they say, and how a kept span tells its sampling.
//!
//! In reading order: `compat` (as documented, or as the Collector does it) and `differences` (where the two are not the
//! same), `threshold` (a share as a number that is compared), `tracestate` (how spans carry it), `ratio`
//! (decisions from the trace id alone), `marks` and `watch` (which attributes matched), `facts` (all that is known of a
//! trace), `pattern` (regular expressions as the Collector reads them), `ottl` (conditions, evaluated on a span as it
//! arrives), `policy` (votes and verdicts), `memory` (verdicts kept
//! for late spans).

pub mod compat;
pub mod differences;
pub mod facts;
pub mod marks;
pub mod memory;
pub mod ottl;
mod pattern;
pub mod policy;
pub mod ratio;
pub mod threshold;
pub mod tracestate;
pub mod watch;
