//! Every series the operator sees: name, unit, help. One snapshot of the relay's counters becomes one page of Prometheus
//! text under one lock, so the books balance exactly in every scrape, and counting costs the data path nothing.

mod ages;
pub mod labels;
pub mod process;
pub mod readings;
pub mod reference;
pub mod series;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use metrics::{Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

use crate::driver::{Driver, Phase};
use crate::instruments::Instruments;
use crate::metrics::labels::Labels;
use crate::metrics::process::Process;
use crate::metrics::readings::{Reading, readings};
use crate::metrics::series::{Kind, Series};
use crate::relay::Snapshot;

/// What the rooms that tell need of the one that counts.
pub trait Books: Send + Sync + 'static {
    /// Everything counted, as of this moment.
    fn snapshot(&self) -> Snapshot;
    /// Where the process is on its way out.
    fn phase(&self) -> Phase;
}

impl Books for Driver {
    fn snapshot(&self) -> Snapshot {
        Driver::snapshot(self)
    }

    fn phase(&self) -> Phase {
        Driver::phase(self)
    }
}

/// All series, and the page of them.
pub struct Metrics {
    recorder: PrometheusRecorder,
    labels: Labels,
    process: Process,
    /// Held from the snapshot to the last line: a page mixes no two moments.
    page: Mutex<()>,
}

impl Metrics {
    /// The series of a relay with these labels. Nothing global is set: every process, and every test, may have several.
    pub fn new(labels: Labels) -> Metrics {
        let recorder = series::ALL.iter().fold(PrometheusBuilder::new(), buckets_of).build_recorder();
        for series in series::ALL {
            describe(&recorder, series);
        }
        Metrics { recorder, labels, process: Process::of_this_one(), page: Mutex::new(()) }
    }

    /// The handles through which the doors record distributions.
    pub fn instruments(&self) -> Instruments {
        let handle = |series: &Series| self.recorder.register_histogram(&Key::from_static_name(series.name), &METADATA);
        Instruments { hold_seconds: handle(&series::HOLD_SECONDS), export_seconds: handle(&series::EXPORT_SECONDS) }
    }

    /// The words by which policies and the upstream are known.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// One page in Prometheus' text format, as of this moment.
    pub fn page(&self, books: &dyn Books) -> String {
        let _one_moment = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        // A histogram nobody asked a handle for is there from the first scrape too.
        self.instruments();
        let snapshot = books.snapshot();
        let mut all = readings(&snapshot, books.phase(), &self.labels);
        all.extend(self.process.readings());
        for reading in &all {
            self.publish(reading);
        }
        let mut page = sorted(&self.recorder.handle().render());
        page.push_str(&ages::lines(&snapshot.decision_ages));
        page.push_str(&self.process.cpu_lines());
        page
    }

    /// Folds what the histograms recorded into their buckets. To be called every few seconds, so that samples do not pile
    /// up between scrapes.
    pub fn upkeep(&self) {
        self.recorder.handle().run_upkeep();
    }

    fn publish(&self, reading: &Reading) {
        let labels: Vec<Label> =
            reading.label.iter().map(|(name, value)| Label::new(*name, value.to_string())).collect();
        let key = Key::from_parts(reading.series.name, labels);
        match reading.series.kind {
            Kind::Counter => self.recorder.register_counter(&key, &METADATA).absolute(reading.value),
            // Exact up to 2^53, which is nine petabytes.
            Kind::Gauge => self.recorder.register_gauge(&key, &METADATA).set(reading.value as f64),
            Kind::Histogram(_) => unreachable!("a distribution has no reading; it is recorded where it happens"),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("labels", &self.labels).finish_non_exhaustive()
    }
}

fn buckets_of(builder: PrometheusBuilder, series: &&Series) -> PrometheusBuilder {
    match series.kind {
        Kind::Histogram(bounds) => builder
            .set_buckets_for_metric(Matcher::Full(series.name.to_owned()), bounds)
            .expect("every histogram of the table has bounds"),
        Kind::Counter | Kind::Gauge => builder,
    }
}

fn describe(recorder: &PrometheusRecorder, series: &Series) {
    let (name, unit, help) = (KeyName::from_const_str(series.name), Some(series.unit), series.help.into());
    match series.kind {
        Kind::Counter => recorder.describe_counter(name, unit, help),
        Kind::Gauge => recorder.describe_gauge(name, unit, help),
        Kind::Histogram(_) => recorder.describe_histogram(name, unit, help),
    }
}

/// The page with its families by name and their lines in order, so that two pages can be compared by eye.
fn sorted(page: &str) -> String {
    let mut families: Vec<Vec<&str>> =
        page.split("\n\n").map(|family| family.lines().collect()).filter(|lines: &Vec<_>| !lines.is_empty()).collect();
    for family in &mut families {
        let is_histogram = family.iter().any(|line| line.starts_with("# TYPE ") && line.ends_with(" histogram"));
        if !is_histogram {
            // The help and type lines begin with '#', which sorts before every name.
            family.sort_unstable();
        }
    }
    families.sort_unstable();
    let mut out = String::with_capacity(page.len());
    for line in families.into_iter().flatten() {
        out.push_str(line);
        out.push('\n');
    }
    out
}

const METADATA: Metadata<'static> = Metadata::new("tailwater", Level::INFO, None);

#[cfg(test)]
pub(crate) mod tests;
