//! OTTL, the language of the OpenTelemetry Collector, as far as conditions on spans and their events need it: read,
//! checked and evaluated on the bytes of a span as it arrives, because nothing but facts stays of it.
//!
//! `attributes["k"]`, `resource.attributes["service.name"]`, `instrumentation_scope.name`, `name`, `kind.string`,
//! `status.code`, `end_time - start_time`, `trace_state["k"]` and the other fields of a span are paths, the names of
//! which stand in `paths`; the functions stand in `functions`. Conditions on events see the event as `name`,
//! `attributes` and `time`, and the span behind `span.`. Everything else is refused by name.
//!
//! Kinds compare as in the Collector: an attribute that is missing is nil, whole numbers and others compare as numbers,
//! and values of unlike kinds are never equal. Of a key that comes twice, the first counts. A function makes no new text
//! of more than 64 KiB, and fails instead. In reading order: `lexer`
//! and `parse` (into the tree of `syntax`), `check` and `check_call` (names and kinds), `seen` (what is read of a span),
//! `eval` and `call` (values), `compare`.

mod call;
mod check;
mod check_call;
mod compare;
mod convert;
mod duration;
mod eval;
mod functions;
mod json;
mod lexer;
mod nearest;
mod parse;
mod paths;
mod seen;
mod syntax;
mod text;
mod trace_state;
mod types;
mod value;

use std::ops::Range;

use crate::relay::sampling::facts::Facts;
use check::Checker;
use convert::Failed;
use eval::Condition;
use paths::Asked;
use seen::{Around, Seen};
use value::Value;

/// What a condition is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Each span.
    Span,
    /// Each event of a span.
    SpanEvent,
}

/// What becomes of a condition that cannot be evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorMode {
    /// It is not true.
    #[default]
    Ignore,
    /// The same: the Collector would not log it, and nothing is logged here.
    Silent,
    /// The policy has no vote on this trace.
    Propagate,
}

/// What is wrong with an expression, or to be known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where in the expression, in bytes.
    pub at: Range<usize>,
    /// What, as a lower-case sentence.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl Fault {
    fn new(at: Range<usize>, message: impl Into<String>) -> Fault {
        Fault { at, message: message.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Fault {
        Fault { help: Some(help.into()), ..self }
    }

    fn moved(self, at: Range<usize>) -> Fault {
        Fault { at, ..self }
    }

    /// All of it in one line, for an expression that reads `text`; characters are counted from 1.
    pub fn line(&self, text: &str) -> String {
        let before = text.get(..self.at.start).unwrap_or(text);
        let (message, character) = (&self.message, before.chars().count() + 1);
        match &self.help {
            Some(help) => format!("{message} (character {character}); {help}"),
            None => format!("{message} (character {character})"),
        }
    }
}

/// What is wrong with a condition, if anything is.
pub fn check(text: &str, context: Context) -> Result<(), Fault> {
    compile(text, context, &mut Asked::default(), &mut Vec::new()).map(drop)
}

fn compile(text: &str, context: Context, asked: &mut Asked, notes: &mut Vec<Fault>) -> Result<Condition, Fault> {
    if TEXT_MAX < text.len() {
        return Err(Fault::new(0..1, format!("this is {} bytes long, and {TEXT_MAX} are read at most", text.len())));
    }
    let node = parse::parse(text)?;
    Checker { context, asked, notes }.condition(&node)
}

/// Longest expression, in bytes.
const TEXT_MAX: usize = 1 << 16;

/// The conditions of all policies that have some.
#[derive(Debug, Default)]
pub struct Conditions {
    asked: Asked,
    sets: Vec<Set>,
}

/// The conditions of one policy. The first that is true decides for the trace; with `propagate` the first error does.
#[derive(Debug)]
struct Set {
    span: Vec<Condition>,
    event: Vec<Condition>,
    /// The mark of a trace in which one was true.
    met: usize,
    /// The mark of a trace in which one could not be evaluated before any was true, where that is asked for.
    failed: Option<usize>,
    /// Whose errors they are: a place in the caller's list.
    counter: usize,
}

/// What is used again for the next span, and what is known of those around it.
#[derive(Debug, Default)]
pub struct Desk {
    around: Around,
    /// The envelope that it is known of.
    of: Option<u32>,
    found: Vec<Option<Value<'static>>>,
}

impl Desk {
    /// Forgets what surrounded the spans of the last request.
    pub fn clear(&mut self) {
        self.of = None;
    }
}

/// A span as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Its record.
    pub record: &'a [u8],
    /// The records of its `ResourceSpans` and `ScopeSpans`, as envelopes keep them.
    pub envelope: (&'a [u8], &'a [u8]),
    /// Which of the request's envelopes it is.
    pub name: u32,
}

