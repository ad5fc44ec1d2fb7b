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
//! enough: write `^` and `$` where the whole is meant. The syntax is RE2's, as in the Collector: see
//! [`pattern`]. Any number of values costs one look-up, and any number of patterns one pass.
//!
//! Only strings match: a number is not the text that it is written with. An empty value of a span never matches. Of a key
//! that comes twice in one span, the last one counts. With `invert_match` the trace is kept when *nothing* matches on any
//! resource or span of it, which is also so when none has the key. `cache_max_size` is read and has no effect.

use regex::bytes::RegexSet;

use super::Vote;
use super::compile::Compiler;
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::differences::{STRING_EMPTY_PATTERN, STRING_KINDS};
use crate::relay::sampling::facts::Facts;
use crate::relay::sampling::pattern;
use crate::relay::sampling::threshold::Threshold;
use crate::relay::sampling::watch::Matcher;

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
        let empty_counts = regex && compiler.compat == Compat::Otelcol;
        if values.iter().all(|value| value.is_empty() && !empty_counts) {
            compiler.problem("values", "is empty: nothing could ever match");
            return None;
        }
        if regex && values.iter().any(String::is_empty) {
            compiler.differs(&STRING_EMPTY_PATTERN);
        }
        let given = || values.iter().map(String::as_str).filter(|value| !value.is_empty());
        let matcher = if regex { patterns(values, empty_counts, compiler)? } else { Matcher::exact(given()) };
        (!key.is_empty()).then(|| StringAttribute { question: compiler.watch.ask(key, matcher), invert })
    }

    pub(super) fn vote(&self, facts: &Facts) -> Vote {
        (facts.has_mark(self.question) != self.invert).then_some(Threshold::ALL)
    }
}

/// One matcher for all patterns; what is wrong with each is said with its place.
fn patterns(values: &[String], empty_counts: bool, compiler: &mut Compiler) -> Option<Matcher> {
    let mut fine = true;
    let mut translated = Vec::with_capacity(values.len());
    for (place, value) in values.iter().enumerate().filter(|(_, value)| empty_counts || !value.is_empty()) {
        match pattern::read(value) {
            Ok(text) => translated.push(text),
            Err(message) => {
                compiler.problem(format!("values[{place}]"), message);
                fine = false;
            }
        }
    }
    if !fine {
        return None;
    }
    match RegexSet::new(&translated) {
        Ok(set) => {
            if set.is_match(b"") {
                compiler.differs(&STRING_KINDS);
            }
            Some(Matcher::Pattern(set))
        }
        Err(error) => {
            compiler.problem("values", format!("cannot be matched together: {error}"));
            None
        }
    }
}
