//! The Collector's policies, read one by one with their own field names. A list is read to its end, whatever is wrong
//! in it.

mod fields;
mod rules;

use crate::config::node::{Entry, Node, Value};
use crate::config::place::At;
use crate::config::problem::Problem;
use crate::config::reference::nearest;
use crate::config::tail_sampling::PolicySpec;
use crate::relay::sampling::policy::Place;
use fields::Fields;

/// The policies of a list, as far as they are right.
pub(super) fn list(node: &Node, path: &str, place: Place, problems: &mut Vec<Problem>) -> Vec<PolicySpec> {
    let Value::List(items) = &node.value else {
        let problem = Problem::at(node.at, format!("`{path}` cannot be {}", node.kind()));
        problems.push(problem.help("a list of policies, such as [{name: all, type: always_sample}]"));
        return Vec::new();
    };
    if items.is_empty() {
        let problem = Problem::at(node.at, format!("`{path}` is empty"));
        problems.push(problem.help(match place {
            Place::Top => "at least one policy; leave the key out for the preset",
            Place::And | Place::Drop | Place::Not | Place::Composite => {
                "at least one policy, such as {name: all, type: always_sample}"
            }
        }));
    }
    let mut names: Vec<&str> = Vec::new();
    let mut specs = Vec::new();
    for item in items {
        if let Some(name) = item.get("name").and_then(Node::text).filter(|name| !name.is_empty()) {
            if named(place) && names.contains(&name) {
                problems.push(
                    Problem::at(item.at, format!("two policies here are named `{name}`"))
                        .help("each has a name of its own"),
                );
            }
            names.push(name);
        }
        specs.extend(policy(item, place, problems));
    }
    specs
}

/// Whether policies here are called by their names. Elsewhere, one may have none, or that of another.
fn named(place: Place) -> bool {
    matches!(place, Place::Top | Place::Composite)
}

/// One policy.
pub(super) fn policy(node: &Node, place: Place, problems: &mut Vec<Problem>) -> Option<PolicySpec> {
    let Some(entries) = node.entries() else {
        let problem = Problem::at(node.at, format!("a policy cannot be {}", node.kind()));
        problems.push(problem.help(EXAMPLE));
        return None;
    };
    let name = match named(place) || node.get("name").is_some() {
        true => text(node, "name", "a policy", problems),
        false => Some(String::new()),
    };
    let kind = text(node, "type", "a policy", problems)?;
    let kind_at = node.get("type").map_or(node.at, |node| node.at);
    if !SUPPORTED.contains(&kind.as_str()) {
        problems.push(unsupported(&kind, kind_at));
        return None;
    }
    if let Some((wrong, right)) = place.objection(&kind) {
        problems.push(Problem::at(kind_at, wrong).help(right));
        return None;
    }
    let known = ["name", "type", kind.as_str()];
    for entry in entries {
        if !known.contains(&entry.key.as_str()) {
            problems.push(stray(entry, &kind, &known));
        }
    }
    let name = name?;
    let empty = Node::empty(kind_at);
    let fields = node.get(&kind).filter(|node| node.value != Value::Null).unwrap_or(&empty);
    let rule = rules::rule(Fields::new(fields, &kind, problems)?)?;
    Some(PolicySpec { name, rule })
}

fn unsupported(kind: &str, at: At) -> Problem {
    let problem = Problem::at(at, format!("there is no type of policy called `{kind}`"));
    match nearest(kind, &SUPPORTED) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("supported are {}", SUPPORTED.join(", "))),
    }
}

fn stray(entry: &Entry, kind: &str, known: &[&str]) -> Problem {
    let key = entry.key.as_str();
    if SUPPORTED.contains(&key) {
        let problem = Problem::at(entry.key_at, format!("a policy of type `{kind}` has no use for the block `{key}`"));
        return problem.help(format!("type: {key}, or the block `{kind}`"));
    }
    let problem = Problem::at(entry.key_at, format!("there is no key `{key}` in a policy of type `{kind}`"));
    match nearest(key, known) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("what may stand here: {}", known.join(", "))),
    }
}

/// The text of a key that must be there.
fn text(node: &Node, key: &str, of: &str, problems: &mut Vec<Problem>) -> Option<String> {
    match node.get(key) {
        Some(value) => match value.text().filter(|text| !text.is_empty()) {
            Some(text) => Some(text.to_owned()),
            None => {
                let problem = Problem::at(value.at, format!("`{key}` of {of} is a word, this is {}", value.kind()));
                problems.push(problem.help(EXAMPLE));
                None
            }
        },
        None => {
            problems.push(Problem::at(node.at, format!("{of} needs `{key}`, and it is missing here")).help(EXAMPLE));
            None
        }
    }
}

/// A policy as it should be.
const EXAMPLE: &str = "such as {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}";
/// The types read here.
const SUPPORTED: [&str; 17] = [
    "always_sample",
    "status_code",
    "latency",
    "probabilistic",
    "string_attribute",
    "numeric_attribute",
    "boolean_attribute",
    "trace_state",
    "trace_flags",
    "span_count",
    "rate_limiting",
    "bytes_limiting",
    "ottl_condition",
    "and",
    "not",
    "drop",
    "composite",
];
