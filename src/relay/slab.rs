//! Numbered places for many small things. Places come in chunks, so growing never copies and costs no more than one
//! chunk beyond what is in use; a place keeps its number for as long as it is taken.

/// Things at numbered places.
#[derive(Debug)]
pub struct Slab<T> {
    chunks: Vec<Vec<Place<T>>>,
    free: u32,
    taken: usize,
}

#[derive(Debug)]
enum Place<T> {
    Taken(T),
    Free { next: u32 },
}

/// No place: the end of a list of places.
pub const NOWHERE: u32 = u32::MAX;

const CHUNK: usize = 512;

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { chunks: Vec::new(), free: NOWHERE, taken: 0 }
    }
}

impl<T> Slab<T> {
    /// What one place costs, in bytes.
    pub const PLACE_COST: usize = size_of::<Place<T>>();

    /// Puts `thing` at a place and says which; places are reused, the last one given back first.
    pub fn insert(&mut self, thing: T) -> u32 {
        self.taken += 1;
        if self.free != NOWHERE {
            let at = self.free;
            let place = self.place(at);
            if let Place::Free { next } = *place {
                *place = Place::Taken(thing);
                self.free = next;
                return at;
            }
            unreachable!("the free list holds free places only");
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let last = self.chunks.len() - 1;
        self.chunks[last].push(Place::Taken(thing));
        let at = last * CHUNK + self.chunks[last].len() - 1;
        assert!(at < NOWHERE as usize, "the budget ends long before the numbers do");
        at as u32
    }

    /// Takes the thing at `at` away. It must be there.
    pub fn remove(&mut self, at: u32) -> T {
        let next = self.free;
        match std::mem::replace(self.place(at), Place::Free { next }) {
            Place::Taken(thing) => {
                self.free = at;
                self.taken -= 1;
                thing
            }
            Place::Free { .. } => unreachable!("place {at} was free already"),
        }
    }

    /// The thing at `at`, if one is there.
    pub fn get(&self, at: u32) -> Option<&T> {
        match self.chunks.get(at as usize / CHUNK)?.get(at as usize % CHUNK)? {
            Place::Taken(thing) => Some(thing),
            Place::Free { .. } => None,
        }
    }

    /// The thing at `at`. It must be there.
    pub fn at(&self, at: u32) -> &T {
        self.get(at).expect("a place is free only when nothing names it")
    }

    /// The thing at `at`, to change. It must be there.
    pub fn at_mut(&mut self, at: u32) -> &mut T {
        match self.place(at) {
            Place::Taken(thing) => thing,
            Place::Free { .. } => unreachable!("a place is free only when nothing names it"),
        }
    }

    /// How many places are taken.
    pub fn len(&self) -> usize {
        self.taken
    }

    /// Whether no place is taken.
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// Bytes allocated for places, taken or free.
    pub fn allocated(&self) -> usize {
        self.chunks.len() * CHUNK * Self::PLACE_COST
    }

    fn place(&mut self, at: u32) -> &mut Place<T> {
        &mut self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_reused_only_after_it_was_given_back() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_ne!(a, b);
        assert_eq!(slab.remove(a), 'a');
        assert_eq!((slab.get(a), slab.len()), (None, 1));
        assert_eq!(slab.insert('c'), a);
        assert_eq!((slab.at(a), slab.at(b)), (&'c', &'b'));
    }

    #[test]
    fn growing_costs_at_most_one_chunk_more_than_is_used() {
        let mut slab = Slab::default();
        for number in 0..10_000_u64 {
            assert_eq!(slab.insert(number), number as u32);
        }
        assert!(slab.allocated() <= (10_000 + CHUNK) * Slab::<u64>::PLACE_COST);
        assert_eq!(*slab.at(9_999), 9_999);
        *slab.at_mut(9_999) = 1;
        assert_eq!(slab.remove(9_999), 1);
    }
}
