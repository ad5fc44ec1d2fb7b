//! The page as a whole: its series, its format, its sums.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::metrics::labels::PolicyName;
use crate::relay::custody::{Cause, Fate, Reason};
use crate::relay::{Depth, Held, Trigger, TurnedAway};

/// Books that say what they are told to.
#[derive(Debug)]
pub(crate) struct Fake {
    state: Mutex<(Snapshot, Phase)>,
}

impl Fake {
    pub(crate) fn new(snapshot: Snapshot) -> Fake {
        Fake { state: Mutex::new((snapshot, Phase::Serving)) }
    }

    pub(crate) fn set(&self, snapshot: Snapshot) {
        self.state.lock().unwrap().0 = snapshot;
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.state.lock().unwrap().1 = phase;
    }
}

impl Books for Fake {
    fn snapshot(&self) -> Snapshot {
        self.state.lock().unwrap().0.clone()
    }

    fn phase(&self) -> Phase {
        self.state.lock().unwrap().1
    }
}

/// The preset's policies.
pub(crate) fn preset() -> Labels {
    let names = ["errors", "slow", "rest"];
    Labels::new("jaeger:4317", names.map(|name| PolicyName { name: name.to_owned(), drops: false }).to_vec())
}

/// Some spans everywhere, balanced.
pub(crate) fn busy() -> Snapshot {
    let held = Held {
        buffer: Depth { spans: 4, bytes: 400 },
        batch: Depth { spans: 3, bytes: 300 },
        queue: Depth { spans: 2, bytes: 200 },
        inflight: Depth { spans: 1, bytes: 100 },
    };
    let mut snapshot = Snapshot { held, received_grpc: 90, received_http: 15, refused_full: 5, ..Snapshot::default() };
    let fates = [
        (50, Fate::Exported),
        (20, Fate::SampledOut(Reason::NoMatch)),
        (10, Fate::SampledOut(Reason::Ratio)),
        (3, Fate::Dropped(Cause::Expired)),
        (7, Fate::Dropped(Cause::Shutdown)),
    ];
    close(&mut snapshot, &fates);
    snapshot.budget = (1000, 600, 700);
    snapshot
}

/// Accepts what has a fate and what is held.
fn close(snapshot: &mut Snapshot, fates: &[(u64, Fate)]) {
    for &(spans, fate) in fates {
        let custody = snapshot.ledger.open(spans);
        snapshot.ledger.close(custody, fate);
    }
    let mut held = snapshot.ledger.open(snapshot.held.spans());
    // What is held has no fate; the count alone is what matters here.
    std::mem::forget(held.split(u64::MAX));
}

