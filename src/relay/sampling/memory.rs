//! Decisions remembered for spans that come late, bounded in number; the oldest is forgotten first.

use std::collections::VecDeque;

use hashbrown::HashTable;

use crate::relay::hash::Keyed;
use crate::relay::otlp::TraceId;
use crate::relay::sampling::ratio::Threshold;

/// What was decided of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Kept, with the threshold that its spans are stamped with.
    Kept {
        /// 56 bits.
        threshold: Threshold,
    },
    /// Let go.
    Released,
}

/// What one decision costs, in bytes: its line and its place in the index, each when it has just doubled.
pub const ENTRY_COST: usize = 2 * size_of::<(TraceId, Decision)>() + 24;

/// The decisions made last.
#[derive(Debug)]
pub struct Memory {
    entries_max: usize,
    keyed: Keyed,
    line: VecDeque<(TraceId, Decision)>,
    /// Places in the line, counted from the first decision ever made, wrapping.
    index: HashTable<u32>,
    forgotten: u32,
}

impl Memory {
    /// Remembers at most `entries_max` decisions.
    pub fn new(entries_max: usize, secret: [u64; 2]) -> Memory {
        let entries_max = entries_max.clamp(1, (u32::MAX / 4) as usize);
        let (line, index) = (VecDeque::new(), HashTable::new());
        Memory { entries_max, keyed: Keyed::new(secret), line, index, forgotten: 0 }
    }

    /// Remembers a decision, the last one if there were several for this trace.
    pub fn remember(&mut self, id: TraceId, decision: Decision) {
        if let Some(at) = self.find(&id) {
            self.line[at].1 = decision;
            return;
        }
        if self.entries_max <= self.line.len() {
            self.forget_oldest();
        }
        let number = self.forgotten.wrapping_add(self.line.len() as u32);
        self.line.push_back((id, decision));
        let (line, keyed, forgotten) = (&self.line, &self.keyed, self.forgotten);
        let rehash = |&number: &u32| keyed.trace(&line[number.wrapping_sub(forgotten) as usize].0);
        self.index.insert_unique(keyed.trace(&id), number, rehash);
    }

    /// What was decided of a trace, if it is remembered.
    pub fn recall(&self, id: &TraceId) -> Option<Decision> {
        self.find(id).map(|at| self.line[at].1)
    }

    /// How many decisions are remembered.
    pub fn len(&self) -> usize {
        self.line.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    fn find(&self, id: &TraceId) -> Option<usize> {
        let at = |number: u32| number.wrapping_sub(self.forgotten) as usize;
        self.index.find(self.keyed.trace(id), |&number| self.line[at(number)].0 == *id).map(|&number| at(number))
    }

    fn forget_oldest(&mut self) {
        let Some(&(id, _)) = self.line.front() else { return };
        if let Ok(entry) = self.index.find_entry(self.keyed.trace(&id), |&number| number == self.forgotten) {
            entry.remove();
        }
        self.line.pop_front();
        self.forgotten = self.forgotten.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> TraceId {
        let mut bytes = [7; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        TraceId::new(&bytes).expect("not all zero")
    }

    #[test]
    fn the_oldest_decision_is_forgotten_first() {
        let mut memory = Memory::new(3, [1, 2]);
        let kept = Decision::Kept { threshold: Threshold::ALL };
        (0..5).for_each(|number| memory.remember(id(number), if number == 3 { kept } else { Decision::Released }));
        let recalled: Vec<_> = (0..5).map(|number| memory.recall(&id(number))).collect();
        assert_eq!(recalled, [None, None, Some(Decision::Released), Some(kept), Some(Decision::Released)]);
        assert_eq!(memory.len(), 3);
    }

    #[test]
    fn a_second_decision_replaces_the_first() {
        let mut memory = Memory::new(3, [1, 2]);
        memory.remember(id(1), Decision::Released);
        memory.remember(id(1), Decision::Kept { threshold: Threshold::ALL });
        assert_eq!((memory.recall(&id(1)), memory.len()), (Some(Decision::Kept { threshold: Threshold::ALL }), 1));
    }

    #[test]
    fn many_more_than_fit_cost_no_more_than_is_charged() {
        for entries in [1_000_usize, 1_025, 100_000] {
            let mut memory = Memory::new(entries, [1, 2]);
            (0..3 * entries as u32).for_each(|number| memory.remember(id(number), Decision::Released));
            let line = memory.line.capacity() * size_of::<(TraceId, Decision)>();
            assert!(line + memory.index.allocation_size() <= entries * ENTRY_COST, "{entries}");
        }
    }
}
