//! `tailwater validate`: what a configuration comes to, or everything that is wrong with it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::app::{self, StartError};
use crate::cli::{complain, load, say};
use crate::config::Config;
use crate::config::size::Size;
use crate::exporter::{SetupError, TlsError};

/// What `validate` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The file to look at, alone; without it, what `run` would see here, environment included.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The memory limit it is to fit, such as 64Mi; else that of the cgroup here.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory_limit: Option<Size>,
}

fn size(text: &str) -> Result<Size, String> {
    Size::parse(text).ok_or_else(|| "a size, such as 64Mi or 64MiB".into())
}

/// Exits 0, or 64 when `run` would.
pub fn main(arguments: &Arguments) -> ExitCode {
    let inputs = match &arguments.file {
        Some(file) => load::file_inputs(file),
        None => load::inputs(None, None),
    };
    let loaded = inputs.and_then(|mut inputs| {
        inputs.upstream_required = false;
        inputs.memory_limit = arguments.memory_limit.map(|size| size.0).or(inputs.memory_limit);
        load::config(&inputs)
    });
    match loaded {
        Ok(config) => conclude(config, arguments.file.is_some()),
        Err(error) => complain(&error),
    }
}

/// What a configuration in which nothing is wrong by itself comes to with the files that it names. `elsewhere` says that
/// it was written for another machine, where those that are missing here may be.
fn conclude(mut config: Config, elsewhere: bool) -> ExitCode {
    match app::rehearse(&config) {
        Ok(()) => {}
        Err(StartError::Upstream(SetupError::Tls(missing @ TlsError::Unreadable { .. }))) if elsewhere => {
            config.warnings.push(format!("{missing}; `run` will need it"));
        }
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(error.exit_code());
        }
    }
    say(&summary(&config));
    ExitCode::SUCCESS
}

/// What a configuration comes to, for a person.
pub fn summary(config: &Config) -> String {
    let mut out = String::from("the configuration is right\n\n");
    let upstream = if config.upstream.endpoint.is_empty() { "not set here" } else { &config.upstream.endpoint };
    let listen: Vec<String> = config.receiver.listen.iter().map(|listen| listen.addr.to_string()).collect();
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").expect("writing to a String cannot fail");
    line(format_args!("spans in   {}", listen.join(", ")));
    line(format_args!("sampling   {}", config.sampling_choice()));
    line(format_args!("spans out  {upstream}"));
    line(format_args!("\nmemory at worst"));
    config.ceiling().lines().iter().for_each(|term| line(format_args!("{term}")));
    match config.memory.limit {
        Some(limit) => line(format_args!("{:>10}  the cgroup's limit", Size(limit).to_string())),
        None => line(format_args!("{:>10}  the cgroup has no limit, or none was given", "-")),
    }
    for (word, texts) in [("warning", &config.warnings), ("note", &config.notes)] {
        if !texts.is_empty() {
            line(format_args!(""));
        }
        texts.iter().for_each(|text| line(format_args!("{word}: {text}")));
    }
    out
}
