//! `not`: keeps what the one policy inside does not want.
//!
//! ```yaml
//! - name: quick ones
//!   type: not
//!   not:
//!     not_sub_policy: {name: slow, type: latency, latency: {threshold_ms: 500}}
//! ```
//!
//! It turns the policy around and vetoes nothing: for that there is `drop`. Of a share it keeps those with the *least*
//! randomness, which no `th` can say, so that they carry none; the same goes for what a rate limit has no room for. Where
//! the policy inside cannot be evaluated (`ottl_condition` with `error_mode: propagate`), there is nothing to turn around.

use super::{Policy, Vote};
use crate::relay::sampling::threshold::Threshold;

/// The opposite of a policy.
#[derive(Debug)]
pub(super) struct Not {
    policy: Box<Policy>,
    threshold: Threshold,
}

impl Not {
    pub(super) fn new(policy: Policy) -> Not {
        let threshold = if policy.is_certain() { Threshold::ALL } else { Threshold::UNTOLD };
        Not { policy: Box::new(policy), threshold }
    }

    pub(super) fn vote(&self, case: super::Case<'_>) -> Vote {
        match self.policy.vote(case) {
            Some(_) => None,
            None if self.policy.failed(case) => None,
            None => Some(self.threshold),
        }
    }

    pub(super) fn inside(&self) -> &Policy {
        &self.policy
    }
}
