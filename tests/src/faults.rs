//! What a machine may do to the server: a disk that fills up, a clock that jumps. `faults.c`, loaded into the process, plays it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::ServerProcess;

/// Builds the library for [`crate::ServerSettings::faults`] in a folder.
///
/// # Errors
/// Where there is no C compiler (the one that links Rust programs).
pub fn library(folder: &Path) -> Result<PathBuf> {
    build(folder, "faults", include_str!("faults.c"))
}

/// Builds a library to be loaded into the server.
///
/// # Errors
/// As [`library`].
pub(crate) fn build(folder: &Path, name: &str, program: &str) -> Result<PathBuf> {
    let (source, library) = (folder.join(format!("{name}.c")), folder.join(format!("{name}.so")));
    fs::write(&source, program)?;
    let built = Command::new("cc")
        .args(["-O2", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source)
        .arg("-ldl")
        .status()
        .context("no C compiler")?;
    ensure!(built.success(), "{name}.c does not compile");
    Ok(library)
}

/// From now on no file in the server's data folder grows, or they may again.
///
/// # Errors
/// Where the switch cannot be written.
pub fn disk_full(server: &ServerProcess, full: bool) -> Result<()> {
    let switch = server.directory().join("disk-full");
    if full {
        fs::write(switch, "")?;
    } else {
        fs::remove_file(switch)?;
    }
    Ok(())
}

/// From now on the server's wall clock is off by so many seconds. It takes a tenth of a second until it notices.
///
/// # Errors
/// Where the switch cannot be written.
pub fn clock_off_by(server: &ServerProcess, seconds: i64) -> Result<()> {
    // In one step: half a number would be another time.
    let (draft, switch) = (server.directory().join("clock.new"), server.directory().join("clock"));
    fs::write(&draft, seconds.to_string())?;
    Ok(fs::rename(draft, switch)?)
}