fn samples(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').expect("a sample has a value"));
    pairs.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

fn sum(samples: &BTreeMap<String, f64>, family: &str) -> u64 {
    let of = |name: &str| name == family || name.strip_prefix(family).is_some_and(|rest| rest.starts_with('{'));
    samples.iter().filter(|(name, _)| of(name)).map(|(_, value)| *value as u64).sum()
}

fn identity(page: &str) -> (u64, u64) {
    let all = samples(page);
    let fates =
        ["tailwater_spans_exported_total", "tailwater_spans_sampled_out_total", "tailwater_spans_dropped_total"];
    let ended: u64 = fates.iter().map(|family| sum(&all, family)).sum();
    (sum(&all, "tailwater_spans_accepted_total"), ended + sum(&all, "tailwater_spans_held"))
}

#[test]
fn a_page_has_at_most_a_hundred_series_with_the_preset() {
    let metrics = Metrics::new(preset());
    metrics.instruments().held(Duration::from_millis(3));
    let count = samples(&metrics.page(&Fake::new(busy()))).len();
    assert!((90..=100).contains(&count), "{count} series");
}

#[test]
fn a_further_policy_adds_at_most_four_series_and_a_busy_page_has_no_more_than_an_idle_one() {
    let count = |labels: Labels, snapshot| samples(&Metrics::new(labels).page(&Fake::new(snapshot))).len();
    let with = |drops| {
        let mut policies = preset().policies().to_vec();
        policies.push(PolicyName { name: "one more".to_owned(), drops });
        Labels::new("jaeger:4317", policies)
    };
    let base = count(preset(), Snapshot::default());
    assert_eq!(count(preset(), busy()), base);
    assert_eq!(count(with(true), busy()), base + 1);
    assert_eq!(count(with(false), busy()), base + 1);
}

#[test]
fn every_series_of_the_table_is_on_the_first_page_with_help_and_type() {
    let with_conditions = Snapshot { policy_errors: vec![(2, 0)], ..Snapshot::default() };
    let page = Metrics::new(preset()).page(&Fake::new(with_conditions));
    for series in series::ALL {
        let name = series.name;
        assert!(page.contains(&format!("# HELP {name} {}\n", series.help)), "no help for {name}");
        assert_eq!(page.matches(&format!("# TYPE {name} ")).count(), 1, "{name}");
        let sample = [format!("\n{name} "), format!("\n{name}{{"), format!("\n{name}_count 0\n")];
        assert!(sample.iter().any(|start| page.contains(start)), "no sample of {name}:\n{page}");
    }
    assert_eq!(page.matches("# TYPE ").count(), series::ALL.len(), "a family without an entry in the table");
}

#[test]
fn only_a_policy_that_has_conditions_has_a_series_of_errors() {
    let page = |policy_errors| {
        let snapshot = Snapshot { policy_errors, ..Snapshot::default() };
        Metrics::new(preset()).page(&Fake::new(snapshot))
    };
    assert!(!page(Vec::new()).contains("tailwater_policy_errors_total"));
    let with = page(vec![(1, 0)]);
    assert!(with.contains("tailwater_policy_errors_total{policy=\"slow\"} 0\n"), "{with}");
    assert_eq!(with.matches("\ntailwater_policy_errors_total").count(), 1);
}

#[test]
fn every_reason_has_a_series_before_anything_happened() {
    let page = Metrics::new(preset()).page(&Fake::new(Snapshot::default()));
    let mut expected: Vec<String> =
        Cause::ALL.iter().map(|cause| format!("spans_dropped_total{{reason=\"{}\"}}", cause.name())).collect();
    expected.push("spans_dropped_total{reason=\"unaccounted\"}".to_owned());
    expected.extend(TurnedAway::ALL.map(|reason| format!("requests_refused_total{{reason=\"{}\"}}", reason.name())));
    for trigger in Trigger::ALL.map(Trigger::name) {
        expected.extend(
            ["kept", "released"]
                .map(|decision| format!("decisions_total{{trigger=\"{trigger}\",decision=\"{decision}\"}}")),
        );
    }
    for series in expected {
        assert!(page.contains(&format!("\ntailwater_{series} 0\n")), "{series} is not on the page:\n{page}");
    }
}

#[test]
fn a_page_is_whole_values_of_one_snapshot() {
    let mut snapshot = busy();
    snapshot.turned_away[TurnedAway::Full as usize] = (2, 2048);
    snapshot.turned_away[TurnedAway::Loop as usize] = (1, 100);
    snapshot.decisions[Trigger::Timer as usize] = (6, 7);
    snapshot.kept_by_policy = vec![1, 2, 3];
    snapshot.policy_errors = vec![(1, 4)];
    snapshot.upstream_up = Some(true);
    snapshot.queue_capacity = 750;
    let page = Metrics::new(preset()).page(&Fake::new(snapshot));
    for line in [
        "tailwater_spans_received_total{transport=\"grpc\"} 90",
        "tailwater_spans_received_total{transport=\"http\"} 15",
        "tailwater_spans_refused_total{reason=\"full\"} 5",
        "tailwater_requests_refused_total{reason=\"full\"} 2",
        "tailwater_requests_refused_total{reason=\"loop\"} 1",
        "tailwater_requests_refused_bytes_total 2148",
        "tailwater_spans_accepted_total 100",
        "tailwater_spans_exported_total{upstream=\"jaeger:4317\"} 50",
        "tailwater_spans_sampled_out_total{reason=\"no_match\"} 20",
        "tailwater_spans_dropped_total{reason=\"expired\"} 3",
        "tailwater_spans_held{stage=\"batch\"} 3",
        "tailwater_queue_depth_bytes{queue=\"inflight\"} 100",
        "tailwater_queue_capacity_bytes{queue=\"queue\"} 750",
        "tailwater_decisions_total{trigger=\"timer\",decision=\"released\"} 7",
        "tailwater_traces_kept_total{policy=\"slow\"} 2",
        "tailwater_policy_errors_total{policy=\"slow\"} 4",
        "tailwater_memory_charged_peak_bytes 700",
        "tailwater_upstream_up 1",
    ] {
        assert!(page.contains(&format!("\n{line}\n")), "no {line:?} on\n{page}");
    }
    assert_eq!(identity(&page), (100, 100));
}

#[test]
fn a_counter_moves_from_scrape_to_scrape_and_a_gauge_goes_down_again() {
    let (metrics, books) = (Metrics::new(preset()), Fake::new(busy()));
    metrics.page(&books);
    let mut later = Snapshot::default();
    close(&mut later, &[(200, Fate::Exported)]);
    books.set(later);
    let page = metrics.page(&books);
    assert!(
        page.contains("tailwater_spans_accepted_total 200\n")
            && page.contains("tailwater_spans_held{stage=\"buffer\"} 0\n")
    );
}

#[test]
fn a_distribution_is_a_histogram_with_its_own_buckets() {
    let metrics = Metrics::new(preset());
    let instruments = metrics.instruments();
    instruments.held(Duration::from_millis(50));
    instruments.exported(Duration::from_secs(20));
    let mut snapshot = Snapshot::default();
    snapshot.decision_ages.note(Duration::from_secs(5));
    snapshot.decision_ages.note(Duration::from_millis(61_500));
    metrics.upkeep();
    let page = metrics.page(&Fake::new(snapshot));
    for line in [
        "# TYPE tailwater_hold_seconds histogram\ntailwater_hold_seconds_bucket{le=\"0.01\"} 0\ntailwater_hold_seconds_bucket{le=\"0.1\"} 1\n",
        "tailwater_export_seconds_bucket{le=\"10\"} 0\ntailwater_export_seconds_bucket{le=\"+Inf\"} 1\ntailwater_export_seconds_sum 20\n",
        "tailwater_decision_age_seconds_bucket{le=\"1\"} 0\ntailwater_decision_age_seconds_bucket{le=\"5\"} 1\n",
        "{le=\"60\"} 1\ntailwater_decision_age_seconds_bucket{le=\"+Inf\"} 2\ntailwater_decision_age_seconds_sum 66.5\ntailwater_decision_age_seconds_count 2\n",
    ] {
        assert!(page.contains(line), "no {line} on\n{page}");
    }
}

#[test]
fn a_policy_name_cannot_break_out_of_its_label() {
    let policies = vec![PolicyName { name: "a\"} 1\nb\\".to_owned(), drops: true }];
    let page = Metrics::new(Labels::new("jaeger:4317", policies)).page(&Fake::new(Snapshot::default()));
    assert!(page.contains("{reason=\"a\\\"} 1_b\\\\\"} 0\n"), "{page}");
}

#[test]
fn the_reference_is_in_step_with_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/metrics/METRICS.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, reference::reference()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, reference::reference(), "run this test with BLESS=1 to write it anew");
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    let mut seen = BTreeSet::new();
    for series in series::ALL {
        let name = series.name;
        assert!(seen.insert(name), "{name} stands twice in the table");
        assert_eq!(name.ends_with("_total"), series.kind == Kind::Counter, "{name}");
        let suffix = match series.unit {
            metrics::Unit::Bytes => "_bytes",
            metrics::Unit::Seconds => "_seconds",
            _ => "",
        };
        assert!(name.trim_end_matches("_total").ends_with(suffix), "{name} does not name its unit");
    }
}

