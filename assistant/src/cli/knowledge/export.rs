//! `assistant kb export`: for people who work in a spreadsheet, and for other programs.

use std::{fs, path::Path};

use anyhow::{Context, anyhow};
use clap::ValueEnum;
use kb::Collection;

use super::{
    super::{Failure, Outcome, counted},
    or_served,
};
use crate::{config::Configuration, editing::save};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in super::super) enum Format {
    /// One knowledge file.
    Yaml,
    /// A table as text (UTF-8 with a byte order mark).
    Csv,
    /// An Excel workbook.
    Xlsx,
}

pub(super) fn run(
    configuration: &Configuration,
    path: Option<&Path>,
    format: Option<Format>,
    to: &Path,
) -> Outcome {
    let Some(format) = format.or_else(|| by_name(to)) else {
        return Err(Failure::Usage(format!("say --format yaml, csv or xlsx for {}", to.display())));
    };
    let from = or_served(path, configuration);
    let collection = Collection::load(&from)?;
    // What could not be read would be missing from the export, and deleted by importing it again.
    if !collection.problems.is_empty() {
        for problem in &collection.problems {
            eprintln!("{problem}");
        }
        eprintln!("error: nothing was exported; mend the errors above and try again");
        return Err(Failure::Said);
    }
    let bytes = match format {
        Format::Yaml => collection.to_file().to_yaml()?.into_bytes(),
        Format::Csv => collection.to_csv()?.into_bytes(),
        Format::Xlsx => collection.to_xlsx()?,
    };
    replace(to, &bytes)?;
    println!("Exported {} to {}.", counted(collection.entries.len(), "entry", "entries"), to.display());
    if !collection.glossary.is_empty() {
        println!("The glossary beside it is a file of its own and was not exported.");
    }
    Ok(())
}

fn by_name(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()?.to_lowercase().as_str() {
        "yaml" | "yml" => Some(Format::Yaml),
        "csv" => Some(Format::Csv),
        "xlsx" => Some(Format::Xlsx),
        _ => None,
    }
}

/// Replaces a file in one step: nobody ever sees half of it.
pub(super) fn replace(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let name = file.file_name().ok_or_else(|| anyhow!("{} has no name", file.display()))?;
    let fresh = file.with_file_name(format!(".{}.{}.new", name.display(), std::process::id()));
    save(&fresh, bytes)?;
    fs::rename(&fresh, file).with_context(|| format!("cannot replace {}", file.display()))
}
