//! Who answers for a span. Custody is a move-only count of spans that only the ledger can open and only the ledger can
//! close, with a fate; the ledger's totals are therefore the books, and they balance by construction.

use std::sync::atomic::{AtomicU64, Ordering};

/// Spans somebody answers for. It can be joined and split, but not copied, and it ends only in [`Ledger::close`].
///
/// One that is dropped while it still counts spans is a bug: debug builds panic, release builds count it in [`leaked`].
#[must_use = "custody must end in Ledger::close"]
#[derive(Debug)]
pub struct Custody {
    spans: u64,
}

impl Custody {
    /// Custody of nothing, to be joined with something.
    pub const fn none() -> Custody {
        Custody { spans: 0 }
    }

    /// How many spans this answers for.
    pub const fn spans(&self) -> u64 {
        self.spans
    }

    /// Takes over what `other` answered for.
    pub fn join(&mut self, mut other: Custody) {
        self.spans += std::mem::take(&mut other.spans);
    }

    /// Hands `spans` of it (all of it, if it has fewer) to somebody else.
    pub fn split(&mut self, spans: u64) -> Custody {
        let spans = spans.min(self.spans);
        self.spans -= spans;
        Custody { spans }
    }
}

impl Drop for Custody {
    fn drop(&mut self) {
        if self.spans == 0 {
            return;
        }
        LEAKED.fetch_add(self.spans, Ordering::Relaxed);
        // A panic while unwinding would abort the process before the books are printed.
        #[cfg(debug_assertions)]
        if !std::thread::panicking() {
            panic!("custody of {} spans was dropped without a fate", self.spans);
        }
    }
}

static LEAKED: AtomicU64 = AtomicU64::new(0);

/// Spans whose custody was dropped without a fate since the process began. Anything but 0 is a bug.
pub fn leaked() -> u64 {
    LEAKED.load(Ordering::Relaxed)
}

/// Why a span was let go by sampling. The number of a policy is its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The ratio stage decided on the trace id alone.
    Ratio,
    /// No policy said yes.
    NoMatch,
    /// The trace had been released before; its late spans follow it.
    Remembered,
    /// A `drop` policy matched.
    Policy(u16),
}

/// Why a span that we answered for was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The collector refused it for good.
    Rejected,
    /// The collector took the request but not this span (`partial_success`).
    Partial,
    /// It waited for the collector longer than `upstream.max_age`.
    Expired,
    /// Memory was full for too long; the oldest had to go.
    Evicted,
    /// It is larger than any request that we may send.
    TooLarge,
    /// The process had to end before the collector took it.
    Shutdown,
}

impl Cause {
    /// Every cause, in the order of the ledger's counters.
    pub const ALL: [Cause; 6] =
        [Cause::Rejected, Cause::Partial, Cause::Expired, Cause::Evicted, Cause::TooLarge, Cause::Shutdown];

    /// The word for it in metrics, logs and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Rejected => "rejected",
            Cause::Partial => "partial",
            Cause::Expired => "expired",
            Cause::Evicted => "evicted",
            Cause::TooLarge => "too_large",
            Cause::Shutdown => "shutdown",
        }
    }
}

/// How custody of a span ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The collector answered OK for it.
    Exported,
    /// Sampling let it go.
    SampledOut(Reason),
    /// It was lost.
    Dropped(Cause),
}

/// The books: what came into custody and how each span of it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    accepted: u64,
    exported: u64,
    sampled_out: SampledOut,
    dropped: [u64; Cause::ALL.len()],
}

/// Spans let go by sampling, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampledOut {
    /// By the ratio stage.
    pub ratio: u64,
    /// No policy said yes.
    pub no_match: u64,
    /// By a remembered decision.
    pub remembered: u64,
    /// By `drop` policies, at the policy's place in the configuration.
    pub policies: Vec<u64>,
}

impl SampledOut {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.ratio + self.no_match + self.remembered + self.policies.iter().sum::<u64>()
    }
}

impl Ledger {
    /// Takes `spans` into custody.
    pub fn open(&mut self, spans: u64) -> Custody {
        self.accepted += spans;
        Custody { spans }
    }

    /// Ends custody with a fate: the only way to empty a [`Custody`].
    pub fn close(&mut self, mut custody: Custody, fate: Fate) {
        let spans = std::mem::take(&mut custody.spans);
        *self.account(fate) += spans;
    }

    /// Spans that came into custody.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Spans the collector answered OK for.
    pub fn exported(&self) -> u64 {
        self.exported
    }

    /// Spans let go by sampling.
    pub fn sampled_out(&self) -> &SampledOut {
        &self.sampled_out
    }

    /// Spans lost for `cause`.
    pub fn dropped(&self, cause: Cause) -> u64 {
        self.dropped[cause as usize]
    }

    /// Spans lost for any cause.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Accepted spans without a fate: must equal what is held.
    pub fn outstanding(&self) -> u64 {
        self.accepted - self.exported - self.sampled_out.total() - self.dropped_total()
    }

    fn account(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Exported => &mut self.exported,
            Fate::SampledOut(Reason::Ratio) => &mut self.sampled_out.ratio,
            Fate::SampledOut(Reason::NoMatch) => &mut self.sampled_out.no_match,
            Fate::SampledOut(Reason::Remembered) => &mut self.sampled_out.remembered,
            Fate::SampledOut(Reason::Policy(place)) => {
                let place = usize::from(place);
                if self.sampled_out.policies.len() <= place {
                    self.sampled_out.policies.resize(place + 1, 0);
                }
                &mut self.sampled_out.policies[place]
            }
            Fate::Dropped(cause) => &mut self.dropped[cause as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_and_not_yet_ended_is_outstanding() {
        let mut ledger = Ledger::default();
        let mut custody = ledger.open(10);
        let part = custody.split(4);
        ledger.close(part, Fate::Exported);
        assert_eq!((ledger.accepted(), ledger.exported(), ledger.outstanding()), (10, 4, 6));
        ledger.close(custody, Fate::Dropped(Cause::Shutdown));
        assert_eq!((ledger.dropped(Cause::Shutdown), ledger.outstanding()), (6, 0));
    }

    #[test]
    fn every_fate_has_an_account_of_its_own() {
        let mut fates = vec![
            Fate::Exported,
            Fate::SampledOut(Reason::Ratio),
            Fate::SampledOut(Reason::NoMatch),
            Fate::SampledOut(Reason::Remembered),
            Fate::SampledOut(Reason::Policy(3)),
        ];
        fates.extend(Cause::ALL.map(Fate::Dropped));
        let mut ledger = Ledger::default();
        for (place, &fate) in fates.iter().enumerate() {
            assert_eq!(*ledger.account(fate), 0, "{fate:?} shares an account");
            let custody = ledger.open(place as u64 + 1);
            ledger.close(custody, fate);
        }
        for (place, &fate) in fates.iter().enumerate() {
            assert_eq!(*ledger.account(fate), place as u64 + 1);
        }
        assert_eq!(ledger.outstanding(), 0);
    }

    #[test]
    fn a_split_takes_no_more_than_there_is() {
        let mut ledger = Ledger::default();
        let mut custody = ledger.open(2);
        let mut more = custody.split(5);
        assert_eq!((custody.spans(), more.spans()), (0, 2));
        more.join(custody);
        ledger.close(more, Fate::Exported);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "without a fate")]
    fn custody_dropped_without_a_fate_fails_loudly() {
        drop(Ledger::default().open(1));
    }
}
