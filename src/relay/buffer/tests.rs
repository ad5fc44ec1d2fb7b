//! When traces are due, and why.

use super::*;
use crate::relay::custody::{Cause, Fate, Ledger};

const MS: fn(u64) -> Tick = Tick::from_millis;
const MINUTE: u64 = 60_000;

struct World {
    buffer: Buffer,
    ledger: Ledger,
}

impl World {
    fn new() -> World {
        let options = Options {
            decision_wait: Duration::from_secs(10),
            grace: Duration::from_millis(500),
            traces_max: 3,
            trace_spans_max: 4,
            trace_bytes_max: 1000,
        };
        World { buffer: Buffer::new(options, Keyed::new([1, 2])), ledger: Ledger::default() }
    }

    /// A span of trace `number`; its chain is counted, not kept in runs.
    fn span(&mut self, number: u8, parentage: Parentage, outgoing: bool, now: u64) -> bool {
        let id = TraceId::new(&[number; 16]).expect("not all zero");
        let at = self.buffer.find(&id).unwrap_or_else(|| self.buffer.open(id, MS(now)));
        let custody = self.ledger.open(1);
        let (chain, _) = self.buffer.arrive(at, Arrival { parentage, outgoing }, custody, MS(now));
        chain.spans += 1;
        chain.bytes += 10;
        self.buffer.arrived(at, 10)
    }

    fn due(&mut self, now: u64) -> Option<(u8, Trigger)> {
        let (held, trigger) = self.buffer.take_due(MS(now))?;
        self.ledger.close(held.custody, Fate::Dropped(Cause::Shutdown));
        Some((held.id.as_bytes()[0], trigger))
    }

    fn empty(mut self) {
        while let Some(held) = self.buffer.take_oldest() {
            self.ledger.close(held.custody, Fate::Dropped(Cause::Shutdown));
        }
        assert_eq!((self.buffer.depth(), self.ledger.outstanding()), (Depth::default(), 0));
    }
}

use Parentage::{Child, RemoteParent, TrueRoot};

#[test]
fn a_true_root_completes_its_trace_a_grace_after_the_last_arrival() {
    let mut world = World::new();
    world.buffer.heard(1, MS(0));
    world.span(1, Child, false, 0);
    world.span(1, TrueRoot, false, 100);
    world.span(1, Child, false, 300);
    assert_eq!(world.buffer.next_due(), Some(MS(800)));
    assert_eq!(world.due(799), None);
    assert_eq!(world.due(800), Some((1, Trigger::LocalRoot)));
    world.empty();
}

#[test]
fn a_trace_without_a_root_waits_for_the_timer() {
    let mut world = World::new();
    world.span(1, Child, false, 0);
    assert_eq!(world.due(9_999), None);
    assert_eq!(world.due(10_000), Some((1, Trigger::Timer)));
    world.empty();
}

#[test]
fn a_remote_parent_may_be_a_sibling_that_has_not_spoken_yet() {
    let mut world = World::new();
    world.buffer.heard(1, MS(0));
    world.span(1, RemoteParent, false, 0);
    assert_eq!(world.due(5_000), None, "the first minute proves nothing");
    assert_eq!(world.due(10_000), Some((1, Trigger::Timer)));
    world.buffer.heard(1, MS(MINUTE));
    world.span(2, RemoteParent, false, MINUTE);
    assert_eq!(world.due(MINUTE + 500), Some((2, Trigger::LocalRoot)));
    world.empty();
}

#[test]
fn a_root_with_a_call_to_another_process_waits_in_the_first_minute() {
    let mut world = World::new();
    world.buffer.heard(1, MS(0));
    world.span(1, TrueRoot, true, 0);
    assert_eq!(world.due(5_000), None);
    assert_eq!(world.due(10_000), Some((1, Trigger::Timer)));
    world.empty();
}

#[test]
fn two_services_in_a_pod_leave_everything_to_the_timer() {
    let mut world = World::new();
    world.buffer.heard(1, MS(0));
    world.buffer.heard(2, MS(MINUTE));
    world.span(1, TrueRoot, false, 2 * MINUTE);
    assert_eq!(world.due(2 * MINUTE + 9_999), None);
    assert_eq!(world.due(2 * MINUTE + 10_000), Some((1, Trigger::Timer)));
    world.empty();
}

#[test]
fn a_trace_at_its_limit_says_so_and_a_full_table_too() {
    let mut world = World::new();
    let limits: Vec<bool> = (0..4).map(|_| world.span(1, Child, false, 0)).collect();
    assert_eq!(limits, [false, false, false, true]);
    world.span(2, Child, false, 0);
    assert!(!world.buffer.is_full());
    world.span(3, Child, false, 0);
    assert!(world.buffer.is_full());
    assert_eq!(world.buffer.depth(), Depth { spans: 6, bytes: 60 });
    world.empty();
}

#[test]
fn traces_leave_from_anywhere_and_the_others_keep_their_order() {
    let mut world = World::new();
    for number in 1..=3 {
        world.span(number, Child, false, u64::from(number));
    }
    let second = world.buffer.find(&TraceId::new(&[2; 16]).expect("an id")).expect("it is open");
    let held = world.buffer.take(second);
    world.ledger.close(held.custody, Fate::Exported);
    assert_eq!(world.due(20_000), Some((1, Trigger::Timer)));
    assert_eq!(world.due(20_000), Some((3, Trigger::Timer)));
    assert_eq!(world.due(20_000), None);
    world.empty();
}

#[test]
fn what_traces_take_is_what_they_pay_for_and_is_given_back_when_they_go() {
    let mut world = World::new();
    let allocated =
        |buffer: &Buffer| buffer.traces.allocated() * Slab::<Trace>::PLACE_COST + buffer.index.allocation_size();
    let spare = Slab::<Trace>::SPARE * Slab::<Trace>::PLACE_COST + 8 * INDEX_SPARE;
    let id = |number: u32| TraceId::new(&[&number.to_be_bytes()[..], &[7; 12]].concat()).expect("not all zero");
    let check = |buffer: &mut Buffer, step: &mut dyn FnMut(&mut Buffer)| {
        // While a table is made anew, the old one is still there.
        let before = buffer.index.allocation_size();
        step(buffer);
        let both = if before == buffer.index.allocation_size() { 0 } else { before };
        let peak = allocated(buffer) + both;
        assert!(peak <= buffer.owed() + spare, "{peak} for {} traces", buffer.len());
    };
    for number in 0..50_000 {
        check(&mut world.buffer, &mut |buffer| {
            buffer.open(id(number), MS(0));
        });
    }
    for number in 0..50_000 {
        check(&mut world.buffer, &mut |buffer| {
            let at = buffer.find(&id(number)).expect("it is open");
            let _ = buffer.take(at);
        });
    }
    assert!(allocated(&world.buffer) <= spare && world.buffer.owed() == 0);
}
