//! The measuring material and how figures are printed.

// Every test binary uses its own part of this.
#![allow(dead_code)]

use std::path::PathBuf;

/// A file of the Tibetan measuring material; `None`, with a message, where it is absent.
pub fn material(path: &str) -> Option<String> {
    let root = std::env::var_os("DRILEN_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let file = root.join("tibetan").join(path);
    match std::fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) => {
            println!("skipped: {}: {error} (set DRILEN_DATA to the measuring data)", file.display());
            None
        }
    }
}

/// Share of rows that pass, with the failures printed.
pub fn report(name: &str, passed: usize, failed: &[String]) -> f64 {
    let share = passed as f64 / (passed + failed.len()).max(1) as f64;
    println!("{name}: {passed} of {} ({:.1} %)", passed + failed.len(), share * 100.0);
    for row in failed {
        println!("    {row}");
    }
    share
}

/// Files of `phonetics` that set rules of their own, and rows its SOURCE.txt names.
pub const LEFT_OUT: [&str; 5] = ["double-s", "end-equals-start", "spaces", "trashi-gyepa", "byed-ba"];
