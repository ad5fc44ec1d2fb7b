//! What reading a span costs: the scanner beside prost's decode of the same bytes, turn and turn about in one run. It must
//! be at most a third, also with policies that look at attributes, and what their own witness writes down.
//! `cargo bench --bench micro`; a number in the arguments is how many seconds it takes (default 4).

#[path = "../../wire/requests.rs"]
#[allow(dead_code)]
mod requests;

use std::hint::black_box;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use prost::Message;
use requests::{Random, realistic, text};
use tailwater::relay::otlp::{Limits, Scan, fields, scan};
use tailwater::relay::sampling::facts::Witness;
use tailwater::relay::sampling::policy::{PolicySpec, Rule, Sampler};

const SPANS: usize = 512;

fn main() {
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(4.0f64) / 2.0;
    let usual = realistic(&mut Random(1), SPANS);
    compare("spans of a web service", &usual.encode_to_vec(), seconds);
    let mut eventful = usual;
    let spans = eventful.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans);
    spans.flat_map(|scope| &mut scope.spans).for_each(make_eventful);
    compare("the same with an exception, a link and text that is not ASCII", &eventful.encode_to_vec(), seconds);
}

/// Adds what the short ways of the scanner are not made for.
fn make_eventful(span: &mut Span) {
    let attributes = vec![
        text("exception.type", "TimeoutError"),
        text("exception.message", "das Modell hat nicht rechtzeitig geantwortet – bitte später"),
        text("exception.stacktrace", "  File \"/app/server.py\", line 42, in predict\n".repeat(12)),
    ];
    span.events.push(Event { name: "exception".into(), time_unix_nano: 1, attributes, ..Event::default() });
    span.links.push(Link { trace_id: vec![1; 16], span_id: vec![2; 8], ..Link::default() });
    span.attributes.push(text("enduser.name", "手話 太郎"));
    span.attributes
        .push(text("db.query.text", "SELECT id, label, confidence FROM predictions WHERE user_id = $1 ".repeat(4)));
}

fn compare(name: &str, body: &[u8], seconds: f64) {
    println!("{name}: {SPANS} of {} bytes", body.len() / SPANS);
    let (mut plain, mut watched) = (Scan::default(), Scan::default());
    let (policies, mut witness) = (policies(), Witness::default());
    let limits = Limits::default();
    let mut extract = || {
        witness.clear(Scan::SPANS_KEPT);
        scan(black_box(body), &limits, &mut witness.with(policies.watch()), &mut watched)
    };
    let mut contestants: [(&str, &mut dyn FnMut() -> Duration); 5] = [
        ("bare walk", &mut || timed(|| walk(black_box(body)))),
        ("scan", &mut || timed(|| scan(black_box(body), &limits, &mut (), &mut plain))),
        ("scan and extraction", &mut || timed(&mut extract)),
        ("prost decode", &mut || timed(|| ExportTraceServiceRequest::decode(black_box(body)))),
        ("memcpy", &mut || timed(|| black_box(body).to_vec())),
    ];
    let mut best = [Duration::MAX; 5];
    let mut all: [Vec<Duration>; 5] = Default::default();
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < end {
        for (i, (_, run)) in contestants.iter_mut().enumerate() {
            let took = run();
            best[i] = best[i].min(took);
            all[i].push(took);
        }
    }
    let per_span = |took: Duration| took.as_nanos() as f64 / SPANS as f64;
    let medians = all.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    let ratio = |i: usize| medians[i].as_secs_f64() / medians[3].as_secs_f64();
    for (i, (name, _)) in contestants.iter().enumerate() {
        let ratio = ratio(i);
        println!(
            "{name:28} {:8.1} ns/span (best {:.1})  {ratio:.3} of prost decode",
            per_span(medians[i]),
            per_span(best[i])
        );
    }
    for place in [1, 2] {
        let name = contestants[place].0;
        assert!(ratio(place) <= 1.0 / 3.0, "{name} must cost at most a third of prost's decode");
    }
    println!("note: scan {:.3}, scan and extraction {:.3} of prost decode", ratio(1), ratio(2));
}

/// Policies as people write them: one asks for texts, one for patterns.
fn policies() -> Sampler {
    let attribute = |name: &str, key: &str, values: &[&str], enabled_regex_matching| PolicySpec {
        name: name.to_owned(),
        rule: Rule::StringAttribute {
            key: key.to_owned(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
            enabled_regex_matching,
            invert_match: false,
            cache_max_size: 0,
        },
    };
    let user = attribute("user", "prediction.user_id", &["user-7", "user-777"], false);
    let route = attribute("route", "url.path", &["^/v1/(asl_|model_)"], true);
    Sampler::new(&[user, route]).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// How long `work` takes; what it makes is dropped afterwards.
fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let made = work();
    let took = start.elapsed();
    black_box(made);
    took
}

/// Looks at every tag of every span and steps over every value, checking nothing: what no scanner can be faster than.
fn walk(body: &[u8]) -> u64 {
    fn fields(mut rest: &[u8], path: &[u32], sum: &mut u64) {
        while !rest.is_empty() {
            let key = number(&mut rest);
            let len = match key & 7 {
                0 => {
                    *sum += number(&mut rest);
                    0
                }
                1 => 8,
                2 => number(&mut rest) as usize,
                _ => 4,
            };
            let (value, tail) = rest.split_at(len);
            if let [next, deeper @ ..] = path
                && key == u64::from(*next)
            {
                fields(value, deeper, sum);
            }
            *sum += key;
            rest = tail;
        }
    }
    let mut sum = 0;
    fields(
        body,
        &[fields::request::RESOURCE_SPANS, fields::resource_spans::SCOPE_SPANS, fields::scope_spans::SPANS],
        &mut sum,
    );
    sum
}

fn number(rest: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = rest[0];
        *rest = &rest[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
        shift += 7;
    }
}
