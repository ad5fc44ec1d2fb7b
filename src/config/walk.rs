//! One source held against the reference: everything wrong in it is said at once, and what is right goes on.

use std::net::SocketAddr;

use rustls_pki_types::ServerName;

use crate::config::amount::Amount;
use crate::config::duration::Span;
use crate::config::node::{Entry, Node, Value};
use crate::config::place::At;
use crate::config::problem::Problem;
use crate::config::reference::{self, Key, Kind};
use crate::config::size::Size;
use crate::config::{tail_sampling, upstream, verdict};

/// What a walk found beside the tree.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What is understood in another way than elsewhere.
    pub notes: Vec<String>,
}

/// The part of a source's tree that is right; what is not is in `findings`.
pub fn walk(root: Node, findings: &mut Findings) -> Node {
    let at = root.at;
    match root.value {
        Value::Null => Node::empty(at),
        Value::Map(entries) => section("", at, entries, findings),
        Value::Scalar { .. } | Value::List(_) => {
            let problem = Problem::at(at, format!("a configuration is a map of keys, this is {}", root.kind()));
            findings
                .problems
                .push(problem.help("such as `upstream: {endpoint: \"http://jaeger-collector.tracing:4317\"}`"));
            Node::empty(at)
        }
    }
}

fn section(path: &str, at: At, entries: Vec<Entry>, findings: &mut Findings) -> Node {
    let mut kept = Vec::new();
    for Entry { key, key_at, node } in entries {
        let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if let Some(node) = entry(&below, path, key_at, node, findings) {
            kept.push(Entry { key, key_at, node });
        }
    }
    Node { at, value: Value::Map(kept) }
}

/// One key of a section: the node if it is right.
fn entry(path: &str, above: &str, key_at: At, node: Node, findings: &mut Findings) -> Option<Node> {
    let key = reference::key(path);
    let section_here = reference::is_section(path);
    match (key, node.value) {
        (None, Value::Map(entries)) if section_here => Some(section(path, node.at, entries, findings)),
        (Some(_), Value::Map(entries)) if section_here => Some(section(path, node.at, entries, findings)),
        (None, Value::Null) if section_here => None,
        (None, value) if section_here => {
            let node = Node { at: node.at, value };
            let words = reference::words_below(path).join(", ");
            let problem = Problem::at(node.at, format!("`{path}` is a section, this is {}", node.kind()));
            findings.problems.push(problem.help(format!("its keys are {words}")));
            None
        }
        (None, _) => {
            let word = path.rsplit('.').next().unwrap_or(path);
            let place = if above.is_empty() { "at the top".into() } else { format!("in `{above}`") };
            let problem = Problem::at(key_at, format!("there is no key `{word}` {place}"));
            findings.problems.push(problem.help(reference::suggest(above, word)));
            None
        }
        (Some(key), value) => leaf(key, key_at, Node { at: node.at, value }, findings),
    }
}

fn leaf(key: &Key, key_at: At, node: Node, findings: &mut Findings) -> Option<Node> {
    if let Kind::Foreign(instead) = key.kind {
        findings.notes.push(format!("`{}` is read and has no effect: {instead}", key.path));
        return None;
    }
    if node.value == Value::Null {
        let problem = Problem::at(key_at, format!("`{}` has no value", key.path));
        findings.problems.push(problem.help(format!("{}; or leave the key out", key.kind.expects())));
        return None;
    }
    let problems = match key.kind {
        Kind::Addresses => addresses(key, &node),
        Kind::Headers => upstream::check_headers(&node),
        Kind::Policies => {
            let mut problems = Vec::new();
            tail_sampling::read_policies(&node, &mut problems);
            problems
        }
        Kind::Address
        | Kind::Size { .. }
        | Kind::Duration { .. }
        | Kind::Integer { .. }
        | Kind::Share
        | Kind::Choice(_)
        | Kind::Text
        | Kind::ServerName
        | Kind::Endpoint
        | Kind::Foreign(_) => scalar(key, &node).err().into_iter().collect(),
    };
    let right = problems.is_empty();
    findings.problems.extend(problems);
    right.then(|| if key.kind == Kind::Headers { upstream::lower_names(node) } else { node })
}

