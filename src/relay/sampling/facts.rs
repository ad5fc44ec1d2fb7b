//! What policies may know of a trace, gathered span by span; and what of it they ask for.

use std::collections::BTreeSet;

use regex::bytes::RegexSet;

use crate::relay::otlp::{Observer, Status, Value};

/// What is known of one trace.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The earliest start of a span, Unix nanoseconds; 0 while no span has one.
    pub start: u64,
    /// The latest end of a span, Unix nanoseconds.
    pub end: u64,
    /// The randomness that a tracestate brought explicitly (`rv`), the first one found.
    pub randomness: Option<u64>,
    statuses: u8,
    marks: Marks,
}

/// What one span adds.
#[derive(Clone, Copy, Debug)]
pub struct SpanFacts {
    /// Unix nanoseconds.
    pub start: u64,
    /// Unix nanoseconds.
    pub end: u64,
    /// The code of its status.
    pub status: Status,
    /// `rv` of its tracestate.
    pub randomness: Option<u64>,
}

impl Facts {
    /// Takes a span into account.
    pub fn note(&mut self, span: &SpanFacts) {
        if span.start != 0 && (self.start == 0 || span.start < self.start) {
            self.start = span.start;
        }
        self.end = self.end.max(span.end);
        self.statuses |= bit(span.status);
        self.randomness = self.randomness.or(span.randomness);
    }

    /// Takes matched attributes into account.
    pub fn mark(&mut self, marks: &Marks) {
        self.marks.join(marks);
    }

    /// Whether some span has this status.
    pub fn has_status(&self, status: Status) -> bool {
        self.statuses & bit(status) != 0
    }

    /// From the earliest start to the latest end, in nanoseconds.
    pub fn duration_nanos(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether matcher `number` has matched.
    pub fn has_mark(&self, number: usize) -> bool {
        self.marks.has(number)
    }
}

fn bit(status: Status) -> u8 {
    match status {
        Status::Unset => 1,
        Status::Ok => 2,
        Status::Error => 4,
        Status::Other => 8,
    }
}

/// Which matchers have matched: a set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    first: u64,
    more: Option<Box<[u64]>>,
}

impl Marks {
    /// Adds what is in `other`.
    pub fn join(&mut self, other: &Marks) {
        self.first |= other.first;
        for (place, &word) in other.more.iter().flatten().enumerate() {
            if word != 0 {
                *self.word(place + 1) |= word;
            }
        }
    }

    /// Whether `number` is in it.
    pub fn has(&self, number: usize) -> bool {
        let word = match number / 64 {
            0 => self.first,
            place => self.more.as_ref().and_then(|more| more.get(place - 1)).copied().unwrap_or(0),
        };
        word >> (number % 64) & 1 == 1
    }

    /// Puts `number` in, or takes it out.
    pub fn set(&mut self, number: usize, within: bool) {
        let mask = 1 << (number % 64);
        if within {
            *self.word(number / 64) |= mask;
        } else if self.has(number) {
            *self.word(number / 64) &= !mask;
        }
    }

    fn word(&mut self, place: usize) -> &mut u64 {
        if place == 0 {
            return &mut self.first;
        }
        let mut more = self.more.take().map(Vec::from).unwrap_or_default();
        if more.len() < place {
            more.resize(place, 0);
        }
        &mut self.more.insert(more.into_boxed_slice())[place - 1]
    }
}

/// Whether a string is one of a list, or matches one of a list of patterns.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// One of these.
    Exact(BTreeSet<Vec<u8>>),
    /// Matched anywhere by one of these.
    Pattern(RegexSet),
}

impl Matcher {
    fn matches(&self, value: &[u8]) -> bool {
        match self {
            Matcher::Exact(values) => values.contains(value),
            Matcher::Pattern(patterns) => patterns.is_match(value),
        }
    }
}

/// The attributes that policies ask for: nothing else is looked at.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    keys: Vec<(Vec<u8>, Vec<usize>)>,
    matchers: Vec<Matcher>,
}

impl Watch {
    /// Adds a question about the values of `key`, and says its number.
    pub fn ask(&mut self, key: &str, matcher: Matcher) -> usize {
        let number = self.matchers.len();
        self.matchers.push(matcher);
        match self.keys.binary_search_by(|(known, _)| known.as_slice().cmp(key.as_bytes())) {
            Ok(at) => self.keys[at].1.push(number),
            Err(at) => self.keys.insert(at, (key.as_bytes().to_vec(), vec![number])),
        }
        number
    }

