//! `shutdown:` how long leaving may take.

use crate::config::duration::Span;
use crate::config::layers::Layered;
use crate::config::reference::{Key, Kind};
use std::time::Duration;

/// How long leaving may take, as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownConfig {
    /// From the signal to the end of the process.
    pub grace: Duration,
}

impl ShutdownConfig {
    /// What was asked for.
    pub(super) fn meant(layered: &Layered) -> ShutdownConfig {
        ShutdownConfig { grace: layered.get::<Span>("shutdown.grace").0 }
    }
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[Key {
    path: "shutdown.grace",
    kind: Kind::Duration { min: 1_000, max: 3_600_000 },
    default: Some("25s"),
    doc: "From SIGTERM to the end of the process. In Kubernetes a native sidecar is told to leave when the app has ended, and \
          both must fit into the pod's terminationGracePeriodSeconds: that is the app's own time plus this.",
}];
