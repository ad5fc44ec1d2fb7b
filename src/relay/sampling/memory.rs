//! Decisions remembered for spans that come late, bounded in number; the oldest is forgotten first.
//!
//! A decision takes 25 bytes in a line of fixed chunks, which grows and shrinks without copying, and its place in an
//! index. Nothing is allocated before the first decision.

use std::collections::VecDeque;

use hashbrown::HashTable;

use crate::relay::hash::Keyed;
use crate::relay::otlp::TraceId;
use crate::relay::sampling::threshold::Threshold;

/// What was decided of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Kept.
    Kept {
        /// The policy that got the credit; there are fewer than 65,535 of them.
        policy: u16,
        /// What its spans are stamped with.
        threshold: Threshold,
    },
    /// Let go.
    Released,
}

/// What one decision costs, in bytes: its line, and its places in the index at its emptiest while a larger one is being
/// made. Below a few hundred decisions a started chunk costs more than they do, at most a chunk of them.
pub const ENTRY_COST: usize = size_of::<Entry>() + 31;

/// Decisions in one chunk of the line.
const CHUNK: usize = 128;

/// The decisions made last.
#[derive(Debug)]
pub struct Memory {
    entries_max: usize,
    keyed: Keyed,
    /// The decisions in the order in which they were made; all chunks but the last are full.
    line: VecDeque<Vec<Entry>>,
    /// Numbers of decisions, counted from the first one ever made, wrapping.
    index: HashTable<u32>,
    /// The number of the first decision of the first chunk.
    base: u32,
    /// How many of the first chunk are forgotten.
    gone: usize,
}

/// A decision as it is kept: nothing in it needs alignment.
#[derive(Clone, Copy, Debug)]
struct Entry {
    id: TraceId,
    /// The policy, or [`RELEASED`].
    policy: [u8; 2],
    /// The 56 bits of the threshold.
    threshold: [u8; 7],
}

const RELEASED: u16 = u16::MAX;

const _: () = assert!(size_of::<Entry>() == 25);

impl Entry {
    fn new(id: TraceId, decision: Decision) -> Entry {
        let (policy, threshold) = match decision {
            Decision::Kept { policy, threshold } => (policy.min(RELEASED - 1), threshold.bits()),
            Decision::Released => (RELEASED, 0),
        };
        let [_, threshold @ ..] = threshold.to_be_bytes();
        Entry { id, policy: policy.to_be_bytes(), threshold }
    }

    fn decision(&self) -> Decision {
        let [a, b, c, d, e, f, g] = self.threshold;
        match (u16::from_be_bytes(self.policy), Threshold::new(u64::from_be_bytes([0, a, b, c, d, e, f, g]))) {
            (RELEASED, _) | (_, None) => Decision::Released,
            (policy, Some(threshold)) => Decision::Kept { policy, threshold },
        }
    }
}

impl Memory {
    /// Remembers at most `entries_max` decisions, and at least one. The secret keeps those who choose trace ids from
    /// choosing where they collide.
    pub fn new(entries_max: usize, secret: [u64; 2]) -> Memory {
        let entries_max = entries_max.clamp(1, (u32::MAX / 4) as usize);
        let (line, index) = (VecDeque::new(), HashTable::new());
        Memory { entries_max, keyed: Keyed::new(secret), line, index, base: 0, gone: 0 }
    }

    /// Remembers a decision. If there was one for this trace, this one takes its place and its age.
    pub fn remember(&mut self, id: TraceId, decision: Decision) {
        let hash = self.keyed.trace(&id);
        let entry = Entry::new(id, decision);
        if let Some(number) = self.find(hash, &id) {
            let (chunk, at) = place(self.base, number);
            self.line[chunk][at] = entry;
            return;
        }
        if self.entries_max <= self.len() {
            self.forget_oldest();
        }
        let number = self.push(entry);
        let (line, keyed, base) = (&self.line, &self.keyed, self.base);
        let rehash = |&number: &u32| keyed.trace(&entry_of(line, base, number).id);
        self.index.insert_unique(hash, number, rehash);
    }

    /// What was decided of a trace, if it is remembered.
    pub fn recall(&self, id: &TraceId) -> Option<Decision> {
        if self.index.is_empty() {
            return None;
        }
        let number = self.find(self.keyed.trace(id), id)?;
        Some(entry_of(&self.line, self.base, number).decision())
    }

    /// How many decisions are remembered.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    fn find(&self, hash: u64, id: &TraceId) -> Option<u32> {
        self.index.find(hash, |&number| entry_of(&self.line, self.base, number).id == *id).copied()
    }

    /// Puts an entry at the end of the line, and says its number.
    fn push(&mut self, entry: Entry) -> u32 {
        if self.line.back().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.line.push_back(Vec::with_capacity(CHUNK));
        }
        let chunks_before = self.line.len() - 1;
        let chunk = self.line.back_mut().expect("one was pushed if there was none with room");
        chunk.push(entry);
        self.base.wrapping_add((chunks_before * CHUNK + chunk.len() - 1) as u32)
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.line.front().and_then(|chunk| chunk.get(self.gone)) else { return };
        let number = self.base.wrapping_add(self.gone as u32);
        if let Ok(entry) = self.index.find_entry(self.keyed.trace(&oldest.id), |&other| other == number) {
            entry.remove();
        }
        self.gone += 1;
        if self.gone == CHUNK {
            self.line.pop_front();
            self.base = self.base.wrapping_add(CHUNK as u32);
            self.gone = 0;
        }
    }
}

