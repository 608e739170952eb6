//! `assistant clip`: answers that people have read aloud.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use conversation::audit::{AuditActor, AuditEntry};
use conversation::{AuditTrail as _, Clock as _, Store as _, SystemClock};
use kb::{Collection, EntryId};
use language::Language;

use super::backup::operator;
use super::{Failure, Outcome, block_on, counted};
use crate::clips::{Clip, Clips, Inventory, NewClip, inventory};
use crate::config::Configuration;
use crate::server::{CLIPS, DATABASE, open_database};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Keep a recording of an answer; it is played from then on instead of the synthetic voice, until the answer is changed.
    Add(Box<Addition>),
    /// List every spoken answer with its recording.
    List {
        /// Only those that nobody has read, as a list for the studio.
        #[arg(long)]
        unread: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove a recording for good.
    Remove {
        /// The clip's id, as `list` shows it.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Addition {
    /// The sound file: WAV, FLAC, MP3, Ogg, M4A …; one person reading the spoken answer word by word.
    file: PathBuf,
    /// The entry whose answer it is.
    #[arg(long)]
    entry: String,
    /// The language that is read: bo or zh.
    #[arg(long, value_parser = super::language)]
    language: Language,
    /// For an answer that holds in one place only: its code.
    #[arg(long)]
    region: Option<String>,
    /// For an answer to one person group only.
    #[arg(long)]
    group: Option<String>,
}

/// What the server would say, and what of it has been read.
pub(super) fn present(configuration: &Configuration) -> anyhow::Result<(Clips, Inventory)> {
    let clips = Clips::new(&configuration.data(CLIPS));
    let collection = Collection::load(&crate::knowledge::folder(configuration))?;
    let inventory = inventory(collection.entries.iter().map(|sourced| &sourced.entry), &clips.list());
    Ok((clips, inventory))
}

pub(super) fn run(configuration: &Configuration, command: Command) -> Outcome {
    match command {
        Command::Add(addition) => add(configuration, *addition),
        Command::List { unread, json } => list(configuration, unread, json),
        Command::Remove { id } => {
            let clip = Clips::new(&configuration.data(CLIPS)).remove(&id)?;
            record(configuration, "clip.removed", &clip)?;
            println!("{} {} is spoken by the synthetic voice again.", clip.entry, clip.language);
            Ok(())
        }
    }
}

fn add(configuration: &Configuration, addition: Addition) -> Outcome {
    let (clips, inventory) = present(configuration)?;
    let Addition { file, entry, language, region, group } = addition;
    let of_entry = || inventory.versions.iter().filter(|v| v.entry.0 == entry && v.language == language);
    let version = of_entry().find(|v| v.region == region && v.group == group).ok_or_else(|| {
        let places: Vec<String> = of_entry().filter_map(|v| v.region.clone().or(v.group.clone())).collect();
        Failure::Usage(if of_entry().next().is_none() {
            format!("no entry {entry} is spoken in {language}; `assistant clip list` shows what is")
        } else {
            format!("{entry} says nothing else there; it has answers of its own for: {}", places.join(", "))
        })
    })?;
    let sound = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let AuditActor::CommandLine { user: by } = operator() else { return Err(Failure::Said) };
    let new =
        NewClip { entry: EntryId(entry), language, text: version.text.clone(), by, at: SystemClock.now() };
    let clip = clips.add(new, sound).with_context(|| format!("{} is not taken", file.display()))?;
    record(configuration, "clip.added", &clip)?;
    println!(
        "{}  {} {}: {:.1} s, for the words:\n{}",
        clip.id, clip.entry, clip.language, clip.seconds, clip.text
    );
    Ok(())
}

/// The audit trail is in the database, where there is one yet.
fn record(configuration: &Configuration, action: &'static str, clip: &Clip) -> Outcome {
    if configuration.store.url.is_none() && !configuration.data(DATABASE).is_file() {
        return Ok(());
    }
    block_on(async {
        let store = open_database(configuration, std::sync::Arc::new(SystemClock)).await?;
        let entry = AuditEntry::new(operator(), action).on("clip", &clip.id);
        let entry = entry.with("entry", clip.entry.to_string()).with("language", clip.language.code());
        store.record(entry).await?;
        store.close().await;
        Ok(())
    })?
}

fn list(configuration: &Configuration, unread: bool, json: bool) -> Outcome {
    let (_, mut inventory) = present(configuration)?;
    let counts =
        Language::ALL.map(|language| (language, inventory.read(language), inventory.unread(language)));
    if unread {
        inventory.versions.retain(|version| version.clip.is_none());
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&inventory)?);
        return Ok(());
    }
    for version in &inventory.versions {
        let place: Vec<&str> =
            [&version.region, &version.group].into_iter().flatten().map(String::as_str).collect();
        let place = if place.is_empty() { String::new() } else { format!(" ({})", place.join(", ")) };
        let state =
            version.clip.as_ref().map_or("-".to_owned(), |clip| format!("{} {:.1} s", clip.id, clip.seconds));
        println!("{}  {}{place}  {state}\n    {}", version.language, version.entry, version.text.trim());
    }
    for clip in &inventory.stale {
        println!(
            "STALE  {} {}  {}: its words are not the answer's any more\n    {}",
            clip.language,
            clip.entry,
            clip.id,
            clip.text.trim()
        );
    }
    for (language, read, unread) in counts {
        println!("{language}: {} read by a person, {unread} not yet", counted(read, "answer", "answers"));
    }
    Ok(())
}
