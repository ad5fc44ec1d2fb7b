//! `composite`: a common number of spans a second, of which each policy in the list has a share.
//!
//! ```yaml
//! - name: at most 1000
//!   type: composite
//!   composite:
//!     max_total_spans_per_second: 1000
//!     policy_order: [failed, slow, rest]
//!     composite_sub_policy:
//!       - {name: failed, type: status_code, status_code: {status_codes: [ERROR]}}
//!       - {name: slow, type: latency, latency: {threshold_ms: 500}}
//!       - {name: rest, type: always_sample}
//!     rate_allocation:
//!       - {policy: failed, percent: 50}
//!       - {policy: slow, percent: 25}
//! ```
//!
//! The policies are asked in `policy_order`; those that it does not name come after it, as they stand. The first that wants
//! the trace and has room for all of its spans in this second keeps it. One whose share is spent is passed over, so that
//! the next one that wants the trace may have room: an `always_sample` at the end takes what is left over.
//!
//! A policy without `rate_allocation` has an equal part of what the others leave; when they leave nothing, that is an error.
//! The total is a total: whatever the shares add up to, no more than `max_total_spans_per_second` are kept from one second
//! to the next. A trace larger than a share never fits into it. As with `rate_limiting`, a composite is asked last and what
//! it keeps carries no `th`.
//!
//! The Collector has another order, other shares, no passing over and no total: see
//! [`differences`](crate::relay::sampling::differences).

mod shares;

use std::cell::Cell;

use super::{Case, Policy, Vote};
use crate::relay::clock::Tick;
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::threshold::Threshold;

pub(super) use shares::{Plan, Wishes};

/// Policies with their shares, in the order in which they are asked.
#[derive(Debug)]
pub(super) struct Composite {
    compat: Compat,
    total: u64,
    parts: Vec<Part>,
    second: Cell<u64>,
}

#[derive(Debug)]
struct Part {
    policy: Policy,
    share: u64,
    /// Spans it has kept in this second.
    kept: Cell<u64>,
}

impl Composite {
    pub(super) fn new(plan: Plan, compat: Compat) -> Composite {
        let part = |(policy, share)| Part { policy, share, kept: Cell::new(0) };
        Composite { compat, total: plan.total, parts: plan.parts.into_iter().map(part).collect(), second: Cell::new(0) }
    }

    pub(super) fn vote(&self, case: Case<'_>) -> Vote {
        self.turn_to(case.now);
        let spans = u64::from(case.facts.spans());
        let chosen = match self.compat {
            Compat::Strict => self.first_with_room(case, spans),
            Compat::Otelcol => self.first_that_wants(case, spans),
        }?;
        chosen.kept.set(chosen.kept.get() + spans);
        Some(Threshold::UNTOLD)
    }

    /// Whoever has no room is not even asked: a limit inside would pay for nothing.
    fn first_with_room(&self, case: Case<'_>, spans: u64) -> Option<&Part> {
        let kept: u64 = self.parts.iter().map(|part| part.kept.get()).sum();
        if self.total < kept + spans {
            return None;
        }
        self.parts.iter().filter(|part| part.has_room(spans)).find(|part| part.policy.vote(case).is_some())
    }

    /// The Collector's way: one policy alone decides, and its own count is held against the total.
    fn first_that_wants(&self, case: Case<'_>, spans: u64) -> Option<&Part> {
        let part = self.parts.iter().find(|part| part.policy.failed(case) || part.policy.vote(case).is_some())?;
        if part.policy.failed(case) {
            return None;
        }
        (part.has_room(spans) && part.kept.get() + spans <= self.total).then_some(part)
    }

    /// Begins to count anew when another second has come.
    fn turn_to(&self, now: Tick) {
        let second = now.as_nanos() / 1_000_000_000;
        if self.second.replace(second) != second {
            self.parts.iter().for_each(|part| part.kept.set(0));
        }
    }
}

impl Part {
    fn has_room(&self, spans: u64) -> bool {
        self.kept.get() + spans <= self.share
    }
}
