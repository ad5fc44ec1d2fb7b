//! What a person reads who got something wrong.

use super::*;

#[track_caller]
fn check(inputs: &Inputs, expected: &str) {
    let seen = rejected(inputs).to_string();
    assert_eq!(seen.trim(), expected.trim(), "\n{seen}");
}

#[test]
fn everything_wrong_in_a_file_is_said_at_once_with_place_and_remedy() {
    let text = "\
upstream:
  endpoint: jaeger:4317
  headres: {a: b}
batch:
  delay: soon
  max_spans: \"512\"
  max_spans: 0
sampling: {ratio: 10}
receiver: [1]
";
    let expected = r#"
error: `upstream.endpoint`: "jaeger:4317" has no scheme
  --> tailwater.yaml:2:13
   |
 2 |   endpoint: jaeger:4317
   |             ^^^^^^^^^^^
   = help: "http://jaeger:4317", or "https://jaeger:4317" with TLS

error: there is no key `headres` in `upstream`
  --> tailwater.yaml:3:3
   |
 3 |   headres: {a: b}
   |   ^^^^^^^
   = help: did you mean `headers`?

error: `batch.delay`: "soon" is not a duration
  --> tailwater.yaml:5:10
   |
 5 |   delay: soon
   |          ^^^^
   = help: a number with its unit, such as 200ms, 5s or 10m

error: `batch.max_spans` is a number, this is text
  --> tailwater.yaml:6:14
   |
 6 |   max_spans: "512"
   |              ^^^^^
   = help: without the quotes

error: the key `max_spans` stands here twice
  --> tailwater.yaml:7:3
   |
 7 |   max_spans: 0
   |   ^^^^^^^^^
   = help: remove one of the two

error: `sampling.ratio`: 10 is more than everything
  --> tailwater.yaml:8:19
   |
 8 | sampling: {ratio: 10}
   |                   ^^
   = help: a share between 0 and 1; 10 % is 0.1

error: `receiver` is a section, this is a list
  --> tailwater.yaml:9:11
   |
 9 | receiver: [1]
   |           ^^^
   = help: its keys are listen, max_request_size, hold, connections_max, streams_max, window, read_timeout

7 problems in the configuration
"#;
    check(&file(text), expected);
}

