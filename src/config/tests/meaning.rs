//! What a configuration comes to: presets, arithmetic, policies.

use super::tail_sampling::{Allocation, ErrorMode, PolicySpec, Rule, StatusCode};
use super::*;
use crate::config::reference::{self, Kind};
use crate::config::sampling::{RatioMode, RatioSpec};

#[test]
fn the_preset_applies_if_and_only_if_nobody_says_how_to_sample() {
    let policies = "tail_sampling: {policies: [{name: all, type: always_sample}]}";
    let by_variable = environment(&[("TAILWATER__SAMPLING__RATIO", "0.5")]);
    let cases = [
        (Inputs::default(), true, true),
        (file("tail_sampling: {decision_wait: 5s}"), true, true),
        (file("sampling: {grace: 1s}"), true, true),
        (file(policies), false, true),
        (file("sampling: {ratio: 0.1}"), false, false),
        (by_variable, false, false),
        (file(&format!("sampling: {{ratio: 0.1}}\n{policies}")), false, true),
    ];
    for (inputs, preset, tail) in cases {
        let config = load(&inputs);
        assert_eq!((config.preset, config.tail.is_some()), (preset, tail), "{inputs:?}");
    }
}

#[test]
fn the_preset_keeps_errors_slow_traces_and_a_tenth_of_the_rest() {
    let tail = load(&Inputs::default()).tail.unwrap();
    let rules: Vec<Rule> = tail.policies.into_iter().map(|policy| policy.rule).collect();
    let expected = [
        Rule::StatusCode { status_codes: vec![StatusCode::Error] },
        Rule::Latency { threshold_ms: 500, upper_threshold_ms: 0 },
        Rule::Probabilistic { sampling_percentage: 10.0, hash_salt: String::new() },
    ];
    assert_eq!(rules, expected);
    assert_eq!(tail.decision_wait, std::time::Duration::from_secs(10));
}

#[test]
fn a_ratio_is_a_number_or_a_map_with_a_mode() {
    let ratio = |text: &str| load(&file(text)).sampling.ratio.unwrap();
    let spec = |mode, share, hash_seed| RatioSpec { mode, share, hash_seed, hash_salt: String::new() };
    assert_eq!(ratio("sampling: {ratio: 0.1}"), spec(RatioMode::Consistent, 0.1, 0));
    assert_eq!(ratio("sampling: {ratio: 1}"), spec(RatioMode::Consistent, 1.0, 0));
    let text = "sampling: {ratio: {mode: sdk_traceidratio, share: 0.1}}";
    assert_eq!(ratio(text), spec(RatioMode::SdkTraceidratio, 0.1, 0));
    let text = "sampling: {ratio: {mode: otel_fnv14, share: 0.25, hash_seed: 22}}";
    assert_eq!(ratio(text), spec(RatioMode::OtelFnv14, 0.25, 22));
    let text = "sampling: {ratio: {mode: otel_fnv64, share: 0.25, hash_salt: pepper}}";
    assert_eq!(ratio(text), RatioSpec { hash_salt: "pepper".into(), ..spec(RatioMode::OtelFnv64, 0.25, 0) });
    let mut inputs = file("sampling: {ratio: {mode: otel_fnv64, share: 0.1}}");
    inputs.environment = environment(&[("TAILWATER__SAMPLING__RATIO__SHARE", "0.2")]).environment;
    assert_eq!(load(&inputs).sampling.ratio, Some(spec(RatioMode::OtelFnv64, 0.2, 0)));
    inputs.environment = environment(&[("TAILWATER__SAMPLING__RATIO", "0.3")]).environment;
    assert_eq!(load(&inputs).sampling.ratio, Some(spec(RatioMode::Consistent, 0.3, 0)));
}

