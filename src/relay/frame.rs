//! One request's body and the charge that pays for it, inseparable until its last slice is gone.

use bytes::Bytes;

use crate::relay::budget::Charge;

/// A request's OTLP bytes. Slices of it keep the whole body, and so the whole charge, alive.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: Bytes,
    charged: usize,
}

struct Paid {
    body: Vec<u8>,
    _charge: Charge,
}

impl AsRef<[u8]> for Paid {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Frame {
    /// Binds `body` to the charge that pays for it: at least the body's capacity in bytes.
    pub fn new(body: Vec<u8>, charge: Charge) -> Frame {
        debug_assert!(body.len() <= charge.bytes(), "a body of {} bytes on {}", body.len(), charge.bytes());
        let charged = charge.bytes();
        Frame { bytes: Bytes::from_owner(Paid { body, _charge: charge }), charged }
    }

    /// What is paid for the body, in bytes: all that comes back with its last slice.
    pub fn charged(&self) -> usize {
        self.charged
    }

    /// The bytes; a slice of them keeps the charge.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::budget::Budget;

    #[test]
    fn the_last_slice_gives_the_charge_back() {
        let budget = Budget::new(8);
        let charge = budget.charge(8).expect("it fits");
        let frame = Frame::new(vec![7; 8], charge);
        let slice = frame.bytes().slice(3..4);
        drop(frame);
        assert_eq!(budget.charged(), 8, "a slice of one byte holds all eight");
        drop(slice);
        assert_eq!(budget.charged(), 0);
    }
}
