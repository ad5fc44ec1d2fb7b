//! `string_attribute`: keeps a trace in which an attribute of a resource or of some span has one of the given values.
//!
//! ```yaml
//! - {name: this user, type: string_attribute, string_attribute: {key: prediction.user_id, values: [alice, bob]}}
//! - {name: versions, type: string_attribute,
//!    string_attribute: {key: service.version, values: ['^2\.', beta], enabled_regex_matching: true}}
//! - {name: no probes, type: string_attribute,
//!    string_attribute: {key: http.route, values: [/health], invert_match: true}}
//! ```
//!
//! Values are compared whole. With `enabled_regex_matching` they are patterns, and one that matches anywhere in the value is
//! enough: write `^` and `$` where the whole is meant. The syntax is that of the `regex` crate, which is RE2's but for `\Q…\E`;
//! `\d`, `\w`, `\s` and `\b` know all of Unicode, `(?-u:…)` turns that off. Any number of values costs one look-up, and any
//! number of patterns one pass.
//!
//! Only strings match: a number is not the text that it is written with. An empty value of a span never matches. Of a key
//! that comes twice in one span, the last one counts. With `invert_match` the trace is kept when *nothing* matches on any
//! resource or span of it, which is also so when none has the key. `cache_max_size` is read and has no effect.

use regex::bytes::{Regex, RegexSet};

use super::Vote;
use super::compile::Compiler;
use crate::relay::sampling::facts::{Facts, Matcher};
use crate::relay::sampling::threshold::Threshold;

/// A question about an attribute, and which answer counts.
#[derive(Debug)]
pub(super) struct StringAttribute {
    question: usize,
    invert: bool,
}

impl StringAttribute {
    pub(super) fn new(
        key: &str,
        values: &[String],
        regex: bool,
        invert: bool,
        compiler: &mut Compiler,
    ) -> Option<StringAttribute> {
        if key.is_empty() {
            compiler.problem("key", "is empty: name the attribute");
        }
        if values.iter().all(String::is_empty) {
            compiler.problem("values", "is empty: nothing could ever match");
            return None;
        }
        let given = || values.iter().map(String::as_str).filter(|value| !value.is_empty());
        let matcher = if regex { patterns(values, compiler)? } else { Matcher::exact(given()) };
        (!key.is_empty()).then(|| StringAttribute { question: compiler.watch.ask(key, matcher), invert })
    }

    pub(super) fn vote(&self, facts: &Facts) -> Vote {
        (facts.has_mark(self.question) != self.invert).then_some(Threshold::ALL)
    }
}

/// One matcher for all patterns; what is wrong with each is said with its place.
fn patterns(values: &[String], compiler: &mut Compiler) -> Option<Matcher> {
    let mut fine = true;
    for (place, value) in values.iter().enumerate() {
        if let Err(error) = Regex::new(value) {
            compiler.problem(format!("values[{place}]"), explain(value, &error));
            fine = false;
        }
    }
    if !fine {
        return None;
    }
    match RegexSet::new(values.iter().filter(|value| !value.is_empty())) {
        Ok(set) => Some(Matcher::Pattern(set)),
        Err(error) => {
            compiler.problem("values", format!("cannot be matched together: {error}"));
            None
        }
    }
}

/// What is wrong with a pattern and where, in one line. The crate draws the pattern, a caret under the place, and then
/// says what it is; of a drawing that is not understood, all lines are said.
fn explain(pattern: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    let what = lines.iter().find_map(|line| line.strip_prefix("error: "));
    let caret = lines.windows(2).find_map(|pair| {
        (pair[0].trim_start() == pattern)
            .then(|| pair[1].find('^').map(|at| at.saturating_sub(pair[0].len() - pattern.len()) + 1))?
    });
    match (what, caret) {
        (Some(what), Some(at)) => format!("`{pattern}` is no regular expression: {what}, at character {at}"),
        (Some(what), None) => format!("`{pattern}` is no regular expression: {what}"),
        (None, _) => format!("`{pattern}` is no regular expression: {}", lines.join(" ")),
    }
}
