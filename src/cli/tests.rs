//! What the command line promises.

use super::*;

fn code(arguments: &[&str]) -> ExitCode {
    run_with(std::iter::once("tailwater").chain(arguments.iter().copied()).map(OsString::from))
}

#[test]
fn the_command_line_is_well_formed() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn wrong_usage_ends_with_64_and_help_with_0() {
    assert_eq!(code(&["fly"]), ExitCode::from(64));
    assert_eq!(code(&["run", "--upstrem", "x"]), ExitCode::from(64));
    assert_eq!(code(&[]), ExitCode::from(64));
    assert_eq!(code(&["--help"]), ExitCode::SUCCESS);
    assert_eq!(code(&["--version"]), ExitCode::SUCCESS);
}

#[test]
fn a_file_that_is_not_there_ends_with_64() {
    assert_eq!(code(&["validate", "/nonexistent/tailwater.yaml"]), ExitCode::from(64));
}

/// What `validate` makes of a file with this text.
fn validated(name: &str, text: &str) -> ExitCode {
    let path = std::env::temp_dir().join(format!("tailwater-{name}-{}.yaml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let code = code(&["validate", path.to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    code
}

#[test]
fn a_file_of_certificates_is_looked_at_where_it_is_and_where_it_matters() {
    let with = |endpoint: &str, file: &str| format!("upstream: {{endpoint: \"{endpoint}\", tls: {{ca_file: {file}}}}}");
    let no_pem = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert_eq!(validated("wrong", &with("https://j:4317", no_pem)), ExitCode::from(64));
    assert_eq!(validated("elsewhere", &with("https://j:4317", "/nowhere/ca.pem")), ExitCode::SUCCESS);
    assert_eq!(validated("plain", &with("http://j:4317", no_pem)), ExitCode::SUCCESS);
}

#[test]
fn a_header_that_the_exporter_would_not_send_is_a_wrong_configuration() {
    for name in ["tailwater-hop", "x-trace-bin", "Content-Length", "TE", "grpc-timeout", "transfer-encoding"] {
        let text = format!("upstream: {{endpoint: \"http://j:4317\", headers: {{{name}: x}}}}");
        assert_eq!(validated("header", &text), ExitCode::from(64), "{name}");
        assert!(crate::exporter::Header::new(name, "x").is_err(), "{name}");
    }
}

#[test]
fn the_reference_names_every_key_once_with_value_origin_and_default() {
    let file =
        "batch: {delay: 1s}\nupstream: {headers: {authorization: hunter2}}\nreceiver: {listen: [\"[::1]:4317\"]}";
    let inputs = crate::config::Inputs { file: Some(("t.yaml".into(), file.into())), ..Default::default() };
    let page = config::page(&crate::config::Config::load(&inputs).unwrap());
    assert!(page.contains("\nbatch.delay: 1s    # t.yaml:1:16\n"), "{page}");
    assert!(page.contains("\nreceiver.listen: [\"[::1]:4317\"]    # t.yaml:3:20\n"), "{page}");
    assert!(page.contains("\nqueue.max_size: 75% = 48MiB    # default\n"), "{page}");
    assert!(page.contains("\nupstream.headers: {authorization: (hidden)}    # t.yaml:2:37\n"), "{page}");
    assert!(!page.contains("hunter2"), "secrets stay where they are");
    for key in crate::config::reference::keys() {
        let lines =
            page.lines().filter(|line| line.trim_start_matches(['#', ' ']).starts_with(&format!("{}: ", key.path)));
        assert_eq!(lines.count(), 1, "{}", key.path);
    }
}

#[test]
fn validate_says_the_choice_the_worst_case_and_what_is_worth_a_look() {
    let file = "sampling: {ratio: 0}\nupstream: {endpoint: \"http://jaeger:4317\"}\ntail_sampling: {num_traces: 3}";
    let memory_limit = Some(64 << 20);
    let inputs =
        crate::config::Inputs { file: Some(("t.yaml".into(), file.into())), memory_limit, ..Default::default() };
    let seen = validate::summary(&crate::config::Config::load(&inputs).unwrap());
    let expected = "\
the configuration is right

spans in   127.0.0.1:4317, [::1]:4317, 127.0.0.1:4318, [::1]:4318
sampling   ratio 0 (consistent)
spans out  http://jaeger:4317

memory at worst
     12MiB  the program itself
      8MiB  receiver.connections_max (32) x receiver.window (256KiB)
   35.2MiB  memory.budget
    8.8MiB  what the allocator may lose beside it: a quarter
     64MiB  in all
     64MiB  the cgroup's limit

warning: sampling.ratio is 0: no span will be kept

note: `tail_sampling.num_traces` is read and has no effect: sampling.traces_max bounds the traces waiting, memory.budget \
their bytes
";
    assert_eq!(seen, expected, "\n{seen}");
}
