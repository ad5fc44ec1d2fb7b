//! `and`: keeps a trace that every policy in its list wants; the same is the inside of `drop`.
//!
//! ```yaml
//! - name: failed logins
//!   type: and
//!   and:
//!     and_sub_policy:
//!       - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
//!       - {name: login, type: string_attribute, string_attribute: {key: http.route, values: [/login]}}
//! ```
//!
//! The policies need not be satisfied by the same span: one span may have failed and another one have the route. With a
//! `probabilistic` among them, a share of what the others want is kept, and `th` says so: it is the largest threshold in
//! the list, because all of them had to be passed. Limits are asked last, wherever they stand, and only of what the others
//! want. Inside an `and` there can be a `not`, and no other list of policies.
//!
//! `drop` has `drop_sub_policy` instead and lets go of what every policy in it wants, whatever else wants it:
//!
//! ```yaml
//! - name: health checks
//!   type: drop
//!   drop:
//!     drop_sub_policy:
//!       - {name: healthy, type: string_attribute, string_attribute: {key: health.status, values: [ok]}}
//! ```

use super::compile::Compiler;
use super::{Case, Policy, Reach, Vote};
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::differences::LIMITS_LAST;
use crate::relay::sampling::threshold::Threshold;

/// Policies that all have to want a trace.
#[derive(Debug)]
pub(super) struct And {
    policies: Vec<Policy>,
}

impl And {
    /// At least one policy.
    pub(super) fn new(mut policies: Vec<Policy>, compiler: &mut Compiler) -> And {
        if !policies.is_sorted_by_key(Policy::is_limit) {
            compiler.differs(&LIMITS_LAST);
            if compiler.compat == Compat::Strict {
                policies.sort_by_key(Policy::is_limit);
            }
        }
        And { policies }
    }

    pub(super) fn inside(&self) -> &[Policy] {
        &self.policies
    }

    pub(super) fn reach(&self) -> Reach {
        let reaches = || self.policies.iter().map(Policy::reach);
        if reaches().any(|reach| reach == Reach::Never) {
            return Reach::Never;
        }
        if reaches().all(|reach| reach == Reach::Always) { Reach::Always } else { Reach::Sometimes }
    }

    pub(super) fn vote(&self, case: Case<'_>) -> Vote {
        self.policies.iter().try_fold(Threshold::ALL, |most, policy| Some(most.max(policy.vote(case)?)))
    }
}
