//! Whether this pod speaks with one voice. A span's remote parent, or a remote child, may live in another process behind
//! the same relay, whose spans come later; only where one `service.name` alone is heard may a trace be decided early.

use std::time::Duration;

use crate::relay::clock::Tick;

/// The two service names heard most lately, as hashes.
#[derive(Debug, Default)]
pub struct Siblings {
    since: Option<Tick>,
    last: Option<(u64, Tick)>,
    other: Option<Tick>,
}

/// For so long after the first span a sibling may not have spoken yet. Longer than any SDK's export interval in use.
pub const SETTLING: Duration = Duration::from_secs(60);

/// For so long a second name is remembered: an idle sibling may speak again at any time.
pub const REMEMBERED: Duration = Duration::from_secs(3600);

impl Siblings {
    /// A span of `service` came.
    pub fn heard(&mut self, service: u64, now: Tick) {
        self.since.get_or_insert(now);
        match &mut self.last {
            Some((name, heard)) if *name == service => *heard = now,
            last => {
                self.other = last.map(|(_, heard)| heard).or(self.other);
                *last = Some((service, now));
            }
        }
    }

    /// Whether no second name was heard within [`REMEMBERED`].
    pub fn alone(&self, now: Tick) -> bool {
        self.other.is_none_or(|heard| heard.after(REMEMBERED) <= now)
    }

    /// Whether a sibling would have been heard by now.
    pub fn settled(&self, now: Tick) -> bool {
        self.since.is_some_and(|since| since.after(SETTLING) <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Tick = |seconds| Tick::from_millis(seconds * 1000);

    #[test]
    fn one_name_is_alone_and_two_are_not_for_an_hour() {
        let mut siblings = Siblings::default();
        siblings.heard(1, S(0));
        siblings.heard(1, S(5));
        assert!(siblings.alone(S(5)));
        siblings.heard(2, S(10));
        assert!(!siblings.alone(S(10)));
        siblings.heard(1, S(20));
        siblings.heard(1, S(3609));
        assert!(!siblings.alone(S(3609)), "the second name was heard at 10 s");
        assert!(siblings.alone(S(3610)));
    }

    #[test]
    fn the_first_minute_proves_nothing() {
        let mut siblings = Siblings::default();
        assert!(!siblings.settled(S(100)));
        siblings.heard(1, S(100));
        assert!(!siblings.settled(S(159)));
        assert!(siblings.settled(S(160)));
    }
}
