//! What is said on standard error: one line an event, text on a terminal and JSON otherwise. Whatever a line quotes, it
//! stays one line: control characters are written as escapes. And a site that has said its line waits before the next.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;

/// The shape of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What is said, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The least important line still written.
    pub level: Level,
    /// The shape of a line.
    pub format: Format,
}

impl Default for Options {
    fn default() -> Options {
        Options { level: Level::INFO, format: Format::Auto }
    }
}

/// Logging had been set up before.
#[derive(Debug, thiserror::Error)]
#[error("set up logging: it was set up before")]
pub struct InitError;

/// Sets the process's log up, on standard error. Once a process.
pub fn init(options: Options) -> Result<(), InitError> {
    let on_terminal = io::stderr().is_terminal();
    tracing::subscriber::set_global_default(subscriber(options, on_terminal, io::stderr)).map_err(|_| InitError)
}

/// The same for any writer; `on_terminal` decides what `auto` means.
pub fn subscriber<W>(options: Options, on_terminal: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let text = match options.format {
        Format::Text => true,
        Format::Json => false,
        Format::Auto => on_terminal,
    };
    let layer = fmt::layer().with_ansi(false).with_writer(OneLine(writer));
    let layer = match text {
        true => layer.boxed(),
        false => layer.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
    };
    // The libraries below us write frames and headers at debug and trace, and those could quote a span. Only what is wrong
    // with them passes, and at no level more than was asked for.
    let theirs = LevelFilter::from_level(options.level.min(Level::WARN));
    let filter = Targets::new().with_default(theirs).with_target("tailwater", options.level);
    tracing_subscriber::registry().with(layer.with_filter(filter))
}

/// Lets one line through in a while, for each place in the code that writes one, and counts those it keeps back.
///
/// ```
/// # use std::time::{Duration, Instant};
/// # use tailwater::logs::RateLimit;
/// static BUSY: RateLimit = RateLimit::new(Duration::from_secs(1));
/// if let Some(suppressed) = BUSY.allow(Instant::now()) {
///     tracing::warn!(suppressed, "collector busy; trying again");
/// }
/// ```
#[derive(Debug)]
pub struct RateLimit {
    every: Duration,
    state: Mutex<(Option<Instant>, u64)>,
}

impl RateLimit {
    /// One line in `every`.
    pub const fn new(every: Duration) -> RateLimit {
        RateLimit { every, state: Mutex::new((None, 0)) }
    }

    /// Whether a line may be written now: if so, how many were kept back since the last one, to be said in it.
    pub fn allow(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, suppressed) = &mut *state;
        if last.is_some_and(|last| now.saturating_duration_since(last) < self.every) {
            *suppressed += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(suppressed))
    }
}

/// A text with its control characters as `\u00xx`, which JSON and people both read: nothing in it can end a line, move a
/// cursor or colour a terminal.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => out.push(c),
        }
    }
    out
}

/// Writers of whole events. The formatter hands every event over in one piece, with its line's end.
struct OneLine<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for OneLine<W> {
    type Writer = Escaping<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Escaping(self.0.make_writer())
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Self::Writer {
        Escaping(self.0.make_writer_for(meta))
    }
}

struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let (line, end) = match text.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (&*text, ""),
        };
        match line.contains(char::is_control) {
            true => self.0.write_all(format!("{}{end}", escaped(line)).as_bytes())?,
            false => self.0.write_all(event)?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests;
