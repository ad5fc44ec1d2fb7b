//! The queue's promises: room, order, waiting, giving up.

use super::*;
use crate::relay::custody::{Cause, Fate, Ledger};

const MS: fn(u64) -> Tick = Tick::from_millis;

struct World {
    ledger: Ledger,
    queue: Queue,
}

impl World {
    fn new(size_max: usize, batches_max: usize) -> World {
        let options = Options { size_max, batches_max, age_max: Duration::from_secs(60), delays: Delays::default() };
        World { ledger: Ledger::default(), queue: Queue::new(options, 1) }
    }

    fn push(&mut self, cut_at: u64, len: usize) -> bool {
        let custody = self.ledger.open(len as u64);
        match self.queue.push(Batch { body: Vec::new(), len, custody, cut_at: MS(cut_at), attempts: 0 }) {
            Ok(()) => true,
            Err(batch) => {
                self.end(batch);
                false
            }
        }
    }

    fn take(&mut self, now: u64) -> Option<Batch> {
        let batch = self.queue.take(MS(now));
        assert!(batch.is_some() || !self.queue.can_take(MS(now)));
        batch
    }

    fn end(&mut self, batch: Batch) {
        self.ledger.close(batch.custody, Fate::Dropped(Cause::Shutdown));
    }

    fn empty(mut self) {
        while let Some(batch) = self.queue.oldest() {
            self.end(batch);
        }
        assert_eq!(self.queue.waiting(), Depth::default());
    }
}

#[test]
fn full_means_the_caller_gets_its_batch_back() {
    let mut world = World::new(10, 2);
    assert!(world.push(0, 6));
    assert!(!world.push(0, 5), "11 bytes of 10");
    assert!(world.push(0, 4));
    assert!(!world.push(0, 0), "a third batch of two");
    world.empty();
}

#[test]
fn an_empty_queue_takes_a_batch_of_any_size() {
    let mut world = World::new(10, 2);
    assert!(world.push(0, 11));
    world.empty();
}

#[test]
fn what_is_out_still_takes_room() {
    let mut world = World::new(10, 5);
    assert!(world.push(0, 10));
    let batch = world.take(0).expect("it is ready");
    assert_eq!((world.queue.waiting().bytes, world.queue.out().bytes), (0, 10));
    assert!(!world.push(0, 1));
    world.queue.returned(&batch);
    assert!(world.push(0, 1));
    world.end(batch);
    world.empty();
}

#[test]
fn a_batch_that_comes_back_goes_before_younger_ones() {
    let mut world = World::new(100, 5);
    assert!(world.push(1, 1) && world.push(2, 2));
    let first = world.take(3).expect("it is ready");
    assert_eq!((first.len, first.attempts), (1, 1));
    world.queue.returned(&first);
    world.queue.restore(first, Backoff::Upstream, None, MS(3));
    assert!(world.take(3).is_none(), "the collector is left alone for a while");
    let opens = world.queue.next_due(MS(3)).expect("something waits").as_nanos() / 1_000_000 + 1;
    let again = world.take(opens).expect("the gate is open for one");
    assert_eq!((again.len, again.attempts), (1, 2));
    assert!(world.take(opens).is_none(), "one at a time until one is taken");
    world.queue.returned(&again);
    world.queue.reached();
    world.end(again);
    assert_eq!(world.take(opens).map(|batch| (batch.len, world.end(batch))).map(|(len, ())| len), Some(2));
}

#[test]
fn a_batch_that_waits_alone_holds_nobody_up() {
    let mut world = World::new(100, 5);
    assert!(world.push(1, 1) && world.push(2, 2));
    let first = world.take(3).expect("it is ready");
    world.queue.returned(&first);
    world.queue.restore(first, Backoff::Batch, Some(Duration::from_secs(2)), MS(3));
    let second = world.take(3).expect("the other is not held up");
    assert_eq!(second.len, 2);
    assert!(world.take(2002).is_none());
    assert_eq!(world.queue.next_due(MS(3)), Some(MS(2003)));
    let first = world.take(2003).expect("its time has come");
    assert_eq!(first.len, 1);
    world.end(first);
    world.end(second);
}

#[test]
fn a_batch_expires_by_its_age_even_while_the_gate_is_shut() {
    let mut world = World::new(100, 5);
    assert!(world.push(0, 1) && world.push(30_000, 2));
    let first = world.take(1).expect("it is ready");
    world.queue.returned(&first);
    world.queue.restore(first, Backoff::Upstream, Some(Duration::from_secs(60)), MS(50_000));
    assert!(world.queue.expired(MS(59_999)).is_none());
    let old = world.queue.expired(MS(60_000)).expect("it is a minute old");
    assert_eq!(old.len, 1);
    assert!(world.queue.expired(MS(60_000)).is_none());
    world.end(old);
    world.empty();
}

#[test]
fn the_oldest_batch_is_given_up_first_even_if_it_stands_aside() {
    let mut world = World::new(100, 5);
    assert!(world.push(1, 1) && world.push(2, 2) && world.push(3, 3));
    for wait in [5, 1] {
        let batch = world.take(4).expect("it is ready");
        world.queue.returned(&batch);
        world.queue.restore(batch, Backoff::Batch, Some(Duration::from_secs(wait)), MS(4));
    }
    let mut given_up = Vec::new();
    while let Some(batch) = world.queue.oldest() {
        given_up.push(batch.len);
        world.end(batch);
    }
    assert_eq!(given_up, [1, 2, 3]);
    world.empty();
}
