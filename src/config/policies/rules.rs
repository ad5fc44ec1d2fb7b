//! What stands in the block of each type of policy: one function for one type.

use super::fields::{Fields, example};
use crate::config::problem::Problem;
use crate::config::tail_sampling::{Rule, StatusCode};

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
        "and" => {
            fields.only(&["and_sub_policy"]);
            Rule::And(fields.policies("and_sub_policy", false))
        }
        "drop" => {
            fields.only(&["drop_sub_policy"]);
            Rule::Drop(fields.policies("drop_sub_policy", true))
        }
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
                fields.problems.push(Problem::at(item.at, message).help("one of OK, ERROR, UNSET, in capitals"));
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
        if let Err(error) = check_pattern(text, enabled_regex_matching) {
            let problem = Problem::at(item.at, format!("`values`: this is not a regular expression: {error}"));
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

/// What is to be known about patterns.
const PATTERN_HELP: &str = "the Collector's syntax (RE2), of bounded size; `\\` before a character that is meant as it stands, in single \
                            quotes; or enabled_regex_matching: false";
/// Most memory a compiled pattern may take, in bytes.
const PATTERN_SIZE_MAX: usize = 1 << 20;
