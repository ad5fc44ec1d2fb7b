//! `tailwater config`: the reference of all keys, with what each is here and where that came from.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{complain, load, say};
use crate::config::Config;
use crate::config::reference::{self, Kind};

/// What `config` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configuration, found as `run` finds it.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The collector, as in `run`.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
}

/// Prints the reference; exits 64 if what stands here is wrong.
pub fn main(arguments: &Arguments) -> ExitCode {
    let loaded = load::inputs(arguments.config.as_deref(), arguments.upstream.as_deref()).and_then(|mut inputs| {
        inputs.upstream_required = false;
        load::config(&inputs)
    });
    match loaded {
        Ok(config) => {
            say(&page(&config));
            ExitCode::SUCCESS
        }
        Err(error) => complain(&error),
    }
}

/// Every key: value and origin, what it takes, its default, what it does.
pub fn page(config: &Config) -> String {
    let mut out = format!("{SOURCES}#\n# sampling: {}\n", config.sampling_choice());
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").expect("writing to a String cannot fail");
    for effective in &config.effective {
        let Some(key) = reference::key(&effective.key) else { continue };
        line(format_args!("\n{}: {}    # {}", effective.key, effective.value, effective.origin));
        wrap(key.doc).iter().for_each(|text| line(format_args!("    {text}")));
        let default = key.default.map_or(String::new(), |default| format!("; default {default}"));
        line(format_args!("    takes {}{default}", key.kind.expects()));
    }
    line(format_args!("\n# read from the Collector's block, without effect:"));
    for key in reference::keys() {
        if let Kind::Foreign(instead) = key.kind {
            line(format_args!("#   {}: {instead}", key.path));
        }
    }
    for (word, texts) in [("warning", &config.warnings), ("note", &config.notes)] {
        texts.iter().for_each(|text| line(format_args!("# {word}: {text}")));
    }
    out
}

/// A text in lines of at most a hundred characters.
fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < 100 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Where settings come from.
const SOURCES: &str = "\
# Each key: its value here, and where that came from. Later sources win, key by key; lists are replaced whole:
#   1. defaults
#   2. OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _COMPRESSION, _TIMEOUT, _CERTIFICATE, _CLIENT_KEY, _CLIENT_CERTIFICATE and
#      _INSECURE, for the upstream; OTEL_EXPORTER_OTLP_TRACES_... before them
#   3. the file: --config FILE, else TAILWATER_CONFIG, else /etc/tailwater/tailwater.yaml if it exists
#   4. TAILWATER__SECTION__KEY, such as TAILWATER__BATCH__DELAY=1s; lists and maps as YAML or JSON
#   5. --upstream URL
";
