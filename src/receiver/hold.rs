//! Hold, then refuse: how a call comes to the bytes that its body needs, and how it is counted when it does not.

use std::time::Duration;

use ::http::HeaderMap;

use crate::driver::Phase;
use crate::receiver::connection::{Door, Visitor};
use crate::receiver::limits::HTTP_HOLD_MAX;
use crate::receiver::status::Denial;
use crate::receiver::{HOP_HEADER, Intake};
use crate::relay::budget::Charge;
use crate::relay::frame::Frame;
use crate::relay::{Transport, TurnedAway};

/// One export call from its head to its answer. Dropped before it was settled, it was cancelled, and is counted so.
pub(super) struct Call<'a, I: Intake> {
    /// The door it came to.
    pub(super) door: &'a Door<I>,
    /// The connection it came on.
    pub(super) visitor: &'a Visitor,
    /// Bytes it had when it ended, or declared as far as one request may go: the word of a peer ruins no sum.
    pub(super) bytes: u64,
    settled: bool,
}

impl<'a, I: Intake> Call<'a, I> {
    /// A call has come.
    pub(super) fn begin(door: &'a Door<I>, visitor: &'a Visitor) -> Call<'a, I> {
        door.traffic.begin();
        visitor.begin();
        Call { door, visitor, bytes: 0, settled: false }
    }

    /// Its head, or the prefix of its message, says so many bytes will come.
    pub(super) fn declares(&mut self, bytes: u64) {
        self.bytes = bytes.min(self.door.options.max_request_size as u64);
    }

    /// Whether the call is taken at all: not when the process is leaving, not when it comes from ourselves.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Denial> {
        if Phase::Closing <= self.door.intake.phase() {
            return Err(Denial::draining());
        }
        let mut hops = headers.get_all(HOP_HEADER).iter();
        match hops.any(|value| came_through(value.as_bytes(), self.door.options.instance.as_bytes())) {
            true => Err(Denial::own_export()),
            false => Ok(()),
        }
    }

    /// Waits for room for `bytes`, at most `patience`; when the process begins to close, no longer.
    pub(super) async fn room(&self, bytes: usize, patience: Duration) -> Result<Charge, Denial> {
        let intake = &self.door.intake;
        tokio::select! {
            biased;
            charge = intake.room(bytes, patience) => charge.ok_or_else(Denial::full),
            () = intake.reached(Phase::Closing) => Err(Denial::draining()),
        }
    }

    /// Gives the body to the relay.
    pub(super) fn admit(&mut self, paid: Paid, transport: Transport) -> Result<crate::driver::Receipt, Denial> {
        use crate::driver::Refusal;
        let (body, charge) = paid.into_parts();
        self.bytes = body.len() as u64;
        self.door.intake.admit(Frame::new(body, charge), transport).map_err(|refusal| match refusal {
            Refusal::Full => Denial::full_after_scan(),
            Refusal::TooLarge => Denial::index_too_large(),
            Refusal::Malformed(message) => Denial::malformed(message),
            Refusal::Draining => Denial::draining(),
        })
    }

    /// The call is answered: counts why, if it was refused.
    pub(super) fn settle(&mut self, denial: Option<&Denial>) {
        self.settled = true;
        if let Some(reason) = denial.and_then(|denial| denial.reason) {
            self.door.intake.turn_away(reason, self.bytes);
        }
    }
}

impl<I: Intake> Drop for Call<'_, I> {
    fn drop(&mut self) {
        if !self.settled {
            self.door.intake.turn_away(TurnedAway::Cancelled, self.bytes);
        }
        self.visitor.end();
        self.door.traffic.end();
    }
}

/// A body that is being gathered, and the charge that pays for all of its capacity.
#[derive(Debug)]
pub(super) struct Paid {
    body: Vec<u8>,
    charge: Charge,
    max: usize,
    scratch: usize,
}

impl Paid {
    /// A body of at most `max` bytes, with as much capacity as `charge` pays for beyond `scratch`: the bytes that whoever
    /// makes the body needs meanwhile.
    pub(super) fn new(charge: Charge, max: usize, scratch: usize) -> Paid {
        let capacity = charge.bytes().saturating_sub(scratch).min(max);
        Paid { body: Vec::with_capacity(capacity), charge, max, scratch }
    }

    /// How long the body is.
    pub(super) fn len(&self) -> usize {
        self.body.len()
    }

