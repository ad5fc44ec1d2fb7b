//! The words of the configuration that stand in labels: the policies' names and the upstream's address. Nothing else from
//! outside the program ever becomes a label.

use std::borrow::Cow;

/// A policy as far as its series are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyName {
    /// Its name in the configuration.
    pub name: String,
    /// Whether it lets traces go (`drop`); else it keeps them.
    pub drops: bool,
}

/// The policies' labels in the order of the configuration, and the upstream's.
#[derive(Clone, Debug)]
pub struct Labels {
    upstream: String,
    policies: Vec<PolicyName>,
}

impl Labels {
    /// Labels for an upstream (its `host:port`, without user or path) and policies in the order of the configuration.
    ///
    /// Every policy has a label of its own. One whose name is a reason of the house ([`RESERVED`]) or has been taken by an
    /// earlier policy is shown as `policy_<name>`, and with a number if that is taken too; names longer than 64 characters
    /// are cut. A name is free text, so this is a rule for the label, not an error in the configuration.
    pub fn new(upstream: impl Into<String>, policies: Vec<PolicyName>) -> Labels {
        let mut named: Vec<PolicyName> = Vec::with_capacity(policies.len());
        for PolicyName { name, drops } in policies {
            let taken = |word: &str| RESERVED.contains(&word) || named.iter().any(|other| other.name == word);
            let name = unique(&name, taken);
            named.push(PolicyName { name, drops });
        }
        Labels { upstream: upstream.into(), policies: named }
    }

    /// The collector's `host:port`.
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// The policies, in the order of the configuration.
    pub fn policies(&self) -> &[PolicyName] {
        &self.policies
    }

    /// The label of the policy at `place`. A place beyond the configuration, which only a bug can make, has one too: no
    /// span is ever left out of the books for want of a name.
    pub fn policy(&self, place: usize) -> Cow<'_, str> {
        match self.policies.get(place) {
            Some(policy) => Cow::Borrowed(&policy.name),
            None => Cow::Owned(format!("#{place}")),
        }
    }
}

/// The reasons of `tailwater_spans_sampled_out_total` that are not policies.
pub const RESERVED: [&str; 3] = [RATIO, NO_MATCH, REMEMBERED];
/// Let go by the ratio stage.
pub const RATIO: &str = "ratio";
/// No policy said yes.
pub const NO_MATCH: &str = "no_match";
/// A remembered decision.
pub const REMEMBERED: &str = "remembered";

const LABEL_CHARS_MAX: usize = 64;

fn unique(name: &str, taken: impl Fn(&str) -> bool) -> String {
    // A name that begins like the stand-in for no name would collide with it.
    let plain: String = name.chars().take(LABEL_CHARS_MAX).map(|c| if c.is_control() { '_' } else { c }).collect();
    if !plain.is_empty() && !plain.starts_with('#') && !taken(&plain) {
        return plain;
    }
    let prefixed = format!("policy_{plain}");
    let numbered = (2..).map(|number| format!("{prefixed}_{number}"));
    std::iter::once(prefixed.clone()).chain(numbered).find(|word| !taken(word)).expect("numbers do not run out")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expect: &[&str]) {
        let policies = names.iter().map(|name| PolicyName { name: (*name).to_owned(), drops: true }).collect();
        let labels = Labels::new("jaeger:4317", policies);
        let shown: Vec<&str> = labels.policies().iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(shown, expect);
    }

    #[test]
    fn a_policy_is_shown_by_its_name() {
        check(&["errors", "drop health checks"], &["errors", "drop health checks"]);
    }

    #[test]
    fn a_policy_named_like_a_reason_of_the_house_does_not_share_its_series() {
        check(
            &["ratio", "policy_ratio", "no_match", "remembered"],
            &["policy_ratio", "policy_policy_ratio", "policy_no_match", "policy_remembered"],
        );
    }

    #[test]
    fn two_policies_never_share_a_label() {
        check(&["a", "a", "a", ""], &["a", "policy_a", "policy_a_2", "policy_"]);
        let long = "x".repeat(100);
        let cut = "x".repeat(64);
        check(&[&long, &format!("{long}y")], &[&cut, &format!("policy_{cut}")]);
    }

    #[test]
    fn a_place_without_a_policy_has_a_label_no_policy_can_have() {
        let labels = Labels::new("jaeger:4317", vec![PolicyName { name: "#1".to_owned(), drops: false }]);
        assert_eq!((labels.policy(0), labels.policy(1)), ("policy_#1".into(), "#1".into()));
    }

    #[test]
    fn control_characters_do_not_reach_a_label() {
        check(&["a\nb\u{9b}"], &["a_b_"]);
    }
}
