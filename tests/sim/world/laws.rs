//! What must be true of a world after every step, and at its end.

use std::time::Duration;

use tailwater::relay::Snapshot;
use tailwater::relay::clock::Tick;
use tailwater::relay::custody::{self, Cause};
use tailwater::relay::sampling::memory;

use super::World;

impl World {
    pub(super) fn check(&self) {
        let snapshot = self.relay.snapshot();
        // Worlds that failed before this one may have left custody behind: what counts is that there is no more of it.
        let snapshot = Snapshot { unaccounted: snapshot.unaccounted - self.leaked, ..snapshot };
        assert!(snapshot.balanced(), "{snapshot:?}");
        let ledger = &snapshot.ledger;
        assert!(self.budget.peak() <= self.budget.limit());
        assert_eq!(ledger.accepted(), self.records.accepted);
        let received = snapshot.received_grpc + snapshot.received_http;
        let rejected = snapshot.rejected_trace_id + snapshot.rejected_span_id + snapshot.rejected_malformed;
        assert_eq!(received, ledger.accepted() + rejected + snapshot.refused_full, "every span read had one answer");
        assert_eq!(ledger.exported(), self.records.exported);
        assert_eq!(ledger.dropped(Cause::Partial), self.records.partial);
        assert_eq!(ledger.dropped(Cause::Rejected), self.records.rejected);
        assert_eq!(snapshot.maybe_duplicated, self.records.maybe_duplicated);
        if let Some(due) = self.relay.next_due(self.now) {
            assert!(self.now < due || self.out == self.connections, "what is due was left undone");
        }
        self.check_deadlines(&snapshot);
    }

    /// No trace is open for longer than `decision_wait`; with a fast collector nothing is held for longer than that and
    /// a batch's delay.
    fn check_deadlines(&self, snapshot: &Snapshot) {
        let ago = |wait: Duration| match Duration::from_nanos(self.now.as_nanos()) > wait {
            true => Tick::from_nanos(self.now.as_nanos() - wait.as_nanos() as u64),
            false => Tick::ZERO,
        };
        let wait = if self.limits.sampler { self.limits.wait } else { Duration::ZERO };
        let recent = self.records.since(ago(wait));
        assert!(snapshot.held.buffer.spans <= recent, "a trace was decided too late");
        if self.always_fast {
            let recent = self.records.since(ago(wait + self.limits.delay));
            let held = snapshot.held;
            assert!(held.spans() <= recent, "held too long at {:?}: {held:?}, {:?}", self.now, snapshot.budget);
        }
    }

    pub(super) fn end(mut self) -> Snapshot {
        let snapshot = self.relay.snapshot();
        assert_eq!(snapshot.held.spans(), 0, "held for ever: {:?} {:?}", snapshot.held, snapshot.budget);
        assert_eq!(self.out, 0);
        self.relay.relieve(0, self.now);
        let remembered = snapshot.remembered as usize * memory::ENTRY_COST;
        assert_eq!(self.budget.charged(), self.idle + remembered, "what is not held is not charged");
        let ledger = &snapshot.ledger;
        let lost =
            [Cause::Expired, Cause::Evicted, Cause::TooLarge, Cause::Shutdown].map(|cause| ledger.dropped(cause));
        let lost = lost.iter().sum::<u64>() - self.records.too_late;
        let decided: u64 = snapshot.decisions.iter().map(|(kept, released)| kept + released).sum();
        assert_eq!(snapshot.decision_ages.cumulative().1, decided, "every decision has an age");
        let remembered_all = decided == snapshot.remembered;
        let (torn, gone) = self.records.missing();
        assert_eq!(torn + gone, lost + ledger.sampled_out().total());
        if remembered_all && !(self.garbage && self.limits.ratio) {
            assert!(torn <= lost, "{torn} spans are missing from kept traces, {lost} were lost");
        }
        drop(self.relay);
        assert_eq!(self.budget.charged(), 0);
        assert_eq!(custody::leaked(), self.leaked);
        snapshot
    }
}
