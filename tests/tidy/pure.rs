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
    ("HashMap::new", "std's tables draw their own secret: use hash::Keyed"),
];

/// The one question to the outside that is allowed: it keeps a second panic from hiding the first.
const ALLOWED: &str = "std::thread::panicking()";

fn check(source: &Source, found: &mut Vec<Finding>) {
    if !source.is_in("relay") {
        return;
    }
    for (at, line) in &source.code {
        let line = line.replace(ALLOWED, "");
        let names_path = |word: &str| word.contains("::") || has_path(&line, word);
        if let Some((word, why)) = BANNED.iter().find(|(word, _)| has_word(&line, word) && names_path(word)) {
            found.push(Finding::new(&source.path, *at, format!("{word}: {why}")));
        }
    }
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
    ] {
        assert_eq!(lines_found(check, "src/relay/clock.rs", line), [1], "{line}");
        assert_eq!(lines_found(check, "src/driver.rs", line), [], "{line}");
    }
    for line in ["if !std::thread::panicking() {", "// Instant::now", "let log = rand;", "#[cfg(test)]\nuse std::fs;"] {
        assert_eq!(lines_found(check, "src/relay/clock.rs", line), [], "{line}");
    }
}
