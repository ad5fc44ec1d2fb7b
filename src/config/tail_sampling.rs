//! `tail_sampling:` the Collector's block, word for word.

use std::time::Duration;

use crate::config::duration::Span;
use crate::config::layers::Layered;
use crate::config::node::Node;
use crate::config::policies;
use crate::config::problem::Problem;
use crate::config::reference::{Key, Kind};
use crate::config::{Config, written};
pub use crate::relay::sampling::policy::{Allocation, ErrorMode, PolicySpec, Rule, StatusCode};
use crate::relay::sampling::policy::{Compat, Options, Place, PolicyNote, PolicyProblem, Sampler};

/// Tail sampling, as meant.
#[derive(Clone, Debug, PartialEq)]
pub struct TailConfig {
    /// How long a trace waits, from its first span, when nothing says that it is complete.
    pub decision_wait: Duration,
    /// At least one.
    pub policies: Vec<PolicySpec>,
    /// Whether the first policy that wants a trace ends the asking; it is so with `compat: otelcol` alone.
    pub sample_on_first_match: bool,
}

impl TailConfig {
    /// What was asked for: the policies, or the preset where nobody said how to sample at all. Second: whether it is the
    /// preset.
    pub(super) fn meant(layered: &Layered) -> (Option<TailConfig>, bool) {
        let policies = layered.node("tail_sampling.policies").map(|node| read_policies(node, &mut Vec::new()));
        let preset = policies.is_none() && layered.node("sampling.ratio").is_none();
        let policies = policies.or_else(|| preset.then(preset_policies));
        let decision_wait = layered.get::<Span>("tail_sampling.decision_wait").0;
        let sample_on_first_match =
            layered.find::<String>("tail_sampling.sample_on_first_match").is_some_and(|text| text == "true");
        (policies.map(|policies| TailConfig { decision_wait, policies, sample_on_first_match }), preset)
    }

    /// The policies as they decide, or everything that is wrong with them.
    pub fn sampler(&self, compat: Compat) -> Result<Sampler, Vec<PolicyProblem>> {
        let options = Options { compat, sample_on_first_match: self.sample_on_first_match };
        Sampler::with(&self.policies, options)
    }
}

/// What is to be known of the policies, and what is hardly meant by them.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// What is to be said of the policies. What only shows when they are compiled is added to `problems`. Nobody brought the
/// preset along from the Collector: of it, differences are not told.
pub(super) fn remarks(config: &Config, layered: &Layered, problems: &mut Vec<Problem>) -> Remarks {
    let Some(tail) = &config.tail else { return Remarks::default() };
    let said = |notes: &[PolicyNote]| -> Vec<String> {
        notes.iter().map(|note| format!("`tail_sampling.{}` {}", note.path, note.message)).collect()
    };
    match tail.sampler(config.sampling.compat) {
        Ok(sampler) => {
            let mut notes = said(sampler.notes());
            if !config.preset {
                notes.extend(said(sampler.differences()));
            }
            Remarks { notes, warnings: said(sampler.warnings()) }
        }
        Err(wrong) => {
            let at = written(layered, "tail_sampling.policies");
            let problem = |wrong| {
                Problem::at(at, format!("tail_sampling.{wrong}")).help("change what is named, or take the policy out")
            };
            problems.extend(wrong.into_iter().map(problem));
            Remarks::default()
        }
    }
}

/// The policies in a list, as far as they are right; what is not is added to `problems`.
pub(super) fn read_policies(node: &Node, problems: &mut Vec<Problem>) -> Vec<PolicySpec> {
    policies::list(node, "tail_sampling.policies", Place::Top, problems)
}

/// What applies when nobody said how to sample: failed traces, slow ones, and a tenth of the rest.
fn preset_policies() -> Vec<PolicySpec> {
    let policy = |name: &str, rule| PolicySpec { name: name.into(), rule };
    vec![
        policy("errors", Rule::StatusCode { status_codes: vec![StatusCode::Error] }),
        policy("slow", Rule::Latency { threshold_ms: 500, upper_threshold_ms: 0 }),
        policy("rest", Rule::Probabilistic { sampling_percentage: 10.0, hash_salt: String::new() }),
    ]
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "tail_sampling.decision_wait",
        kind: Kind::Duration { min: 0, max: 3_600_000 },
        default: Some("10s"),
        doc: "How long a trace waits, from its first span, when nothing says that it is complete.",
    },
    Key {
        path: "tail_sampling.policies",
        kind: Kind::Policies,
        default: None,
        doc: "The Collector's list of policies, word for word: always_sample, status_code, latency, probabilistic, \
              string_attribute, numeric_attribute, boolean_attribute, trace_state, trace_flags, span_count, rate_limiting, \
              bytes_limiting, ottl_condition, and, not, drop, composite. A trace is kept if any policy wants it and no drop policy matches.",
    },
    foreign("tail_sampling.decision_wait_after_root_received", "sampling.grace says when a complete trace is decided"),
    foreign("tail_sampling.num_traces", "sampling.traces_max bounds the traces waiting, memory.budget their bytes"),
    foreign("tail_sampling.expected_new_traces_per_sec", "tables grow as they are needed"),
    foreign("tail_sampling.num_shards", "one table is enough for one pod"),
    Key {
        path: "tail_sampling.sample_on_first_match",
        kind: Kind::Choice(&["true", "false"]),
        default: None,
        doc: "As in the Collector, with sampling.compat: otelcol. Otherwise the verdict is the same whether later policies are \
              asked or not, and it has no effect.",
    },
    foreign("tail_sampling.block_on_overflow", "receiver.hold says how long callers wait when memory is full"),
    foreign("tail_sampling.drop_pending_traces_on_shutdown", "leaving decides every trace on what is there"),
    foreign(
        "tail_sampling.maximum_trace_size_bytes",
        "sampling.trace_size_max decides a trace that large, it does not discard it",
    ),
    foreign("tail_sampling.decision_cache", "sampling.remember bounds the remembered decisions in bytes"),
    foreign("tail_sampling.tail_storage", "traces wait in memory, inside memory.budget"),
    Key {
        path: "tail_sampling.sampling_strategy",
        kind: Kind::Choice(&["trace-complete"]),
        default: None,
        doc: "As in the Collector; trace-complete is the one way here.",
    },
];

/// A key of the Collector's block that has no meaning here.
const fn foreign(path: &'static str, instead: &'static str) -> Key {
    Key { path, kind: Kind::Foreign(instead), default: None, doc: instead }
}
