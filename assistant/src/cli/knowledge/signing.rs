//! `assistant kb review` and `assistant kb publish`: signing a text in the file in which a person keeps it.

use std::{fs, path::PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use kb::{Collection, Date, EntryId, Step, sign};
use language::Language;

use super::{super::Outcome, export::replace, or_served};
use crate::config::Configuration;

#[derive(Debug, Args)]
pub(in super::super) struct Options {
    /// The entry.
    id: String,
    /// Which of its two texts: bo or zh.
    #[arg(long, value_parser = super::super::language)]
    language: Language,
    /// Who signs.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// A knowledge file or folder; the one that is served where it is not given.
    #[arg(long = "in", value_name = "PATH")]
    path: Option<PathBuf>,
    /// The text was compared with the other language as it stands now, and says the same.
    #[arg(long)]
    translation: bool,
}

pub(super) fn run(configuration: &Configuration, step: Step, options: &Options) -> Outcome {
    let path = or_served(options.path.as_deref(), configuration);
    let id = EntryId(options.id.clone());
    let collection = Collection::load(&path)?;
    let found = collection.entries.iter().find(|sourced| sourced.entry.id == id);
    let sourced = found.ok_or_else(|| anyhow!("there is no entry {id} in {}", path.display()))?;
    let language = options.language;
    let mut text = sourced
        .entry
        .after(step, language, &options.by, Date::today())
        .with_context(|| format!("{id}, {language}"))?;
    if options.translation {
        let other = sourced.entry.content_revision(language.other());
        text.translated_from =
            Some(other.ok_or_else(|| anyhow!("{id} has no text in {}", language.other()))?);
    }
    let file = if path.is_dir() { path.join(&sourced.file) } else { path };
    let before = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let after = sign(&sourced.file, &before, &id, language, &text)?;
    // Somebody may have saved the file in an editor meanwhile.
    if fs::read_to_string(&file).ok().as_ref() != Some(&before) {
        return Err(anyhow!("{} was changed just now; try again", file.display()).into());
    }
    replace(&file, after.as_bytes())?;
    let done = match step {
        Step::Review => "reviewed",
        Step::Publish => "published",
    };
    println!("{id}, {language}: {done} by {}. A running server takes it up at SIGHUP.", options.by.trim());
    Ok(())
}
