//! What the operator wants: read from every source at once, checked as a whole, and meant. A [`Config`] that exists can
//! be run; everything that is wrong is said together, with its place and with what would be right.

pub mod admin;
pub mod amount;
pub mod batch;
pub mod ceiling;
pub mod cgroup;
pub mod control;
pub mod duration;
pub mod env;
pub mod layers;
pub mod log;
pub mod memory;
pub mod node;
pub mod place;
mod policies;
pub mod problem;
pub mod queue;
pub mod receiver;
pub mod reference;
pub mod sampling;
mod secret;
pub mod shutdown;
pub mod size;
pub mod tail_sampling;
pub mod upstream;
mod verdict;
pub mod walk;
mod within;
pub mod yaml;

use std::path::PathBuf;

use self::admin::AdminConfig;
use self::batch::BatchConfig;
use self::ceiling::Ceiling;
use self::control::ControlConfig;
use self::layers::Layered;
use self::log::LogConfig;
use self::memory::MemoryConfig;
use self::node::Node;
use self::place::{At, Name, Sources};
use self::problem::Problem;
use self::queue::QueueConfig;
use self::receiver::ReceiverConfig;
use self::sampling::SamplingConfig;
use self::shutdown::ShutdownConfig;
use self::tail_sampling::TailConfig;
use self::upstream::UpstreamConfig;
use self::walk::Findings;

/// Everything the process was asked to do. Valid if it exists.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The door the app's spans come through.
    pub receiver: ReceiverConfig,
    /// What all held bytes together may take.
    pub memory: MemoryConfig,
    /// The ratio stage, completion and memory of decisions.
    pub sampling: SamplingConfig,
    /// Tail sampling; none where only a ratio was asked for.
    pub tail: Option<TailConfig>,
    /// Whether nobody said how to sample, so that `tail` is the preset: errors, slow traces, 10 % of the rest.
    pub preset: bool,
    /// Where one outgoing request ends and the next begins.
    pub batch: BatchConfig,
    /// What may wait for the collector.
    pub queue: QueueConfig,
    /// The collector.
    pub upstream: UpstreamConfig,
    /// The operator's door.
    pub admin: AdminConfig,
    /// The control door.
    pub control: ControlConfig,
    /// How long leaving may take.
    pub shutdown: ShutdownConfig,
    /// What is said, and how.
    pub log: LogConfig,
    /// Every key with its effective value and where that came from; secrets are not shown.
    pub effective: Vec<Effective>,
    /// Worth a look: something probably not meant.
    pub warnings: Vec<String>,
    /// Worth knowing: something understood in another way than elsewhere.
    pub notes: Vec<String>,
}

/// One key as it came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Its path, such as `batch.delay`.
    pub key: String,
    /// Its value, secrets redacted; `auto` values say what came of it.
    pub value: String,
    /// `default`, `tailwater.yaml:3:10`, the name of a variable or of a flag.
    pub origin: String,
}

/// Everything a configuration is made from, as values: nothing here reads a file or asks the system.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The file's name as it is to be shown, and its text.
    pub file: Option<(String, String)>,
    /// Environment variables; only those that are ours or the standard's are looked at.
    pub environment: Vec<(String, String)>,
    /// What `--upstream` said.
    pub upstream: Option<String>,
    /// The memory limit of the cgroup, in bytes, if there is one.
    pub memory_limit: Option<u64>,
    /// Whether an upstream must be set: to run, yes; to look at a file that leaves it to the environment, no.
    pub upstream_required: bool,
}

/// Everything that is wrong with a configuration; displayed as a list with places.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// What is wrong, in the order in which it stands there; what stands nowhere comes last.
    pub problems: Vec<Problem>,
    /// What the places refer to.
    pub sources: Sources,
}

impl std::fmt::Display for Rejected {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for problem in &self.problems {
            writeln!(out, "{}", problem.render(&self.sources))?;
        }
        match self.problems.len() {
            1 => writeln!(out, "1 problem in the configuration"),
            many => writeln!(out, "{many} problems in the configuration"),
        }
    }
}

impl std::error::Error for Rejected {}

