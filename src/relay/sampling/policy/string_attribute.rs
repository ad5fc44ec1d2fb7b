//! `string_attribute`: an attribute of the resource or of some span has one of these values, or matches one of these
//! patterns anywhere in it. With `invert_match`: no resource and no span of the trace does.

use regex::bytes::RegexSet;

use super::Vote;
use crate::relay::sampling::facts::{Facts, Matcher, Watch};
use crate::relay::sampling::ratio::Threshold;

#[derive(Debug)]
pub struct StringAttribute {
    number: usize,
    invert: bool,
}

impl StringAttribute {
    pub fn new(key: &str, values: &[String], regex: bool, invert: bool, watch: &mut Watch) -> Result<Self, String> {
        if key.is_empty() {
            return Err("string_attribute needs a key".to_owned());
        }
        let values: Vec<&str> = values.iter().map(String::as_str).filter(|value| !value.is_empty()).collect();
        if values.is_empty() {
            return Err("values is empty: nothing could ever match".to_owned());
        }
        let matcher = if regex {
            Matcher::Pattern(RegexSet::new(values).map_err(|error| format!("values: {error}"))?)
        } else {
            Matcher::Exact(values.into_iter().map(|value| value.as_bytes().to_vec()).collect())
        };
        Ok(StringAttribute { number: watch.ask(key, matcher), invert })
    }

    pub fn vote(&self, facts: &Facts) -> Vote {
        (facts.has_mark(self.number) != self.invert).then_some(Threshold::ALL)
    }
}
