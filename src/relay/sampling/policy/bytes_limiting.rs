//! `bytes_limiting`: keeps so many bytes a second, whosever they are.
//!
//! ```yaml
//! - {name: a megabyte, type: bytes_limiting, bytes_limiting: {bytes_per_second: 1000000}}
//! ```
//!
//! A trace costs what it would take as a request of its own: its spans, and the resource and the scope around them, once for
//! each request in which it came. Everything else is as with `rate_limiting`: `burst_capacity` is twice the rate unless said,
//! a trace that is larger is never kept, it is asked last, and what it keeps carries no `th`.

use super::Vote;
use super::bucket::Bucket;
use super::compile::Compiler;
use crate::relay::clock::Tick;
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::threshold::Threshold;

/// A bucket of bytes.
#[derive(Debug)]
pub(super) struct BytesLimiting {
    bucket: Bucket,
}

impl BytesLimiting {
    pub(super) fn new(bytes_per_second: u64, burst_capacity: u64, compiler: &mut Compiler) -> Option<BytesLimiting> {
        if bytes_per_second == 0 {
            compiler.problem("bytes_per_second", "is 0: nothing could be kept for long");
            return None;
        }
        compiler.watch.ask_bytes();
        Some(BytesLimiting { bucket: Bucket::new(bytes_per_second, burst_capacity) })
    }

    pub(super) fn vote(&self, facts: &Facts, now: Tick) -> Vote {
        self.bucket.take(facts.bytes(), now).then_some(Threshold::UNTOLD)
    }
}
