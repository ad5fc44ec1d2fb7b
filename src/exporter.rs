//! OTLP out: takes batches, sends them to the collector, says what became of each. When to try again is not decided here;
//! which answer means what is (`status`), and so is which failure means what (`trouble`).

pub mod answer;
pub mod body;
pub mod channel;
pub mod cork;
pub mod endpoint;
mod proto;
pub mod resolve;
pub mod retry_info;
pub mod status;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod trouble;
mod watch;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::{HeaderName, HeaderValue};
use thiserror::Error;
use tower::BoxError;
use tower::timeout::error::Elapsed;
use tracing::{info, warn};

use crate::driver::Driver;
use crate::exporter::answer::Answer;
use crate::exporter::body::{Progress, Sent};
use crate::exporter::channel::Caller;
pub use crate::exporter::channel::HOP;
pub use crate::exporter::endpoint::Endpoint;
pub use crate::exporter::tls::{Tls, TlsError};
use crate::exporter::trouble::Trouble;
use crate::exporter::watch::{News, QUIET, Watch};
use crate::logs::RateLimit;
use crate::relay::queue::{Backoff, Batch, Outcome};

/// Where batches come from and outcomes go.
pub trait Outlet: Send + Sync {
    /// The next batch whose time has come; `None` when there will be none any more. Dropping the future loses no batch.
    fn next_batch(&self) -> impl Future<Output = Option<Batch>> + Send;
    /// Says what became of a batch; exactly once for each that [`Outlet::next_batch`] gave.
    fn settle(&self, batch: Batch, outcome: Outcome);
}

impl Outlet for Driver {
    async fn next_batch(&self) -> Option<Batch> {
        Driver::next_batch(self).await
    }

    fn settle(&self, batch: Batch, outcome: Outcome) {
        Driver::settle(self, batch, outcome);
    }
}

/// How to reach the collector.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Whether requests are compressed.
    pub compression: Compression,
    /// How long one attempt may take, connecting included.
    pub timeout: Duration,
    /// Headers for every request, secrets among them.
    pub headers: Vec<Header>,
    /// Certificates for an `https://` endpoint; without meaning for another.
    pub tls: Tls,
    /// Requests under way at once: 1 to [`CONCURRENCY_MAX`].
    pub concurrency: usize,
    /// Who we are, for [`HOP`]: what the receiver looks for to notice that we send to ourselves.
    pub hop: String,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// As gzip, at its fastest.
    Gzip,
}

/// A header of `upstream.headers`. Its value is never shown.
#[derive(Clone, Debug)]
pub struct Header {
    name: HeaderName,
    value: HeaderValue,
}

impl Header {
    /// Checks name and value. The error says which is wrong, and does not show the value.
    pub fn new(name: &str, value: &str) -> Result<Header, String> {
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let name = parsed.map_err(|_| format!("'{}' is no header name", answer::escape(name.as_bytes())))?;
        if is_reserved(name.as_str()) {
            return Err(format!("the header '{name}' is OTLP/gRPC's own and cannot be set"));
        }
        let parsed = HeaderValue::from_str(value);
        let mut value =
            parsed.map_err(|_| format!("the value of the header '{name}' has characters that no header may have"))?;
        value.set_sensitive(true);
        Ok(Header { name, value })
    }

    /// The name, in lower case.
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// The value, marked as sensitive.
    pub fn value(&self) -> &HeaderValue {
        &self.value
    }
}

/// Why an exporter cannot be made of its options.
#[derive(Debug, Error)]
pub enum SetupError {
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(TlsError),
    /// The name we have for ourselves cannot be sent.
    #[error("'{0}' cannot be sent as a header's value")]
    Hop(String),
    /// The channel does not take the endpoint.
    #[error("the upstream's channel cannot be made: {0}")]
    Channel(String),
}

/// Sends batches to one collector.
#[derive(Debug)]
pub struct Exporter {
    caller: Caller,
    endpoint: Endpoint,
    workers: usize,
    watch: Mutex<Watch>,
    refused: RateLimit,
    partial: RateLimit,
}

impl Exporter {
    /// Reads certificates and prepares the channel; connects to nothing yet. Must be called inside a tokio runtime.
    pub fn new(options: &Options) -> Result<Exporter, SetupError> {
        let caller = Caller::new(options)?;
        let workers = options.concurrency.clamp(1, CONCURRENCY_MAX);
        Ok(Exporter {
            caller,
            endpoint: options.endpoint.clone(),
            workers,
            watch: Mutex::default(),
            refused: RateLimit::new(QUIET),
            partial: RateLimit::new(QUIET),
        })
    }

    /// Sends what `outlet` has until it has no more, or until `stop`; what is under way then is settled as unknown.
    /// `observe` is told how long each attempt took.
    pub async fn run(&self, outlet: &impl Outlet, observe: impl Fn(Duration), stop: impl Future<Output = ()>) {
        let workers = join_all((0..self.workers).map(|_| self.work(outlet, &observe)));
        tokio::select! {
            biased;
            () = stop => {}
            _ = workers => {}
        }
    }

    async fn work(&self, outlet: &impl Outlet, observe: &impl Fn(Duration)) {
        while let Some(batch) = outlet.next_batch().await {
            let attempt = Attempt::new(outlet, batch);
            let started = Instant::now();
            let outcome = self.send(&attempt.batch, attempt.progress.clone()).await;
            observe(started.elapsed());
            attempt.settle(outcome);
        }
    }

    async fn send(&self, batch: &Option<Batch>, progress: Arc<Progress>) -> Outcome {
        let Some(batch) = batch else { return Outcome::Rejected };
        let spans = batch.custody.spans();
        match self.caller.call(batch.body.clone(), progress.clone()).await {
            Ok(answer) => self.weigh(answer, spans),
            Err(error) => self.failed(&error, &progress),
        }
    }