fn place(base: u32, number: u32) -> (usize, usize) {
    let at = number.wrapping_sub(base) as usize;
    (at / CHUNK, at % CHUNK)
}

fn entry_of(line: &VecDeque<Vec<Entry>>, base: u32, number: u32) -> &Entry {
    let (chunk, at) = place(base, number);
    &line[chunk][at]
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn id(number: u32) -> TraceId {
        let mut bytes = [7; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        TraceId::new(&bytes).expect("not all zero")
    }

    fn kept(policy: u16, bits: u64) -> Decision {
        Decision::Kept { policy, threshold: Threshold::new(bits).expect("56 bits") }
    }

    /// What is allocated, in bytes: all chunks, the line that holds them, and the index.
    fn allocated(memory: &Memory) -> usize {
        let chunks: usize = memory.line.iter().map(|chunk| chunk.capacity() * size_of::<Entry>()).sum();
        chunks + memory.line.capacity() * size_of::<Vec<Entry>>() + memory.index.allocation_size()
    }

    #[test]
    fn the_oldest_decision_is_forgotten_first() {
        let mut memory = Memory::new(3, [1, 2]);
        (0..5).for_each(|number| memory.remember(id(number), kept(number as u16, 0)));
        let recalled: Vec<_> = (0..5).map(|number| memory.recall(&id(number))).collect();
        assert_eq!(recalled, [None, None, Some(kept(2, 0)), Some(kept(3, 0)), Some(kept(4, 0))]);
        assert_eq!(memory.len(), 3);
    }

    #[test]
    fn a_decision_is_recalled_as_it_was_made() {
        let mut memory = Memory::new(10, [1, 2]);
        let decisions = [kept(0, 0), kept(65_534, (1 << 56) - 1), kept(300, 0x00e6_6600_0000_0000), Decision::Released];
        for (number, decision) in decisions.iter().enumerate() {
            memory.remember(id(number as u32), *decision);
        }
        let recalled: Vec<_> = (0..4).filter_map(|number| memory.recall(&id(number))).collect();
        assert_eq!(recalled, decisions);
    }

    #[test]
    fn a_second_decision_replaces_the_first_and_is_as_old() {
        let mut memory = Memory::new(2, [1, 2]);
        memory.remember(id(1), Decision::Released);
        memory.remember(id(2), Decision::Released);
        memory.remember(id(1), kept(3, 4));
        assert_eq!((memory.recall(&id(1)), memory.len()), (Some(kept(3, 4)), 2));
        memory.remember(id(3), Decision::Released);
        assert_eq!(memory.recall(&id(1)), None);
    }

    #[test]
    fn nothing_is_allocated_before_the_first_decision() {
        assert_eq!(allocated(&Memory::new(1_000_000, [1, 2])), 0);
    }

    #[test]
    fn decisions_never_cost_more_than_is_charged() {
        for entries in [1_000_usize, 10_000, 100_000] {
            let mut memory = Memory::new(entries, [1, 2]);
            // While it grows, the new index stands beside the old one for a moment.
            for number in 0..3 * entries as u32 {
                let before = memory.index.allocation_size();
                memory.remember(id(number), Decision::Released);
                let after = memory.index.allocation_size();
                let peak = allocated(&memory) + if before == after { 0 } else { before };
                let fixed = 2 * CHUNK * size_of::<Entry>();
                let charged = memory.len() * ENTRY_COST + fixed;
                assert!(peak <= charged, "{number} of {entries}: {peak} > {charged}, index {before} -> {after}");
            }
            assert_eq!(memory.len(), entries);
            assert!(allocated(&memory) <= entries * ENTRY_COST, "{entries}: {}", allocated(&memory) / entries);
        }
    }

    proptest! {
        #[test]
        fn it_is_a_list_that_forgets_its_beginning(
            entries_max in 1..400_usize,
            steps in proptest::collection::vec((0..600_u32, 0..4_u16), 0..1500),
        ) {
            let mut memory = Memory::new(entries_max, [3, 4]);
            let mut model: VecDeque<(u32, u16)> = VecDeque::new();
            for &(number, policy) in &steps {
                memory.remember(id(number), kept(policy, 0));
                match model.iter_mut().find(|(known, _)| *known == number) {
                    Some(entry) => entry.1 = policy,
                    None => {
                        if model.len() == entries_max {
                            model.pop_front();
                        }
                        model.push_back((number, policy));
                    }
                }
            }
            prop_assert_eq!(memory.len(), model.len());
            for number in 0..600 {
                let known = model.iter().find(|(known, _)| *known == number).map(|&(_, policy)| kept(policy, 0));
                prop_assert_eq!(memory.recall(&id(number)), known);
            }
        }
    }
}
