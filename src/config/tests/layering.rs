//! Which source wins.

use super::*;

#[test]
fn each_source_wins_over_those_below_it() {
    let url = |name: &str| format!("http://{name}:4317");
    let mut inputs = Inputs::default();
    let expect = |inputs: &Inputs, name: &str, origin: &str| {
        assert_eq!(effective(&load(inputs), "upstream.endpoint"), (url(name), origin.into()));
    };
    inputs.environment.push(("OTEL_EXPORTER_OTLP_ENDPOINT".into(), url("general")));
    expect(&inputs, "general", "OTEL_EXPORTER_OTLP_ENDPOINT");
    inputs.environment.push(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT".into(), url("traces")));
    expect(&inputs, "traces", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    inputs.file = Some(("tailwater.yaml".into(), format!("upstream:\n  endpoint: {}\n", url("file"))));
    expect(&inputs, "file", "tailwater.yaml:2:13");
    inputs.environment.push(("TAILWATER__UPSTREAM__ENDPOINT".into(), url("variable")));
    expect(&inputs, "variable", "TAILWATER__UPSTREAM__ENDPOINT");
    inputs.upstream = Some(url("flag"));
    expect(&inputs, "flag", "--upstream");
}

#[test]
fn without_any_source_the_defaults_hold() {
    let config = load(&Inputs { upstream: Some("http://jaeger".into()), upstream_required: true, ..Inputs::default() });
    assert_eq!(config.upstream.endpoint, "http://jaeger:4317");
    assert_eq!(effective(&config, "batch.delay"), ("200ms".into(), "default".into()));
    assert_eq!(config.receiver.listen.len(), 4);
    assert!(config.receiver.listen.iter().all(|listen| !listen.configured));
    assert_eq!(config.batch.max_size, 3_670_016);
    assert_eq!((config.warnings, config.notes), (vec![], vec![]));
}

#[test]
fn lists_are_replaced_whole_and_maps_key_by_key() {
    let mut inputs =
        file("receiver: {listen: [\"127.0.0.1:1\", \"127.0.0.1:2\"]}\nupstream: {headers: {a: \"1\", B: \"2\"}}\n");
    inputs.environment = environment(&[
        ("TAILWATER__RECEIVER__LISTEN", r#"["127.0.0.1:3"]"#),
        ("OTEL_EXPORTER_OTLP_HEADERS", "b=standard,c=with%20space"),
    ])
    .environment;
    let config = load(&inputs);
    assert_eq!(config.receiver.listen, [receiver::Listen { addr: "127.0.0.1:3".parse().unwrap(), configured: true }]);
    let headers =
        [("a", "1"), ("b", "2"), ("c", "with space")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(config.upstream.headers, headers);
    let (value, _) = effective(&config, "upstream.headers");
    assert_eq!(value, "{a: (hidden), b: (hidden), c: (hidden)}");
}

#[test]
fn variables_that_kubernetes_injects_for_a_service_are_no_settings() {
    let injected = environment(&[
        ("TAILWATER_PORT", "tcp://10.0.0.1:4319"),
        ("TAILWATER_SERVICE_HOST", "10.0.0.1"),
        ("TAILWATER_PORT_4319_TCP_ADDR", "10.0.0.1"),
    ]);
    assert_eq!(load(&injected), load(&Inputs::default()));
}

#[test]
fn the_standard_variables_mean_what_they_mean_elsewhere() {
    let config = load(&environment(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://jaeger:4317/"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/cert.pem"),
    ]));
    assert_eq!(config.upstream.endpoint, "https://jaeger:4317");
    assert_eq!(config.upstream.compression, upstream::Compression::Gzip);
    assert_eq!(config.upstream.timeout, std::time::Duration::from_millis(2500));
    let file = |name: &str| Some(PathBuf::from(name));
    let (ca_file, cert_file, key_file) = (file("/ca.pem"), file("/cert.pem"), file("/key.pem"));
    assert_eq!(config.upstream.tls, upstream::TlsConfig { ca_file, cert_file, key_file, server_name: None });
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn a_standard_variable_that_does_not_fit_is_bent_or_passed_over_with_a_warning() {
    let config = load(&environment(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://jaeger:4318/v1/traces"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_HEADERS", ""),
    ]));
    assert_eq!(config.upstream.endpoint, "http://jaeger:4318");
    let expected = [
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: the path /v1/traces is left out, gRPC has its own",
        "OTEL_EXPORTER_OTLP_COMPRESSION is passed over: `zstd` is neither gzip nor none",
        "OTEL_EXPORTER_OTLP_TIMEOUT is passed over: `soon` is not a number of milliseconds from 10 to 600000",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf: the upstream is spoken to in gRPC; its port is usually 4317",
    ];
    assert_eq!(config.warnings, expected);
}

#[test]
fn a_bad_standard_endpoint_or_header_does_not_stand_in_the_way_of_what_is_right() {
    for bad in ["http://j:99999", "http://me:hunter2@j:4317", "ftp://j", "unix:///run/j"] {
        let config = load(&environment(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", bad),
            ("TAILWATER__UPSTREAM__ENDPOINT", "http://jaeger:4317"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,bad name=hunter2,te=hunter2"),
        ]));
        assert_eq!(config.upstream.endpoint, "http://jaeger:4317");
        assert_eq!(config.upstream.headers, [("a".to_owned(), "b".to_owned())]);
        let seen = config.warnings.join("\n");
        assert_eq!(config.warnings.len(), 3, "{seen}");
        assert!(seen.contains("OTEL_EXPORTER_OTLP_ENDPOINT is passed over: "), "{seen}");
        assert!(
            seen.contains("OTEL_EXPORTER_OTLP_HEADERS: a pair is left out: ") && !seen.contains("hunter2"),
            "{seen}"
        );
    }
}

#[test]
fn an_endpoint_without_a_scheme_is_plain_only_where_the_standard_says_so() {
    let endpoint = |pairs: &[(&str, &str)]| load(&environment(pairs)).upstream.endpoint;
    let host = ("OTEL_EXPORTER_OTLP_ENDPOINT", "jaeger:4317");
    assert_eq!(endpoint(&[host]), "https://jaeger:4317");
    assert_eq!(endpoint(&[host, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", " ")]), "https://jaeger:4317", "empty is unset");
    assert_eq!(endpoint(&[host, ("OTEL_EXPORTER_OTLP_INSECURE", "true")]), "http://jaeger:4317");
}
