//! A line of traces through the places they already have: joining at the end and leaving from anywhere cost nothing but
//! two numbers in the trace.

use super::Trace;
use crate::relay::slab::{NOWHERE, Slab};

/// A trace's neighbours in a line.
#[derive(Clone, Copy, Debug)]
pub struct Links {
    before: u32,
    after: u32,
    within: bool,
}

impl Default for Links {
    fn default() -> Links {
        Links { before: NOWHERE, after: NOWHERE, within: false }
    }
}

/// The two ends of a line.
#[derive(Debug)]
pub struct Line {
    first: u32,
    last: u32,
}

impl Default for Line {
    fn default() -> Line {
        Line { first: NOWHERE, last: NOWHERE }
    }
}

type Pick = fn(&mut Trace) -> &mut Links;

impl Line {
    /// The place at the head of the line.
    pub fn front(&self) -> Option<u32> {
        (self.first != NOWHERE).then_some(self.first)
    }

    /// Joins at the end. It must not be in the line.
    pub fn push(&mut self, traces: &mut Slab<Trace>, at: u32, pick: Pick) {
        *pick(traces.at_mut(at)) = Links { before: self.last, after: NOWHERE, within: true };
        match self.last {
            NOWHERE => self.first = at,
            last => pick(traces.at_mut(last)).after = at,
        }
        self.last = at;
    }

    /// Leaves the line, if it is in it.
    pub fn remove(&mut self, traces: &mut Slab<Trace>, at: u32, pick: Pick) {
        let links = std::mem::take(pick(traces.at_mut(at)));
        if !links.within {
            return;
        }
        match links.before {
            NOWHERE => self.first = links.after,
            before => pick(traces.at_mut(before)).after = links.after,
        }
        match links.after {
            NOWHERE => self.last = links.before,
            after => pick(traces.at_mut(after)).before = links.before,
        }
    }
}
