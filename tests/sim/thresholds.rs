//! What `th` says is true: whoever reads a span that says by which threshold it was kept finds that its randomness is not
//! below it, whatever the other spans of its trace or its request say of themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use tailwater::relay::budget::Budget;
use tailwater::relay::clock::Tick;
use tailwater::relay::frame::Frame;
use tailwater::relay::otlp::TraceId;
use tailwater::relay::sampling::policy::{self, Compat, Rule, Sampler};
use tailwater::relay::sampling::ratio::{Mode, Ratio, randomness_of};
use tailwater::relay::sampling::{threshold::Threshold, tracestate};
use tailwater::relay::{Options, Relay, Transport};

use crate::random::Random;
use crate::records::finish;
use crate::setup;
use crate::spans::{self, Ids};

const MODES: [Mode; 6] =
    [Mode::Consistent, Mode::Equalizing, Mode::Proportional, Mode::SdkTraceIdRatio, Mode::OtelFnv14, Mode::OtelFnv64];

/// The randomness of a span for whoever reads it.
fn randomness(span: &Span) -> u64 {
    let own = tracestate::randomness(span.trace_state.as_bytes());
    own.unwrap_or_else(|| randomness_of(&TraceId::new(&span.trace_id).unwrap()))
}

/// A tracestate that says nothing untrue of a span with this trace id.
fn honest_state(random: &mut Random, trace: &[u8], explicit: u64) -> String {
    let own = randomness_of(&TraceId::new(trace).unwrap());
    let th = |most: u64, random: &mut Random| {
        let mut text = Vec::new();
        Threshold::new(most & random.next()).unwrap().write_hex(&mut text);
        String::from_utf8(text).unwrap()
    };
    match random.below(7) {
        0 | 1 => format!("ot=rv:{explicit:014x}"),
        2 => format!("vendor=1,ot=rv:{explicit:014x};th:{}", th(explicit, random)),
        3 => format!("ot=th:{},vendor=1", th(own, random)),
        4 => format!("ot=rv:{:014x}", random.next() >> 8),
        _ => String::new(),
    }
}

/// Spans of a few traces, in no order, each with what it says of itself.
fn spans_of(random: &mut Random, traces: usize) -> Vec<Span> {
    let mut ids = Ids::default();
    let mut all = Vec::new();
    for _ in 0..traces {
        let (trace, explicit) = (spans::trace_id(random), random.next() >> 8);
        for _ in 0..1 + random.below(6) {
            let mut span = spans::span(&mut ids, &trace, None, 1);
            span.trace_state = honest_state(random, &trace, explicit);
            all.push(span);
        }
    }
    all
}

/// Options that decide after a second and pack without waiting for room.
fn options(random: &mut Random, ratio: Option<Ratio>, sampler: Option<Sampler>) -> Options {
    let mut options = setup::options(random, 8 << 20);
    (options.ratio, options.sampler) = (ratio, sampler);
    options.request_spans_max = 10_000;
    options.remember_bytes = 1 << 20;
    options.buffer.decision_wait = Duration::from_secs(1);
    options.buffer.traces_max = 10_000;
    options.batch.size_max = 1 << 20;
    options.queue.size_max = 8 << 20;
    options.queue.batches_max = 256;
    options.queue.age_max = Duration::from_secs(300);
    options
}

/// What comes through of these requests, each a second and a half after the one before.
fn play(options: Options, requests: Vec<Vec<Span>>) -> Vec<Span> {
    let budget = Budget::new(8 << 20);
    let mut relay = Relay::new(options, budget.clone()).unwrap();
    let mut now = Tick::ZERO;
    for spans in requests {
        let body = spans::request(0, 1, spans);
        let charge = budget.charge(body.len()).unwrap();
        relay.admit(Frame::new(body, charge), Transport::Grpc, now).unwrap();
        now = now.after(Duration::from_millis(1500));
        relay.advance(now);
    }
    finish(&mut relay, now)
}

fn sampler(random: &mut Random) -> Option<Sampler> {
    let limit = || setup::rule("limit", Rule::RateLimiting { spans_per_second: 20, burst_capacity: 0 });
    let not = |policy| setup::rule("not", Rule::Not(Box::new(policy)));
    let specs = match random.below(8) {
        0 | 1 => return None,
        2 | 3 => vec![setup::share(50.0)],
        4 => vec![not(setup::share(70.0))],
        5 => vec![setup::share(30.0), limit()],
        6 => {
            let specs = [setup::share(50.0), setup::errors()];
            let options = policy::Options { compat: Compat::Otelcol, sample_on_first_match: false };
            return Some(Sampler::with(&specs, options).unwrap());
        }
        _ => vec![setup::share(30.0), setup::rule("slow", Rule::Latency { threshold_ms: 0, upper_threshold_ms: 0 })],
    };
    Some(Sampler::new(&specs).unwrap())
}

#[test]
fn no_span_says_that_it_was_kept_by_more_than_its_randomness() {
    let (mut with_threshold, mut late) = (0, 0);
    for seed in 0..900 {
        let mut random = Random::new(seed);
        let share = *random.pick(&[0.3, 0.7, 0.95]);
        let ratio = random.chance(2).then(|| Ratio::new(share, *random.pick(&MODES)).unwrap());
        let sampler = sampler(&mut random);
        let options = options(&mut random, ratio, sampler);
        let mut first = spans_of(&mut random, 20);
        let mut second = Vec::new();
        // Some come late, and the decision is remembered.
        while first.len() > 30 {
            second.push(first.swap_remove(random.below(first.len())));
        }
        let ids_late: BTreeSet<Vec<u8>> = second.iter().map(|span| span.span_id.clone()).collect();
        for span in play(options, vec![first, second]) {
            let Some(threshold) = tracestate::read(span.trace_state.as_bytes()).threshold else { continue };
            assert!(threshold.keeps(randomness(&span)), "seed {seed}: {} {:?}", span.trace_state, span.trace_id);
            with_threshold += 1;
            late += usize::from(ids_late.contains(&span.span_id));
        }
    }
    assert!(2000 < with_threshold && 500 < late, "{with_threshold} said a threshold, {late} of them late");
}

#[test]
fn the_ratios_verdict_on_a_span_does_not_depend_on_its_neighbours() {
    for seed in 0..200 {
        let mode = MODES[seed as usize % MODES.len()];
        let passed = |tail: bool, requests: Vec<Vec<Span>>| -> BTreeSet<Vec<u8>> {
            let all = tail.then(|| Sampler::new(&[setup::rule("all", Rule::AlwaysSample)]).unwrap());
            let options = options(&mut Random::new(seed), Some(Ratio::new(0.5, mode).unwrap()), all);
            play(options, requests).into_iter().map(|span| span.span_id).collect()
        };
        let spans = spans_of(&mut Random::new(seed), 8);
        let alone: Vec<Vec<Span>> = spans.iter().map(|span| vec![span.clone()]).collect();
        let backwards: Vec<Span> = spans.iter().rev().cloned().collect();
        let expected = passed(false, alone);
        for tail in [false, true] {
            assert_eq!(passed(tail, vec![spans.clone()]), expected, "seed {seed}, {mode:?}, tail {tail}");
            assert_eq!(
                passed(tail, vec![backwards.clone()]),
                expected,
                "seed {seed}, {mode:?}, tail {tail}, backwards"
            );
        }
    }
}
