//! What the operator wants: read from every source at once, checked as a whole, and meant. A [`Config`] that exists can
//! be run; everything that is wrong is said together, with its place and with what would be right.

pub mod admin;
pub mod batch;
pub mod control;
pub mod log;
pub mod memory;
pub mod queue;
pub mod receiver;
pub mod sampling;
pub mod shutdown;
pub mod tail_sampling;
pub mod upstream;

use self::admin::AdminConfig;
use self::batch::BatchConfig;
use self::control::ControlConfig;
use self::log::LogConfig;
use self::memory::MemoryConfig;
use self::queue::QueueConfig;
use self::receiver::ReceiverConfig;
use self::sampling::SamplingConfig;
use self::shutdown::ShutdownConfig;
use self::tail_sampling::TailConfig;
use self::upstream::UpstreamConfig;

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