#[test]
fn what_is_left_to_us_is_worked_out_from_the_limit() {
    let config = load(&Inputs { memory_limit: Some(64 << 20), ..Inputs::default() });
    let budget = config.memory.budget;
    assert_eq!(budget, ((64 - 12 - 8) << 20) / 5 * 4);
    assert_eq!(config.sampling.remember, budget / 8);
    assert_eq!(config.receiver.max_request_size, budget / 4);
    assert_eq!(config.queue.max_size, (budget as f64 * 0.75) as usize);
    assert!(config.ceiling().total() <= 64 << 20);

    let config = load(&Inputs::default());
    assert_eq!(config.memory.budget, 64 << 20);
    let config = load(&file("memory: {budget: 1GiB}\nqueue: {max_size: 100MiB}\nsampling: {remember: 10%}"));
    assert_eq!(config.receiver.max_request_size, 64 << 20);
    assert_eq!(config.queue.max_size, 100 << 20);
    assert_eq!(config.sampling.remember, (1 << 30) / 10);
}

#[test]
fn with_a_small_budget_batches_shrink_unless_someone_said_their_size() {
    let config = load(&file("memory: {budget: 4MiB}"));
    assert_eq!((config.queue.max_size, config.batch.max_size), (3 << 20, 3 << 19));
    assert_eq!(effective(&config, "batch.max_size").0, "3.5MiB = 1.5MiB");
    let text = "memory: {budget: 4MiB}\nbatch: {max_size: 3.5MiB}";
    assert!(rejected(&file(text)).to_string().contains("no batch that large could ever wait"));
}

