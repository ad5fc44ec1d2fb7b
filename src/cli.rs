//! The command line: one file a command. What is wrong with usage or configuration ends with 64, a taken port with 78,
//! anything else with 1.

pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod load;
pub mod run;
pub mod status;
pub mod validate;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Takes an app's spans on localhost, decides which traces are worth keeping and delivers those to a collector, with
/// every span accounted for.
#[derive(Debug, Parser)]
#[command(name = "tailwater", version, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take, sample and deliver spans until told to leave.
    Run(run::Arguments),
    /// Check a configuration and say what it comes to; exit 0, or 64 with the list of what is wrong.
    Validate(validate::Arguments),
    /// Print every key with its documentation, its effective value and where that came from.
    Config(config::Arguments),
    /// Print the state and the books of a running relay.
    Status(status::Arguments),
    /// See it at work, with nothing else installed: relay, collector and recorded requests in one process.
    #[cfg(feature = "demo")]
    Demo(demo::Arguments),
}

/// Wrong usage or configuration.
pub const EXIT_USAGE: u8 = 64;

/// What the program does, from its arguments to its exit code.
pub fn main() -> ExitCode {
    run_with(std::env::args_os())
}

/// The same, for given arguments; the first is the program's name.
fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match Cli::try_parse_from(arguments) {
        Ok(Cli { command: Command::Run(arguments) }) => run::main(&arguments),
        Ok(Cli { command: Command::Validate(arguments) }) => validate::main(&arguments),
        Ok(Cli { command: Command::Config(arguments) }) => config::main(&arguments),
        Ok(Cli { command: Command::Status(arguments) }) => status::main(&arguments),
        #[cfg(feature = "demo")]
        Ok(Cli { command: Command::Demo(arguments) }) => demo::main(&arguments),
        Err(error) => {
            // Where even this cannot be written, there is nobody to tell.
            let _ = error.print();
            if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS }
        }
    }
}

/// Writes to standard output; a reader that has gone away, as in `tailwater config | head`, is no error.
fn say(text: &str) {
    use std::io::Write;
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Writes why there is no configuration to standard error.
fn complain(error: &load::LoadError) -> ExitCode {
    eprintln!("{}", error.to_string().trim_end());
    ExitCode::from(EXIT_USAGE)
}

#[cfg(test)]
mod tests;
