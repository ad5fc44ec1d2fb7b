//! What was kept and what was let go since one last looked, as lines.

use std::fmt::Write;

use crate::cli::say;
use crate::driver::Driver;
use crate::relay::custody::SampledOut;
use crate::sink::{Sink, Trace};

/// The last look at the relay and the collector.
#[derive(Debug)]
pub struct Live<'a> {
    driver: &'a Driver,
    sink: &'a Sink,
    revision: u64,
    sampled_out: SampledOut,
    released: u64,
}

impl<'a> Live<'a> {
    /// Nothing has been seen yet.
    pub fn new(driver: &'a Driver, sink: &'a Sink) -> Live<'a> {
        Live { driver, sink, revision: 0, sampled_out: SampledOut::default(), released: 0 }
    }

    /// Prints what is new.
    pub fn show(&mut self) {
        let traces = self.sink.traces();
        let mut out = kept(&traces, self.revision);
        self.revision = traces.iter().map(|trace| trace.revision).fold(self.revision, u64::max);
        let snapshot = self.driver.snapshot();
        let released = snapshot.decisions.iter().map(|(_, released)| released).sum();
        let now = snapshot.ledger.sampled_out();
        out.push_str(&let_go(now, &self.sampled_out, released - self.released));
        (self.sampled_out, self.released) = (now.clone(), released);
        say(&out);
    }
}

/// A line a trace that has come or grown since `revision`, the interesting ones first.
fn kept(traces: &[Trace], revision: u64) -> String {
    let mut news: Vec<&Trace> = traces.iter().filter(|trace| revision < trace.revision).collect();
    news.sort_by_key(|trace| (!trace.error, std::cmp::Reverse(trace.duration)));
    let mut out = String::new();
    for trace in news.iter().take(LINES_MAX) {
        let _ = writeln!(out, "  kept         {trace}");
    }
    if LINES_MAX < news.len() {
        let _ = writeln!(out, "  kept         and {} traces more", news.len() - LINES_MAX);
    }
    out
}

/// Lines for kept traces at one look.
const LINES_MAX: usize = 6;

/// A line for what sampling let go between two looks; none if nothing.
fn let_go(now: &SampledOut, before: &SampledOut, traces: u64) -> String {
    let spans = now.total() - before.total();
    if spans == 0 {
        return String::new();
    }
    let by_policy = |out: &SampledOut| out.policies.iter().sum::<u64>();
    let reasons = [
        ("no policy wanted it", now.no_match - before.no_match),
        ("a drop policy matched", by_policy(now) - by_policy(before)),
        ("ratio", now.ratio - before.ratio),
        ("late, after its trace was let go", now.remembered - before.remembered),
    ];
    let some: Vec<String> =
        reasons.iter().filter(|(_, spans)| *spans != 0).map(|(reason, spans)| format!("{reason} {spans}")).collect();
    format!("  sampled out  {traces} traces, {spans} spans: {}\n", some.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(first: u8, revision: u64, error: bool) -> Trace {
        let mut trace =
            Trace { revision, error, spans: 1, service: "a".into(), operation: "b".into(), ..Trace::default() };
        trace.id[0] = first;
        trace
    }

    #[test]
    fn only_news_are_shown_and_errors_come_first() {
        let traces = [trace(1, 1, false), trace(2, 2, false), trace(3, 3, true)];
        let seen = kept(&traces, 1);
        assert_eq!(seen, "  kept         03000000… a b 1 span 0 ms error\n  kept         02000000… a b 1 span 0 ms\n");
    }

    #[test]
    fn more_news_than_fit_are_counted() {
        let traces: Vec<Trace> = (1..=9).map(|id| trace(id, 1, false)).collect();
        assert!(kept(&traces, 0).ends_with("  kept         and 3 traces more\n"));
    }

    #[test]
    fn what_was_let_go_is_said_with_its_reasons_since_the_last_look() {
        let before = SampledOut { no_match: 5, ..SampledOut::default() };
        let now = SampledOut { no_match: 9, remembered: 2, ..SampledOut::default() };
        let line = "  sampled out  3 traces, 6 spans: no policy wanted it 4, late, after its trace was let go 2\n";
        assert_eq!(let_go(&now, &before, 3), line);
        assert_eq!(let_go(&now, &now, 0), "");
    }
}
