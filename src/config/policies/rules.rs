//! What stands in the block of each type of policy: one function for one type.

use super::fields::{Fields, example};
use crate::config::node::Node;
use crate::config::problem::Problem;
use crate::config::reference::nearest;
use crate::config::tail_sampling::{Allocation, ErrorMode, Rule, StatusCode};
use crate::relay::sampling::ottl::{Context, Fault, check};
use crate::relay::sampling::policy::{Place, check_pattern};

/// The rule of a policy, if its block is right.
pub(super) fn rule(mut fields: Fields<'_>) -> Option<Rule> {
    let fields = &mut fields;
    let before = fields.problems.len();
    let rule = match fields.kind {
        "always_sample" => {
            fields.only(&[]);
            Rule::AlwaysSample
        }
        "status_code" => status_code(fields),
        "latency" => latency(fields),
        "probabilistic" => probabilistic(fields),
        "string_attribute" => string_attribute(fields),
        "numeric_attribute" => numeric_attribute(fields),
        "boolean_attribute" => boolean_attribute(fields),
        "trace_state" => trace_state(fields),
        "trace_flags" => {
            fields.only(&[]);
            Rule::TraceFlags
        }
        "span_count" => span_count(fields),
        "rate_limiting" => {
            let (spans_per_second, burst_capacity) = limit(fields, "spans_per_second");
            Rule::RateLimiting { spans_per_second, burst_capacity }
        }
        "bytes_limiting" => {
            let (bytes_per_second, burst_capacity) = limit(fields, "bytes_per_second");
            Rule::BytesLimiting { bytes_per_second, burst_capacity }
        }
        "ottl_condition" => ottl_condition(fields),
        "and" => {
            fields.only(&["and_sub_policy"]);
            Rule::And(fields.policies("and_sub_policy", Place::And))
        }
        "not" => {
            fields.only(&["not_sub_policy"]);
            Rule::Not(Box::new(fields.policy("not_sub_policy", Place::Not)?))
        }
        "drop" => {
            fields.only(&["drop_sub_policy"]);
            Rule::Drop(fields.policies("drop_sub_policy", Place::Drop))
        }
        "composite" => composite(fields),
        _ => return None,
    };
    (fields.problems.len() == before).then_some(rule)
}

fn status_code(fields: &mut Fields<'_>) -> Rule {
    fields.only(&["status_codes"]);
    let mut status_codes = Vec::new();
    for item in fields.items("status_codes") {
        match item.text() {
            Some("OK") => status_codes.push(StatusCode::Ok),
            Some("ERROR") => status_codes.push(StatusCode::Error),
            Some("UNSET") => status_codes.push(StatusCode::Unset),
            _ => {
                let message = format!("`status_codes`: {} is not a status", item.line());
                let names = [("ok", "OK"), ("error", "ERROR"), ("unset", "UNSET")];
                let near = nearest(item.text().unwrap_or_default(), &names.map(|(small, _)| small));
                let near = near.and_then(|near| names.iter().find(|(small, _)| *small == near));
                let help = match near {
                    Some((_, status)) => format!("did you mean `{status}`? It is one of OK, ERROR, UNSET, in capitals"),
                    None => "one of OK, ERROR, UNSET, in capitals".to_owned(),
                };
                fields.problems.push(Problem::at(item.at, message).help(help));
            }
        }
    }
    Rule::StatusCode { status_codes }
}

fn latency(fields: &mut Fields<'_>) -> Rule {
    fields.only(&["threshold_ms", "upper_threshold_ms"]);
    let threshold_ms = fields.number("threshold_ms", "a whole number of milliseconds").unwrap_or(0);
    let upper_threshold_ms = fields.number("upper_threshold_ms", "a whole number of milliseconds").unwrap_or(0);
    if upper_threshold_ms != 0 && upper_threshold_ms <= threshold_ms {
        let message = format!(
            "`upper_threshold_ms` ({upper_threshold_ms}) is not above `threshold_ms` ({threshold_ms}): nothing can match"
        );
        fields.problems.push(Problem::at(fields.at("upper_threshold_ms"), message).help("0 is no upper bound"));
    }
    Rule::Latency { threshold_ms, upper_threshold_ms }
}