    /// Appends `bytes`. A body that outgrows what was charged doubles, without waiting: a call that holds room may not
    /// wait for more.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Denial> {
        let len = self.body.len() + bytes.len();
        if self.max < len {
            return Err(Denial::too_large(self.max));
        }
        if self.body.capacity() < len {
            self.grow(len)?;
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    /// Pays for `more` bytes beside the body.
    pub(super) fn add_scratch(&mut self, more: usize) -> Result<(), Denial> {
        self.pay(more)?;
        self.scratch += more;
        Ok(())
    }

    /// The body and its charge, down to what the body takes.
    pub(super) fn into_parts(mut self) -> (Vec<u8>, Charge) {
        // Shrinking may copy; an eighth is not worth it.
        if self.body.len() / 8 < self.body.capacity() - self.body.len() {
            self.body.shrink_to_fit();
        }
        self.charge.shrink_to(self.body.capacity());
        (self.body, self.charge)
    }

    fn grow(&mut self, len: usize) -> Result<(), Denial> {
        let capacity = self.body.capacity();
        let larger = len.max(capacity.saturating_mul(2)).min(self.max);
        self.pay(larger - capacity)?;
        self.body.reserve_exact(larger - self.body.len());
        Ok(())
    }

    fn pay(&mut self, more: usize) -> Result<(), Denial> {
        if self.charge.grow(more) { Ok(()) } else { Err(Denial::full()) }
    }
}

/// How long a gRPC call may be held: half of what it is ready to wait itself.
pub(super) fn grpc_patience(headers: &HeaderMap, hold: Duration) -> Duration {
    let timeout = headers.get("grpc-timeout").and_then(|value| parse_timeout(value.as_bytes()));
    timeout.map_or(hold, |timeout| hold.min(timeout / 2))
}

/// How long an HTTP call may be held: it does not say how long it is ready to wait.
pub(super) fn http_patience(hold: Duration) -> Duration {
    hold.min(HTTP_HOLD_MAX)
}

/// A `grpc-timeout`: at most eight digits and a unit.
fn parse_timeout(value: &[u8]) -> Option<Duration> {
    let (&unit, digits) = value.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let amount = digits.iter().fold(0u64, |amount, digit| amount * 10 + u64::from(digit - b'0'));
    match unit {
        b'H' => Some(Duration::from_secs(amount * 3600)),
        b'M' => Some(Duration::from_secs(amount * 60)),
        b'S' => Some(Duration::from_secs(amount)),
        b'm' => Some(Duration::from_millis(amount)),
        b'u' => Some(Duration::from_micros(amount)),
        b'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Whether a hop header names `instance`. Exporters of ours name themselves and nobody before them, so a loop through a
/// second relay is not seen here.
fn came_through(value: &[u8], instance: &[u8]) -> bool {
    !instance.is_empty() && value == instance
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::budget::Budget;

    #[test]
    fn a_timeout_is_read_in_every_unit_and_ignored_when_it_is_none() {
        let good =
            [("1H", 3_600_000), ("2M", 120_000), ("10S", 10_000), ("9969m", 9969), ("7000u", 7), ("9000000n", 9)];
        for (text, millis) in good {
            assert_eq!(parse_timeout(text.as_bytes()), Some(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "S", "10", "10s", "-1S", "123456789S", "1 S"] {
            assert_eq!(parse_timeout(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_call_is_held_for_half_of_its_timeout_and_no_longer_than_configured() {
        let hold = Duration::from_secs(5);
        let mut headers = HeaderMap::new();
        assert_eq!(grpc_patience(&headers, hold), hold);
        headers.insert("grpc-timeout", "2S".parse().unwrap());
        assert_eq!(grpc_patience(&headers, hold), Duration::from_secs(1));
        headers.insert("grpc-timeout", "1H".parse().unwrap());
        assert_eq!(grpc_patience(&headers, hold), hold);
        assert_eq!(http_patience(hold), Duration::from_secs(4));
    }

    #[test]
    fn only_our_own_instance_in_the_hop_header_is_a_loop() {
        assert!(came_through(b"me", b"me"));
        for others in ["", "other", "menot", "m"] {
            assert!(!came_through(others.as_bytes(), b"me"), "{others:?}");
        }
        assert!(!came_through(b"", b""), "no instance, no loop");
    }

    #[test]
    fn a_growing_body_pays_for_its_capacity_before_it_has_it() {
        let budget = Budget::new(1000);
        let mut paid = Paid::new(budget.charge(110).unwrap(), 500, 10);
        paid.put(&[1; 100]).unwrap();
        assert_eq!(budget.charged(), 110, "the first hundred were paid for");
        paid.put(&[2; 1]).unwrap();
        assert_eq!(budget.charged(), 210);
        paid.put(&[3; 300]).unwrap();
        assert!(paid.put(&[4; 100]).is_err_and(|denial| denial.retry.is_none()), "501 bytes are too large");
        let (body, charge) = paid.into_parts();
        assert_eq!((body.len(), body.capacity(), charge.bytes()), (401, 401, 401));
        drop(charge);
        assert_eq!(budget.charged(), 0);
    }

    #[test]
    fn a_growing_body_without_room_is_refused_at_once_and_told_when_to_come_back() {
        let budget = Budget::new(150);
        let mut paid = Paid::new(budget.charge(100).unwrap(), 500, 0);
        paid.put(&[1; 100]).unwrap();
        assert!(paid.put(&[2; 1]).is_err_and(|denial| denial.retry.is_some()));
        drop(paid);
        assert_eq!(budget.charged(), 0);
    }
}
