//! What happens to a span between the two sockets: one machine without clock, socket, thread, log or randomness. Time
//! comes in as a value, effects go out as values.

mod admission;
pub mod ages;
pub mod batch;
pub mod budget;
pub mod buffer;
pub mod clock;
pub mod custody;
pub mod envelope;
pub mod frame;
pub mod hash;
pub mod keep;
mod machine;
pub mod otlp;
mod packing;
pub mod queue;
mod relief;
pub mod retry;
pub mod runs;
pub mod sampling;
pub mod slab;

use crate::relay::ages::Ages;
use crate::relay::custody::Ledger;

pub use machine::{Options, Relay};

use crate::relay::otlp::Malformed;
use crate::relay::otlp::scan::Rejected;

/// What an OK to the app says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Spans in our custody from now on.
    pub accepted: u64,
    /// Spans that are not, for good.
    pub rejected: Rejected,
}

/// Why a scanned request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No room for its index; try again. Nothing is counted yet: see [`Relay::refuse`].
    Full {
        /// What has to be free at once for it, beside its own bytes.
        bytes: usize,
        /// How many spans it has; none when there was no room to read so far.
        spans: Option<u64>,
    },
    /// Its index would not fit even if nothing else were held.
    TooLarge,
    /// Not an OTLP trace request.
    Malformed(Malformed),
    /// The process is leaving; try again elsewhere.
    Draining,
}

/// How a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP with protobuf.
    Http,
}

/// Why a request was turned away unread or unreadable: it has no span count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// No room in the budget; the app was told to try again.
    Full,
    /// Larger than `receiver.max_request_size`, or with an index that could never be held.
    TooLarge,
    /// Not an OTLP trace request, or not decompressible.
    Malformed,
    /// The app gave the call up.
    Cancelled,
    /// Its body did not come within `receiver.read_timeout`.
    Timeout,
    /// An encoding or content type that is not taken here.
    Unsupported,
    /// It came through one of our own exporters.
    Loop,
    /// The process is leaving.
    Draining,
}

impl TurnedAway {
    /// Every reason, in the order of the counters.
    pub const ALL: [TurnedAway; 8] = [
        TurnedAway::Full,
        TurnedAway::TooLarge,
        TurnedAway::Malformed,
        TurnedAway::Cancelled,
        TurnedAway::Timeout,
        TurnedAway::Unsupported,
        TurnedAway::Loop,
        TurnedAway::Draining,
    ];

    /// The word for it in metrics, logs and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            TurnedAway::Full => "full",
            TurnedAway::TooLarge => "too_large",
            TurnedAway::Malformed => "malformed",
            TurnedAway::Cancelled => "cancelled",
            TurnedAway::Timeout => "timeout",
            TurnedAway::Unsupported => "unsupported",
            TurnedAway::Loop => "loop",
            TurnedAway::Draining => "draining",
        }
    }
}

/// Why a trace was decided when it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Its local root had ended and the grace was over.
    LocalRoot,
    /// `decision_wait` was over.
    Timer,
    /// It reached the limit of spans or bytes for one trace.
    TraceLimit,
    /// The table of open traces was full.
    TableFull,
    /// Memory was short.
    Pressure,
    /// The process was leaving.
    Shutdown,
}

impl Trigger {
    /// Every trigger, in the order of the counters.
    pub const ALL: [Trigger; 6] = [
        Trigger::LocalRoot,
        Trigger::Timer,
        Trigger::TraceLimit,
        Trigger::TableFull,
        Trigger::Pressure,
        Trigger::Shutdown,
    ];

    /// The word for it in metrics, logs and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Trigger::LocalRoot => "local_root",
            Trigger::Timer => "timer",
            Trigger::TraceLimit => "trace_limit",
            Trigger::TableFull => "table_full",
            Trigger::Pressure => "pressure",
            Trigger::Shutdown => "shutdown",
        }
    }
}

/// Spans and bytes somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Spans.
    pub spans: u64,
    /// Bytes of the spans or batches themselves.
    pub bytes: u64,
}

/// Where the held spans are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Waiting for the rest of their trace.
    pub buffer: Depth,
    /// Kept, waiting to be made into a request or for room in the queue.
    pub batch: Depth,
    /// In a request, waiting for the collector.
    pub queue: Depth,
    /// In a request, out at the collector.
    pub inflight: Depth,
}

impl Held {
    /// All spans held.
    pub fn spans(&self) -> u64 {
        self.buffer.spans + self.batch.spans + self.queue.spans + self.inflight.spans
    }
}

/// Everything the relay counts, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The books.
    pub ledger: Ledger,
    /// Spans whose custody was lost by a bug.
    pub unaccounted: u64,
    /// Spans of scanned requests that came by gRPC.
    pub received_grpc: u64,
    /// Spans of scanned requests that came by HTTP.
    pub received_http: u64,
    /// Spans refused for an invalid trace id.
    pub rejected_trace_id: u64,
    /// Spans refused for an invalid span id.
    pub rejected_span_id: u64,
    /// Spans refused because their bytes are not a span.
    pub rejected_malformed: u64,
    /// Spans of scanned requests for which there was no room.
    pub refused_full: u64,
    /// Requests turned away, in the order of [`TurnedAway::ALL`], and their bytes as far as known.
    pub turned_away: [(u64, u64); TurnedAway::ALL.len()],
    /// Requests of other signals read and discarded: metrics, logs, profiles.
    pub discarded: [u64; 3],
    /// Where the held spans are.
    pub held: Held,
    /// What `queue.max_size` allows, in bytes.
    pub queue_capacity: u64,
    /// The memory budget, in bytes; what is charged of it; the most that ever was.
    pub budget: (u64, u64, u64),
    /// Traces decided, by trigger in the order of [`Trigger::ALL`]: kept, released.
    pub decisions: [(u64, u64); Trigger::ALL.len()],
    /// How old traces were when they were decided: from their first span on.
    pub decision_ages: Ages,
    /// Traces kept by each policy, in the order of the configuration.
    pub kept_by_policy: Vec<u64>,
    /// Conditions that could not be evaluated, for each policy that has some, by its place in the configuration.
    pub policy_errors: Vec<(u16, u64)>,
    /// Traces waiting for their decision.
    pub traces_open: u64,
    /// Decisions remembered.
    pub remembered: u64,
    /// Late spans of kept and of released traces.
    pub late: (u64, u64),
    /// Spans sent again although the first outcome is unknown.
    pub maybe_duplicated: u64,
    /// Spans kept whose tracestate could not be read and was left as it is.
    pub tracestate_unreadable: u64,
    /// Batches the collector took, batches to try again, batches refused for good.
    pub exports: (u64, u64, u64),
    /// Whether the last attempt reached the collector; none before the first.
    pub upstream_up: Option<bool>,
    /// Requests held for room now.
    pub waiting: u64,
}

impl Snapshot {
    /// Whether `accepted = exported + sampled_out + dropped + held`, exactly.
    pub fn balanced(&self) -> bool {
        self.unaccounted == 0 && self.ledger.outstanding() == self.held.spans()
    }
}
