//! For how long callers have been refused: the clock of the last resort.

use std::time::Duration;

use crate::relay::clock::Tick;

/// Since when there was no room for anybody.
#[derive(Debug, Default)]
pub struct Refusing {
    /// When the first of those who were refused began to wait, and when the last of them was refused.
    going_on: Option<(Tick, Tick)>,
    /// When a caller who had found no room at first was served last.
    served: Tick,
}

/// After so long without room for anybody, the oldest waiting batches are given up.
const EVICT_AFTER: Duration = Duration::from_secs(5);

/// Whoever was refused comes back within this, as told, and is held again. If nobody does, refusing had ended.
const CALLERS_RETURN: Duration = Duration::from_secs(3);

impl Refusing {
    /// A caller who has waited in vain since `began` is about to be refused. Says whether this has gone on for too long; the
    /// time then starts anew. Callers who are held are refused long after one another, so what counts is when each began
    /// to wait.
    pub fn for_too_long(&mut self, began: Tick, now: Tick) -> bool {
        let began = began.max(self.served);
        let since = match self.going_on {
            Some((since, last)) if began.since(last) <= CALLERS_RETURN => since.min(began),
            Some(_) | None => began,
        };
        let over = EVICT_AFTER <= now.since(since);
        self.going_on = (!over).then_some((since, now));
        over
    }

    /// A caller was served who had found no room at first.
    pub fn ended(&mut self, now: Tick) {
        (self.going_on, self.served) = (None, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Tick = Tick::from_millis;

    #[test]
    fn five_seconds_of_refusing_are_too_long_unless_callers_stayed_away_or_were_served() {
        let mut refusing = Refusing::default();
        let asked = |refusing: &mut Refusing, times: &[u64]| -> Vec<bool> {
            times.iter().map(|&time| refusing.for_too_long(MS(time), MS(time))).collect()
        };
        assert_eq!(asked(&mut refusing, &[0, 2000, 4999, 5000, 5001]), [false, false, false, true, false]);
        assert_eq!(asked(&mut refusing, &[9000, 12_000, 14_000]), [false, false, true], "anew after four seconds");
        assert_eq!(asked(&mut refusing, &[20_000, 22_000]), [false, false]);
        refusing.ended(MS(23_000));
        assert_eq!(asked(&mut refusing, &[25_000, 27_000]), [false, false]);
    }

    #[test]
    fn the_time_a_caller_was_held_counts_but_not_what_lies_before_somebody_was_served() {
        let mut refusing = Refusing::default();
        assert!(!refusing.for_too_long(MS(0), MS(4000)));
        assert!(refusing.for_too_long(MS(6000), MS(10_000)), "it came back within three seconds");
        refusing.ended(MS(14_000));
        assert!(!refusing.for_too_long(MS(11_000), MS(18_000)), "somebody was served four seconds ago");
    }
}
