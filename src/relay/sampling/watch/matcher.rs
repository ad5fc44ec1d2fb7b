//! What is looked for in the value of an attribute.

use hashbrown::HashSet;
use regex::bytes::RegexSet;

use super::Hashing;
use crate::relay::otlp::Value;
use crate::relay::sampling::compat::Compat;

/// What is looked for in a value. Asking for the same again costs nothing: see [`Watch::ask`](super::Watch::ask).
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Anything: whether the attribute is there at all.
    Present,
    /// The text is one of these.
    Exact(HashSet<Box<[u8]>, Hashing>),
    /// One of these patterns matches anywhere in the text.
    Pattern(RegexSet),
    /// The number is within these bounds.
    Number(Range),
    /// It is this truth.
    Truth(bool),
}

/// Whole numbers from one bound to the other, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The least.
    pub min: i64,
    /// The most.
    pub max: i64,
}

impl Range {
    fn holds(self, number: i64) -> bool {
        self.min <= number && number <= self.max
    }

    /// Compared exactly: not every whole number is a double.
    fn holds_double(self, number: f64) -> bool {
        let (from, to) = (number.floor() as i128, number.ceil() as i128);
        !number.is_nan() && i128::from(self.min) <= from && to <= i128::from(self.max)
    }
}

impl Matcher {
    /// One of `values`, byte for byte.
    pub fn exact<'a>(values: impl IntoIterator<Item = &'a str>) -> Matcher {
        Matcher::Exact(values.into_iter().map(|value| value.as_bytes().into()).collect())
    }

    /// Whether a value is what is looked for. An empty text of a span is none, one of a resource is like any other. A value
    /// of another kind matches nothing; the Collector reads it as an empty text, as 0 or as false.
    pub(super) fn matches(&self, value: Value<'_>, on_resource: bool, compat: Compat) -> bool {
        let read_anyway = compat == Compat::Otelcol;
        match (self, value) {
            (Matcher::Present, _) => true,
            (Matcher::Exact(_) | Matcher::Pattern(_), Value::Str(text)) => {
                (on_resource || !text.is_empty()) && self.matches_text(text)
            }
            (Matcher::Exact(_) | Matcher::Pattern(_), _) => read_anyway && on_resource && self.matches_text(b""),
            (Matcher::Number(range), Value::Int(number)) => range.holds(number),
            (Matcher::Number(range), Value::Double(number)) if !read_anyway => range.holds_double(number),
            (Matcher::Number(range), _) => read_anyway && range.holds(0),
            (Matcher::Truth(wanted), Value::Bool(truth)) => truth == *wanted,
            (Matcher::Truth(wanted), _) => read_anyway && !wanted,
        }
    }

    fn matches_text(&self, text: &[u8]) -> bool {
        match self {
            Matcher::Exact(values) => values.contains(text),
            Matcher::Pattern(patterns) => patterns.is_match(text),
            Matcher::Present | Matcher::Number(_) | Matcher::Truth(_) => false,
        }
    }

    pub(super) fn is_same(&self, other: &Matcher) -> bool {
        match (self, other) {
            (Matcher::Exact(these), Matcher::Exact(those)) => these == those,
            (Matcher::Pattern(these), Matcher::Pattern(those)) => these.patterns() == those.patterns(),
            (Matcher::Number(this), Matcher::Number(that)) => this == that,
            (Matcher::Truth(this), Matcher::Truth(that)) => this == that,
            (Matcher::Present, Matcher::Present) => true,
            _ => false,
        }
    }
}
