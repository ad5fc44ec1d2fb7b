//! The maps are in step with the tree: what is there is named, and what is named is there, functions included.

use crate::source::{Source, Tree};
use crate::{Finding, expect_none};

/// What stands between backticks, with the line it is in. Fenced blocks are commands, not names.
fn quoted(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2).map(|name| (at + 1, name)));
        }
    }
    found
}

/// Entries of a folder the map does not name. A folder beside its `name.rs` is named with it.
fn unnamed(map: &str, text: &str, entries: &[String]) -> Vec<Finding> {
    let names = quoted(text);
    let named =
        |entry: &str| names.iter().any(|(_, name)| *name == entry || (entry.ends_with('/') && name.starts_with(entry)));
    let beside = |entry: &str| entry.ends_with('/') && entries.contains(&entry.replace('/', ".rs"));
    let missing = entries.iter().filter(|entry| *entry != "README.md" && !named(entry) && !beside(entry));
    missing.map(|entry| Finding::new(map, 1, format!("does not name `{entry}`"))).collect()
}

/// Names in the map that look like files or folders and are none.
fn absent(map: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let is_path = |name: &str| {
        let plain = name.chars().all(|c| c.is_alphanumeric() || "_-./".contains(c));
        plain && (name.ends_with(".rs") || name.ends_with(".md") || name.ends_with('/')) && name.len() > 3
    };
    let wrong = quoted(text).into_iter().filter(|(_, name)| is_path(name) && !exists(name));
    wrong.map(|(at, name)| Finding::new(map, at, format!("`{name}` does not exist"))).collect()
}

/// Names in the map that look like functions, `room()` or `Driver::room()`, and are none.
fn functions_absent(map: &str, text: &str, sources: &[Source]) -> Vec<Finding> {
    let exists = |name: &str| {
        let (of, name) = name.rsplit_once("::").unwrap_or(("", name));
        let (plain, generic) = (format!("fn {name}("), format!("fn {name}<"));
        let declares =
            |source: &Source| source.code.iter().any(|(_, line)| line.contains(&plain) || line.contains(&generic));
        let owns = |source: &Source| {
            of.is_empty() || source.code.iter().any(|(_, line)| line.contains("impl") && line.contains(of))
        };
        sources.iter().any(|source| declares(source) && owns(source))
    };
    let named = quoted(text).into_iter().filter_map(|(at, name)| Some((at, name.strip_suffix("()")?)));
    named
        .filter(|(_, name)| !exists(name))
        .map(|(at, name)| Finding::new(map, at, format!("there is no `{name}()`")))
        .collect()
}

#[test]
fn the_map_of_the_source_names_every_room_and_nothing_else() {
    let tree = Tree::here();
    let (map, text) = ("src/README.md", tree.read("src/README.md"));
    let mut found = unnamed(map, &text, &tree.names("src"));
    found.extend(unnamed(map, &text, &tree.names("src/relay")));
    found.extend(absent(map, &text, |name| {
        ["src", "src/relay", "."].iter().any(|at| tree.has(&format!("{at}/{name}")))
    }));
    found.extend(functions_absent(map, &text, &tree.sources()));
    expect_none(&found);
}

#[test]
fn the_map_of_the_tests_names_every_layer_and_nothing_else() {
    let tree = Tree::here();
    let (map, text) = ("tests/README.md", tree.read("tests/README.md"));
    let mut found = unnamed(map, &text, &tree.names("tests"));
    found.extend(absent(map, &text, |name| ["tests", "."].iter().any(|at| tree.has(&format!("{at}/{name}")))));
    expect_none(&found);
}

/// All that may stand at the top: what a newcomer reads first. Anything else belongs into one of its folders.
const TOP: &[&str] = &[
    ".ci/",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "build.rs",
    "clippy.toml",
    "deny.toml",
    "deploy/",
    "proto/",
    "rustfmt.toml",
    "src/",
    "tests/",
];

/// What stands at the top and has no place there, and what has and does not stand there. What git does not keep is not seen.
fn top_out_of_step(names: &[String], ignored: impl Fn(&str) -> bool) -> Vec<Finding> {
    let stray = names.iter().filter(|name| !TOP.contains(&name.as_str()) && !ignored(name));
    let missing = TOP.iter().filter(|name| !names.iter().any(|other| other == *name));
    let stray = stray.map(|name| Finding::new(name, 1, "has no place at the top of the house"));
    stray.chain(missing.map(|name| Finding::new(name, 1, "is missing"))).collect()
}

#[test]
fn nothing_stands_at_the_top_that_has_no_place_there() {
    let tree = Tree::here();
    let ignore = tree.read(".gitignore");
    let ignored = |name: &str| {
        let name = name.trim_end_matches('/');
        ignore.lines().any(|line| line.trim_matches('/') == name) || name == ".git"
    };
    expect_none(&top_out_of_step(&tree.names(""), ignored));
    let mut names: Vec<String> = TOP.iter().skip(1).map(|name| (*name).to_owned()).collect();
    names.extend(["notes/", "kept-out/"].map(String::from));
    let found: Vec<String> =
        top_out_of_step(&names, |name| name == "kept-out/").iter().map(ToString::to_string).collect();
    assert_eq!(found, ["notes/:1: has no place at the top of the house", ".ci/:1: is missing"]);
}

#[test]
fn a_map_out_of_step_is_found() {
    let what = |findings: Vec<Finding>| findings.into_iter().map(|finding| finding.what).collect::<Vec<_>>();
    let entries = ["a.rs", "a/", "b/", "c.rs"].map(String::from);
    assert_eq!(what(unnamed("m", "`a.rs` `b/x.rs`", &entries)), ["does not name `c.rs`"]);
    assert_eq!(
        what(absent("m", "`a.rs` and `z.rs`\n```\n`y.rs`\n```\n", |name| name == "a.rs")),
        ["`z.rs` does not exist"]
    );
    let sources = [Source::new("src/a.rs", "impl Desk {\n    fn admit(&self) {}\n}\n")];
    let text = "`admit()` `Desk::admit()` `Bank::admit()` `leave()`";
    assert_eq!(what(functions_absent("m", text, &sources)), ["there is no `Bank::admit()`", "there is no `leave()`"]);
}
