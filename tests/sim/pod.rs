//! Two processes behind one relay: what one says alone must not decide what both have to say.

use std::time::Duration;

use tailwater::relay::budget::Budget;
use tailwater::relay::clock::Tick;
use tailwater::relay::frame::Frame;
use tailwater::relay::queue::Outcome;
use tailwater::relay::sampling::policy::Sampler;
use tailwater::relay::{Relay, Transport};

use crate::random::Random;
use crate::records::decode;
use crate::setup;
use crate::spans::{self, CLIENT, Ids, NAMELESS, SERVER};

const SECOND: u64 = 1000;

/// A relay with an hour's worth of defaults: errors and a tenth of the rest.
fn relay(random: &mut Random) -> (Relay, Budget) {
    let budget = Budget::new(32 << 20);
    let mut options = setup::options(random, 32 << 20);
    options.ratio = None;
    options.sampler = Some(Sampler::new(&[setup::errors(), setup::share(10.0)]).unwrap());
    options.remember_bytes = 1 << 20;
    options.request_spans_max = 10_000;
    options.buffer.decision_wait = Duration::from_secs(10);
    options.buffer.grace = Duration::from_secs(1);
    options.buffer.traces_max = 10_000;
    options.buffer.trace_spans_max = 10_000;
    options.buffer.trace_bytes_max = 1 << 20;
    options.queue.size_max = 8 << 20;
    options.queue.age_max = Duration::from_secs(300);
    (Relay::new(options, budget.clone()).unwrap(), budget)
}

/// What A and B export of traces of which B's half has an error: requests by their time, in milliseconds. `begin` says
/// when each trace ends. One of them may have no name.
fn exports(random: &mut Random, begin: &[u64]) -> Vec<(u64, usize, Vec<u8>)> {
    let (name_a, name_b) = *random.pick(&[(0, 1), (0, NAMELESS), (NAMELESS, 1)]);
    let mut ids = Ids::default();
    let mut exports = Vec::new();
    for &at in begin {
        let trace = spans::trace_id(random);
        let root = spans::span(&mut ids, &trace, None, SERVER);
        let client = spans::span(&mut ids, &trace, Some((&root.span_id, false)), CLIENT);
        let mut server = spans::span(&mut ids, &trace, Some((&client.span_id, true)), SERVER);
        spans::fail(&mut server);
        let apart = random.below(5 * SECOND as usize + 1) as u64;
        let (a, b) = if random.chance(2) { (at, at + apart) } else { (at + apart, at) };
        exports.push((a, 0, spans::request(name_a, 1, vec![client, root])));
        exports.push((b, 1, spans::request(name_b, 1, vec![server])));
    }
    exports.sort();
    exports
}

/// Plays the exports and says how many spans came through.
fn play(random: &mut Random, exports: Vec<(u64, usize, Vec<u8>)>) -> usize {
    let (mut relay, budget) = relay(random);
    let mut through = 0;
    let mut exports = exports.into_iter().peekable();
    let mut now = Tick::ZERO;
    loop {
        let next = exports.peek().map(|&(at, ..)| Tick::from_millis(at));
        let Some(then) = next.into_iter().chain(relay.next_due(now)).min() else { break };
        now = now.max(then);
        relay.advance(now);
        if next == Some(now) {
            let (_, _, body) = exports.next().unwrap();
            let charge = budget.charge(body.len()).unwrap();
            relay.admit(Frame::new(body, charge), Transport::Grpc, now).unwrap();
        }
        while let Some(batch) = relay.take_batch(now) {
            through += decode(&batch).len();
            relay.settle(batch, Outcome::Delivered { rejected_spans: 0 }, now);
        }
    }
    assert!(relay.is_empty());
    through
}

#[test]
fn an_error_in_the_second_process_of_a_pod_is_never_lost_to_an_early_decision() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        // From the relay's first moment on, then every few seconds, and again after idling for up to 50 minutes.
        let mut begin: Vec<u64> = (0..20).map(|_| random.below(30 * SECOND as usize) as u64).collect();
        begin.push(0);
        let idle = random.scale(60, 3000) * SECOND;
        begin.extend((0..20).map(|_| 40 * SECOND + idle + random.below(30 * SECOND as usize) as u64));
        let exports = exports(&mut random, &begin);
        let all = 3 * begin.len();
        assert_eq!(play(&mut random, exports), all, "seed {seed}");
    }
}

#[test]
fn a_relay_that_idles_before_the_first_span_is_as_careful_as_a_new_one() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let first = random.scale(1, 7200) * SECOND;
        let exports = exports(&mut random, &[first]);
        assert_eq!(play(&mut random, exports), 3, "seed {seed}");
    }
}