    /// What an answer means for its batch.
    fn weigh(&self, answer: Answer, spans: u64) -> Outcome {
        match answer {
            Answer::Grpc(status) => {
                let outcome = status::outcome(status.code, status.retry, spans, status.rejected_spans);
                if let Outcome::Delivered { rejected_spans } = outcome {
                    self.tell_up();
                    self.tell_partial(rejected_spans, &status.message);
                    return outcome;
                }
                let code = format!("{:?}", status.code);
                self.tell_answer(outcome, || Trouble::of_status(&status), &code, &status.message, spans)
            }
            Answer::Foreign { http, content_type, retry } => {
                let outcome = status::outcome_of_http(http, retry, spans);
                let (code, reason) = (format!("HTTP {http}"), format!("not gRPC, content type '{content_type}'"));
                self.tell_answer(outcome, || Trouble::of_http(http, &content_type), &code, &reason, spans)
            }
            Answer::TooLarge => {
                let code = "an answer of more than 64 KiB";
                self.tell_answer(Outcome::Rejected, || Trouble::Unavailable(code.to_owned()), code, "", spans)
            }
            // The call was taken and its end was lost: nothing says that it failed, or that it did not.
            Answer::Cut => self.lost(Trouble::Lost("an answer without a status".to_owned()), true),
        }
    }

    /// What a call without an answer means for its batch.
    fn failed(&self, error: &BoxError, progress: &Progress) -> Outcome {
        let timed_out = error.is::<Elapsed>() || is_timeout(error.as_ref());
        let sight = self.caller.witness().sight();
        let trouble = Trouble::of_failure(self.endpoint.tls(), timed_out, &sight, error.as_ref());
        // A collector can act on a whole message only, and only where one speaks its language.
        let unknown = progress.sent() == Sent::All && !trouble.rules_delivery_out();
        self.lost(trouble, unknown)
    }

    /// Says what an answer that is no success means, which is what becomes of its spans: an answer that speaks for the
    /// whole upstream is trouble, any other was given by somebody who can be reached.
    fn tell_answer(
        &self,
        outcome: Outcome,
        trouble: impl FnOnce() -> Trouble,
        code: &str,
        reason: &str,
        spans: u64,
    ) -> Outcome {
        match outcome {
            Outcome::TryAgain { scope: Backoff::Upstream, .. } => self.tell_down(trouble()),
            Outcome::TryAgain { scope: Backoff::Batch, .. }
            | Outcome::Rejected
            | Outcome::Delivered { .. }
            | Outcome::GivenUp { .. } => {
                self.tell_up();
                self.tell_refused(code, reason, spans, outcome);
            }
        }
        outcome
    }

    fn lost(&self, trouble: Trouble, unknown: bool) -> Outcome {
        self.tell_down(trouble);
        Outcome::TryAgain { scope: Backoff::Upstream, delay: None, unknown }
    }

    fn tell_down(&self, trouble: Trouble) {
        if let Some(News::Down { trouble, attempts }) = self.watch().failed(trouble, Instant::now()) {
            warn!(upstream = %self.endpoint, attempts, "cannot deliver to the collector: {trouble}; spans are held, trying again");
        }
    }

    fn tell_up(&self) {
        if let Some(News::Up { down }) = self.watch().reached(Instant::now()) {
            let down_seconds = down.as_secs_f64();
            info!(upstream = %self.endpoint, down_seconds, "the collector can be reached again");
        }
    }

    fn tell_partial(&self, spans: u64, message: &str) {
        if spans == 0 && message.is_empty() {
            return;
        }
        if let Some(suppressed) = self.partial.allow(Instant::now()) {
            warn!(upstream = %self.endpoint, spans, reason = %message, suppressed, "the collector did not take every span of a request");
        }
    }

    fn tell_refused(&self, code: &str, message: &str, spans: u64, outcome: Outcome) {
        if let Some(suppressed) = self.refused.allow(Instant::now()) {
            let next = if outcome == Outcome::Rejected { "dropped" } else { "tried again" };
            warn!(upstream = %self.endpoint, code, reason = %message, spans, suppressed, "the collector refused a request; its spans are {next}");
        }
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch on its way, settled exactly once: by [`Attempt::settle`], or when its task is dropped under it.
struct Attempt<'a, O: Outlet> {
    outlet: &'a O,
    batch: Option<Batch>,
    progress: Arc<Progress>,
}

impl<'a, O: Outlet> Attempt<'a, O> {
    fn new(outlet: &'a O, batch: Batch) -> Attempt<'a, O> {
        Attempt { outlet, batch: Some(batch), progress: Arc::default() }
    }

    fn settle(mut self, outcome: Outcome) {
        if let Some(batch) = self.batch.take() {
            self.outlet.settle(batch, outcome);
        }
    }
}

impl<O: Outlet> Drop for Attempt<'_, O> {
    fn drop(&mut self) {
        if let Some(batch) = self.batch.take() {
            let unknown = self.progress.sent() == Sent::All;
            self.outlet.settle(batch, Outcome::GivenUp { unknown });
        }
    }
}

/// tonic keeps the deadline of `grpc-timeout` too, and may be a moment faster than our own layer.
fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<tonic::TimeoutExpired>())
}

/// Whether a header's name, in lower case, is the protocol's own, so that `upstream.headers` cannot set it.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with("grpc-") || name.ends_with("-bin")
}

/// The most requests under way at once.
pub const CONCURRENCY_MAX: usize = 4;
/// Headers that HTTP/2, gRPC or this exporter set.
const RESERVED: [&str; 8] =
    ["content-type", "content-length", "te", "user-agent", "tailwater-hop", "host", "connection", "transfer-encoding"];
