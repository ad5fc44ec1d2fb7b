//! What policies ask of attributes, tracestates and durations, and what spans and resources answer. Nothing else is looked
//! at, and nothing at all when no policy asks.

use std::hash::BuildHasherDefault;

use hashbrown::{HashMap, HashSet};
use siphasher::sip::SipHasher13;

use crate::relay::otlp::{Observer, Value};
use crate::relay::sampling::compat::Compat;
use crate::relay::sampling::facts::{Facts, SpanFacts};
use crate::relay::sampling::marks::Marks;

pub use matcher::{Matcher, Range};
pub use states::Window;
use states::{StateQuestion, WindowQuestion};

mod matcher;
mod states;

/// The texts are the configuration's own: nobody who sends spans chooses where they collide, so no secret is needed.
pub type Hashing = BuildHasherDefault<SipHasher13>;

/// What policies ask of spans and resources. Every question has a number, by which [`Marks`] hold its answer.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    compat: Compat,
    /// The questions about each attribute.
    keys: HashMap<Box<[u8]>, Vec<(usize, Matcher)>, Hashing>,
    /// Lengths that keys have, as bits; the last bit stands for 63 and more. Most attributes are passed over by it.
    lengths: u64,
    states: Vec<StateQuestion>,
    windows: Vec<WindowQuestion>,
    /// How many numbers have been given.
    numbers: usize,
    bytes: bool,
}

impl Watch {
    /// No questions yet; those to come are answered in the one way or the other.
    pub fn new(compat: Compat) -> Watch {
        Watch { compat, ..Watch::default() }
    }

    /// Adds a question about the values of `key`, and says its number: that of an earlier one if it was the same.
    pub fn ask(&mut self, key: &str, matcher: Matcher) -> usize {
        let (next, compat) = (&mut self.numbers, self.compat);
        let questions = self.keys.entry(key.as_bytes().into()).or_insert_with(|| match compat {
            Compat::Strict => Vec::new(),
            // Of a key that comes twice, the Collector sees the first: whether it has come is a question too.
            Compat::Otelcol => vec![(number(next), Matcher::Present)],
        });
        self.lengths |= length_bit(key.as_bytes());
        if let Some((same, _)) = questions.iter().find(|(_, other)| other.is_same(&matcher)) {
            return *same;
        }
        let number = number(next);
        questions.push((number, matcher));
        number
    }

    /// Adds the question whether a span's tracestate has one of `values` at `key`.
    pub fn ask_state<'a>(&mut self, key: &str, values: impl IntoIterator<Item = &'a str>) -> usize {
        let values: HashSet<Box<[u8]>, Hashing> = values.into_iter().map(|value| value.as_bytes().into()).collect();
        let number = number(&mut self.numbers);
        self.states.push(StateQuestion { number, key: key.as_bytes().into(), values });
        number
    }

    /// Adds the question whether the trace has been in a window of durations after any of its spans.
    pub fn ask_window(&mut self, window: Window) -> usize {
        let number = number(&mut self.numbers);
        self.windows.push(WindowQuestion { number, window });
        number
    }

    /// The number of a question that is answered elsewhere.
    pub fn reserve(&mut self) -> usize {
        number(&mut self.numbers)
    }

    /// Asks for the bytes around the spans to be counted too.
    pub fn ask_bytes(&mut self) {
        self.bytes = true;
    }

    /// Whether the bytes around the spans count.
    pub fn asks_bytes(&self) -> bool {
        self.bytes
    }

    /// Whether nobody asks for attributes.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many questions there are; their numbers are below this.
    pub fn len(&self) -> usize {
        self.numbers
    }

    /// What a resource answers; `walk` shows its attributes one by one. Made to be asked once for each distinct resource.
    pub fn resource(&self, walk: impl FnOnce(&mut dyn FnMut(&[u8], Value<'_>))) -> Marks {
        let mut marks = Marks::NONE;
        if !self.is_empty() {
            walk(&mut |key, value| self.answer(key, value, &mut marks, true));
        }
        marks
    }

    /// Takes a span into account, and its answers to what is asked of a span beside its attributes.
    pub fn note(&self, span: &SpanFacts<'_>, facts: &mut Facts) {
        let before = facts.bounds();
        facts.note(span);
        if let (Some(state), false) = (span.trace_state, self.states.is_empty()) {
            states::answer(&self.states, state, self.compat, facts);
        }
        if !self.windows.is_empty() {
            let (start, end) = facts.note_bounds_as_collector(before, span);
            self.windows
                .iter()
                .filter(|asked| asked.window.holds(start, end))
                .for_each(|asked| facts.set_mark(asked.number));
        }
    }

    /// Answers for one attribute. A key that comes twice counts as it came last, or first in the Collector.
    #[inline]
    fn answer(&self, key: &[u8], value: Value<'_>, marks: &mut Marks, on_resource: bool) {
        if self.lengths & length_bit(key) == 0 {
            return;
        }
        let Some(questions) = self.keys.get(key) else { return };
        if let Some((seen, Matcher::Present)) = questions.first()
            && marks.has(*seen)
        {
            return;
        }
        for (number, matcher) in questions {
            marks.set(*number, matcher.matches(value, on_resource, self.compat));
        }
    }
}

fn number(next: &mut usize) -> usize {
    *next += 1;
    *next - 1
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
