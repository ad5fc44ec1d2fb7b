//! One world: events in the order of their time, a relay between them, and what must be true after each.

mod laws;

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use tailwater::relay::budget::{Budget, Charge};
use tailwater::relay::clock::Tick;
use tailwater::relay::custody;
use tailwater::relay::frame::Frame;
use tailwater::relay::queue::{Batch, Outcome};
use tailwater::relay::{Options, Refusal, Relay, Snapshot, Transport, TurnedAway};

use crate::collector::{Answer, TEMPERS, Temper};
use crate::random::Random;
use crate::records::{Records, acceptable, decode};
use crate::spans::{self, Ids};
use crate::{garbage, setup};

/// Something that happens.
enum Event {
    /// An app process makes some traces.
    Emit,
    /// Spans of a process are ready to be sent.
    Ready(usize, Vec<Span>),
    /// A process sends what it has.
    Flush(usize),
    /// A request comes in, for the so-many-th time.
    Request(Vec<u8>, u32),
    /// An app gives a call up whose bytes had been paid for.
    Cancel(Charge),
    /// The collector answers.
    Answer(Batch, Vec<Span>, Answer),
    /// The collector's temper changes.
    Turn(Temper),
    /// Everything open is to be decided; later the end comes.
    Hurry,
    Close,
}

/// What of the options the invariants need.
struct Limits {
    wait: Duration,
    delay: Duration,
    request_spans_max: u32,
    batch_spans_max: u32,
    ratio: bool,
    sampler: bool,
}

struct World {
    random: Random,
    now: Tick,
    events: BTreeMap<(Tick, u64), Event>,
    number: u64,
    relay: Relay,
    budget: Budget,
    idle: usize,
    limits: Limits,
    records: Records,
    ids: Ids,
    outboxes: Vec<Vec<Span>>,
    temper: Temper,
    /// Since the world began nothing but [`Temper::Fast`].
    always_fast: bool,
    connections: usize,
    out: usize,
    emits_left: u32,
    burst: u64,
    garbage: bool,
    closed: bool,
    /// Custody lost before this world began.
    leaked: u64,
}

