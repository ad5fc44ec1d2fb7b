//! Which attributes policies ask for, and what spans and resources answer. Nothing else is looked at, and nothing at all
//! when no policy asks.

use std::hash::BuildHasherDefault;

use hashbrown::{HashMap, HashSet};
use regex::bytes::RegexSet;
use siphasher::sip::SipHasher13;

use crate::relay::otlp::{Observer, Value};
use crate::relay::sampling::marks::Marks;

/// What is looked for in a text. Asking for the same again costs nothing: see [`Watch::ask`].
#[derive(Clone, Debug)]
pub enum Matcher {
    /// The text is one of these.
    Exact(HashSet<Box<[u8]>, Hashing>),
    /// One of these patterns matches anywhere in the text.
    Pattern(RegexSet),
}

/// The texts are the configuration's own: nobody who sends spans chooses where they collide, so no secret is needed.
pub type Hashing = BuildHasherDefault<SipHasher13>;

impl Matcher {
    /// One of `values`, byte for byte.
    pub fn exact<'a>(values: impl IntoIterator<Item = &'a str>) -> Matcher {
        Matcher::Exact(values.into_iter().map(|value| value.as_bytes().into()).collect())
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Matcher::Exact(values) => values.contains(text),
            Matcher::Pattern(patterns) => patterns.is_match(text),
        }
    }

    fn is_same(&self, other: &Matcher) -> bool {
        match (self, other) {
            (Matcher::Exact(these), Matcher::Exact(those)) => these == those,
            (Matcher::Pattern(these), Matcher::Pattern(those)) => these.patterns() == those.patterns(),
            (Matcher::Exact(_), Matcher::Pattern(_)) | (Matcher::Pattern(_), Matcher::Exact(_)) => false,
        }
    }
}

/// The attributes that policies ask for. Every question has a number, by which [`Marks`] hold its answer.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// The questions about each key.
    keys: HashMap<Box<[u8]>, Vec<usize>, Hashing>,
    /// Lengths that keys have, as bits; the last bit stands for 63 and more. Most attributes are passed over by it.
    lengths: u64,
    matchers: Vec<Matcher>,
}

impl Watch {
    /// Adds a question about the values of `key`, and says its number: that of an earlier one if it was the same.
    pub fn ask(&mut self, key: &str, matcher: Matcher) -> usize {
        let questions = self.keys.entry(key.as_bytes().into()).or_default();
        if let Some(&same) = questions.iter().find(|&&number| self.matchers[number].is_same(&matcher)) {
            return same;
        }
        let number = self.matchers.len();
        questions.push(number);
        self.matchers.push(matcher);
        self.lengths |= length_bit(key.as_bytes());
        number
    }

    /// Whether nobody asks for attributes.
    pub fn is_empty(&self) -> bool {
        self.matchers.is_empty()
    }

    /// How many questions there are; their numbers are below this.
    pub fn len(&self) -> usize {
        self.matchers.len()
    }

    /// What a resource answers; `walk` shows its attributes one by one. Made to be asked once for each distinct resource.
    pub fn resource(&self, walk: impl FnOnce(&mut dyn FnMut(&[u8], Value<'_>))) -> Marks {
        let mut marks = Marks::NONE;
        if !self.is_empty() {
            walk(&mut |key, value| self.answer(key, value, &mut marks, true));
        }
        marks
    }

    /// Answers for one attribute. A key that comes twice counts as it came last. An empty text of a span matches nothing
    /// and one of a resource is matched like any other, as in the Collector.
    #[inline]
    fn answer(&self, key: &[u8], value: Value<'_>, marks: &mut Marks, empty_counts: bool) {
        if self.lengths & length_bit(key) == 0 {
            return;
        }
        let Some(questions) = self.keys.get(key) else { return };
        for &number in questions {
            let matches = match value {
                Value::Str(text) => (empty_counts || !text.is_empty()) && self.matchers[number].matches(text),
                Value::Bool(_) | Value::Int(_) | Value::Double(_) | Value::Other | Value::Empty => false,
            };
            marks.set(number, matches);
        }
    }
}

fn length_bit(key: &[u8]) -> u64 {
    1 << key.len().min(63)
}

/// What the spans of a request answer, one row for each accepted span. Made to be used again for the next request.
#[derive(Debug, Default)]
pub struct Witness {
    rows: Vec<Marks>,
    current: Marks,
}

impl Witness {
    /// What one row takes, in bytes.
    pub const ROW_COST: usize = size_of::<Marks>();

    /// Makes room for so many rows, exactly.
    pub fn reserve(&mut self, rows: usize) {
        self.rows.reserve_exact(rows);
    }

    /// Forgets everything but the memory it uses, and of that what goes beyond `rows_kept`.
    pub fn clear(&mut self, rows_kept: usize) {
        self.rows.clear();
        self.rows.shrink_to(rows_kept);
        self.current = Marks::NONE;
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

    #[inline]
    fn attribute(&mut self, key: &[u8], value: Value<'_>) {
        self.watch.answer(key, value, &mut self.witness.current, false);
    }

    #[inline]
    fn span_end(&mut self, accepted: bool) {
        let marks = std::mem::take(&mut self.witness.current);
        if accepted {
            self.witness.rows.push(marks);
        }
    }
}

#[cfg(test)]
mod tests;
