//! The block of one policy, read field by field; what is wrong with a field is said with its place, and reading goes on.

use super::{EXAMPLE, list, policy};
use crate::config::node::{Node, Value};
use crate::config::place::At;
use crate::config::problem::Problem;
use crate::config::reference::nearest;
use crate::config::tail_sampling::PolicySpec;
use crate::relay::sampling::policy::Place;

/// The block of one policy, read field by field.
pub(super) struct Fields<'a> {
    node: &'a Node,
    pub(super) kind: &'a str,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(node: &'a Node, kind: &'a str, problems: &'a mut Vec<Problem>) -> Option<Fields<'a>> {
        if node.entries().is_none() {
            let problem = Problem::at(node.at, format!("`{kind}` is a block of fields, this is {}", node.kind()));
            problems.push(problem.help(EXAMPLE));
            return None;
        }
        Some(Fields { node, kind, problems })
    }

    /// Says what stands here and means nothing.
    pub(super) fn only(&mut self, known: &[&str]) {
        for entry in self.node.entries().unwrap_or_default() {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let problem = Problem::at(entry.key_at, format!("there is no field `{}` in `{}`", entry.key, self.kind));
            self.problems.push(match nearest(&entry.key, known) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None if known.is_empty() => problem.help("it has none"),
                None => problem.help(format!("its fields are {}", known.join(", "))),
            });
        }
    }

    pub(super) fn at(&self, field: &str) -> At {
        self.node.get(field).map_or(self.node.at, |node| node.at)
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.node.get(field).is_some()
    }

    pub(super) fn require(&mut self, field: &str) {
        if self.node.get(field).is_none() {
            let message = format!("`{}` needs `{field}`, and it is missing here", self.kind);
            self.problems.push(Problem::at(self.node.at, message).help(example(field)));
        }
    }

    /// The items of a list that must be there and hold something.
    pub(super) fn items(&mut self, field: &str) -> &'a [Node] {
        self.require(field);
        match self.node.get(field) {
            Some(Node { value: Value::List(items), .. }) if !items.is_empty() => items,
            Some(node) => {
                let what = if matches!(node.value, Value::List(_)) { "an empty one" } else { node.kind() };
                let message = format!("`{field}` is a list with something in it, this is {what}");
                self.problems.push(Problem::at(node.at, message).help(example(field)));
                &[]
            }
            None => &[],
        }
    }

    /// The nodes of a list that may be missing, or hold nothing.
    pub(super) fn items_if_any(&mut self, field: &str) -> &'a [Node] {
        match self.node.get(field) {
            Some(Node { value: Value::List(items), .. }) => items,
            Some(Node { value: Value::Null, .. }) | None => &[],
            Some(node) => {
                let message = format!("`{field}` is a list, this is {}", node.kind());
                self.problems.push(Problem::at(node.at, message).help(example(field)));
                &[]
            }
        }
    }

    /// The texts of a list that may be missing or empty, each with its place; none when not all of it are texts.
    pub(super) fn texts(&mut self, field: &str) -> Option<Vec<(&'a str, At)>> {
        let Some(node) = self.node.get(field).filter(|node| node.value != Value::Null) else { return Some(Vec::new()) };
        let Value::List(items) = &node.value else {
            let message = format!("`{field}` is a list of texts, this is {}", node.kind());
            self.problems.push(Problem::at(node.at, message).help(example(field)));
            return None;
        };
        let (mut texts, mut fine) = (Vec::new(), true);
        for item in items {
            match item.text() {
                Some(text) => texts.push((text, item.at)),
                None => {
                    let message = format!("`{field}` are texts, this is {}", item.kind());
                    self.problems.push(Problem::at(item.at, message).help(example(field)));
                    fine = false;
                }
            }
        }
        fine.then_some(texts)
    }

    pub(super) fn policies(&mut self, field: &str, place: Place) -> Vec<PolicySpec> {
        self.require(field);
        let Some(node) = self.node.get(field) else { return Vec::new() };
        list(node, field, place, self.problems)
    }

    /// The one policy inside another.
    pub(super) fn policy(&mut self, field: &str, place: Place) -> Option<PolicySpec> {
        self.require(field);
        policy(self.node.get(field)?, place, self.problems)
    }

    pub(super) fn word(&mut self, field: &str) -> Option<String> {
        let node = self.node.get(field)?;
        let text = node.text().filter(|text| !text.is_empty() || field == "hash_salt");
        if text.is_none() {
            let what = if node.text().is_some() { "empty" } else { node.kind() };
            self.problems.push(Problem::at(node.at, format!("`{field}` is text, this is {what}")).help(example(field)));
        }
        text.map(str::to_owned)
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self, field: &str, expects: &str) -> Option<T> {
        let node = self.node.get(field)?;
        let number = match &node.value {
            // The Collector's YAML has underscores between digits.
            Value::Scalar { text, quoted: false } => text.replace('_', "").parse().ok(),
            Value::Scalar { quoted: true, .. } | Value::Null | Value::List(_) | Value::Map(_) => None,
        };
        if number.is_none() {
            self.problems.push(
                Problem::at(node.at, format!("`{field}`: {} is not a number that fits", node.line())).help(expects),
            );
        }
        number
    }

    pub(super) fn truth(&mut self, field: &str) -> bool {
        match self.node.get(field).map(|node| (node.at, &node.value)) {
            None => false,
            Some((_, Value::Scalar { text, quoted: false })) if text == "true" => true,
            Some((_, Value::Scalar { text, quoted: false })) if text == "false" => false,
            Some((at, _)) => {
                let problem = Problem::at(at, format!("`{field}` is true or false"));
                self.problems.push(problem.help("`true` or `false`, without quotes"));
                false
            }
        }
    }
}

/// A field with a value it takes.
pub(super) fn example(field: &str) -> String {
    let value = match field {
        "sampling_percentage" => "10",
        "status_codes" => "[ERROR]",
        "key" => "http.route",
        "values" => "[\"/health\"]",
        "span" | "spanevent" => "['attributes[\"http.route\"] == \"/login\"']",
        "and_sub_policy" | "drop_sub_policy" | "composite_sub_policy" => "[{name: all, type: always_sample}]",
        "not_sub_policy" => "{type: latency, latency: {threshold_ms: 500}}",
        "spans_per_second" | "max_total_spans_per_second" => "1000",
        "bytes_per_second" => "1000000",
        "policy_order" => "[errors, rest]",
        "rate_allocation" => "[{policy: errors, percent: 50}]",
        "policy" => "errors",
        _ => "\"text\"",
    };
    format!("such as {field}: {value}")
}
