//! Who is asked in which order, and how many spans a second each may keep.

use super::super::compile::Compiler;
use super::super::{Allocation, Policy, PolicySpec};
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::differences::{self, Difference};

/// The policies in their order, each with its spans a second.
#[derive(Debug)]
pub(in super::super) struct Plan {
    pub(super) total: u64,
    pub(super) parts: Vec<(Policy, u64)>,
}

/// What a composite says of its policies, beside the policies themselves.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Wishes<'a> {
    pub(in super::super) total: u64,
    pub(in super::super) order: &'a [String],
    pub(in super::super) specs: &'a [PolicySpec],
    pub(in super::super) allocations: &'a [Allocation],
}

impl Plan {
    /// What the wishes come to; nothing when there is a problem with them.
    pub(in super::super) fn new(wishes: Wishes<'_>, policies: Vec<Policy>, compiler: &mut Compiler) -> Option<Plan> {
        let before = compiler.problems.len();
        wishes.check(compiler);
        if compiler.problems.len() != before {
            return None;
        }
        let (order, shares) = match compiler.compat {
            Compat::Strict => (wishes.order(), wishes.shares()),
            Compat::Otelcol => ((0..policies.len()).collect(), wishes.shares_of_collector()),
        };
        wishes.differences().into_iter().for_each(|difference| compiler.differs(difference));
        for (place, share) in shares.iter().enumerate().filter(|&(_, &share)| share == 0) {
            let name = &wishes.specs[place].name;
            let message = format!("leaves no span a second to `{name}`: it could never keep anything");
            compiler.problem("rate_allocation", format!("{message} (share {share} of {})", wishes.total));
        }
        if compiler.problems.len() != before {
            return None;
        }
        let mut policies: Vec<Option<Policy>> = policies.into_iter().map(Some).collect();
        let parts = order.into_iter().filter_map(|place| Some((policies[place].take()?, shares[place]))).collect();
        Some(Plan { total: wishes.total, parts })
    }
}

impl Wishes<'_> {
    fn place(&self, name: &str) -> Option<usize> {
        self.specs.iter().position(|spec| spec.name == name)
    }

    /// Says which names name nothing, or come twice, and which numbers make no sense.
    fn check(&self, compiler: &mut Compiler) {
        if self.total == 0 {
            compiler.problem("max_total_spans_per_second", "is 0: nothing could ever be kept");
        }
        for (at, _) in self.allocations.iter().enumerate().filter(|(_, allocation)| allocation.percent == 0) {
            if compiler.compat == Compat::Strict {
                let message = "is 0: leave the entry out for an equal part of the rest, or the policy for nothing";
                compiler.problem(format!("rate_allocation[{at}].percent"), message);
            }
        }
        for (at, spec) in self.specs.iter().enumerate() {
            if spec.name.is_empty() || self.place(&spec.name) != Some(at) {
                let message = "each policy here needs a name of its own: order and shares go by names";
                compiler.problem(format!("composite_sub_policy[{at}].name"), message);
            }
        }
        let allocated: Vec<&String> = self.allocations.iter().map(|allocation| &allocation.policy).collect();
        let ordered: Vec<&String> = self.order.iter().collect();
        for (field, below, names) in [("policy_order", "", ordered), ("rate_allocation", ".policy", allocated)] {
            for (at, name) in names.iter().enumerate() {
                let step = format!("{field}[{at}]{below}");
                if self.place(name).is_none() {
                    compiler.problem(step, format!("there is no policy `{name}` in composite_sub_policy"));
                } else if names[..at].contains(name) {
                    compiler.problem(step, format!("`{name}` stands here twice"));
                }
            }
        }
    }

    /// Places in the order in which they are asked: those that are named, then the others.
    fn order(&self) -> Vec<usize> {
        let named: Vec<usize> = self.order.iter().filter_map(|name| self.place(name)).collect();
        let others = (0..self.specs.len()).filter(|place| !named.contains(place));
        named.iter().copied().chain(others).collect()
    }

    /// The percentage of each policy, where there is one above 0.
    fn percents(&self) -> Vec<Option<u64>> {
        let percent = |spec: &PolicySpec| {
            let found = self.allocations.iter().rev().find(|allocation| allocation.policy == spec.name)?;
            (found.percent != 0).then_some(u64::from(found.percent))
        };
        self.specs.iter().map(percent).collect()
    }

    fn shares(&self) -> Vec<u64> {
        let percents = self.percents();
        let of = |percent: u64| (u128::from(self.total) * u128::from(percent) / 100) as u64;
        let given: u64 = percents.iter().flatten().map(|&percent| of(percent)).sum();
        let without = percents.iter().filter(|percent| percent.is_none()).count().max(1) as u64;
        let rest = self.total.saturating_sub(given) / without;
        percents.into_iter().map(|percent| percent.map_or(rest, of)).collect()
    }

    /// Computed in 64 bits with a point and cut off, as there.
    fn shares_of_collector(&self) -> Vec<u64> {
        let total = self.total as f64;
        let equal = total / self.specs.len() as f64;
        let share = |percent: Option<u64>| percent.map_or(equal, |percent| percent as f64 / 100.0 * total) as u64;
        self.percents().into_iter().map(share).collect()
    }

    /// What this composite does otherwise in the Collector, or there than here.
    fn differences(&self) -> Vec<&'static Difference> {
        let several = 1 < self.specs.len();
        let in_order = self.order().is_sorted();
        let there = self.shares_of_collector();
        let beyond = self.total < there.iter().fold(0u64, |sum, &share| sum.saturating_add(share.min(self.total)));
        let unshared = self.percents().contains(&None) && self.shares() != there;
        [
            (!in_order).then_some(&differences::COMPOSITE_ORDER),
            several.then_some(&differences::COMPOSITE_FALL_THROUGH),
            beyond.then_some(&differences::COMPOSITE_TOTAL),
            unshared.then_some(&differences::COMPOSITE_SHARE),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
