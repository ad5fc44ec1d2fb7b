//! What holds for every file: it says what it is for, is not too long, is safe, counts where counting is done, and tells
//! nothing of the machine it was written on.

use crate::source::{Source, Tree, has_word, is_test_file};
use crate::{Finding, check_src, expect_none, lines_found};

/// Longer files are two files.
const LINES_MAX: usize = 500;

fn check_doc(source: &Source, found: &mut Vec<Finding>) {
    if !source.text.starts_with("//! ") {
        found.push(Finding::new(&source.path, 1, "does not open with `//!` and what it is for"));
    }
    if source.path.ends_with("/mod.rs") {
        found.push(Finding::new(&source.path, 1, "a module is `name.rs` beside `name/`"));
    }
}

fn check_length(source: &Source, found: &mut Vec<Finding>) {
    let lines = source.text.lines().count();
    if lines > LINES_MAX && !is_test_file(&source.path) {
        found.push(Finding::new(&source.path, LINES_MAX + 1, format!("has {lines} lines; {LINES_MAX} are the limit")));
    }
}

fn check_safe(source: &Source, found: &mut Vec<Finding>) {
    let unsafe_lines = source.code.iter().filter(|(_, line)| has_word(line, "unsafe"));
    found.extend(unsafe_lines.map(|(at, _)| Finding::new(&source.path, *at, "unsafe")));
}

/// Series are recorded by `metrics`, distributions through `instruments`: nobody else counts on the side.
fn check_counting(source: &Source, found: &mut Vec<Finding>) {
    if source.is_in("metrics") || source.is_in("instruments") {
        return;
    }
    let words = ["counter!", "gauge!", "histogram!", "describe_counter!", "describe_gauge!", "describe_histogram!"];
    for (at, line) in &source.code {
        let names = words.iter().any(|word| line.contains(word)) || line.trim_start().starts_with("use metrics::");
        if names {
            found.push(Finding::new(
                &source.path,
                *at,
                "series are counted in the relay and published by src/metrics.rs",
            ));
        }
    }
}

/// Paths of a machine somebody wrote on. Put together here, so that this file does not find itself.
fn places() -> [String; 4] {
    ["work", "root", "home", "Users"].map(|name| format!("/{name}/"))
}

fn check_places(path: &str, bytes: &[u8], found: &mut Vec<Finding>) {
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = String::from_utf8_lossy(line);
        // Behind a name it is a folder inside something; alone it is a place on a machine.
        let inside = |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '}');
        if places().iter().any(|place| line.match_indices(place.as_str()).any(|(at, _)| !inside(&line[..at]))) {
            found.push(Finding::new(path, at + 1, "names a place on somebody's machine"));
        }
    }
}

#[test]
fn every_source_file_says_what_it_is_for_and_no_module_is_called_mod() {
    check_src(check_doc);
}

#[test]
fn no_source_file_outside_tests_is_too_long() {
    check_src(check_length);
}

#[test]
fn nothing_is_unsafe_and_the_compiler_sees_to_it() {
    check_src(check_safe);
    let manifest = Tree::here().read("Cargo.toml");
    let lints = manifest.split("\n[lints.rust]\n").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or_default();
    assert!(
        lints.lines().any(|line| line == "unsafe_code = \"forbid\""),
        "Cargo.toml: [lints.rust] must forbid unsafe_code"
    );
}

#[test]
fn only_metrics_and_instruments_count_for_prometheus() {
    check_src(check_counting);
}

#[test]
fn no_file_names_a_place_on_a_machine() {
    let tree = Tree::here();
    let files = tree.files("");
    assert!(files.len() > 100, "only {} files were found", files.len());
    let mut found = Vec::new();
    for path in &files {
        check_places(path, &tree.bytes(path), &mut found);
    }
    expect_none(&found);
}

#[test]
fn what_is_not_ordinary_is_found() {
    assert_eq!(lines_found(check_doc, "src/a.rs", "use b;\n"), [1]);
    assert_eq!(lines_found(check_doc, "src/a/mod.rs", "//! A.\n"), [1]);
    let long = "//! A.\n".repeat(LINES_MAX + 1);
    assert_eq!(lines_found(check_length, "src/a.rs", &long), [LINES_MAX + 1]);
    assert_eq!(lines_found(check_length, "src/a/tests.rs", &long), []);
    assert_eq!(lines_found(check_safe, "src/a.rs", "fn a() {\n    unsafe { b() }\n}\n"), [2]);
    assert_eq!(lines_found(check_counting, "src/a.rs", "metrics::counter!(\"b\");\n"), [1]);
    assert_eq!(lines_found(check_counting, "src/metrics/a.rs", "metrics::counter!(\"b\");\n"), []);
    for place in places() {
        let mut found = Vec::new();
        check_places("a", format!("b\ncd {place}e\nf{place}g").as_bytes(), &mut found);
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2], "{place}");
    }
}
