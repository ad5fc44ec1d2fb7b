//! Verdicts from facts: what policies may know of a trace, what they say, and how a kept span tells its sampling.

pub mod facts;
pub mod memory;
pub mod policy;
pub mod ratio;
pub mod tracestate;
