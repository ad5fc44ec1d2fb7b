//! The books as JSON: the first thing to ask for when spans are missing. The same words as in the metrics' labels.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::driver::Phase;
use crate::metrics::labels::Labels;
use crate::metrics::readings::{self, FULL, held_by_place};
use crate::relay::Snapshot;

/// The books of one moment.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Ledger {
    /// Where the process is on its way out.
    pub phase: &'static str,
    /// Spans of scanned requests: accepted + rejected + refused.
    pub received: u64,
    /// Spans in our custody, ever.
    pub accepted: u64,
    /// The collector answered OK for them.
    pub exported: u64,
    /// Sampling let them go.
    pub sampled_out: Counts,
    /// Lost.
    pub dropped: Counts,
    /// Unusable; the app was told.
    pub rejected: Counts,
    /// No room; the app was told to try again.
    pub refused: Counts,
    /// Requests turned away, which have no span count.
    pub requests_refused: Counts,
    /// Where the held spans are.
    pub held: Counts,
    /// Spans sent again although the first outcome is unknown.
    pub maybe_duplicated: u64,
    /// Whether the last attempt reached the collector; none before the first.
    pub upstream_up: Option<bool>,
    /// The memory budget.
    pub memory: Memory,
    /// Whether accepted = exported + sampled_out + dropped + held, and nothing is unaccounted.
    pub balanced: bool,
}

/// The memory budget, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Memory {
    /// All of it.
    pub budget: u64,
    /// Charged now.
    pub charged: u64,
    /// The most that ever was charged.
    pub peak: u64,
}

/// How many of each kind, in the order of the documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub Vec<(String, u64)>);

impl Counts {
    fn of<W: Into<String>>(counts: impl IntoIterator<Item = (W, u64)>) -> Counts {
        Counts(counts.into_iter().map(|(word, count)| (word.into(), count)).collect())
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (word, count) in &self.0 {
            map.serialize_entry(word, count)?;
        }
        map.end()
    }
}

impl Ledger {
    /// The books of a snapshot.
    pub fn of(snapshot: &Snapshot, phase: Phase, labels: &Labels) -> Ledger {
        let books = &snapshot.ledger;
        let rejected = [snapshot.rejected_trace_id, snapshot.rejected_span_id, snapshot.rejected_malformed];
        let (budget, charged, peak) = snapshot.budget;
        Ledger {
            phase: phase_name(phase),
            received: snapshot.received_grpc + snapshot.received_http,
            accepted: books.accepted(),
            exported: books.exported(),
            sampled_out: Counts::of(readings::sampled_out(books.sampled_out(), labels)),
            dropped: Counts::of(readings::dropped(books, snapshot.unaccounted)),
            rejected: Counts::of(readings::rejected_spans(rejected)),
            refused: Counts::of([(FULL, snapshot.refused_full)]),
            requests_refused: Counts::of(readings::requests_refused(&snapshot.turned_away)),
            held: Counts::of(held_by_place(&snapshot.held).map(|(place, depth)| (place, depth.spans))),
            maybe_duplicated: snapshot.maybe_duplicated,
            upstream_up: snapshot.upstream_up,
            memory: Memory { budget, charged, peak },
            balanced: snapshot.balanced(),
        }
    }

    /// As one line of JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("strings and whole numbers can always be written")
    }

    /// As one line of JSON of at most `bytes_max` bytes (1 KiB or more): where many policies would make it longer, those
    /// that sampled out nothing go first, then all of them become one sum, `policies`.
    pub fn json_within(mut self, bytes_max: usize) -> String {
        let whole = self.json();
        if whole.len() <= bytes_max {
            return whole;
        }
        self.sampled_out.0.retain(|(_, count)| *count != 0);
        let without_idle = self.json();
        if without_idle.len() <= bytes_max {
            return without_idle;
        }
        let house = |word: &str| crate::metrics::labels::RESERVED.contains(&word);
        let policies = self.sampled_out.0.iter().filter(|(word, _)| !house(word)).map(|(_, count)| count).sum();
        self.sampled_out.0.retain(|(word, _)| house(word));
        self.sampled_out.0.push(("policies".to_owned(), policies));
        self.json()
    }
}

/// The word for a phase.
pub const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Serving => "serving",
        Phase::LameDuck => "lame_duck",
        Phase::Closing => "closing",
        Phase::Deciding => "deciding",
        Phase::Flushing => "flushing",
        Phase::Closed => "closed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::labels::PolicyName;
    use crate::metrics::tests::{busy, preset};
    use crate::relay::custody::{Fate, Reason};

    #[test]
    fn the_books_have_this_shape() {
        let json = Ledger::of(&busy(), Phase::LameDuck, &preset()).json();
        assert_eq!(
            json,
            concat!(
                r#"{"phase":"lame_duck","received":105,"accepted":100,"exported":50,"#,
                r#""sampled_out":{"ratio":10,"no_match":20,"remembered":0},"#,
                r#""dropped":{"rejected":0,"partial":0,"expired":3,"evicted":0,"too_large":0,"shutdown":7,"unaccounted":0},"#,
                r#""rejected":{"invalid_trace_id":0,"invalid_span_id":0,"malformed":0},"refused":{"full":5},"#,
                r#""requests_refused":{"full":0,"too_large":0,"malformed":0,"cancelled":0,"timeout":0,"unsupported":0,"loop":0,"draining":0},"#,
                r#""held":{"buffer":4,"batch":3,"queue":2,"inflight":1},"maybe_duplicated":0,"upstream_up":null,"#,
                r#""memory":{"budget":1000,"charged":600,"peak":700},"balanced":true}"#
            )
        );
    }

    #[test]
    fn books_that_do_not_add_up_say_so() {
        let mut snapshot = busy();
        snapshot.held.queue.spans += 1;
        assert!(Ledger::of(&snapshot, Phase::Serving, &preset()).json().ends_with(r#""balanced":false}"#));
    }

    #[test]
    fn the_books_of_a_hundred_policies_still_fit_and_add_up() {
        let policies = (0..100).map(|n| PolicyName { name: format!("policy {n} {}", "x".repeat(60)), drops: true });
        let labels = Labels::new("jaeger:4317", policies.collect());
        let mut snapshot = busy();
        let check = |snapshot: &Snapshot, words: usize| {
            let ledger = Ledger::of(snapshot, Phase::Closed, &labels);
            let total = ledger.sampled_out.total();
            let json = ledger.json_within(4096);
            let read: serde_json::Value = serde_json::from_str(&json).unwrap();
            let shown = read["sampled_out"].as_object().unwrap();
            assert!(json.len() <= 4096, "{} bytes", json.len());
            assert_eq!(shown.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), total);
            assert_eq!(shown.len(), words);
        };
        check(&snapshot, 2);
        for place in 0..100 {
            let custody = snapshot.ledger.open(1);
            snapshot.ledger.close(custody, Fate::SampledOut(Reason::Policy(place)));
        }
        check(&snapshot, 3);
    }
}
