//! `sampling:` the ratio stage, and what completion and late spans need.

use serde::Deserialize;

use crate::config::amount::{Amount, share_of};
use crate::config::duration::Span;
use crate::config::layers::Layered;
use crate::config::problem::Problem;
use crate::config::reference::{Key, Kind};
use crate::relay::sampling::compat::Compat;
use std::time::Duration;

/// How the ratio stage turns a trace id into a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatioMode {
    /// W3C consistent probability, on top of what was sampled before.
    Consistent,
    /// Brings every span to the same probability, whatever was sampled before.
    Equalizing,
    /// Multiplies what was sampled before.
    Proportional,
    /// The Collector's 14 bit FNV hash of the trace id.
    OtelFnv14,
    /// 64 bit FNV hash of the trace id.
    OtelFnv64,
    /// The low 64 bits of the trace id, as the SDKs' TraceIdRatioBased does.
    SdkTraceidratio,
}

impl RatioMode {
    /// The word for it in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            RatioMode::Consistent => "consistent",
            RatioMode::Equalizing => "equalizing",
            RatioMode::Proportional => "proportional",
            RatioMode::OtelFnv14 => "otel_fnv14",
            RatioMode::OtelFnv64 => "otel_fnv64",
            RatioMode::SdkTraceidratio => "sdk_traceidratio",
        }
    }
}

/// Words of `sampling.compat`.
const COMPAT: [(&str, Compat); 2] = [("strict", Compat::Strict), ("otelcol", Compat::Otelcol)];

/// The ratio stage.
#[derive(Clone, Debug, PartialEq)]
pub struct RatioSpec {
    /// How a trace id becomes a decision.
    pub mode: RatioMode,
    /// Share of traces kept, between 0.0 and 1.0.
    pub share: f64,
    /// Seed of `otel_fnv14`.
    pub hash_seed: u32,
    /// Salt of `otel_fnv64`; empty is the Collector's default.
    pub hash_salt: String,
}

/// The ratio stage, completion and memory of decisions, as meant.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingConfig {
    /// Whether policies are read as documented, or as the Collector does it.
    pub compat: Compat,
    /// The ratio stage; none where it was not asked for.
    pub ratio: Option<RatioSpec>,
    /// Hexadecimal digits of `th`, 1 to 14.
    pub precision: u8,
    /// How long after its last arrival a complete trace is decided.
    pub grace: Duration,
    /// Bytes for remembered decisions, inside the budget.
    pub remember: usize,
    /// Traces waiting for their decision at once.
    pub traces_max: usize,
    /// Spans of one trace, at which it is decided on what is there.
    pub trace_spans_max: u32,
    /// Bytes of one trace, at which it is decided on what is there.
    pub trace_size_max: usize,
}

impl SamplingConfig {
    /// What was asked for; `remember: auto` is an eighth of the budget.
    pub(super) fn meant(layered: &Layered, budget: usize, problems: &mut Vec<Problem>) -> SamplingConfig {
        let compat: String = layered.get("sampling.compat");
        SamplingConfig {
            compat: COMPAT.iter().find(|(word, _)| *word == compat).map_or(Compat::Strict, |(_, compat)| *compat),
            ratio: ratio(layered, problems),
            precision: layered.get("sampling.precision"),
            grace: layered.get::<Span>("sampling.grace").0,
            remember: match layered.get("sampling.remember") {
                Amount::Auto => budget / 8,
                Amount::Bytes(size) => size.bytes(),
                Amount::Percent(share) => share_of(budget, share),
            },
            traces_max: layered.get("sampling.traces_max"),
            trace_spans_max: layered.get("sampling.trace_spans_max"),
            trace_size_max: match layered.get("sampling.trace_size_max") {
                Amount::Auto => budget / 4,
                Amount::Bytes(size) => size.bytes(),
                Amount::Percent(share) => share_of(budget, share),
            },
        }
    }
}

/// The ratio stage, if anyone asked for it, as one number or as a map.
fn ratio(layered: &Layered, problems: &mut Vec<Problem>) -> Option<RatioSpec> {
    let node = layered.node("sampling.ratio")?;
    if let Some(share) = layered.find::<f64>("sampling.ratio") {
        return Some(RatioSpec { mode: RatioMode::Consistent, share, hash_seed: 0, hash_salt: String::new() });
    }
    let Some(share) = layered.find("sampling.ratio.share") else {
        let problem = Problem::at(node.at, "`sampling.ratio` says how, but not how much: `share` is missing");
        let mode = layered.find::<String>("sampling.ratio.mode").unwrap_or_else(|| "consistent".into());
        problems.push(problem.help(format!("ratio: {{mode: {mode}, share: 0.1}}")));
        return None;
    };
    Some(RatioSpec {
        mode: layered.find("sampling.ratio.mode").unwrap_or(RatioMode::Consistent),
        share,
        hash_seed: layered.find("sampling.ratio.hash_seed").unwrap_or(0),
        hash_salt: layered.find("sampling.ratio.hash_salt").unwrap_or_default(),
    })
}