    /// Whether nobody asks for attributes.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What a resource answers; `walk` shows its attributes one by one.
    pub fn resource(&self, walk: impl FnOnce(&mut dyn FnMut(&[u8], Value<'_>))) -> Marks {
        let mut marks = Marks::default();
        if !self.is_empty() {
            walk(&mut |key, value| self.answer(key, value, &mut marks, true));
        }
        marks
    }

    /// Answers for one attribute. A key that comes twice counts as it came last.
    fn answer(&self, key: &[u8], value: Value<'_>, marks: &mut Marks, empty_counts: bool) {
        let Ok(at) = self.keys.binary_search_by(|(known, _)| known.as_slice().cmp(key)) else { return };
        for &number in &self.keys[at].1 {
            let matches = match value {
                Value::Str(text) => (empty_counts || !text.is_empty()) && self.matchers[number].matches(text),
                Value::Bool(_) | Value::Int(_) | Value::Double(_) | Value::Other | Value::Empty => false,
            };
            marks.set(number, matches);
        }
    }
}

/// What the spans of a request answer, one row for each accepted span. Made to be used again.
#[derive(Debug, Default)]
pub struct Witness {
    rows: Vec<Marks>,
    current: Marks,
}

impl Witness {
    /// Forgets everything but the memory it uses.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.current = Marks::default();
    }

    /// Watches the spans of a request for what `watch` asks.
    pub fn with<'a>(&'a mut self, watch: &'a Watch) -> Watching<'a> {
        Watching { witness: self, watch }
    }

    /// What the accepted span at `place` answers; nothing when nobody asked.
    pub fn row(&self, place: usize) -> Option<&Marks> {
        self.rows.get(place)
    }
}

/// A witness at work.
#[derive(Debug)]
pub struct Watching<'a> {
    witness: &'a mut Witness,
    watch: &'a Watch,
}

impl Observer for Watching<'_> {
    const WATCHES: bool = true;

    fn attribute(&mut self, key: &[u8], value: Value<'_>) {
        self.watch.answer(key, value, &mut self.witness.current, false);
    }

    fn span_end(&mut self, accepted: bool) {
        let marks = std::mem::take(&mut self.witness.current);
        if accepted {
            self.witness.rows.push(marks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(values: &[&str]) -> Matcher {
        Matcher::Exact(values.iter().map(|value| value.as_bytes().to_vec()).collect())
    }

    #[test]
    fn marks_reach_beyond_one_word() {
        let (mut marks, mut other) = (Marks::default(), Marks::default());
        marks.set(3, true);
        other.set(130, true);
        marks.join(&other);
        assert!(marks.has(3) && marks.has(130) && !marks.has(4) && !marks.has(64) && !marks.has(1000));
        marks.set(130, false);
        assert!(!marks.has(130) && marks.has(3));
    }

    #[test]
    fn a_key_that_comes_twice_counts_as_it_came_last() {
        let mut watch = Watch::default();
        let number = watch.ask("user", exact(&["alice"]));
        let mut witness = Witness::default();
        let mut watching = witness.with(&watch);
        for (values, accepted) in [(["alice", "bob"], true), (["bob", "alice"], true), (["alice", "alice"], false)] {
            values.iter().for_each(|value| watching.attribute(b"user", Value::Str(value.as_bytes())));
            watching.span_end(accepted);
        }
        assert!(!witness.row(0).expect("a row").has(number));
        assert!(witness.row(1).expect("a row").has(number));
        assert!(witness.row(2).is_none(), "a rejected span has no row");
    }

    #[test]
    fn only_strings_match_and_an_empty_one_only_on_a_resource() {
        let mut watch = Watch::default();
        let number = watch.ask("k", Matcher::Pattern(RegexSet::new(["^$|1"]).expect("a pattern")));
        let ask = |value: Value<'_>, empty_counts| {
            let mut marks = Marks::default();
            watch.answer(b"k", value, &mut marks, empty_counts);
            marks.has(number)
        };
        assert!(ask(Value::Str(b"a1b"), false) && ask(Value::Str(b""), true));
        assert!(!ask(Value::Str(b""), false) && !ask(Value::Int(1), true) && !ask(Value::Str(b"a"), true));
    }

    #[test]
    fn duration_runs_from_the_first_start_to_the_last_end() {
        let mut facts = Facts::default();
        let span = |start, end| SpanFacts { start, end, status: Status::Unset, randomness: None };
        [span(50, 60), span(0, 10), span(20, 30)].iter().for_each(|span| facts.note(span));
        assert_eq!(facts.duration_nanos(), 40, "a start of 0 is no start");
    }
}
