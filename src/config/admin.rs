//! `admin:` the operator's door: metrics, probes and books, read-only.

use crate::config::layers::Layered;
use crate::config::reference::{Key, Kind};
use std::net::SocketAddr;

/// The operator's door, as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where it listens.
    pub listen: SocketAddr,
}

impl AdminConfig {
    /// What was asked for.
    pub(super) fn meant(layered: &Layered) -> AdminConfig {
        AdminConfig { listen: layered.get("admin.listen") }
    }
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[Key {
    path: "admin.listen",
    kind: Kind::Address,
    default: Some(r#""127.0.0.1:4319""#),
    doc: "Where /metrics, /startupz, /livez, /readyz and /ledger are served, read-only. In Kubernetes 0.0.0.0:4319, because \
          kubelet and Prometheus come from outside the pod.",
}];