fn any_fate() -> impl Strategy<Value = Fate> {
    let reasons = prop_oneof![
        Just(Reason::Ratio),
        Just(Reason::NoMatch),
        Just(Reason::Remembered),
        (0..6u16).prop_map(Reason::Policy)
    ];
    prop_oneof![
        Just(Fate::Exported),
        reasons.prop_map(Fate::SampledOut),
        prop::sample::select(Cause::ALL.to_vec()).prop_map(Fate::Dropped),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happened, also what only a bug can do: policies beyond the configuration, and custody lost.
    #[test]
    fn a_page_balances_whenever_its_snapshot_does(
        fates in prop::collection::vec((0u64..1_000_000, any_fate()), 0..20),
        held in prop::array::uniform4(0u64..1_000_000),
        lost in 0u64..3,
        names in prop::collection::vec((prop::sample::select(vec!["ratio", "no_match", "a", "unaccounted"]), any::<bool>()), 0..4),
    ) {
        let names = names.into_iter().map(|(name, drops)| PolicyName { name: name.to_owned(), drops }).collect();
        let [buffer, batch, queue, inflight] = held.map(|spans| Depth { spans, bytes: spans });
        let mut snapshot = Snapshot { held: Held { buffer, batch, queue, inflight }, unaccounted: lost, ..Snapshot::default() };
        close(&mut snapshot, &fates);
        std::mem::forget(snapshot.ledger.open(lost));
        let page = Metrics::new(Labels::new("jaeger:4317", names)).page(&Fake::new(snapshot));
        let (accepted, accounted) = identity(&page);
        prop_assert_eq!(accepted, accounted, "{}", page);
    }
}

#[test]
fn making_the_series_does_not_hold_up_the_start() {
    let begun = std::time::Instant::now();
    drop(Metrics::new(preset()).page(&Fake::new(busy())));
    let took = begun.elapsed();
    println!("first page after {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}