#[test]
fn wrong_policies_are_all_named_with_their_place() {
    let text = "\
tail_sampling:
  policies:
    - {name: a, type: statuscode}
    - {name: a, type: latency, latency: {treshold_ms: 500}}
    - {name: c, type: ottl_condition, ottl_condition: {span: [a]}}
    - {name: d, type: string_attribute, string_attribute: {key: k, values: [\"(a\"], enabled_regex_matching: true}}
    - {type: always_sample}
    - {name: f, type: status_code, status_code: {status_codes: [error]}}
    - {name: g, type: drop, drop: {drop_sub_policy: []}}
    - {name: h, type: and, and: {and_sub_policy: [{name: i, type: drop}]}}
";
    let problems = rejected(&file(text));
    let seen: Vec<(usize, &str)> = problems
        .problems
        .iter()
        .map(|problem| (problems.sources.line_column(problem.at.unwrap()).line, problem.message.as_str()))
        .collect();
    let expected = [
        (3, "there is no type of policy called `statuscode`"),
        (4, "two policies here are named `a`"),
        (4, "there is no field `treshold_ms` in `latency`"),
        (5, "`span`: a path alone is no condition"),
        (6, "`values`: `(a` is no regular expression: unclosed group, at character 1"),
        (7, "a policy needs `name`, and it is missing here"),
        (8, "`status_codes`: error is not a status"),
        (9, "`drop_sub_policy` is empty"),
        (10, "a `drop` cannot stand inside an `and`"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn wrong_fields_of_each_type_are_named_with_their_place_and_the_nearest_right_word() {
    let text = r#"
tail_sampling:
  policies:
    - {name: a, type: numeric_atribute}
    - {name: b, type: numeric_attribute, numeric_attribute: {key: k, min: 5, max_value: 1.5}}
    - {name: c, type: numeric_attribute, numeric_attribute: {key: k, min_value: 5, max_value: 4}}
    - {name: d, type: boolean_attribute, boolean_attribute: {key: k, value: "true"}}
    - {name: e, type: trace_state, trace_state: {key: k}}
    - {name: f, type: trace_flags, trace_flags: {key: k}}
    - {name: g, type: span_count, span_count: {min_spans: 5, max_spans: 4}}
    - {name: h, type: rate_limiting, rate_limiting: {span_per_second: 5}}
    - {name: i, type: bytes_limiting, bytes_limiting: {bytes_per_second: 0}}
    - {name: j, type: not, not: {not_sub_policy: {type: not}}}
    - {name: k, type: status_code, status_code: {status_codes: [Eror]}}
    - name: l
      type: composite
      composite:
        max_total_spans_per_second: 10
        policy_order: [erors]
        composite_sub_policy: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]
        rate_allocation: [{policy: rest, percent: half}]
"#;
    let problems = rejected(&file(text));
    let seen: Vec<(usize, usize, &str, &str)> = problems
        .problems
        .iter()
        .map(|problem| {
            let place = problems.sources.line_column(problem.at.unwrap());
            (place.line, place.column, problem.message.as_str(), problem.help.first().map_or("", String::as_str))
        })
        .collect();
    let whole = "a whole number; what is compared with it may have a point";
    let expected = [
        (4, 23, "there is no type of policy called `numeric_atribute`", "did you mean `numeric_attribute`?"),
        (
            5,
            70,
            "there is no field `min` in `numeric_attribute`",
            "its fields are key, min_value, max_value, invert_match",
        ),
        (5, 89, "`max_value`: 1.5 is not a number that fits", whole),
        (6, 95, "`max_value` (4) is below `min_value` (5): nothing can match", "both bounds are within"),
        (7, 77, "`value` is true or false", "`true` or `false`, without quotes"),
        (8, 49, "`trace_state` needs `values`, and it is missing here", "such as values: [\"/health\"]"),
        (9, 50, "there is no field `key` in `trace_flags`", "it has none"),
        (10, 73, "`max_spans` (4) is below `min_spans` (5): nothing can match", "0 is no upper bound"),
        (11, 53, "`rate_limiting` needs `spans_per_second`, and it is missing here", "such as spans_per_second: 1000"),
        (11, 54, "there is no field `span_per_second` in `rate_limiting`", "did you mean `spans_per_second`?"),
        (
            12,
            74,
            "`bytes_per_second` is 0: nothing could be kept for long",
            "a number above 0; leave the policy out for nothing",
        ),
        (13, 57, "a `not` cannot stand inside a `not`", "the policy inside both of them is meant"),
        (
            14,
            65,
            "`status_codes`: Eror is not a status",
            "did you mean `ERROR`? It is one of OK, ERROR, UNSET, in capitals",
        ),
        (19, 24, "`policy_order`: there is no policy `erors` in `composite_sub_policy`", "did you mean `errors`?"),
        (21, 36, "`rate_allocation`: there is no policy `rest` in `composite_sub_policy`", "they are errors"),
        (21, 51, "`percent`: half is not a number that fits", "a whole number of percents"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn what_is_wrong_in_a_condition_is_shown_at_its_place_in_the_line() {
    let text = r#"
tail_sampling:
  policies:
    - name: a
      type: ottl_condition
      ottl_condition:
        error_mode: ignor
        span:
          - atributes["k"] == 1
          - 'name == ''x'''
          - "IsMatch(name, \"a\\d\")"
          - >-
            name == "x" and
            IsMatc(name, "y")
        spanevent: [kind == 1]
    - {name: b, type: ottl_condition, ottl_condition: {span: []}}
    - {name: c, type: ottl_condition, ottl_condition: {span: name == "x"}}
"#;
    let expected = r#"
error: `error_mode`: there is no mode `ignor`
  --> tailwater.yaml:7:21
   |
 7 |         error_mode: ignor
   |                     ^^^^^
   = help: one of ignore, silent, propagate

error: `span`: there is no path `atributes` here
  --> tailwater.yaml:9:13
   |
 9 |           - atributes["k"] == 1
   |             ^^^^^^^^^^^^^^
   = help: did you mean `attributes`?

error: `span`: `'` has no meaning here
   --> tailwater.yaml:10:22
    |
 10 |           - 'name == ''x'''
    |                      ^^
    = help: text stands in double quotes

error: `span`: `\d` is no escape in a text
   --> tailwater.yaml:11:31
    |
 11 |           - "IsMatch(name, \"a\\d\")"
    |                               ^^^
    = help: a backslash itself is written twice: `\\d`

error: `span`: there is no function `IsMatc`
   --> tailwater.yaml:14:13
    |
 14 |             IsMatc(name, "y")
    |             ^^^^^^
    = help: did you mean `IsMatch`?

error: `spanevent`: there is no path `kind` here
   --> tailwater.yaml:15:21
    |
 15 |         spanevent: [kind == 1]
    |                     ^^^^
    = help: fields of the event's span are written with `span.` before them

error: `ottl_condition` has no condition
   --> tailwater.yaml:16:62
    |
 16 |     - {name: b, type: ottl_condition, ottl_condition: {span: []}}
    |                                                              ^^
    = help: a list of them under `span` or `spanevent`

error: `span` is a list of texts, this is a single value
   --> tailwater.yaml:17:62
    |
 17 |     - {name: c, type: ottl_condition, ottl_condition: {span: name == "x"}}
    |                                                              ^^^^^^^^^^^
    = help: such as span: ['attributes["http.route"] == "/login"']

8 problems in the configuration
"#;
    check(&file(text), expected);
}

#[test]
fn text_that_is_no_yaml_is_shown_where_it_breaks() {
    let seen = rejected(&file("batch: {delay: 5s\nqueue: }\n")).to_string();
    assert!(seen.contains("this cannot be read as YAML") && seen.contains("--> tailwater.yaml:"), "{seen}");
}

#[test]
fn a_wrong_variable_and_a_wrong_flag_are_named() {
    let mut inputs = environment(&[
        ("TAILWATER__BATCH__DELAY", "soon"),
        ("TAILWATER__RECEIVER__LISTEN", r#"["localhost:1", "127.0.0.1:5"]"#),
        ("TAILWATER__UPSTREAM__ENDPONT", "x"),
    ]);
    inputs.upstream = Some("ftp://x".into());
    let expected = r#"
error: `batch.delay`: "soon" is not a duration
  --> environment variable TAILWATER__BATCH__DELAY
   |
   | TAILWATER__BATCH__DELAY=soon
   |                         ^^^^
   = help: a number with its unit, such as 200ms, 5s or 10m

error: `receiver.listen`: "localhost:1" is not an address with a port
  --> environment variable TAILWATER__RECEIVER__LISTEN
   |
   | TAILWATER__RECEIVER__LISTEN=["localhost:1", "127.0.0.1:5"]
   |                              ^^^^^^^^^^^^^
   = help: "127.0.0.1:1", or "[::1]:1" for IPv6

error: there is no key `endpont` in `upstream`
  --> environment variable TAILWATER__UPSTREAM__ENDPONT
   |
   | TAILWATER__UPSTREAM__ENDPONT=x
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
   = help: did you mean `endpoint`?

error: `upstream.endpoint`: "ftp://x" is not a collector's URL
  --> flag --upstream
   |
   | --upstream=ftp://x
   |            ^^^^^^^
   = help: a URL with scheme, host and port, such as "http://jaeger-collector.tracing:4317"

4 problems in the configuration
"#;
    check(&inputs, expected);
}

#[test]
fn without_an_upstream_the_three_ways_to_set_one_are_said() {
    let expected = r#"
error: no upstream is set: there is nowhere to send spans to
   = help: by flag:        --upstream http://jaeger-collector.tracing:4317
           by environment: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://jaeger-collector.tracing:4317
           by file:        upstream: {endpoint: "http://jaeger-collector.tracing:4317"}

1 problem in the configuration
"#;
    check(&Inputs { upstream_required: true, ..Inputs::default() }, expected);
}

#[test]
fn what_cannot_fit_the_cgroup_is_refused_with_the_arithmetic() {
    let inputs = Inputs { memory_limit: Some(64 << 20), ..file("memory: {budget: 60MiB}") };
    let expected = r#"
error: at worst this takes 95MiB, and the cgroup's memory limit is 64MiB
  --> tailwater.yaml:1:18
   |
 1 | memory: {budget: 60MiB}
   |                  ^^^^^
   = help:      12MiB  the program itself
                 8MiB  receiver.connections_max (32) x receiver.window (256KiB)
                60MiB  memory.budget
                15MiB  what the allocator may lose beside it: a quarter
                95MiB  in all
           `memory.budget: 35MiB` would fit, and `auto` finds the most that does

1 problem in the configuration
"#;
    check(&inputs, expected);
    let seen = rejected(&Inputs { memory_limit: Some(20 << 20), ..Inputs::default() }).to_string();
    assert!(seen.contains("the cgroup's memory limit of 20MiB leaves no room for spans"), "{seen}");
}

#[test]
fn an_upstream_that_is_our_own_door_is_refused() {
    for url in [
        "http://localhost:4317",
        "http://127.0.0.1:4318",
        "http://[::1]:4317",
        "http://0.0.0.0:4317",
        "http://LOCALHOST",
        "http://127.0.0.1:4319",
        "http://localhost:4321",
    ] {
        let seen = rejected(&Inputs { upstream: Some(url.into()), ..Inputs::default() }).to_string();
        assert!(seen.contains("is our own `") && seen.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{url}: {seen}");
    }
    for url in ["http://localhost:14317", "http://jaeger:4317", "http://127.0.0.1:4320", "https://10.0.0.1:4317"] {
        load(&Inputs { upstream: Some(url.into()), ..Inputs::default() });
    }
}

#[test]
fn contradictions_between_keys_are_found() {
    let cases = [
        ("queue: {max_size: 70MiB}", "`queue.max_size` (70MiB) is more than `memory.budget` (64MiB)"),
        ("receiver: {max_request_size: 65MiB}", "`receiver.max_request_size` (65MiB) is more than `memory.budget`"),
        ("batch: {max_size: 50MiB}", "`batch.max_size` (50MiB) is more than `queue.max_size` (48MiB)"),
        ("sampling: {remember: 64MiB}", "`sampling.remember` takes the whole budget"),
        ("admin: {listen: \"0.0.0.0:4317\"}", "are the same door"),
        ("control: {listen: \"127.0.0.1:4319\"}", "are the same door"),
        ("control: {listen: \"0.0.0.0:4321\"}", "which others can reach"),
        ("upstream: {timeout: 1m, max_age: 30s}", "the first attempt would outlive its batch"),
        ("upstream: {tls: {cert_file: a.pem}}", "go together, and one is missing"),
        ("sampling: {ratio: {mode: otel_fnv14}}", "`share` is missing"),
    ];
    for (text, expected) in cases {
        let seen = rejected(&file(text)).to_string();
        assert!(seen.contains(expected) && seen.contains("tailwater.yaml:1:"), "{text}: {seen}");
    }
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest_or_with_where_it_belongs() {
    let cases = [
        ("samplign: {}", "did you mean `sampling`?"),
        ("receiver: {listn: []}", "did you mean `listen`?"),
        ("max_spans: 3", "the key of that name is `batch.max_spans`"),
        ("batch: {zzzzzz: 3}", "what may stand here: max_spans, max_size, delay"),
        ("log: {level: warning}", "did you mean `warn`?"),
        ("batch: {delay: 5}", "5s or 5ms?"),
    ];
    for (text, expected) in cases {
        let seen = rejected(&file(text)).to_string();
        assert!(seen.contains(expected), "{text}: {seen}");
    }
}

#[test]
fn a_small_file_cannot_become_large() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x]\n");
    for level in 1..6 {
        let alias = format!("*a{}, ", level - 1).repeat(8);
        text.push_str(&format!("a{level}: &a{level} [{alias}]\n"));
    }
    let seen = rejected(&file(&text)).to_string();
    assert!(seen.contains("with its aliases this is more than"), "{seen}");
    let deep = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
    assert!(rejected(&file(&deep)).to_string().contains("deep"), "nesting is bounded");
}
