//! What policies may know of a trace, gathered span by span. A policy that needs more adds a field here, and nothing
//! else pays for it but these few bytes of each open trace.

use crate::relay::otlp::Status;
use crate::relay::sampling::threshold::Threshold;
use crate::relay::sampling::tracestate::Stamp;

pub use crate::relay::sampling::marks::Marks;
pub use crate::relay::sampling::watch::{Matcher, Watch, Watching, Witness};

/// What is known of one trace so far.
#[derive(Clone, Debug)]
pub struct Facts {
    start: u64,
    end: u64,
    bytes: u64,
    /// [`UNKNOWN`] while no span has brought one.
    randomness: u64,
    passed: Threshold,
    marks: Marks,
    spans: u32,
    /// A bit for each status, and [`SAMPLED`].
    seen: u8,
}

const _: () = assert!(size_of::<Facts>() <= 64, "there is one for every open trace");

/// No randomness: it has 56 bits.
const UNKNOWN: u64 = u64::MAX;

/// Some span had the sampled bit in its trace flags.
const SAMPLED: u8 = 16;

/// What one span adds.
#[derive(Clone, Copy, Debug)]
pub struct SpanFacts<'a> {
    /// When it began, in nanoseconds since 1970; 0 is unknown.
    pub start: u64,
    /// When it ended, in nanoseconds since 1970.
    pub end: u64,
    /// Its status.
    pub status: Status,
    /// Whether its trace flags have the sampled bit.
    pub sampled: bool,
    /// Its length in bytes.
    pub len: u32,
    /// `rv` of its tracestate.
    pub randomness: Option<u64>,
    /// The tracestate itself, if it has one.
    pub trace_state: Option<&'a [u8]>,
}

impl Default for Facts {
    fn default() -> Facts {
        let passed = Threshold::ALL;
        Facts { start: 0, end: 0, bytes: 0, randomness: UNKNOWN, passed, marks: Marks::NONE, spans: 0, seen: 0 }
    }
}

impl Facts {
    /// Takes a span into account.
    pub fn note(&mut self, span: &SpanFacts<'_>) {
        if span.start != 0 && (self.start == 0 || span.start < self.start) {
            self.start = span.start;
        }
        self.end = self.end.max(span.end);
        self.seen |= bit(span.status) | if span.sampled { SAMPLED } else { 0 };
        self.spans = self.spans.saturating_add(1);
        self.bytes += u64::from(span.len);
        if self.randomness == UNKNOWN {
            self.randomness = span.randomness.unwrap_or(UNKNOWN);
        }
    }

    /// Takes a span's start and end into account, and nothing else of it, as the Collector does: a start of 0 is the
    /// earliest of all until the next span comes.
    pub(super) fn note_bounds_as_collector(&mut self, before: (u64, u64), span: &SpanFacts<'_>) -> (u64, u64) {
        let start = if before.0 == 0 { span.start } else { before.0.min(span.start) };
        (self.start, self.end) = (start, before.1.max(span.end));
        (self.start, self.end)
    }

    /// The earliest start and the latest end so far.
    pub(super) fn bounds(&self) -> (u64, u64) {
        (self.start, self.end)
    }

