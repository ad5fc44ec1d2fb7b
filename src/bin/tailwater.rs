//! The program: everything it does is in the library.

use std::process::ExitCode;

/// The static binary's allocator. musl's own maps and unmaps every block of the size of a usual request's body, which
/// about doubles what a span costs.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    tailwater::cli::main()
}
