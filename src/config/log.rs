//! `log:` what is said on standard error, and how.

use serde::Deserialize;

use crate::config::layers::Layered;
use crate::config::reference::{Key, Kind};

/// The least important line still written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl LogConfig {
    /// What was asked for.
    pub(super) fn meant(layered: &Layered) -> LogConfig {
        LogConfig { level: layered.get("log.level"), format: layered.get("log.format") }
    }
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key {
        path: "log.level",
        kind: Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        default: Some("info"),
        doc: "The least important line still written. No level writes span content.",
    },
    Key {
        path: "log.format",
        kind: Kind::Choice(&["auto", "text", "json"]),
        default: Some("auto"),
        doc: "The shape of a line. auto: text on a terminal, JSON otherwise.",
    },
];
