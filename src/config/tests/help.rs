//! Whoever is told what is wrong is told what would be right, of what they wrote.

use super::*;

/// One problem with this message and this help, and no other.
#[track_caller]
fn check(inputs: &Inputs, message: &str, help: &str) {
    let seen = rejected(inputs);
    assert_eq!(seen.problems.len(), 1, "{seen}");
    assert!(seen.problems[0].message.contains(message), "{message}: {seen}");
    assert!(seen.problems[0].help.iter().any(|line| line.contains(help)), "{help}: {seen}");
}

/// The same for one policy.
#[track_caller]
fn check_policy(policy: &str, message: &str, help: &str) {
    check(&file(&format!("tail_sampling: {{policies: [{policy}]}}")), message, help);
}

#[test]
fn what_is_wrong_with_a_policy_comes_with_what_would_be_right() {
    let attribute = |rest: &str| format!("{{name: a, type: string_attribute, string_attribute: {{key: k, {rest}}}}}");
    check_policy(
        &attribute("values: ['(a'], enabled_regex_matching: true"),
        "is no regular expression",
        "in single quotes",
    );
    check_policy(&attribute("values: a"), "this is a single value", "values: [\"/health\"]");
    check_policy(&attribute("values: []"), "this is an empty one", "values: [\"/health\"]");
    check_policy(&attribute("values: [a], invert_match: yes"), "is true or false", "without quotes");
    check_policy("{type: always_sample}", "needs `name`", "{name: errors");
    check_policy("{name: a}", "needs `type`", "type: status_code");
    check_policy("{name: a, type: probabilistic}", "needs `sampling_percentage`", "sampling_percentage: 10");
    check_policy("{name: a, type: status_code}", "needs `status_codes`", "status_codes: [ERROR]");
    let condition = |rest: &str| format!("{{name: a, type: ottl_condition, ottl_condition: {{{rest}}}}}");
    check_policy(&condition("span: ['(\"x\") == name and name[0] == 1']"), "only numbers", "without the parentheses");
    check_policy(&condition("span: ['name[0] == 1']"), "has nothing inside", "such as span: [");
    check_policy(&condition("spanevent: [[a]]"), "are texts, this is a list", "such as spanevent: [");
    check_policy("{name: a, type: ottl_condition}", "has no condition", "`span` or `spanevent`");
    let inner = |inner: &str| format!("{{name: a, type: and, and: {{and_sub_policy: [{inner}]}}}}");
    check_policy(&inner("{name: b, type: and}"), "cannot stand inside an `and`", "its policies can, one by one");
    check_policy("{name: a, type: numeric_attribute, numeric_attribute: {key: k}}", "or both", "min_value: 500");
    check_policy("{name: a, type: rate_limiting}", "needs `spans_per_second`", "spans_per_second: 1000");
    check_policy("{name: a, type: not}", "needs `not_sub_policy`", "threshold_ms: 500");
    check_policy(&inner(""), "`and_sub_policy` is empty", "such as {name: all, type: always_sample}");
    check_policy("", "`tail_sampling.policies` is empty", "for the preset");
}

#[test]
fn what_is_wrong_with_a_key_comes_with_what_would_be_right() {
    let cases = [
        ("upstream: {headers: {a: b, A: b}}", "stands here twice", "upper and lower case"),
        ("upstream: {headers: {'a b': c}}", "not the name of a header", "letters, digits"),
        ("upstream: {headers: {te: c}}", "the protocol's own", "leave it out"),
        ("upstream: {tls: {cert_file: a.pem}}", "go together", "both, or neither"),
        ("upstream: {timeout: 1m, max_age: 30s}", "outlive its batch", "at least 60s"),
        ("upstream: {endpoint: ''}", "is empty", "such as \"http://"),
        ("sampling: {remember: 64MiB}", "takes the whole budget", "an eighth"),
        ("sampling: {ratio: {mode: sdk_traceidratio}}", "`share` is missing", "mode: sdk_traceidratio"),
        ("receiver: {listen: []}", "is empty", "leave the key out"),
        ("receiver: {listen: [\"127.0.0.1:1\", \"127.0.0.1:1\"]}", "the same door", "remove one"),
        ("batch: {delay: 5s\nqueue: }\n", "cannot be read as YAML", "close each bracket"),
    ];
    for (text, message, help) in cases {
        check(&file(text), message, help);
    }
    check(&environment(&[("TAILWATER__UPSTREAM__ENDPOINT", "")]), "is empty", "such as \"http://");
}

#[test]
fn two_addresses_of_which_one_holds_the_other_are_the_same_door() {
    let listen = |list: &str| file(&format!("receiver: {{listen: {list}}}"));
    check(&listen(r#"["0.0.0.0:4400", "127.0.0.1:4400"]"#), "the same door", "a port of its own");
    check(&listen(r#"["[::1]:4400", "[0::1]:4400"]"#), "the same door", "a port of its own");
    load(&listen(r#"["127.0.0.1:4400", "[::1]:4400", "127.0.0.1:0", "127.0.0.1:0"]"#));
}

#[test]
fn a_servers_name_is_one_that_a_certificate_can_be_for() {
    let named = |name: &str| file(&format!("upstream: {{tls: {{server_name: \"{name}\"}}}}"));
    for name in ["bad name!", "https://jaeger", "jaeger:4317", "-a"] {
        check(&named(name), "is not a host's name", "jaeger.example.com");
    }
    for name in ["jaeger", "jaeger.example.com", "10.0.0.1", "::1"] {
        load(&named(name));
    }
}

#[test]
fn a_limit_that_leaves_no_room_is_one_problem() {
    let inputs = Inputs { memory_limit: Some(16 << 20), ..file("queue: {max_size: 100MiB}") };
    check(&inputs, "the cgroup's memory limit of 16MiB leaves no room for spans", "raise the limit");
}

#[test]
fn two_variables_that_say_one_key_in_two_ways_are_a_contradiction() {
    let cases = [
        [("TAILWATER__SAMPLING__RATIO", "0.5"), ("TAILWATER__SAMPLING__RATIO__SHARE", "0.1")],
        [("TAILWATER__SAMPLING", "{ratio: {share: 0.1}}"), ("TAILWATER__SAMPLING__RATIO", "0.5")],
        [("TAILWATER__BATCH", "{delay: 1s}"), ("TAILWATER__BATCH__DELAY", "2s")],
    ];
    for pairs in cases {
        check(&environment(&pairs), "say the same key in two ways", "remove one of the two");
        let seen = rejected(&environment(&pairs)).to_string();
        assert!(pairs.iter().all(|(name, _)| seen.contains(&format!("`{name}`"))), "{seen}");
    }
    let config = load(&environment(&[
        ("TAILWATER__BATCH", "{delay: 1s}"),
        ("TAILWATER__BATCH__MAX_SPANS", "7"),
        ("TAILWATER__UPSTREAM__HEADERS", "{a: b}"),
        ("TAILWATER__UPSTREAM__HEADERS__C", "d"),
    ]));
    assert_eq!((config.batch.max_spans, config.upstream.headers.len()), (7, 2));
}

#[test]
fn who_set_an_upstream_that_was_passed_over_is_told_where_none_is_left() {
    let inputs =
        Inputs { upstream_required: true, ..environment(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://j:99999")]) };
    check(&inputs, "no upstream is set", "OTEL_EXPORTER_OTLP_ENDPOINT is passed over: ");
}
