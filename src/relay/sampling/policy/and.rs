//! `and`, and the inside of `drop`: every policy in the list has to want the trace. The threshold is the largest of
//! theirs, because all of them had to be passed.

use super::{Policy, PolicySpec, Vote};
use crate::relay::otlp::TraceId;
use crate::relay::sampling::facts::{Facts, Watch};
use crate::relay::sampling::ratio::Threshold;

#[derive(Debug)]
pub struct And {
    policies: Vec<Policy>,
}

impl And {
    pub fn new(specs: &[PolicySpec], watch: &mut Watch) -> Result<And, String> {
        if specs.is_empty() {
            return Err("the list of sub-policies is empty".to_owned());
        }
        let compile = |spec: &PolicySpec| {
            Policy::compile(&spec.rule, watch).map_err(|message| format!("sub-policy `{}`: {message}", spec.name))
        };
        Ok(And { policies: specs.iter().map(compile).collect::<Result<_, _>>()? })
    }

    pub fn vote(&self, trace: &TraceId, facts: &Facts) -> Vote {
        self.policies.iter().try_fold(Threshold::ALL, |most, policy| Some(most.max(policy.vote(trace, facts)?)))
    }
}
