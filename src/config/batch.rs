//! `batch:` where one outgoing request ends and the next begins.

use std::time::Duration;

/// Where one outgoing request ends and the next begins, as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchConfig {
    /// Spans in one request.
    pub max_spans: u32,
    /// Bytes of one request, before compression.
    pub max_size: usize,
    /// Longest a kept span waits for company.
    pub delay: Duration,
}