#[test]
fn the_collectors_block_is_read_as_it_stands() {
    let text = "\
tail_sampling:
  decision_wait: 30s
  num_traces: 100
  expected_new_traces_per_sec: 10
  decision_cache: {sampled_cache_size: 100_000}
  sampling_strategy: trace-complete
  policies:
    - name: errors-or-unset
      type: status_code
      status_code: {status_codes: [ERROR, UNSET]}
    - {name: window, type: latency, latency: {threshold_ms: 100, upper_threshold_ms: 900}}
    - {name: share, type: probabilistic, probabilistic: {hash_salt: x, sampling_percentage: 12.5}}
    - name: vip
      type: and
      and:
        and_sub_policy:
          - name: users
            type: string_attribute
            string_attribute: {key: user, values: [\"^vip-\", 42], enabled_regex_matching: true, cache_max_size: 10}
          - {name: all, type: always_sample}
    - name: health
      type: drop
      drop:
        drop_sub_policy:
          - {name: ok, type: string_attribute, string_attribute: {key: health.status, values: [ok], invert_match: true}}
";
    let config = load(&file(text));
    let tail = config.tail.unwrap();
    let policy = |name: &str, rule| PolicySpec { name: name.into(), rule };
    let expected = vec![
        policy("errors-or-unset", Rule::StatusCode { status_codes: vec![StatusCode::Error, StatusCode::Unset] }),
        policy("window", Rule::Latency { threshold_ms: 100, upper_threshold_ms: 900 }),
        policy("share", Rule::Probabilistic { sampling_percentage: 12.5, hash_salt: "x".into() }),
        policy(
            "vip",
            Rule::And(vec![
                policy(
                    "users",
                    Rule::StringAttribute {
                        key: "user".into(),
                        values: vec!["^vip-".into(), "42".into()],
                        enabled_regex_matching: true,
                        invert_match: false,
                        cache_max_size: 10,
                    },
                ),
                policy("all", Rule::AlwaysSample),
            ]),
        ),
        policy(
            "health",
            Rule::Drop(vec![policy(
                "ok",
                Rule::StringAttribute {
                    key: "health.status".into(),
                    values: vec!["ok".into()],
                    enabled_regex_matching: false,
                    invert_match: true,
                    cache_max_size: 0,
                },
            )]),
        ),
    ];
    assert_eq!(tail.policies, expected);
    assert_eq!(tail.decision_wait, std::time::Duration::from_secs(30));
    let notes: Vec<&str> = config.notes.iter().filter_map(|note| note.split('`').nth(1)).collect();
    let expected = [
        "num_traces",
        "expected_new_traces_per_sec",
        "decision_cache",
        "policies[2].probabilistic.hash_salt",
        "policies[3].and.and_sub_policy[0].string_attribute.cache_max_size",
        // Where the Collector does something else than it documents.
        "policies[1].latency",
        "policies[1].latency",
        "policies[2].probabilistic",
        "policies",
        "policies",
    ];
    assert_eq!(notes, expected.map(|key| format!("tail_sampling.{key}")), "what has no effect is said");
}

#[test]
fn each_type_of_policy_is_read_with_its_fields() {
    let text = "\
tail_sampling:
  policies:
    - {name: a, type: numeric_attribute, numeric_attribute: {key: k, min_value: -5, max_value: 0, invert_match: true}}
    - {name: b, type: numeric_attribute, numeric_attribute: {key: k, max_value: 7}}
    - {name: c, type: boolean_attribute, boolean_attribute: {key: k, value: true, invert_match: true}}
    - {name: d, type: boolean_attribute, boolean_attribute: {key: k}}
    - {name: e, type: trace_state, trace_state: {key: k, values: [v, 1]}}
    - {name: f, type: trace_flags}
    - {name: g, type: span_count, span_count: {min_spans: 2, max_spans: 20}}
    - {name: h, type: rate_limiting, rate_limiting: {spans_per_second: 35, burst_capacity: 70}}
    - {name: i, type: bytes_limiting, bytes_limiting: {bytes_per_second: 1_024_000}}
    - {name: j, type: not, not: {not_sub_policy: {type: latency, latency: {threshold_ms: 1000}}}}
    - name: k
      type: composite
      composite:
        max_total_spans_per_second: 1000
        policy_order: [y, x]
        composite_sub_policy:
          - {name: x, type: always_sample}
          - {name: y, type: and, and: {and_sub_policy: [{type: trace_flags}, {type: trace_flags}]}}
        rate_allocation: [{policy: y, percent: 50}]
";
    let config = load(&file(text));
    let numeric = |min_value, max_value, invert_match| Rule::NumericAttribute {
        key: "k".into(),
        min_value,
        max_value,
        invert_match,
    };
    let boolean = |value, invert_match| Rule::BooleanAttribute { key: "k".into(), value, invert_match };
    let unnamed = |rule| PolicySpec { name: String::new(), rule };
    let latency = Rule::Latency { threshold_ms: 1000, upper_threshold_ms: 0 };
    let parts = vec![
        PolicySpec { name: "x".into(), rule: Rule::AlwaysSample },
        PolicySpec { name: "y".into(), rule: Rule::And(vec![unnamed(Rule::TraceFlags), unnamed(Rule::TraceFlags)]) },
    ];
    let expected = [
        numeric(Some(-5), Some(0), true),
        numeric(None, Some(7), false),
        boolean(true, true),
        boolean(false, false),
        Rule::TraceState { key: "k".into(), values: vec!["v".into(), "1".into()] },
        Rule::TraceFlags,
        Rule::SpanCount { min_spans: 2, max_spans: 20 },
        Rule::RateLimiting { spans_per_second: 35, burst_capacity: 70 },
        Rule::BytesLimiting { bytes_per_second: 1_024_000, burst_capacity: 0 },
        Rule::Not(Box::new(unnamed(latency))),
        Rule::Composite {
            max_total_spans_per_second: 1000,
            policy_order: vec!["y".into(), "x".into()],
            composite_sub_policy: parts,
            rate_allocation: vec![Allocation { policy: "y".into(), percent: 50 }],
        },
    ];
    let rules: Vec<Rule> = config.tail.unwrap().policies.into_iter().map(|policy| policy.rule).collect();
    assert_eq!(rules, expected);
}

#[test]
fn conditions_are_read_word_for_word_and_what_is_probably_not_meant_is_noted() {
    let text = r#"
tail_sampling:
  policies:
    - name: a
      type: ottl_condition
      ottl_condition: {error_mode: Propagate, span: ['name == "x"', 'kind == "server"'], spanevent: ['name != nil']}
    - {name: b, type: ottl_condition, ottl_condition: {spanevent: ['attributes["k"][0] < 1.5']}}
"#;
    let config = load(&file(text));
    let rule = |error_mode, span: &[&str], spanevent: &[&str]| {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Rule::OttlCondition { error_mode, span: texts(span), spanevent: texts(spanevent) }
    };
    let rules: Vec<Rule> = config.tail.unwrap().policies.into_iter().map(|policy| policy.rule).collect();
    let expected = [
        rule(ErrorMode::Propagate, &["name == \"x\"", "kind == \"server\""], &["name != nil"]),
        rule(ErrorMode::Ignore, &[], &["attributes[\"k\"][0] < 1.5"]),
    ];
    assert_eq!(rules, expected);
    let path = "`tail_sampling.policies[0].ottl_condition";
    let number = "compares a whole number with text, which is always false (character 1); did you mean `kind.string`?";
    let nil = "compares text with nil, which is always true (character 1)";
    assert_eq!(config.notes[..2], [format!("{path}.span[1]` {number}"), format!("{path}.spanevent[0]` {nil}")]);
}

#[test]
fn percentages_beyond_none_and_all_are_read_as_the_collector_reads_them_and_noted() {
    let config = |percentage: &str| {
        let policy = format!("{{name: a, type: probabilistic, probabilistic: {{sampling_percentage: {percentage}}}}}");
        load(&file(&format!("tail_sampling: {{policies: [{policy}]}}")))
    };
    let path = "`tail_sampling.policies[0].probabilistic.sampling_percentage`";
    let noted = |percentage: &str| -> Vec<String> {
        config(percentage).notes.into_iter().filter(|note| note.starts_with(path)).collect()
    };
    assert_eq!(noted("150"), [format!("{path} is 150, above 100: it keeps everything, as 100 does")]);
    assert_eq!(noted("-1"), [format!("{path} is -1, below 0: it keeps nothing, as 0 does")]);
    assert_eq!(noted("0").len() + noted("100").len(), 0);
}

#[test]
fn what_only_compiling_the_policies_shows_is_a_problem_of_the_configuration() {
    let policy = "{name: a, type: string_attribute, string_attribute: {key: k, values: [\"\"]}}";
    let said = rejected(&file(&format!("tail_sampling: {{policies: [{policy}]}}"))).to_string();
    assert!(said.contains("tail_sampling.policies[0].string_attribute.values: is empty"), "{said}");
}

#[test]
fn anchors_aliases_and_merge_keys_are_understood() {
    let text = "\
upstream: &base {timeout: 3s, max_age: 1m}
tail_sampling:
  policies:
    - &errors {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
    - {<<: *errors, name: again}
";
    let config = load(&file(text));
    assert_eq!(config.tail.unwrap().policies[1].name, "again");
}

#[test]
fn every_key_is_documented_and_its_default_is_one_of_its_values() {
    let mut seen: Vec<&str> = Vec::new();
    for key in reference::keys() {
        assert!(!seen.contains(&key.path), "{} stands there twice", key.path);
        seen.push(key.path);
        assert!(10 < key.doc.len(), "{} is not documented", key.path);
        let Some(default) = key.default else { continue };
        let (section, word) = key.path.rsplit_once('.').unwrap();
        load(&file(&format!("{section}: {{{word}: {default}}}")));
    }
    let config = load(&Inputs::default());
    let listed: Vec<&str> = config.effective.iter().map(|effective| effective.key.as_str()).collect();
    let keys: Vec<&str> =
        reference::keys().filter(|key| !matches!(key.kind, Kind::Foreign(_))).map(|key| key.path).collect();
    assert_eq!(listed, keys);
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let cases = [
        ("sampling: {ratio: 0}", "no span will be kept"),
        (
            "tail_sampling: {policies: [{name: d, type: drop, drop: {drop_sub_policy: [{name: a, type: always_sample}]}}]}",
            "only drop",
        ),
        ("upstream: {endpoint: \"http://j:4317\", tls: {ca_file: a}}", "upstream.tls has no effect"),
        ("batch: {max_size: 5MiB}", "many collectors refuse"),
        ("sampling: {ratio: 0.5}\ntail_sampling: {decision_wait: 5s}", "decision_wait has no effect"),
        ("sampling: {ratio: {share: 0.5, hash_seed: 1}}", "hash_seed has no effect"),
        ("sampling: {ratio: {share: 0.5, mode: otel_fnv14, hash_salt: a}}", "hash_salt has no effect"),
        ("sampling: {ratio: {share: 0.5, mode: otel_fnv64}, precision: 5}", "precision has no effect"),
        ("sampling: {precision: 5}", "precision has no effect"),
    ];
    for (text, expected) in cases {
        let warnings = load(&file(text)).warnings;
        assert!(warnings.iter().any(|warning| warning.contains(expected)), "{text}: {warnings:?}");
    }
}