/// Runs the world of this seed to its end, and says what it came to.
pub fn run(seed: u64) -> Snapshot {
    let mut world = World::new(seed);
    while world.step() {}
    world.end()
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let bytes = setup::budget(&mut random);
        let options = setup::options(&mut random, bytes);
        let limits = Limits::of(&options);
        let budget = Budget::new(bytes);
        let relay = Relay::new(options, budget.clone()).unwrap();
        let services = 1 + random.below(4);
        let always_fast = random.chance(3);
        let mut world = World {
            now: Tick::from_millis(1),
            events: BTreeMap::new(),
            number: 0,
            relay,
            idle: budget.charged(),
            budget,
            limits,
            records: Records::default(),
            ids: Ids::default(),
            outboxes: vec![Vec::new(); services],
            temper: Temper::Fast,
            always_fast,
            connections: 1 + random.below(8),
            out: 0,
            emits_left: random.scale(3, 60) as u32,
            burst: random.scale(1, 20),
            garbage: random.chance(2),
            closed: false,
            leaked: custody::leaked(),
            random,
        };
        world.after(0, Event::Emit);
        for service in 0..services {
            world.after(0, Event::Flush(service));
        }
        if !always_fast {
            world.turn();
        }
        if world.random.chance(2) {
            let at = world.random.scale(1, 60_000);
            world.after(at, Event::Hurry);
        }
        world
    }

    fn after(&mut self, millis: u64, event: Event) {
        self.number += 1;
        self.events.insert((self.now.after(Duration::from_millis(millis)), self.number), event);
    }

    /// Goes to the next moment at which anything happens; false when nothing ever will.
    fn step(&mut self) -> bool {
        let due = self.relay.next_due(self.now);
        let event = self.events.first_key_value().map(|(&(at, _), _)| at);
        let Some(next) = due.into_iter().chain(event).min() else { return false };
        self.now = self.now.max(next);
        // Sometimes the clock is looked at before the event of the same moment, sometimes after it.
        let clock_first = self.random.chance(2);
        if clock_first {
            self.advance();
        }
        if let Some(entry) = self.events.first_entry()
            && entry.key().0 <= self.now
        {
            let event = entry.remove();
            self.happen(event);
        }
        self.advance();
        self.take();
        self.check();
        true
    }

    /// As a driver does: only when the relay said that there is something to do.
    fn advance(&mut self) {
        if self.relay.next_due(self.now).is_some_and(|due| due <= self.now) {
            self.relay.advance(self.now);
        }
    }

    fn take(&mut self) {
        while self.out < self.connections {
            let announced = self.relay.has_batch(self.now);
            let batch = self.relay.take_batch(self.now);
            assert_eq!(announced, batch.is_some());
            let Some(batch) = batch else { break };
            let spans = decode(&batch);
            assert_eq!(spans.len() as u64, batch.custody.spans(), "a batch has the spans that it answers for");
            assert!(spans.len() <= self.limits.batch_spans_max as usize);
            self.records.left(&spans);
            self.out += 1;
            let answer = self.temper.answer(&mut self.random, batch.custody.spans());
            match answer.after.is_zero() {
                true => self.answered(batch, spans, answer),
                false => self.after(answer.after.as_millis() as u64, Event::Answer(batch, spans, answer)),
            }
        }
    }

    fn answered(&mut self, batch: Batch, spans: Vec<Span>, answer: Answer) {
        self.out -= 1;
        let all = spans.len() as u64;
        match answer.outcome {
            Outcome::Delivered { rejected_spans } => {
                let rejected = rejected_spans.min(all);
                self.records.exported += all - rejected;
                self.records.partial += rejected;
                self.records.ended(&spans, all - rejected);
            }
            Outcome::Rejected => {
                self.records.rejected += all;
                self.records.ended(&spans, 0);
            }
            Outcome::TryAgain { .. } | Outcome::GivenUp { .. } if self.closed => {
                self.records.too_late += all;
                self.records.ended(&spans, 0);
            }
            Outcome::TryAgain { unknown, .. } | Outcome::GivenUp { unknown } => {
                assert!(unknown || !answer.took);
                self.records.maybe_duplicated += if unknown { all } else { 0 };
            }
        }
        self.relay.settle(batch, answer.outcome, self.now);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Emit => self.emit(),
            Event::Ready(service, spans) => self.outboxes[service].extend(spans),
            Event::Flush(service) => self.flush(service),
            Event::Request(body, times) => self.request(body, times),
            Event::Cancel(charge) => {
                self.relay.turn_away(TurnedAway::Cancelled, charge.bytes() as u64);
            }
            Event::Answer(batch, spans, answer) => self.answered(batch, spans, answer),
            Event::Turn(temper) => {
                self.temper = temper;
                if temper != Temper::Fast || self.emits_left > 0 {
                    self.turn();
                }
            }
            Event::Hurry => {
                self.relay.decide_all(self.now);
                assert_eq!(self.relay.snapshot().traces_open, 0);
                let wait = self.random.scale(1, 5000);
                self.after(wait, Event::Close);
            }
            Event::Close => {
                self.relay.close(self.now);
                self.closed = true;
                let held = self.relay.snapshot().held;
                assert_eq!(
                    held.spans(),
                    held.inflight.spans,
                    "only what is out at the collector is held after the end"
                );
            }
        }
    }

    /// The collector's next temper; the last one is [`Temper::Fast`].
    fn turn(&mut self) {
        let temper = if self.emits_left == 0 { Temper::Fast } else { *self.random.pick(&TEMPERS) };
        let wait = self.random.scale(1, 60_000);
        self.after(wait, Event::Turn(temper));
    }

    fn emit(&mut self) {
        for _ in 0..self.random.scale(1, self.burst) {
            let parts = spans::trace(&mut self.random, &mut self.ids, self.outboxes.len());
            for (service, mut spans) in parts {
                if self.random.chance(3) {
                    let late = spans.split_off(self.random.below(spans.len()));
                    let wait = self.random.scale(1, 60_000);
                    self.after(wait, Event::Ready(service, late));
                }
                let wait = self.random.scale(1, 5000);
                self.after(wait, Event::Ready(service, spans));
            }
        }
        self.emits_left -= 1;
        if self.emits_left > 0 {
            let wait = self.random.scale(1, 10_000);
            self.after(wait, Event::Emit);
        }
    }

    fn flush(&mut self, service: usize) {
        let outbox = &mut self.outboxes[service];
        let spans: Vec<Span> = outbox.drain(..outbox.len().min(512)).collect();
        if !spans.is_empty() {
            let scopes = 1 + self.random.below(2);
            let mut body = spans::request(service, scopes, spans);
            if self.garbage && self.random.chance(6) {
                body = garbage::mutate(&mut self.random, body);
            }
            if self.random.chance(10) {
                let wait = self.random.scale(1, 20_000);
                self.after(wait, Event::Request(body.clone(), 0));
            }
            self.request(body, 0);
        }
        let more = self.emits_left > 0
            || self.outboxes.iter().any(|outbox| !outbox.is_empty())
            || self.events.values().any(|event| matches!(event, Event::Ready(..)));
        if more {
            let wait = self.random.scale(50, 5000);
            self.after(wait, Event::Flush(service));
        }
    }

    fn request(&mut self, body: Vec<u8>, times: u32) {
        let bytes = body.len();
        let Some(charge) = self.charge(bytes, times) else {
            self.relay.turn_away(TurnedAway::Full, bytes as u64);
            return self.again(body, times);
        };
        if self.random.chance(30) {
            let wait = self.random.scale(1, 3000);
            return self.after(wait, Event::Cancel(charge));
        }
        let transport = *self.random.pick(&[Transport::Grpc, Transport::Http]);
        let before = self.relay.snapshot();
        match self.relay.admit(Frame::new(body.clone(), charge), transport, self.now) {
            Ok(receipt) => {
                assert!(!self.closed, "nothing is admitted after the end");
                let spans = acceptable(&body, self.limits.request_spans_max);
                assert_eq!(receipt.accepted, spans.len() as u64);
                self.records.accept(spans, self.now);
            }
            Err(refusal) => {
                let full = match refusal {
                    Refusal::Full { spans, .. } => {
                        self.relay.refuse(spans, bytes as u64, transport);
                        true
                    }
                    Refusal::TooLarge | Refusal::Malformed(_) | Refusal::Draining => false,
                };
                assert_eq!(refusal == Refusal::Draining, self.closed);
                assert_eq!(self.relay.snapshot().ledger, before.ledger, "a refusal leaves the books alone");
                assert_eq!(self.budget.charged() as u64, before.budget.1 - bytes as u64, "and gives everything back");
                if full {
                    self.again(body, times);
                }
            }
        }
    }

    fn again(&mut self, body: Vec<u8>, times: u32) {
        if times < 5 && !self.closed {
            let wait = self.random.scale(50, 3000);
            self.after(wait, Event::Request(body, times + 1));
        }
    }

    /// Room for a request, made if need be by deciding early, in the end by giving up what waits.
    fn charge(&mut self, bytes: usize, times: u32) -> Option<Charge> {
        let charge = self.budget.charge(bytes);
        if charge.is_some() || times < 1 {
            return charge;
        }
        self.relay.relieve(bytes, self.now);
        let charge = self.budget.charge(bytes);
        let open = self.relay.snapshot().traces_open;
        assert!(charge.is_some() || open == 0, "relief was stopped too early");
        if charge.is_some() || times < 3 || self.always_fast {
            return charge;
        }
        self.relay.evict(bytes, self.now);
        let charge = self.budget.charge(bytes);
        let waiting = self.relay.snapshot().held.queue.spans;
        assert!(charge.is_some() || waiting == 0, "eviction was stopped too early");
        charge
    }
}

impl Limits {
    fn of(options: &Options) -> Limits {
        Limits {
            wait: options.buffer.decision_wait,
            delay: options.batch.delay,
            request_spans_max: options.request_spans_max,
            batch_spans_max: options.batch.spans_max,
            ratio: options.ratio.is_some(),
            sampler: options.sampler.is_some(),
        }
    }
}
