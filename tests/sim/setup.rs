//! What a world is made of: the relay's options and the app's temper, drawn from the seed.

use std::time::Duration;

use tailwater::relay::retry::Delays;
use tailwater::relay::sampling::memory;
use tailwater::relay::sampling::policy::{PolicySpec, Rule, Sampler, StatusCode};
use tailwater::relay::sampling::ratio::{Mode, Ratio};
use tailwater::relay::{Options, batch, buffer, queue};

use crate::random::Random;

pub fn rule(name: &str, rule: Rule) -> PolicySpec {
    PolicySpec { name: name.to_owned(), rule }
}

pub fn errors() -> PolicySpec {
    rule("errors", Rule::StatusCode { status_codes: vec![StatusCode::Error] })
}

pub fn share(percent: f64) -> PolicySpec {
    rule("share", Rule::Probabilistic { sampling_percentage: percent, hash_salt: String::new() })
}

fn sampler(random: &mut Random) -> Option<Sampler> {
    let slow = rule("slow", Rule::Latency { threshold_ms: 1500, upper_threshold_ms: 0 });
    let some = rule("some", Rule::RateLimiting { spans_per_second: 100, burst_capacity: 0 });
    let heavy = rule("heavy", Rule::BytesLimiting { bytes_per_second: 200_000, burst_capacity: 0 });
    let parts = Rule::Composite {
        max_total_spans_per_second: 300,
        policy_order: vec!["share".to_owned()],
        composite_sub_policy: vec![errors(), share(50.0)],
        rate_allocation: Vec::new(),
    };
    let specs = match random.below(8) {
        0 => return None,
        1 => vec![rule("all", Rule::AlwaysSample)],
        2 => vec![errors(), share(10.0)],
        3 => vec![errors(), slow, share(50.0)],
        4 => vec![some, errors(), heavy],
        5 => vec![rule("parts", parts), rule("sampled", Rule::TraceFlags)],
        6 => vec![rule("other half", Rule::Not(Box::new(share(50.0))))],
        _ => vec![rule("not slow", Rule::Drop(vec![slow])), share(90.0)],
    };
    Some(Sampler::new(&specs).unwrap())
}

fn millis(random: &mut Random, low: u64, high: u64) -> Duration {
    Duration::from_millis(random.scale(low, high))
}

pub fn budget(random: &mut Random) -> usize {
    random.scale(64 << 10, 8 << 20) as usize
}

pub fn options(random: &mut Random, budget: usize) -> Options {
    let modes = [Mode::Consistent, Mode::Equalizing, Mode::Proportional, Mode::SdkTraceIdRatio];
    let ratio = random.chance(3).then(|| Ratio::new(0.6, *random.pick(&modes)).unwrap());
    let decisions = random.scale(4, (budget / 8 / memory::ENTRY_COST) as u64) as usize;
    let decisions = if random.chance(2) { budget / 8 / memory::ENTRY_COST } else { decisions };
    Options {
        ratio,
        sampler: sampler(random),
        remember_bytes: decisions * memory::ENTRY_COST,
        request_spans_max: if random.chance(4) { random.scale(20, 200) as u32 } else { 100_000 },
        buffer: buffer::Options {
            decision_wait: millis(random, 500, 30_000),
            grace: millis(random, 1, 3000),
            traces_max: random.scale(4, 100_000) as usize,
            trace_spans_max: random.scale(2, 10_000) as u32,
            trace_bytes_max: random.scale(500, 4 << 20),
        },
        batch: batch::Options {
            spans_max: random.scale(1, 4096) as u32,
            size_max: random.scale(1000, 4 << 20) as usize,
            delay: millis(random, 1, 2000),
        },
        queue: queue::Options {
            size_max: random.scale(1000, budget as u64) as usize,
            batches_max: random.scale(1, 256) as usize,
            age_max: millis(random, 500, 300_000),
            delays: Delays { first: millis(random, 10, 1000), wait_max: millis(random, 1000, 10_000) },
        },
        secret: [random.next(), random.next()],
    }
}