fn probabilistic(fields: &mut Fields<'_>) -> Rule {
    fields.only(&["sampling_percentage", "hash_salt"]);
    // Beyond 0 and 100 is what the Collector reads as 0 and 100: so do we, and a note says so.
    let sampling_percentage = match fields.number::<f64>("sampling_percentage", "a number from 0 to 100") {
        Some(percentage) if percentage.is_finite() => percentage,
        Some(percentage) => {
            let message = format!("`sampling_percentage`: {percentage} is no percentage");
            fields.problems.push(Problem::at(fields.at("sampling_percentage"), message).help("a number from 0 to 100"));
            0.0
        }
        None => {
            fields.require("sampling_percentage");
            0.0
        }
    };
    Rule::Probabilistic { sampling_percentage, hash_salt: fields.word("hash_salt").unwrap_or_default() }
}

fn string_attribute(fields: &mut Fields<'_>) -> Rule {
    fields.only(&["key", "values", "enabled_regex_matching", "cache_max_size", "invert_match"]);
    fields.require("key");
    let key = fields.word("key").unwrap_or_default();
    let enabled_regex_matching = fields.truth("enabled_regex_matching");
    let mut values = Vec::new();
    for item in fields.items("values") {
        let Some(text) = item.text() else {
            let problem = Problem::at(item.at, format!("`values` are texts, this is {}", item.kind()));
            fields.problems.push(problem.help(example("values")));
            continue;
        };
        if let Err(error) = check_value(text, enabled_regex_matching) {
            let problem = Problem::at(item.at, format!("`values`: {error}"));
            fields.problems.push(problem.help(PATTERN_HELP));
        }
        values.push(text.to_owned());
    }
    Rule::StringAttribute {
        key,
        values,
        enabled_regex_matching,
        invert_match: fields.truth("invert_match"),
        cache_max_size: fields.number("cache_max_size", "a whole number").unwrap_or(0),
    }
}

/// Whether a value can be matched: any text, or a regular expression.
fn check_value(text: &str, regex: bool) -> Result<(), String> {
    if regex { check_pattern(text) } else { Ok(()) }
}

fn numeric_attribute(fields: &mut Fields<'_>) -> Rule {
    fields.only(&["key", "min_value", "max_value", "invert_match"]);
    fields.require("key");
    let key = fields.word("key").unwrap_or_default();
    let mut bound = |field| fields.number::<i64>(field, "a whole number; what is compared with it may have a point");
    let (min_value, max_value) = (bound("min_value"), bound("max_value"));
    match (min_value, max_value) {
        (Some(min), Some(max)) if max < min => {
            let message = format!("`max_value` ({max}) is below `min_value` ({min}): nothing can match");
            fields.problems.push(Problem::at(fields.at("max_value"), message).help("both bounds are within"));
        }
        (None, None) if !fields.has("min_value") && !fields.has("max_value") => {
            let problem =
                Problem::at(fields.at("min_value"), "`numeric_attribute` needs `min_value`, `max_value`, or both");
            fields.problems.push(problem.help("such as min_value: 500"));
        }
        _ => {}
    }
    Rule::NumericAttribute { key, min_value, max_value, invert_match: fields.truth("invert_match") }
}

fn boolean_attribute(fields: &mut Fields<'_>) -> Rule {
    fields.only(&["key", "value", "invert_match"]);
    fields.require("key");
    let key = fields.word("key").unwrap_or_default();
    Rule::BooleanAttribute { key, value: fields.truth("value"), invert_match: fields.truth("invert_match") }
}

fn trace_state(fields: &mut Fields<'_>) -> Rule {
    fields.only(&["key", "values"]);
    fields.require("key");
    let key = fields.word("key").unwrap_or_default();
    let mut values = Vec::new();
    for item in fields.items("values") {
        match item.text() {
            Some(text) => values.push(text.to_owned()),
            None => {
                let problem = Problem::at(item.at, format!("`values` are texts, this is {}", item.kind()));
                fields.problems.push(problem.help(example("values")));
            }
        }
    }
    Rule::TraceState { key, values }
}

fn span_count(fields: &mut Fields<'_>) -> Rule {
    fields.only(&["min_spans", "max_spans"]);
    let min_spans = fields.number("min_spans", "a whole number of spans").unwrap_or(0);
    let max_spans = fields.number("max_spans", "a whole number of spans").unwrap_or(0);
    if max_spans != 0 && max_spans < min_spans {
        let message = format!("`max_spans` ({max_spans}) is below `min_spans` ({min_spans}): nothing can match");
        fields.problems.push(Problem::at(fields.at("max_spans"), message).help("0 is no upper bound"));
    }
    Rule::SpanCount { min_spans, max_spans }
}

