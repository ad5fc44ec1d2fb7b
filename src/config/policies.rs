//! The Collector's policies, read one by one with their own field names. A list is read to its end, whatever is wrong
//! in it.

use crate::config::node::{Entry, Node, Value};
use crate::config::place::At;
use crate::config::problem::Problem;
use crate::config::reference::nearest;
use crate::config::tail_sampling::{PolicySpec, Rule, StatusCode};

/// Where a list of policies stands, which says what may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// `policies`: everything.
    Top,
    /// `and_sub_policy` and `drop_sub_policy`: no further list, except an `and` inside a `drop`.
    Inside {
        /// Whether `and` may stand here.
        and: bool,
    },
}

/// The policies of a list, as far as they are right.
pub(super) fn list(node: &Node, path: &str, level: Level, problems: &mut Vec<Problem>) -> Vec<PolicySpec> {
    let Value::List(items) = &node.value else {
        let problem = Problem::at(node.at, format!("`{path}` cannot be {}", node.kind()));
        problems.push(problem.help("a list of policies, such as [{name: all, type: always_sample}]"));
        return Vec::new();
    };
    if items.is_empty() {
        let problem = Problem::at(node.at, format!("`{path}` is empty"));
        problems.push(problem.help("at least one policy; leave the key out for the preset"));
    }
    let mut names: Vec<&str> = Vec::new();
    let mut specs = Vec::new();
    for item in items {
        if let Some(name) = item.get("name").and_then(Node::text).filter(|name| !name.is_empty()) {
            if names.contains(&name) {
                problems.push(
                    Problem::at(item.at, format!("two policies here are named `{name}`"))
                        .help("each has a name of its own"),
                );
            }
            names.push(name);
        }
        specs.extend(policy(item, level, problems));
    }
    specs
}

/// One policy.
fn policy(node: &Node, level: Level, problems: &mut Vec<Problem>) -> Option<PolicySpec> {
    let Some(entries) = node.entries() else {
        let problem = Problem::at(node.at, format!("a policy cannot be {}", node.kind()));
        problems.push(problem.help("such as {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}"));
        return None;
    };
    let name = text(node, "name", "a policy", problems);
    let kind = text(node, "type", "a policy", problems)?;
    let kind_at = node.get("type").map_or(node.at, |node| node.at);
    if !SUPPORTED.contains(&kind.as_str()) {
        problems.push(unsupported(&kind, kind_at));
        return None;
    }
    if let (Level::Inside { and: false }, "and" | "drop") | (Level::Inside { and: true }, "drop") =
        (level, kind.as_str())
    {
        problems.push(Problem::at(kind_at, format!("a policy of type `{kind}` cannot stand inside another")));
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
    let rule = Fields::new(fields, &kind, problems)?.rule(&kind)?;
    Some(PolicySpec { name, rule })
}

fn unsupported(kind: &str, at: At) -> Problem {
    if LATER.contains(&kind) {
        let problem = Problem::at(at, format!("policies of the Collector's type `{kind}` are not supported yet"));
        return problem.help(format!("supported are {}", SUPPORTED.join(", ")));
    }
    let problem = Problem::at(at, format!("there is no type of policy called `{kind}`"));
    match nearest(kind, &[&SUPPORTED[..], &LATER[..]].concat()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("supported are {}", SUPPORTED.join(", "))),
    }
}

fn stray(entry: &Entry, kind: &str, known: &[&str]) -> Problem {
    let key = entry.key.as_str();
    if SUPPORTED.contains(&key) || LATER.contains(&key) {
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
                problems.push(Problem::at(value.at, format!("`{key}` of {of} is a word, this is {}", value.kind())));
                None
            }
        },
        None => {
            problems.push(Problem::at(node.at, format!("{of} needs `{key}`, and it is missing here")));
            None
        }
    }
}

