//! `memory:` what all held bytes together may take.

/// What all held bytes together may take, as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryConfig {
    /// The budget, in bytes; `auto` is worked out.
    pub budget: usize,
    /// The memory limit of the cgroup it was worked out from, in bytes; none where there is no limit.
    pub limit: Option<u64>,
}