/// What a policy's conditions are added with.
#[derive(Clone, Copy, Debug)]
pub struct Marking {
    /// The mark of a trace in which a condition was true.
    pub met: usize,
    /// The mark of a trace in which one could not be evaluated, where that decides.
    pub failed: Option<usize>,
    /// Where its errors are counted.
    pub counter: usize,
}

impl Conditions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Adds the conditions of a policy: on spans, then on their events. What is wrong or to be known is said with the
    /// context and the place of its condition in the list.
    pub fn add(&mut self, lists: [&[String]; 2], marking: Marking, say: &mut impl FnMut(Context, usize, Finding<'_>)) {
        let contexts = [Context::Span, Context::SpanEvent];
        let mut compiled = contexts.into_iter().zip(lists).map(|(context, list)| {
            let mut conditions = Vec::new();
            for (place, text) in list.iter().enumerate() {
                let mut notes = Vec::new();
                match compile(text, context, &mut self.asked, &mut notes) {
                    Ok(condition) => conditions.push(condition),
                    Err(fault) => say(context, place, Finding::Wrong(&fault)),
                }
                notes.iter().for_each(|note| say(context, place, Finding::Note(note)));
            }
            conditions
        });
        let (span, event) = (compiled.next().unwrap_or_default(), compiled.next().unwrap_or_default());
        drop(compiled);
        let Marking { met, failed, counter } = marking;
        self.sets.push(Set { span, event, met, failed, counter });
    }

    /// Evaluates what is not yet decided of the span's trace, and marks its facts. Nothing is read where everything is.
    pub fn judge(&self, span: Arrival<'_>, desk: &mut Desk, facts: &mut Facts, errors: &mut [u64]) {
        if self.sets.iter().all(|set| set.is_decided(facts)) {
            return;
        }
        if desk.of != Some(span.name) {
            desk.around.look(&self.asked, span.envelope.0, span.envelope.1);
            desk.of = Some(span.name);
        }
        let found = std::mem::take(&mut desk.found);
        let mut seen = Seen::span(&self.asked, span.record, span.envelope, &desk.around, found);
        self.sets.iter().for_each(|set| set.judge(&set.span, &seen, facts, errors));
        if self.sets.iter().any(|set| !set.event.is_empty() && !set.is_decided(facts)) {
            for event in seen.events() {
                seen.look(&self.asked, event);
                self.sets.iter().for_each(|set| set.judge(&set.event, &seen, facts, errors));
            }
        }
        desk.found = emptied(seen.found);
    }
}

/// What is said of a condition while it is added.
#[derive(Clone, Copy, Debug)]
pub enum Finding<'a> {
    /// It cannot be used.
    Wrong(&'a Fault),
    /// It can, and may not mean what it seems to.
    Note(&'a Fault),
}

impl Set {
    fn is_decided(&self, facts: &Facts) -> bool {
        facts.has_mark(self.met) || self.failed.is_some_and(|failed| facts.has_mark(failed))
    }

    fn judge(&self, conditions: &[Condition], seen: &Seen<'_>, facts: &mut Facts, errors: &mut [u64]) {
        if conditions.is_empty() || self.is_decided(facts) {
            return;
        }
        for condition in conditions {
            match (condition.holds(seen), self.failed) {
                (Ok(false), _) => {}
                (Ok(true), _) => return facts.set_mark(self.met),
                (Err(Failed), failed) => {
                    if let Some(count) = errors.get_mut(self.counter) {
                        *count += 1;
                    }
                    if let Some(failed) = failed {
                        return facts.set_mark(failed);
                    }
                }
            }
        }
    }
}

/// The memory of a list that has let go of what it held.
fn emptied(mut found: Vec<Option<Value<'_>>>) -> Vec<Option<Value<'static>>> {
    found.clear();
    // Nothing is left to be converted; collecting in place keeps the memory.
    found.into_iter().map(|_| None).collect()
}

#[cfg(test)]
mod tests;
