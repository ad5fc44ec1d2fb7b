//! For how long callers have been refused: the clock of the last resort.

use std::time::Duration;

use crate::relay::clock::Tick;

/// Since when callers have been refused, and when the last one was.
#[derive(Debug, Default)]
pub struct Refusing(Option<(Tick, Tick)>);

/// After so long of refusing, the oldest waiting batches are given up.
const EVICT_AFTER: Duration = Duration::from_secs(5);

/// Whoever was refused comes back within this, as told. A longer silence means that refusing had ended.
const CALLERS_RETURN: Duration = Duration::from_secs(3);

impl Refusing {
    /// Another caller is about to be refused. Says whether this has gone on for too long; the time then starts anew.
    pub fn for_too_long(&mut self, now: Tick) -> bool {
        let going_on = self.0.filter(|&(_, last)| now.since(last) <= CALLERS_RETURN);
        let since = going_on.map_or(now, |(since, _)| since);
        let over = EVICT_AFTER <= now.since(since);
        self.0 = (!over).then_some((since, now));
        over
    }

    /// A caller was served who had found no room at first.
    pub fn ended(&mut self) {
        self.0 = None;
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
            times.iter().map(|&time| refusing.for_too_long(MS(time))).collect()
        };
        assert_eq!(asked(&mut refusing, &[0, 2000, 4999, 5000, 5001]), [false, false, false, true, false]);
        assert_eq!(asked(&mut refusing, &[9000, 12_000, 14_000]), [false, false, true], "anew after four seconds");
        assert_eq!(asked(&mut refusing, &[20_000, 22_000]), [false, false]);
        refusing.ended();
        assert_eq!(asked(&mut refusing, &[25_000, 27_000]), [false, false]);
    }
}
