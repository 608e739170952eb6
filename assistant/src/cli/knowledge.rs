//! `assistant kb`: checking and importing knowledge bases.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clap::Subcommand;
use kb::{Collection, Severity};

use super::{Failure, Outcome, counted};
use crate::{config::Configuration, knowledge::Brain};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check a knowledge file or folder, publish it, and make it the one that is served after the next start.
    Import {
        /// A YAML file or a folder of them.
        path: PathBuf,
    },
    /// Name every problem of a knowledge file or folder.
    Check {
        /// A YAML file or a folder of them.
        path: PathBuf,
    },
}

pub(super) fn run(configuration: &Configuration, command: &Command) -> Outcome {
    match command {
        Command::Check { path } => {
            let good = report(path)?;
            if good { Ok(()) } else { Err(Failure::Said) }
        }
        Command::Import { path } => {
            if !report(path)? {
                eprintln!("error: nothing was imported; mend the errors above and try again");
                return Err(Failure::Said);
            }
            // Publishing is the real proof; and it must not be the running server that finds out.
            let brain = Brain::open(path, configuration)?;
            let count = counted(brain.publication().entries().len(), "entry", "entries");
            import(path, &configuration.data("knowledge"))?;
            println!("Imported {count}. A running server takes them up at SIGHUP or when it is restarted.");
            Ok(())
        }
    }
}

/// Prints what is wrong; true where it can be published.
fn report(path: &Path) -> Result<bool, Failure> {
    let collection = Collection::load(path)?;
    let report = kb::check(&collection);
    for problem in &report.problems {
        println!("{problem}");
    }
    println!(
        "{}: {}, {}, {}",
        path.display(),
        counted(collection.entries.len(), "entry", "entries"),
        counted(report.count(Severity::Error), "error", "errors"),
        counted(report.count(Severity::Warning), "warning", "warnings"),
    );
    Ok(report.publishable())
}

/// Replaces the imported knowledge base: the new files are complete on disk before they take the old ones' place, and
/// the old ones are kept in `<folder>.before`.
fn import(from: &Path, to: &Path) -> anyhow::Result<()> {
    let parent = to.parent().ok_or_else(|| anyhow!("{} has no parent folder", to.display()))?;
    let fresh = parent.join("knowledge.new");
    let before = parent.join("knowledge.before");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).with_context(|| format!("cannot clear {}", fresh.display()))?;
    }
    fs::create_dir_all(&fresh).with_context(|| format!("cannot make {}", fresh.display()))?;
    for file in files(from)? {
        let name = file.file_name().ok_or_else(|| anyhow!("{} has no name", file.display()))?;
        let copy = fresh.join(name);
        fs::copy(&file, &copy)
            .with_context(|| format!("cannot copy {} to {}", file.display(), copy.display()))?;
        fs::File::open(&copy)
            .and_then(|f| f.sync_all())
            .with_context(|| format!("cannot save {}", copy.display()))?;
    }
    if to.exists() {
        if before.exists() {
            fs::remove_dir_all(&before).with_context(|| format!("cannot clear {}", before.display()))?;
        }
        fs::rename(to, &before).with_context(|| format!("cannot set {} aside", to.display()))?;
    }
    fs::rename(&fresh, to).with_context(|| format!("cannot make {} the new knowledge base", fresh.display()))
}

fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for item in fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
        let file = item?.path();
        if file.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            found.push(file);
        }
    }
    Ok(found)
}
