//! `shutdown:` how long leaving may take.

use std::time::Duration;

/// How long leaving may take, as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownConfig {
    /// From the signal to the end of the process.
    pub grace: Duration,
}
