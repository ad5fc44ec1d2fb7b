//! The demo as a person runs it: the program itself, for a few seconds.

#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};

/// The number in the row of that name.
fn row(page: &str, name: &str) -> u64 {
    let line =
        page.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_else(|| panic!("{name}: {page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_demo_shows_kept_and_sampled_out_traces_and_ends_with_balanced_books() {
    let program = Command::new(env!("CARGO_BIN_EXE_tailwater"))
        .args(["demo", "--seconds", "4"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let seen = String::from_utf8(program.stdout).unwrap();
    let complaints = String::from_utf8_lossy(&program.stderr);
    assert_eq!(program.status.code(), Some(0), "{seen}\n{complaints}");
    let (_, after) = seen.split_once("replaying").unwrap();
    let (live, books) = after.split_once("the books, in spans\n").unwrap();
    assert!(live.lines().any(|line| line.starts_with("  kept         ") && line.ends_with(" error")), "{seen}");
    assert!(live.lines().any(|line| line.starts_with("  sampled out  ")), "{seen}");
    assert!(books.ends_with("\naccepted = exported + sampled_out + dropped + held: balanced\n"), "{seen}");
    let (accepted, exported) = (row(books, "accepted"), row(books, "exported"));
    assert_eq!(accepted, exported + row(books, "sampled out"), "{seen}");
    assert_eq!((row(books, "dropped"), row(books, "held")), (0, 0), "{seen}");
    // Four seconds are more than one round of everything that was recorded.
    assert!(1_000 <= accepted, "{seen}");
    assert_eq!(exported, row(books, "the collector received"), "{seen}");
}
