//! The block of one policy, read field by field; what is wrong with a field is said with its place, and reading goes on.

use super::{EXAMPLE, Level, list};
use crate::config::node::{Node, Value};
use crate::config::place::At;
use crate::config::problem::Problem;
use crate::config::reference::nearest;
use crate::config::tail_sampling::PolicySpec;

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

    pub(super) fn policies(&mut self, field: &str, and: bool) -> Vec<PolicySpec> {
        self.require(field);
        let Some(node) = self.node.get(field) else { return Vec::new() };
        list(node, field, Level::Inside { and }, self.problems)
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
            Value::Scalar { text, quoted: false } => text.parse().ok(),
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
        "and_sub_policy" | "drop_sub_policy" => "[{name: all, type: always_sample}]",
        _ => "\"text\"",
    };
    format!("such as {field}: {value}")
}
