//! `queue:` what may wait for the collector.

/// What may wait for the collector, as meant; what is out at the collector included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// Bytes.
    pub max_size: usize,
    /// Requests.
    pub max_batches: usize,
}