    /// Takes bytes around the spans into account.
    pub fn note_envelope(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Answers the question `number` with yes.
    pub(super) fn set_mark(&mut self, number: usize) {
        self.marks.set(number, true);
    }

    /// Takes the answers of a span or its resource into account.
    pub fn mark(&mut self, marks: &Marks) {
        self.marks.join(marks);
    }

    /// Takes into account how an earlier stage has stamped a span that it kept: what is decided now is decided of those
    /// that have passed there, by the same randomness.
    pub fn pass(&mut self, stamp: &Stamp) {
        self.passed = self.passed.max(stamp.threshold.unwrap_or(Threshold::ALL));
        if self.randomness == UNKNOWN {
            self.randomness = stamp.randomness.unwrap_or(UNKNOWN);
        }
    }

    /// The threshold that the trace has passed in an earlier stage.
    pub fn passed(&self) -> Threshold {
        self.passed
    }

    /// Whether some span has this status.
    pub fn has_status(&self, status: Status) -> bool {
        self.seen & bit(status) != 0
    }

    /// From the earliest start to the latest end, in nanoseconds; 0 while one of the two is unknown, or when the clocks
    /// that they come from contradict each other.
    pub fn duration_nanos(&self) -> u64 {
        if self.start == 0 { 0 } else { self.end.saturating_sub(self.start) }
    }

    /// Whether the question `number` of the [`Watch`] was answered with yes anywhere in the trace.
    pub fn has_mark(&self, number: usize) -> bool {
        self.marks.has(number)
    }

    /// The randomness of the trace where it is not in its id: the first one found.
    pub fn randomness(&self) -> Option<u64> {
        (self.randomness != UNKNOWN).then_some(self.randomness)
    }

    /// Whether some span had the sampled bit in its trace flags.
    pub fn is_sampled(&self) -> bool {
        self.seen & SAMPLED != 0
    }

    /// How many spans there are.
    pub fn spans(&self) -> u32 {
        self.spans
    }

    /// How many bytes they have; where a policy asks, with the envelopes that they came in.
    pub fn bytes(&self) -> u64 {
        self.bytes
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

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: SpanFacts<'static> = SpanFacts {
        start: 10,
        end: 20,
        status: Status::Unset,
        sampled: false,
        len: 100,
        randomness: None,
        trace_state: None,
    };

    fn facts(spans: &[SpanFacts<'_>]) -> Facts {
        let mut facts = Facts::default();
        spans.iter().for_each(|span| facts.note(span));
        facts
    }

    #[test]
    fn duration_runs_from_the_first_start_to_the_last_end() {
        let span = |start, end| SpanFacts { start, end, ..SPAN };
        assert_eq!(facts(&[span(50, 60), span(20, 30), span(40, 55)]).duration_nanos(), 40);
    }

    #[test]
    fn an_unknown_start_is_no_start_and_a_trace_without_any_has_no_duration() {
        let span = |start, end| SpanFacts { start, end, ..SPAN };
        assert_eq!(facts(&[span(50, 60), span(0, 10)]).duration_nanos(), 10);
        assert_eq!(facts(&[span(0, 10), span(50, 60)]).duration_nanos(), 10);
        assert_eq!(facts(&[span(0, 1_700_000_000_000_000_000)]).duration_nanos(), 0, "not half a century");
        assert_eq!(facts(&[span(20, 10)]).duration_nanos(), 0);
    }

    #[test]
    fn spans_bytes_and_statuses_add_up() {
        let facts = facts(&[SPAN, SpanFacts { status: Status::Error, len: 23, ..SPAN }]);
        assert_eq!((facts.spans(), facts.bytes()), (2, 123));
        let seen = [Status::Unset, Status::Ok, Status::Error, Status::Other].map(|status| facts.has_status(status));
        assert_eq!(seen, [true, false, true, false]);
    }

    #[test]
    fn one_sampled_span_is_enough_and_is_no_status() {
        let sampled = SpanFacts { sampled: true, ..SPAN };
        assert!(!facts(&[SPAN]).is_sampled());
        let facts = facts(&[SPAN, sampled, SPAN]);
        assert!(facts.is_sampled() && !facts.has_status(Status::Other));
    }

    #[test]
    fn the_first_randomness_found_is_the_traces() {
        let with = |randomness| SpanFacts { randomness, ..SPAN };
        assert_eq!(facts(&[SPAN]).randomness(), None);
        assert_eq!(facts(&[SPAN, with(Some(5)), with(Some(7)), SPAN]).randomness(), Some(5));
    }

    #[test]
    fn what_an_earlier_stage_kept_it_by_stays_with_the_trace() {
        let (mut facts, of) = (facts(&[SPAN]), |bits| Threshold::new(bits));
        assert_eq!((facts.passed(), facts.randomness()), (Threshold::ALL, None));
        facts.pass(&Stamp { threshold: of(5), randomness: Some(9) });
        facts.pass(&Stamp { threshold: of(3), randomness: Some(8) });
        facts.pass(&Stamp::default());
        assert_eq!((Some(facts.passed()), facts.randomness()), (of(5), Some(9)));
    }

    #[test]
    fn a_mark_stays() {
        let (mut facts, mut marks) = (Facts::default(), Marks::NONE);
        marks.set(70, true);
        facts.mark(&marks);
        facts.mark(&Marks::NONE);
        assert!(facts.has_mark(70) && !facts.has_mark(6));
    }
}
