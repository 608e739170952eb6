//! What every bench program does with its arguments.

use anyhow::{Result, bail};

use super::Report;
use crate::material::workspace;

/// A part of a bench, by its name.
pub type Section = (&'static str, fn(&mut Report) -> Result<()>);

/// Runs the sections that the program's arguments name, all where there are none, and writes the figures into `target/bench/NAME.json`, or
/// `NAME-SECTION….json`.
///
/// # Errors
/// Where there is no section of that name, or one fails.
pub fn run(name: &str, sections: &[Section]) -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = wanted.iter().find(|name| sections.iter().all(|(known, _)| known != name)) {
        let known: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
        bail!("there is no section {unknown}; there are {}", known.join(", "));
    }
    let mut report = Report::default();
    for (name, section) in sections {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            section(&mut report)?;
        }
    }
    let parts: Vec<&str> = std::iter::once(name).chain(wanted.iter().map(String::as_str)).collect();
    report.write(&workspace().join("target/bench").join(format!("{}.json", parts.join("-"))))
}