/// How many a second, and how many at once.
fn limit(fields: &mut Fields<'_>, per_second: &'static str) -> (u64, u64) {
    fields.only(&[per_second, "burst_capacity"]);
    fields.require(per_second);
    let rate = fields.number::<u64>(per_second, "a whole number");
    if rate == Some(0) {
        let problem =
            Problem::at(fields.at(per_second), format!("`{per_second}` is 0: nothing could be kept for long"));
        fields.problems.push(problem.help("a number above 0; leave the policy out for nothing"));
    }
    (rate.unwrap_or(0), fields.number("burst_capacity", "a whole number; 0 is twice the rate").unwrap_or(0))
}

fn composite(fields: &mut Fields<'_>) -> Rule {
    fields.only(&["max_total_spans_per_second", "policy_order", "composite_sub_policy", "rate_allocation"]);
    fields.require("max_total_spans_per_second");
    let max_total_spans_per_second = fields.number("max_total_spans_per_second", "a whole number").unwrap_or(0);
    let composite_sub_policy = fields.policies("composite_sub_policy", Place::Composite);
    let names: Vec<&str> = composite_sub_policy.iter().map(|policy| policy.name.as_str()).collect();
    let mut policy_order = Vec::new();
    for item in fields.items_if_any("policy_order") {
        check_name(item, "policy_order", &names, fields);
        policy_order.extend(item.text().map(str::to_owned));
    }
    let mut rate_allocation = Vec::new();
    for item in fields.items_if_any("rate_allocation") {
        let Some(mut entry) = Fields::new(item, "rate_allocation", fields.problems) else { continue };
        entry.only(&["policy", "percent"]);
        entry.require("policy");
        let percent = entry.number("percent", "a whole number of percents").unwrap_or(0);
        let Some(policy) = item.get("policy") else { continue };
        check_name(policy, "rate_allocation", &names, fields);
        rate_allocation.push(Allocation { policy: policy.text().unwrap_or_default().to_owned(), percent });
    }
    Rule::Composite { max_total_spans_per_second, policy_order, composite_sub_policy, rate_allocation }
}

/// Says when a name is not one of the policies. When there is something wrong with those themselves, that is said already.
fn check_name(node: &Node, field: &str, names: &[&str], fields: &mut Fields<'_>) {
    let name = node.text().unwrap_or_default();
    if names.is_empty() || names.contains(&name) {
        return;
    }
    let problem = Problem::at(node.at, format!("`{field}`: there is no policy `{name}` in `composite_sub_policy`"));
    fields.problems.push(match nearest(name, names) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("they are {}", names.join(", "))),
    });
}

/// What is to be known about patterns.
const PATTERN_HELP: &str = "the Collector's syntax (RE2), of bounded size; `\\` before a character that is meant as it stands, in single \
                            quotes; or enabled_regex_matching: false";

fn ottl_condition(fields: &mut Fields<'_>) -> Rule {
    fields.only(&["error_mode", "span", "spanevent"]);
    let error_mode = match fields.word("error_mode").map(|word| word.to_lowercase()).as_deref() {
        None | Some("ignore") => ErrorMode::Ignore,
        Some("silent") => ErrorMode::Silent,
        Some("propagate") => ErrorMode::Propagate,
        Some(other) => {
            let problem = Problem::at(fields.at("error_mode"), format!("`error_mode`: there is no mode `{other}`"));
            fields.problems.push(problem.help("one of ignore, silent, propagate"));
            ErrorMode::Ignore
        }
    };
    let span = conditions(fields, "span", Context::Span);
    let spanevent = conditions(fields, "spanevent", Context::SpanEvent);
    if let (Some([]), Some([])) = (span.as_deref(), spanevent.as_deref()) {
        let problem = Problem::at(fields.at("span"), "`ottl_condition` has no condition");
        fields.problems.push(problem.help("a list of them under `span` or `spanevent`"));
    }
    Rule::OttlCondition { error_mode, span: span.unwrap_or_default(), spanevent: spanevent.unwrap_or_default() }
}

/// The conditions of a list; what is wrong in one is shown at its place.
fn conditions(fields: &mut Fields<'_>, list: &str, context: Context) -> Option<Vec<String>> {
    let texts = fields.texts(list)?;
    for (text, at) in &texts {
        if let Err(Fault { at: bytes, message, help }) = check(text, context) {
            let problem = Problem::at(*at, format!("`{list}`: {message}"));
            let help = help.unwrap_or_else(|| example(list));
            fields.problems.push(problem.help(help).inside(text, bytes));
        }
    }
    Some(texts.into_iter().map(|(text, _)| text.to_owned()).collect())
}
