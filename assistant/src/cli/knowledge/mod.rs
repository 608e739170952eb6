//! `assistant kb`: checking, importing, exporting and signing knowledge bases.

mod export;
mod import;
mod signing;
mod voice;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use kb::{Collection, Severity};

use language::Language;

use super::{Failure, Outcome, counted};
use crate::clips::{Clips, Inventory, inventory};
use crate::config::Configuration;
use crate::server::CLIPS;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check knowledge files, publish them, and make them what is served. A bad import changes nothing.
    Import {
        /// YAML, CSV, TSV or Excel files, or folders of YAML files; together they are the whole knowledge base.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// The folder to replace; the one that the server answers from where it is not given.
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
        /// Leave the answers to be spoken when they are asked for first.
        #[arg(long)]
        no_voice: bool,
    },
    /// Speak every published answer ahead into the cache, as `import` does: after another voice was installed, for one.
    Speak,
    /// Write a knowledge base into one file that can be imported again.
    Export {
        /// A knowledge file or folder; the one that is served where it is not given.
        path: Option<PathBuf>,
        /// The format; the end of the file's name says it where it is not given.
        #[arg(long, value_enum)]
        format: Option<export::Format>,
        /// The file.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Name every problem of knowledge files; first the published answers that the other language lacks or has older.
    Check {
        /// YAML, CSV, TSV or Excel files, or folders of YAML files; what is served where none is given.
        paths: Vec<PathBuf>,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Sign that a text is right: it was a draft, and is reviewed.
    Review(signing::Options),
    /// Release a reviewed text; somebody else must have reviewed it.
    Publish(signing::Options),
}

pub(super) fn run(configuration: &Configuration, command: &Command) -> Outcome {
    match command {
        Command::Import { paths, into, no_voice } => {
            import::run(configuration, paths, into.as_deref())?;
            // Elsewhere it is not what is served.
            if *no_voice || into.is_some() { Ok(()) } else { voice::prepare(configuration) }
        }
        Command::Speak => voice::prepare(configuration),
        Command::Export { path, format, to } => export::run(configuration, path.as_deref(), *format, to),
        Command::Check { paths, json } => check(configuration, paths, *json),
        Command::Review(options) => signing::run(configuration, kb::Step::Review, options),
        Command::Publish(options) => signing::run(configuration, kb::Step::Publish, options),
    }
}

/// A path that was given, or else the knowledge base that is served.
fn or_served(path: Option<&Path>, configuration: &Configuration) -> PathBuf {
    path.map_or_else(|| crate::knowledge::folder(configuration), Path::to_owned)
}

fn check(configuration: &Configuration, paths: &[PathBuf], json: bool) -> Outcome {
    let paths = if paths.is_empty() { vec![or_served(None, configuration)] } else { paths.to_vec() };
    let collection = Collection::load_all(&paths)?;
    let clips = Clips::new(&configuration.data(CLIPS)).list();
    let mut clips = inventory(collection.entries.iter().map(|sourced| &sourced.entry), &clips);
    // Of entries that are not in these files it cannot be said.
    clips.stale.retain(|clip| collection.entries.iter().any(|sourced| sourced.entry.id == clip.entry));
    let good = if json {
        let report = kb::check(&collection);
        println!("{}", serde_json::to_string_pretty(&WithClips { report: &report, clips: &clips })?);
        report.publishable()
    } else {
        say_clips(&clips);
        say(&paths, &collection)
    };
    if good { Ok(()) } else { Err(Failure::Said) }
}

/// The report as JSON: what is wrong with the texts, and what has been read aloud of them.
#[derive(serde::Serialize)]
struct WithClips<'a> {
    #[serde(flatten)]
    report: &'a kb::Report,
    clips: &'a Inventory,
}

/// Prints what has been read aloud, and what was and is not said any more.
fn say_clips(clips: &Inventory) {
    for clip in &clips.stale {
        println!(
            "stale recording {} of {} ({}): its words are not the answer's any more; record it again, or `assistant clip remove {}`",
            clip.id, clip.entry, clip.language, clip.id
        );
    }
    for language in Language::ALL {
        let (read, unread) = (clips.read(language), clips.unread(language));
        if read + unread == 0 {
            continue;
        }
        println!(
            "{language}: {} read aloud by a person, {unread} by the synthetic voice",
            counted(read, "spoken answer", "spoken answers")
        );
    }
}

/// Prints what is wrong; true where it can be published.
fn say(paths: &[PathBuf], collection: &Collection) -> bool {
    let report = kb::check(collection);
    for problem in &report.problems {
        println!("{problem}");
    }
    println!(
        "{}: {}, {}, {}",
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
        counted(collection.entries.len(), "entry", "entries"),
        counted(report.count(Severity::Error), "error", "errors"),
        counted(report.count(Severity::Warning), "warning", "warnings"),
    );
    report.publishable()
}
