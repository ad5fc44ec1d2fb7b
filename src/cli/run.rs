//! `tailwater run`: the sidecar itself.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::app;
use crate::cli::{complain, load};
use crate::config::Config;
use crate::logs;

/// What `run` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configuration; else TAILWATER_CONFIG names it, else /etc/tailwater/tailwater.yaml is used if it exists.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The collector, such as `http://jaeger-collector.tracing:4317`.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
}

/// Runs until told to leave.
pub fn main(arguments: &Arguments) -> ExitCode {
    let loaded = load::inputs(arguments.config.as_deref(), arguments.upstream.as_deref())
        .and_then(|inputs| load::config(&inputs));
    match loaded {
        Ok(config) => hand_over(config),
        Err(error) => complain(&error),
    }
}

fn hand_over(config: Config) -> ExitCode {
    if let Err(error) = logs::init(app::log_options(&config)) {
        eprintln!("tailwater: {error}");
        return ExitCode::FAILURE;
    }
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for note in &config.notes {
        tracing::info!("{note}");
    }
    match app::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tailwater: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
