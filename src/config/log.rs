//! `log:` what is said on standard error, and how.

/// The least important line still written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Someone must act.
    Error,
    /// Someone may have to.
    Warn,
    /// Worth a person's time.
    Info,
    /// For the one who looks for a fault.
    Debug,
    /// Everything.
    Trace,
}

/// The shape of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What is said, and how, as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// The least important line still written.
    pub level: LogLevel,
    /// The shape of a line.
    pub format: LogFormat,
}
