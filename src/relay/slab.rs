//! Numbered places for many small things. Places come in chunks, so growing never copies; a place keeps its number for as
//! long as it is taken. The lowest chunk with room fills first, so that what grew in a burst drains from above, and a
//! chunk that has drained is given back.

/// Things at numbered places.
#[derive(Debug)]
pub struct Slab<T> {
    chunks: Vec<Chunk<T>>,
    /// A bit for each chunk that is allocated and has room.
    roomy: Vec<u64>,
    /// No word of `roomy` before this one has a bit.
    lowest: usize,
    taken: usize,
    allocated: usize,
}

/// Places next to one another; none when nothing is allocated for them.
#[derive(Debug)]
struct Chunk<T> {
    places: Vec<Place<T>>,
    free: u32,
    taken: u32,
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
        Slab { chunks: Vec::new(), roomy: Vec::new(), lowest: 0, taken: 0, allocated: 0 }
    }
}

impl<T> Slab<T> {
    /// What one place costs, in bytes.
    pub const PLACE_COST: usize = size_of::<Place<T>>() + size_of::<Chunk<T>>().div_ceil(CHUNK / 2);

    /// Free places that nobody pays for, so that a slab that is nearly empty does not come and go.
    pub const SPARE: usize = 2 * CHUNK;

    /// Puts `thing` at a place and says which.
    pub fn insert(&mut self, thing: T) -> u32 {
        self.taken += 1;
        let number = self.chunk_with_room();
        let chunk = &mut self.chunks[number];
        chunk.taken += 1;
        let within = match chunk.free {
            NOWHERE => {
                chunk.places.push(Place::Taken(thing));
                chunk.places.len() - 1
            }
            free => {
                let place = std::mem::replace(&mut chunk.places[free as usize], Place::Taken(thing));
                let Place::Free { next } = place else { unreachable!("the free list holds free places only") };
                chunk.free = next;
                free as usize
            }
        };
        if chunk.taken as usize == CHUNK {
            self.set_roomy(number, false);
        }
        let at = number * CHUNK + within;
        assert!(at < NOWHERE as usize, "the budget ends long before the numbers do");
        at as u32
    }

    /// Takes the thing at `at` away. It must be there.
    pub fn remove(&mut self, at: u32) -> T {
        let (number, within) = (at as usize / CHUNK, at as usize % CHUNK);
        let chunk = &mut self.chunks[number];
        let Place::Taken(thing) = std::mem::replace(&mut chunk.places[within], Place::Free { next: chunk.free }) else {
            unreachable!("place {at} was free already")
        };
        chunk.free = within as u32;
        chunk.taken -= 1;
        self.taken -= 1;
        let empty = chunk.taken == 0 && Self::SPARE <= self.allocated - self.taken;
        if empty {
            *chunk = Chunk::default();
            self.allocated -= CHUNK;
        }
        self.set_roomy(number, !empty);
        thing
    }

    /// The thing at `at`, if one is there.
    pub fn get(&self, at: u32) -> Option<&T> {
        match self.chunks.get(at as usize / CHUNK)?.places.get(at as usize % CHUNK)? {
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
        match &mut self.chunks[at as usize / CHUNK].places[at as usize % CHUNK] {
            Place::Taken(thing) => thing,
            Place::Free { .. } => unreachable!("a place is free only when nothing names it"),
        }
    }

    /// Everything that is here, to change, in the order of the places.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let places = self.chunks.iter_mut().flat_map(|chunk| chunk.places.iter_mut());
        places.filter_map(|place| match place {
            Place::Taken(thing) => Some(thing),
            Place::Free { .. } => None,
        })
    }

    /// How many places are taken.
    pub fn len(&self) -> usize {
        self.taken
    }

    /// Whether no place is taken.
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// How many places are to be paid for: those taken, and the free ones beyond [`Slab::SPARE`]. Taking a place never
    /// makes this grow by more than one.
    pub fn owed(&self) -> usize {
        self.taken.max(self.allocated.saturating_sub(Self::SPARE))
    }