/// The block of one policy, read field by field.
struct Fields<'a> {
    node: &'a Node,
    kind: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Fields<'a> {
    fn new(node: &'a Node, kind: &'a str, problems: &'a mut Vec<Problem>) -> Option<Fields<'a>> {
        if node.entries().is_none() {
            problems.push(Problem::at(node.at, format!("`{kind}` is a block of fields, this is {}", node.kind())));
            return None;
        }
        Some(Fields { node, kind, problems })
    }

    fn rule(mut self, kind: &str) -> Option<Rule> {
        let before = self.problems.len();
        let rule = match kind {
            "always_sample" => {
                self.only(&[]);
                Rule::AlwaysSample
            }
            "status_code" => self.status_code(),
            "latency" => self.latency(),
            "probabilistic" => self.probabilistic(),
            "string_attribute" => self.string_attribute(),
            "and" => {
                self.only(&["and_sub_policy"]);
                Rule::And(self.policies("and_sub_policy", false))
            }
            "drop" => {
                self.only(&["drop_sub_policy"]);
                Rule::Drop(self.policies("drop_sub_policy", true))
            }
            _ => return None,
        };
        (self.problems.len() == before).then_some(rule)
    }

    fn status_code(&mut self) -> Rule {
        self.only(&["status_codes"]);
        let mut status_codes = Vec::new();
        for item in self.items("status_codes") {
            match item.text() {
                Some("OK") => status_codes.push(StatusCode::Ok),
                Some("ERROR") => status_codes.push(StatusCode::Error),
                Some("UNSET") => status_codes.push(StatusCode::Unset),
                _ => {
                    let message = format!("`status_codes`: {} is not a status", item.line());
                    self.problems.push(Problem::at(item.at, message).help("one of OK, ERROR, UNSET, in capitals"));
                }
            }
        }
        Rule::StatusCode { status_codes }
    }

    fn latency(&mut self) -> Rule {
        self.only(&["threshold_ms", "upper_threshold_ms"]);
        let threshold_ms = self.number("threshold_ms", "a whole number of milliseconds").unwrap_or(0);
        let upper_threshold_ms = self.number("upper_threshold_ms", "a whole number of milliseconds").unwrap_or(0);
        if upper_threshold_ms != 0 && upper_threshold_ms <= threshold_ms {
            let message = format!(
                "`upper_threshold_ms` ({upper_threshold_ms}) is not above `threshold_ms` ({threshold_ms}): nothing can match"
            );
            self.problems.push(Problem::at(self.at("upper_threshold_ms"), message).help("0 is no upper bound"));
        }
        Rule::Latency { threshold_ms, upper_threshold_ms }
    }

    fn probabilistic(&mut self) -> Rule {
        self.only(&["sampling_percentage", "hash_salt"]);
        let sampling_percentage = match self.number::<f64>("sampling_percentage", "a number from 0 to 100") {
            Some(percentage) if (0.0..=100.0).contains(&percentage) => percentage,
            Some(percentage) => {
                let message = format!("`sampling_percentage`: {percentage} is out of bounds");
                self.problems.push(Problem::at(self.at("sampling_percentage"), message).help("a number from 0 to 100"));
                0.0
            }
            None => {
                self.require("sampling_percentage");
                0.0
            }
        };
        Rule::Probabilistic { sampling_percentage, hash_salt: self.word("hash_salt").unwrap_or_default() }
    }

    fn string_attribute(&mut self) -> Rule {
        self.only(&["key", "values", "enabled_regex_matching", "cache_max_size", "invert_match"]);
        self.require("key");
        let key = self.word("key").unwrap_or_default();
        let enabled_regex_matching = self.truth("enabled_regex_matching");
        let mut values = Vec::new();
        for item in self.items("values") {
            let Some(text) = item.text() else {
                self.problems.push(Problem::at(item.at, format!("`values` are texts, this is {}", item.kind())));
                continue;
            };
            if let Err(error) = check_pattern(text, enabled_regex_matching) {
                self.problems
                    .push(Problem::at(item.at, format!("`values`: this is not a regular expression: {error}")));
            }
            values.push(text.to_owned());
        }
        Rule::StringAttribute {
            key,
            values,
            enabled_regex_matching,
            invert_match: self.truth("invert_match"),
            cache_max_size: self.number("cache_max_size", "a whole number").filter(|size| *size != 0).unwrap_or(128),
        }
    }

    /// Says what stands here and means nothing.
    fn only(&mut self, known: &[&str]) {
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

    fn at(&self, field: &str) -> At {
        self.node.get(field).map_or(self.node.at, |node| node.at)
    }

    fn require(&mut self, field: &str) {
        if self.node.get(field).is_none() {
            self.problems
                .push(Problem::at(self.node.at, format!("`{}` needs `{field}`, and it is missing here", self.kind)));
        }
    }

    /// The items of a list that must be there and hold something.
    fn items(&mut self, field: &str) -> &'a [Node] {
        self.require(field);
        match self.node.get(field) {
            Some(Node { value: Value::List(items), .. }) if !items.is_empty() => items,
            Some(node) => {
                let message = format!("`{field}` is a list with something in it, this is {}", node.line());
                self.problems.push(Problem::at(node.at, message));
                &[]
            }
            None => &[],
        }
    }

    fn policies(&mut self, field: &str, and: bool) -> Vec<PolicySpec> {
        self.require(field);
        let Some(node) = self.node.get(field) else { return Vec::new() };
        list(node, field, Level::Inside { and }, self.problems)
    }

    fn word(&mut self, field: &str) -> Option<String> {
        let node = self.node.get(field)?;
        let text = node.text().filter(|text| !text.is_empty() || field == "hash_salt");
        if text.is_none() {
            self.problems.push(Problem::at(node.at, format!("`{field}` is text, this is {}", node.kind())));
        }
        text.map(str::to_owned)
    }

    fn number<T: std::str::FromStr>(&mut self, field: &str, expects: &str) -> Option<T> {
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

    fn truth(&mut self, field: &str) -> bool {
        match self.node.get(field).map(|node| (node.at, &node.value)) {
            None => false,
            Some((_, Value::Scalar { text, quoted: false })) if text == "true" => true,
            Some((_, Value::Scalar { text, quoted: false })) if text == "false" => false,
            Some((at, _)) => {
                self.problems.push(Problem::at(at, format!("`{field}` is true or false")));
                false
            }
        }
    }
}

/// Whether a value can be matched: any text, or a regular expression of bounded size.
fn check_pattern(text: &str, regex: bool) -> Result<(), String> {
    if !regex {
        return Ok(());
    }
    match regex::RegexBuilder::new(text).size_limit(PATTERN_SIZE_MAX).build() {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
        }
    }
}

/// The types read here.
const SUPPORTED: [&str; 7] =
    ["always_sample", "status_code", "latency", "probabilistic", "string_attribute", "and", "drop"];
/// The Collector's other types.
const LATER: [&str; 10] = [
    "numeric_attribute",
    "boolean_attribute",
    "trace_state",
    "trace_flags",
    "span_count",
    "rate_limiting",
    "bytes_limiting",
    "ottl_condition",
    "not",
    "composite",
];
/// Most memory a compiled pattern may take, in bytes.
const PATTERN_SIZE_MAX: usize = 1 << 20;
