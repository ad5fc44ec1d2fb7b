//! Floor 1 has no clock, socket, file, thread, log or randomness: what it is told is all it knows.

use crate::source::{Source, has_word};
use crate::{Finding, check_src, lines_found};

/// What floor 1 does not name, and why.
const BANNED: &[(&str, &str)] = &[
    ("Instant", "time comes in as a Tick"),
    ("SystemTime", "time comes in as a Tick"),
    ("std::net", "floor 1 has no sockets"),
    ("std::fs", "floor 1 has no files"),
    ("std::io", "floor 1 has no files"),
    ("std::env", "floor 1 has no environment"),
    ("std::thread", "floor 1 has no threads"),
    ("thread", "floor 1 has no threads"),
    ("tokio", "floor 1 is not async"),
    ("tracing", "floor 1 does not log"),
    ("log", "floor 1 does not log"),
    ("println", "floor 1 does not print"),
    ("eprintln", "floor 1 does not print"),
    ("dbg", "floor 1 does not print"),
    ("rand", "randomness comes in as a seed"),
    ("getrandom", "randomness comes in as a seed"),
    ("RandomState", "randomness comes in as a seed"),
    ("HashMap::new", TABLES),
    ("HashMap::default", TABLES),
    ("HashSet::new", TABLES),
    ("HashSet::default", TABLES),
    ("std::collections::HashMap", TABLES),
    ("std::collections::HashSet", TABLES),
    ("fs", "floor 1 has no files"),
    ("net", "floor 1 has no sockets"),
    ("io", "floor 1 has no files"),
    ("env", "floor 1 has no environment"),
];

const TABLES: &str = "std's tables draw their own secret: use hash::Keyed";

/// The one question to the outside that is allowed: it keeps a second panic from hiding the first.
const ALLOWED: &str = "std::thread::panicking()";

fn check(source: &Source, found: &mut Vec<Finding>) {
    if !source.is_in("relay") {
        return;
    }
    for (at, line) in &source.code {
        if line.contains("std::") && line.contains('{') && !line.contains('}') && line.trim_start().starts_with("use ")
        {
            found.push(Finding::new(&source.path, *at, "a list of imports that does not end on its line"));
        }
        let line = one_by_one(&line.replace(ALLOWED, ""));
        let names_path = |word: &str| word.contains("::") || has_path(&line, word);
        if let Some((word, why)) = BANNED.iter().find(|(word, _)| has_word(&line, word) && names_path(word)) {
            found.push(Finding::new(&source.path, *at, format!("{word}: {why}")));
        }
    }
}

/// A line whose imports from `std` stand in braces, with each as if it stood alone behind it.
fn one_by_one(line: &str) -> String {
    let imports = line.trim_start().strip_prefix("use ").and_then(|rest| rest.split_once('{'));
    let Some((base, list)) = imports.filter(|(base, _)| base.starts_with("std::")) else { return line.to_owned() };
    let names = list.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).filter(|name| !name.is_empty());
    names.fold(line.to_owned(), |line, name| format!("{line} {base}{name}"))
}

/// Whether a word is used as a path, a type or a macro, not as the name of a variable.
fn has_path(line: &str, word: &str) -> bool {
    let capital = word.starts_with(char::is_uppercase);
    capital
        || line.contains(&format!("{word}::"))
        || line.contains(&format!("{word}!"))
        || line.contains(&format!("::{word}"))
}

#[test]
fn floor_1_touches_nothing_outside_itself() {
    check_src(check);
}

#[test]
fn what_reaches_outside_is_found() {
    for line in [
        "let now = Instant::now();",
        "use std::time::{Duration, SystemTime};",
        "use std::net::SocketAddr;",
        "std::fs::read(path)",
        "std::thread::spawn(work);",
        "use std::thread;",
        "tracing::info!(\"a\");",
        "use log::info;",
        "println!(\"a\");",
        "eprintln!(\"a\");",
        "rand::random()",
        "use getrandom::fill;",
        "use std::{fs, net::TcpStream};",
        "use std::{thread, fmt};",
        "use std::{fmt, env};",
        "use std::{",
        "use std::time::{Duration, Instant};",
        "use std::{time::Instant};",
        "use std::collections::{BTreeMap, HashMap};",
        "use std::collections::HashSet;",
        "fs::read(path)",
        "env::var(name)",
        "HashMap::default()",
        "HashSet::new()",
    ] {
        assert_eq!(lines_found(check, "src/relay/clock.rs", line), [1], "{line}");
        assert_eq!(lines_found(check, "src/driver.rs", line), [], "{line}");
    }
    for line in [
        "if !std::thread::panicking() {",
        "// Instant::now",
        "let log = rand;",
        "use std::{fmt, mem};",
        "#[cfg(test)]\nuse std::fs;",
    ] {
        assert_eq!(lines_found(check, "src/relay/clock.rs", line), [], "{line}");
    }
}
