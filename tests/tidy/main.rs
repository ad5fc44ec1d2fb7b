//! The order of the house, read from the text of its files: who imports whom, what the pure floor may not touch, and that
//! the maps name what is there. Every finding says file and line. It needs no feature and no network.

mod maps;
mod order;
mod ordinary;
mod pure;
mod source;

use std::fmt;

use source::{Source, Tree};

/// Something out of order.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// From 1; the file as a whole is its first line.
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: path.to_string(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Fails with all findings, one a line.
#[track_caller]
fn expect_none(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(lines.is_empty(), "{} found:\n{}", lines.len(), lines.join("\n"));
}

/// What a check says of one made-up file: the lines it found.
#[cfg(test)]
fn lines_found(check: impl Fn(&Source, &mut Vec<Finding>), path: &str, text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    check(&Source::new(path, text), &mut found);
    found.iter().map(|finding| finding.line).collect()
}

/// What a check says of every file of `src`.
#[track_caller]
fn check_src(check: impl Fn(&Source, &mut Vec<Finding>)) {
    let sources = Tree::here().sources();
    assert!(sources.len() > 50, "only {} source files were found", sources.len());
    let mut found = Vec::new();
    for source in &sources {
        check(source, &mut found);
    }
    expect_none(&found);
}