impl Config {
    /// The configuration that these come to, or everything that is wrong with it.
    pub fn load(inputs: &Inputs) -> Result<Config, Rejected> {
        let mut sources = Sources::default();
        let mut findings = Findings::default();
        let mut warnings = Vec::new();
        let standard = env::standard(&inputs.environment, &mut sources, &mut warnings);
        let file = inputs.file.as_ref().and_then(|(name, text)| {
            let source = sources.add(Name::File(name.clone()), text.clone());
            yaml::read(&sources, sources.whole(source), &mut findings.problems)
        });
        let own = env::own(&inputs.environment, &mut sources, &mut findings.problems);
        let flags = inputs.upstream.as_ref().map(|url| env::flag(&mut sources, "--upstream", "upstream.endpoint", url));
        // An upstream that is written badly, or in a file that cannot be read, is not missing.
        let unreadable = inputs.file.is_some() && file.is_none();
        let raw: Vec<Node> = [Some(standard), file, Some(own), flags].into_iter().flatten().collect();
        let upstream_missing = !unreadable && raw.iter().all(|tree| tree.find("upstream.endpoint").is_none());
        if inputs.upstream_required && upstream_missing {
            findings.problems.push(verdict::no_upstream(&warnings));
        }
        raw.iter().for_each(|tree| hide_headers(tree, &mut sources));
        let trees: Vec<Node> = raw.into_iter().map(|tree| walk::walk(tree, &mut findings)).collect();
        let layered = Layered::new(&mut sources, trees);
        let config = Config::meant(&layered, inputs.memory_limit, warnings, &mut findings);
        let mut problems = findings.problems;
        problems.sort_by_key(|problem| problem.at.map_or((usize::MAX, 0), |at| (at.source, at.start)));
        if problems.is_empty() { Ok(config) } else { Err(Rejected { problems, sources }) }
    }

    /// What was asked for, section by section; contradictions are added to the findings.
    fn meant(layered: &Layered, memory_limit: Option<u64>, warnings: Vec<String>, findings: &mut Findings) -> Config {
        let problems = &mut findings.problems;
        let memory = MemoryConfig::meant(layered, memory_limit, problems);
        let queue = QueueConfig::meant(layered, memory.budget);
        let (tail, preset) = TailConfig::meant(layered);
        let mut config = Config {
            receiver: ReceiverConfig::meant(layered, memory.budget),
            sampling: SamplingConfig::meant(layered, memory.budget, problems),
            tail,
            preset,
            batch: BatchConfig::meant(layered, queue.max_size),
            queue,
            upstream: UpstreamConfig::meant(layered, problems),
            admin: AdminConfig::meant(layered),
            control: ControlConfig::meant(layered, problems),
            shutdown: ShutdownConfig::meant(layered),
            log: LogConfig::meant(layered),
            memory,
            effective: Vec::new(),
            warnings,
            notes: std::mem::take(&mut findings.notes),
        };
        let remarks = tail_sampling::remarks(&config, layered, problems);
        config.notes.extend(remarks.notes);
        config.warnings.extend(remarks.warnings);
        verdict::contradictions(&config, layered, problems);
        config.warnings.extend(verdict::warnings(&config, layered));
        config.effective = verdict::effective(&config, layered);
        config
    }

    /// The most memory this can take, term by term.
    pub fn ceiling(&self) -> Ceiling {
        Ceiling::new(self.receiver.connections_max, self.receiver.window, self.memory.budget)
    }

    /// How spans are sampled, in one line.
    pub fn sampling_choice(&self) -> String {
        verdict::sampling_choice(self)
    }
}

/// The file used when none is named, if it exists.
pub fn default_file() -> PathBuf {
    PathBuf::from("/etc/tailwater/tailwater.yaml")
}

/// Headers are not shown, wherever an alias or a merge key took them from.
fn hide_headers(tree: &Node, sources: &mut Sources) {
    let Some(headers) = tree.find("upstream.headers") else { return };
    sources.hide(headers.at);
    headers.entries().unwrap_or_default().iter().for_each(|entry| sources.hide(entry.node.at));
}

/// The place of a key in the source that set it.
fn written(layered: &Layered, path: &str) -> Option<At> {
    layered.node(path).map(|node| node.at)
}

#[cfg(test)]
mod tests;
