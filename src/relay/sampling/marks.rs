//! Marks: which questions about attributes have been answered with yes, as a set of small numbers. Up to 64 of them
//! need no memory of their own, which is more than nearly every configuration asks.

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    first: u64,
    /// Numbers from 64 on. In a vector behind a box, so that a trace that needs none pays for one pointer.
    #[allow(clippy::box_collection)]
    more: Option<Box<Vec<u64>>>,
}

impl Marks {
    /// No numbers.
    pub const NONE: Marks = Marks { first: 0, more: None };

    /// Adds what is in `other`.
    pub fn join(&mut self, other: &Marks) {
        self.first |= other.first;
        for (place, &word) in other.more.iter().flat_map(|more| more.iter()).enumerate() {
            if word != 0 {
                *self.word(place) |= word;
            }
        }
    }

    /// Whether `number` is in it.
    pub fn has(&self, number: usize) -> bool {
        let word = match (number / 64).checked_sub(1) {
            None => self.first,
            Some(place) => self.more.as_ref().and_then(|more| more.get(place)).copied().unwrap_or(0),
        };
        word >> (number % 64) & 1 == 1
    }

    /// Puts `number` in, or takes it out.
    pub fn set(&mut self, number: usize, within: bool) {
        if self.has(number) == within {
            return;
        }
        let mask = 1 << (number % 64);
        match (number / 64).checked_sub(1) {
            None => self.first ^= mask,
            Some(place) => *self.word(place) ^= mask,
        }
    }

    fn word(&mut self, place: usize) -> &mut u64 {
        let more = self.more.get_or_insert_default();
        if more.len() <= place {
            more.resize(place + 1, 0);
        }
        &mut more[place]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn marks_are_a_set_of_numbers(steps in proptest::collection::vec((0..300_usize, any::<bool>()), 0..40)) {
            let (mut marks, mut joined, mut model) = (Marks::NONE, Marks::NONE, BTreeSet::new());
            for (number, within) in steps {
                marks.set(number, within);
                if within { model.insert(number) } else { model.remove(&number) };
            }
            prop_assert!((0..400).all(|number| marks.has(number) == model.contains(&number)));
            joined.set(5, true);
            joined.set(200, true);
            joined.join(&marks);
            model.extend([5, 200]);
            prop_assert!((0..400).all(|number| joined.has(number) == model.contains(&number)));
        }
    }

    #[test]
    fn few_numbers_need_no_memory_of_their_own() {
        let (mut marks, mut other) = (Marks::NONE, Marks::NONE);
        marks.set(63, true);
        other.set(100, false);
        marks.join(&other);
        assert!(marks.more.is_none());
        assert_eq!(size_of::<Marks>(), 16);
    }
}
