//! When to speak about the upstream: once when it is lost, once when the reason changes, once when it is back, and never
//! more often than every ten seconds, however it flaps.

use std::time::{Duration, Instant};

use crate::exporter::trouble::Trouble;
use crate::logs::RateLimit;

/// Something worth a line in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It cannot be reached, or for another reason than the one said before.
    Down {
        /// The reason.
        trouble: Trouble,
        /// Failed attempts since the last line.
        attempts: u64,
    },
    /// It can be reached again.
    Up {
        /// How long it could not.
        down: Duration,
    },
}

/// Follows the upstream's state from attempt to attempt.
#[derive(Debug)]
pub struct Watch {
    down_since: Option<Instant>,
    /// The trouble of the last line, as long as no line said that it is over.
    said: Option<Trouble>,
    attempts: u64,
    limit: RateLimit,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch { down_since: None, said: None, attempts: 0, limit: RateLimit::new(QUIET) }
    }
}

impl Watch {
    /// An attempt failed.
    pub fn failed(&mut self, trouble: Trouble, now: Instant) -> Option<News> {
        self.down_since.get_or_insert(now);
        self.attempts += 1;
        let told = self.said.as_ref().is_some_and(|said| said.is_like(&trouble));
        if told || self.limit.allow(now).is_none() {
            return None;
        }
        self.said = Some(trouble.clone());
        Some(News::Down { trouble, attempts: std::mem::take(&mut self.attempts) })
    }

    /// An attempt reached the collector.
    pub fn reached(&mut self, now: Instant) -> Option<News> {
        let since = self.down_since.take()?;
        self.attempts = 0;
        // Nothing was said about it being down, so nothing is to be taken back.
        self.said.take()?;
        Some(News::Up { down: now.saturating_duration_since(since) })
    }
}

#[cfg(test)]
impl Watch {
    /// The trouble of the last line.
    pub fn said(&self) -> Option<&Trouble> {
        self.said.as_ref()
    }
}

/// The least time between two lines of one kind.
pub const QUIET: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_when_it_is_lost_and_one_when_it_is_back() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let at = |secs| start + Duration::from_secs(secs);
        assert_eq!(watch.reached(start), None);
        assert_eq!(watch.failed(Trouble::Refused, start), Some(News::Down { trouble: Trouble::Refused, attempts: 1 }));
        assert_eq!(watch.failed(Trouble::Refused, at(1)), None);
        assert_eq!(watch.failed(Trouble::Refused, at(100)), None);
        assert_eq!(watch.reached(at(107)), Some(News::Up { down: Duration::from_secs(107) }));
        assert_eq!(watch.reached(at(108)), None);
    }

    #[test]
    fn another_reason_is_another_line_but_not_within_ten_seconds() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let at = |secs| start + Duration::from_secs(secs);
        assert!(watch.failed(Trouble::Refused, start).is_some());
        assert_eq!(watch.failed(Trouble::Timeout, at(3)), None);
        assert_eq!(watch.failed(Trouble::Timeout, at(11)), Some(News::Down { trouble: Trouble::Timeout, attempts: 2 }));
    }

    #[test]
    fn flapping_says_no_more_than_a_pair_of_lines_in_ten_seconds() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let lines = (0..1000u64).filter(|n| {
            let now = start + Duration::from_millis(n * 50);
            watch.failed(Trouble::Refused, now).is_some() | watch.reached(now).is_some()
        });
        assert_eq!(lines.count(), 5, "50 s of it");
    }
}
