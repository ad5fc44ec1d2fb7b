//! `tailwater run`: the sidecar itself.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{complain, load};
use crate::config::Config;

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

/// The way into the app: to be replaced by `crate::app::run(config)`.
fn hand_over(config: Config) -> ExitCode {
    eprintln!("sampling: {}; upstream: {}", config.sampling_choice(), config.upstream.endpoint);
    ExitCode::FAILURE
}
