//! What the command line promises.

use super::*;

fn code(arguments: &[&str]) -> ExitCode {
    run_with(std::iter::once("tailwater").chain(arguments.iter().copied()).map(OsString::from))
}

#[test]
fn the_command_line_is_well_formed() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn wrong_usage_ends_with_64_and_help_with_0() {
    assert_eq!(code(&["fly"]), ExitCode::from(64));
    assert_eq!(code(&["run", "--upstrem", "x"]), ExitCode::from(64));
    assert_eq!(code(&[]), ExitCode::from(64));
    assert_eq!(code(&["--help"]), ExitCode::SUCCESS);
    assert_eq!(code(&["--version"]), ExitCode::SUCCESS);
}

#[test]
fn a_file_that_is_not_there_ends_with_64() {
    assert_eq!(code(&["validate", "/nonexistent/tailwater.yaml"]), ExitCode::from(64));
}
