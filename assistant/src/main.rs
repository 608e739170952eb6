//! The `assistant` program; see [`assistant::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    assistant::cli::run()
}