/// What was said of the ratio and does nothing in the mode that it is in.
pub(super) fn without_effect(config: &SamplingConfig, layered: &Layered) -> Vec<String> {
    let mode = config.ratio.as_ref().map(|ratio| ratio.mode);
    let hashes = matches!(mode, Some(RatioMode::OtelFnv14 | RatioMode::OtelFnv64));
    let settings = [
        ("sampling.ratio.hash_seed", mode == Some(RatioMode::OtelFnv14), "it is the seed of the mode otel_fnv14"),
        ("sampling.ratio.hash_salt", mode == Some(RatioMode::OtelFnv64), "it is the salt of the mode otel_fnv64"),
        ("sampling.precision", mode.is_some() && !hashes, "it is that of a ratio that writes thresholds"),
    ];
    let idle = settings.into_iter().filter(|(path, used, _)| !used && !layered.is_default(path));
    idle.map(|(path, _, why)| format!("{path} has no effect: {why}")).collect()
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "sampling.ratio",
        kind: Kind::Share,
        default: None,
        doc: "Share of traces kept, decided on the trace id alone when a span arrives, buffering nothing; a number, or {mode, \
              share}. Together with tail_sampling.policies, the policies see what the ratio let through. When neither is set, \
              a preset applies: failed traces, those slower than 500 ms, and 10 % of the rest.",
    },
    Key {
        path: "sampling.ratio.share",
        kind: Kind::Share,
        default: None,
        doc: "The share, where ratio is written as a map. 1 keeps everything and stamps nothing.",
    },
    Key {
        path: "sampling.ratio.mode",
        kind: Kind::Choice(&[
            "consistent",
            "equalizing",
            "proportional",
            "otel_fnv14",
            "otel_fnv64",
            "sdk_traceidratio",
        ]),
        default: None,
        doc: "How a trace id becomes a decision; consistent unless said. sdk_traceidratio keeps what an SDK's \
              TraceIdRatioBased of the same share kept; the FNV modes agree with the Collector's hash.",
    },
    Key {
        path: "sampling.ratio.hash_seed",
        kind: Kind::Integer { min: 0, max: u32::MAX as u64 },
        default: None,
        doc: "Seed of the mode otel_fnv14: the hash_seed of the Collector's probabilistic_sampler that it is to agree with. 0 \
              unless said.",
    },
    Key {
        path: "sampling.ratio.hash_salt",
        kind: Kind::Text,
        default: None,
        doc: "Salt of the mode otel_fnv64: the hash_salt of the Collector's tail sampling policy probabilistic that it is to \
              agree with. The Collector's default unless said.",
    },
    Key {
        path: "sampling.compat",
        kind: Kind::Choice(&[COMPAT[0].0, COMPAT[1].0]),
        default: Some("strict"),
        doc: "How tail_sampling.policies are read where the Collector does something else than it documents: strict as \
              documented, otelcol as version 0.161 of it does, bug for bug, which also writes no th. validate names every such \
              place of a configuration; src/relay/sampling/DIFFERENCES.md has them all.",
    },
    Key {
        path: "sampling.precision",
        kind: Kind::Integer { min: 1, max: 14 },
        default: Some("4"),
        doc: "Hexadecimal digits of the ratio's threshold, which is written into tracestate: more of them are closer to the \
              share asked for, and longer. Policies have 4, as in the Collector.",
    },
    Key {
        path: "sampling.grace",
        kind: Kind::Duration { min: 0, max: 60_000 },
        default: Some("500ms"),
        doc: "How long after its last arrival a trace is decided whose entry span in this pod has ended. So early only where \
              the pod speaks with one service.name: once a second one is heard, an init container's or that of a process \
              without any name too, decision_wait alone decides for an hour. Two processes under one name cannot be told \
              apart, and one may lose the other's errors: set distinct names. In a pod's first minute a sibling may not have \
              spoken yet: then only traces without parent and without CLIENT and PRODUCER spans are decided early. An app \
              that calls a sibling in its own pod from INTERNAL spans is not seen to do so in that minute.",
    },
    Key {
        path: "sampling.remember",
        kind: Kind::Size { min: 1 << 10, max: 1 << 40, auto: true, percent: true },
        default: Some("auto"),
        doc: "Memory for decisions, so that late spans follow their trace; inside memory.budget. auto: an eighth of it.",
    },
    Key {
        path: "sampling.traces_max",
        kind: Kind::Integer { min: 1, max: 100_000_000 },
        default: Some("50000"),
        doc: "Traces waiting for their decision at once. At this many the oldest is decided on what is there.",
    },
    Key {
        path: "sampling.trace_spans_max",
        kind: Kind::Integer { min: 1, max: 10_000_000 },
        default: Some("10000"),
        doc: "Spans of one trace at which it is decided on what is there.",
    },
    Key {
        path: "sampling.trace_size_max",
        kind: Kind::Size { min: 1 << 10, max: 1 << 40, auto: true, percent: true },
        default: Some("auto"),
        doc: "Bytes of one trace at which it is decided on what is there. auto: a quarter of memory.budget.",
    },
];