    /// Places allocated, taken or free.
    #[cfg(test)]
    pub fn allocated(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.places.capacity()).sum()
    }

    /// The lowest chunk that has room. More is allocated only when there is none.
    fn chunk_with_room(&mut self) -> usize {
        let words = self.roomy[self.lowest..].iter();
        self.lowest += words.take_while(|&&word| word == 0).count();
        match self.roomy.get(self.lowest) {
            Some(word) => self.lowest * 64 + word.trailing_zeros() as usize,
            None => self.allocate(),
        }
    }

    /// Allocates a chunk, the lowest one that is not.
    fn allocate(&mut self) -> usize {
        let gone = self.chunks.iter().position(|chunk| chunk.places.capacity() == 0);
        let number = gone.unwrap_or(self.chunks.len());
        if number == self.chunks.len() {
            self.chunks.push(Chunk::default());
            self.roomy.resize(self.chunks.len().div_ceil(64), 0);
        }
        self.chunks[number].places.reserve_exact(CHUNK);
        self.allocated += CHUNK;
        self.set_roomy(number, true);
        number
    }

    fn set_roomy(&mut self, chunk: usize, roomy: bool) {
        let (word, bit) = (chunk / 64, 1 << (chunk % 64));
        match roomy {
            true => {
                self.roomy[word] |= bit;
                self.lowest = self.lowest.min(word);
            }
            false => self.roomy[word] &= !bit,
        }
    }
}

impl<T> Default for Chunk<T> {
    fn default() -> Chunk<T> {
        Chunk { places: Vec::new(), free: NOWHERE, taken: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(things: u32) -> Slab<u32> {
        let mut slab = Slab::default();
        for number in 0..things {
            assert_eq!(slab.insert(number), number);
        }
        slab
    }

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
        let mut slab = filled(10_000);
        assert!(slab.allocated() <= 10_000 + CHUNK);
        assert_eq!((slab.owed(), *slab.at(9_999)), (10_000, 9_999));
        *slab.at_mut(9_999) = 1;
        assert_eq!(slab.remove(9_999), 1);
    }

    #[test]
    fn what_has_drained_is_given_back_and_its_numbers_are_used_again() {
        let mut slab = filled(200 * CHUNK as u32);
        for at in (0..200 * CHUNK as u32).rev() {
            slab.remove(at);
        }
        assert!(slab.allocated() <= Slab::<u32>::SPARE, "{} places", slab.allocated());
        assert_eq!(slab.owed(), 0);
        let again = (0..2000).map(|number| slab.insert(number)).filter(|&at| at < 2000).count();
        assert!(1000 < again && slab.allocated() <= 2000 + CHUNK, "{again} places used again");
        assert_eq!(slab.iter_mut().map(|number| *number).sum::<u32>(), 1999 * 1000);
    }

    #[test]
    fn the_lowest_room_is_taken_first_so_that_the_highest_drains() {
        let mut slab = filled(100 * CHUNK as u32);
        for at in (0..50 * CHUNK as u32).step_by(2) {
            slab.remove(at);
        }
        // What is far up goes, one by one, while others come: they find their places below.
        for at in (75 * CHUNK as u32..100 * CHUNK as u32).rev() {
            slab.remove(at);
            assert!(slab.insert(at) < 100 * CHUNK as u32);
        }
        assert!(slab.allocated() <= 76 * CHUNK, "{} chunks", slab.allocated() / CHUNK);
    }

    #[test]
    fn whatever_comes_and_goes_all_that_is_allocated_is_owed_but_the_spare() {
        let (mut slab, mut held, mut state) = (Slab::default(), Vec::new(), 1_u64);
        for step in 0..60_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let before = slab.owed();
            // Waves: at first more come than go, then more go than come; from anywhere, or the oldest first.
            let (coming, oldest_first) = (step / 10_000 % 2 == 0, step / 20_000 % 2 == 0);
            match held.is_empty() || (state >> 33) % 10 < if coming { 7 } else { 3 } {
                true => held.push((slab.insert(step), step)),
                false => {
                    let place = if oldest_first { 0 } else { (state >> 40) as usize % held.len() };
                    let (at, thing) = held.remove(place);
                    assert_eq!(slab.remove(at), thing);
                }
            }
            assert!(slab.allocated() <= slab.owed() + Slab::<u64>::SPARE);
            assert!(slab.len() <= slab.owed() && slab.owed() <= before + 1);
        }
        assert!(held.iter().all(|(at, thing)| slab.at(*at) == thing));
    }
}
