//! The demo as a person runs it: the program itself, for a few seconds.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The number in the row of that name.
fn row(page: &str, name: &str) -> u64 {
    let line =
        page.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_else(|| panic!("{name}: {page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// The page at a path of a server here.
fn get(address: &str, path: &str) -> String {
    let mut line = TcpStream::connect(address).unwrap();
    line.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(line, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    line.read_to_string(&mut page).unwrap();
    page
}

/// The operator's door stands open where the greeting says.
#[track_caller]
fn look_where_it_says(greeting: &str) {
    let place = greeting.lines().find_map(|line| line.strip_prefix("  operator   http://"));
    let address = place.and_then(|place| place.strip_suffix("/metrics and /ledger"));
    let address = address.unwrap_or_else(|| panic!("{greeting}"));
    assert!(get(address, "/metrics").contains("\ntailwater_spans_accepted_total "));
    assert!(get(address, "/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn the_demo_shows_kept_and_sampled_out_traces_and_ends_with_balanced_books() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tailwater"))
        .args(["demo", "--seconds", "4"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(program.stdout.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("\n  sampling") && out.read_line(&mut seen).unwrap() != 0 {}
    look_where_it_says(&seen);
    out.read_to_string(&mut seen).unwrap();
    assert_eq!(program.wait().unwrap().code(), Some(0), "{seen}");
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