fn addresses(key: &Key, node: &Node) -> Vec<Problem> {
    let Value::List(items) = &node.value else { return vec![wrong_type(key, node)] };
    if items.is_empty() {
        let problem = Problem::at(node.at, format!("`{}` is empty: nobody could reach us", key.path));
        return vec![problem.help(format!("{}; or leave the key out", key.kind.expects()))];
    }
    let mut problems = Vec::new();
    let mut doors: Vec<SocketAddr> = Vec::new();
    for item in items {
        let door = match address(key, item) {
            Ok(door) => door,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        if let Some(other) = doors.iter().find(|other| verdict::clash(**other, door)) {
            let message = format!("`{}`: {door} and {other} are the same door", key.path);
            problems.push(Problem::at(item.at, message).help("remove one of the two, or give each a port of its own"));
        }
        doors.push(door);
    }
    problems
}

fn address(key: &Key, node: &Node) -> Result<SocketAddr, Problem> {
    let text = node.text().ok_or_else(|| wrong_type(key, node))?;
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let problem = Problem::at(node.at, format!("`{}`: \"{text}\" is not an address with a port", key.path));
    Err(match text.rsplit_once(':') {
        Some(("localhost", port)) => problem.help(format!("\"127.0.0.1:{port}\", or \"[::1]:{port}\" for IPv6")),
        Some(("" | "*", port)) => {
            problem.help(format!("\"0.0.0.0:{port}\" for every IPv4 address, \"[::]:{port}\" for every one"))
        }
        _ => problem.help(r#"an IP address and a port, such as "127.0.0.1:4317" or "[::1]:4317""#),
    })
}

/// A single value against its kind.
fn scalar(key: &Key, node: &Node) -> Result<(), Problem> {
    let Value::Scalar { text, quoted } = &node.value else { return Err(wrong_type(key, node)) };
    let path = key.path;
    match key.kind {
        Kind::Address => address(key, node).map(drop),
        Kind::Endpoint => upstream::check_endpoint(node, text),
        Kind::Text | Kind::ServerName if text.is_empty() => {
            let problem = Problem::at(node.at, format!("`{path}` is empty"));
            Err(problem.help(format!("{}; or leave the key out", key.kind.expects())))
        }
        Kind::Text => Ok(()),
        Kind::ServerName if ServerName::try_from(text.as_str()).is_ok() => Ok(()),
        Kind::ServerName => Err(not_a(key, node, text, "a host's name")),
        Kind::Choice(words) if words.contains(&text.as_str()) => Ok(()),
        Kind::Choice(words) => {
            let problem = Problem::at(node.at, format!("`{path}` cannot be \"{text}\""));
            let near = reference::nearest(text, words);
            Err(match near {
                Some(near) => problem.help(format!("did you mean `{near}`? It is {}", key.kind.expects())),
                None => problem.help(key.kind.expects()),
            })
        }
        Kind::Size { min, max, auto, percent } => {
            let amount = Amount::parse(text).filter(|amount| match amount {
                Amount::Auto => auto,
                Amount::Percent(_) => percent,
                Amount::Bytes(_) => true,
            });
            match amount {
                Some(Amount::Bytes(size)) if size.0 < min || max < size.0 => {
                    Err(out_of_bounds(key, node, text, Size(min), Size(max)))
                }
                Some(_) => Ok(()),
                None => Err(not_a(key, node, text, "a size")),
            }
        }
        Kind::Duration { min, max } => match Span::parse(text) {
            Some(span) if span.0.as_millis() < u128::from(min) || u128::from(max) < span.0.as_millis() => {
                let millis = |millis| Span(std::time::Duration::from_millis(millis));
                Err(out_of_bounds(key, node, text, millis(min), millis(max)))
            }
            Some(_) => Ok(()),
            None if text.parse::<f64>().is_ok() => {
                let problem = Problem::at(node.at, format!("`{path}`: {text} has no unit"));
                Err(problem.help(format!("{text}s or {text}ms?")))
            }
            None => Err(not_a(key, node, text, "a duration")),
        },
        Kind::Integer { min, max } => match text.parse::<u64>() {
            Ok(_) if *quoted => {
                Err(Problem::at(node.at, format!("`{path}` is a number, this is text")).help("without the quotes"))
            }
            Ok(number) if number < min || max < number => Err(out_of_bounds(key, node, text, min, max)),
            Ok(_) => Ok(()),
            Err(_) => Err(not_a(key, node, text, "a whole number")),
        },
        Kind::Share => match text.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(()),
            Ok(share) if share <= 100.0 && 1.0 < share => {
                let problem = Problem::at(node.at, format!("`{path}`: {text} is more than everything"));
                Err(problem.help(format!("a share between 0 and 1; {text} % is {}", share / 100.0)))
            }
            Ok(_) | Err(_) => Err(not_a(key, node, text, "a share")),
        },
        Kind::Addresses | Kind::Headers | Kind::Policies | Kind::Foreign(_) => Ok(()),
    }
}

fn wrong_type(key: &Key, node: &Node) -> Problem {
    Problem::at(node.at, format!("`{}` cannot be {}", key.path, node.kind())).help(key.kind.expects())
}

fn not_a(key: &Key, node: &Node, text: &str, what: &str) -> Problem {
    Problem::at(node.at, format!("`{}`: \"{text}\" is not {what}", key.path)).help(key.kind.expects())
}

fn out_of_bounds(
    key: &Key,
    node: &Node,
    text: &str,
    min: impl std::fmt::Display,
    max: impl std::fmt::Display,
) -> Problem {
    let problem = Problem::at(node.at, format!("`{}`: {text} is out of bounds", key.path));
    problem.help(format!("from {min} to {max}"))
}
