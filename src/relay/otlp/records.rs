//! Where the records of an envelope are: what a `ResourceSpans` or a `ScopeSpans` holds besides its spans, as stretches of the body.

use super::varint::{key, skip};
use super::{Fault, Limits};

/// The records of a message that are not its list of spans: at most two runs of them (before and after the spans), or
/// `scattered`, and then they are looked up when asked for. So a hostile request cannot make us remember more than it sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Records {
    message: Run,
    first: Run,
    second: Run,
    scattered: bool,
}

/// A stretch of the body, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    pub(super) from: u32,
    pub(super) to: u32,
}

impl Records {
    pub(super) fn new(message: Run) -> Records {
        let none = Run { from: message.from, to: message.from };
        Records { message, first: none, second: none, scattered: false }
    }

    pub(super) fn note(&mut self, run: Run) {
        if self.second.is_empty() && (self.first.is_empty() || self.first.to == run.from) {
            self.first.extend(run);
        } else if self.second.is_empty() || self.second.to == run.from {
            self.second.extend(run);
        } else {
            self.scattered = true;
        }
    }

    pub(super) fn slice<'b>(&self, body: &'b [u8]) -> Option<&'b [u8]> {
        self.second.is_empty().then(|| self.first.of(body))
    }

    /// How many bytes [`Records::copy`] appends.
    pub(super) fn len(&self, body: &[u8], nested: u32) -> usize {
        let mut len = 0;
        if self.scattered {
            // The message has been read once already, so this reading cannot fail.
            let _: Result<(), Fault> = others(self.message.of(body), nested, |record| len += record.len());
        } else {
            len = self.first.of(body).len() + self.second.of(body).len();
        }
        len
    }

    pub(super) fn copy(&self, body: &[u8], nested: u32, out: &mut Vec<u8>) {
        if self.scattered {
            // The message has been read once already, so this reading cannot fail.
            let _: Result<(), Fault> = others(self.message.of(body), nested, |record| out.extend_from_slice(record));
        } else {
            out.extend_from_slice(self.first.of(body));
            out.extend_from_slice(self.second.of(body));
        }
    }
}

fn others<'b>(mut rest: &'b [u8], nested: u32, mut show: impl FnMut(&'b [u8])) -> Result<(), Fault> {
    while !rest.is_empty() {
        let record = rest;
        let field = key(&mut rest)?;
        skip(field, &mut rest, Limits::DEPTH)?;
        if field != nested {
            show(&record[..record.len() - rest.len()]);
        }
    }
    Ok(())
}

impl Run {
    fn is_empty(&self) -> bool {
        self.from == self.to
    }

    fn extend(&mut self, next: Run) {
        *self = if self.is_empty() { next } else { Run { from: self.from, to: next.to } };
    }

    fn of<'b>(&self, body: &'b [u8]) -> &'b [u8] {
        &body[self.from as usize..self.to as usize]
    }
}
