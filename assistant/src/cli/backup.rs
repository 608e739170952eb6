//! `assistant backup`, `restore` and `verify`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use conversation::audit::AuditActor;
use conversation::{Clock as _, Store as _, SystemClock};
use indicatif::{ProgressBar, ProgressStyle};
use sqlx::Connection as _;

use super::{Failure, Outcome, block_on};
use crate::config::Configuration;
use crate::server::{DATABASE, open_database};
use crate::store::SqlStore;
use crate::vault::Vault;
use crate::vault::backup::{self, Manifest, RestoreOptions};
use crate::vault::key_file::{self, KeyFile};
use crate::vault::verify::{self, Keys, Report};

#[derive(Debug, Args)]
pub(super) struct BackupOptions {
    /// The place for backups: a folder, best on another disk. It is made where it is missing.
    place: PathBuf,
    /// Another folder for the key file, which has to stay writable when the backups themselves are put away.
    #[arg(long, value_name = "FOLDER")]
    keys: Option<PathBuf>,
    /// How many backups stay in the place, this one included.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// A backup, or a place with backups, of which the latest is taken.
    from: PathBuf,
    /// The folder of the key file, if that is not beside the backup.
    #[arg(long, value_name = "FOLDER")]
    keys: Option<PathBuf>,
    /// Replace the database that is there. The server must have stopped.
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyOptions {
    /// A backup, or a place with backups, of which the latest is looked at; without it the database in use.
    backup: Option<PathBuf>,
    /// The folder of the key file, if that is not beside the backup.
    #[arg(long, value_name = "FOLDER")]
    keys: Option<PathBuf>,
}

/// One line that changes, where a person looks on.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Self(bar)
    }

    pub(super) fn tell(&self, step: &str) {
        self.0.set_message(step.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Whoever runs the command, for the audit trail: what the environment says, which nobody checks.
pub(super) fn operator() -> AuditActor {
    let user = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    AuditActor::CommandLine { user: user.unwrap_or_default() }
}

/// The store of a database that exists: these commands are about what is there.
pub(super) async fn existing(configuration: &Configuration) -> anyhow::Result<SqlStore> {
    let path = configuration.data(DATABASE);
    anyhow::ensure!(
        configuration.store.url.is_some() || path.is_file(),
        "there is no database {}; server.data or --config may name another folder",
        path.display()
    );
    Ok(open_database(configuration, Arc::new(SystemClock)).await?)
}

pub(super) fn backup(configuration: &Configuration, options: BackupOptions) -> Outcome {
    block_on(async {
        let store = existing(configuration).await?;
        let progress = Progress::new();
        let options = backup::Options {
            place: options.place,
            keys: options.keys,
            keep: options.keep.map(|keep| keep as usize),
            by: operator(),
        };
        let now = SystemClock.now();
        let data = &configuration.server.data;
        let made = backup::make(&store, data, &options, now, &|step| progress.tell(step)).await?;
        drop(progress);
        store.close().await;
        let bytes: u64 = made.manifest.files.iter().map(|file| file.bytes).sum();
        let counts = made.manifest.counts;
        println!("{}", made.path.display());
        println!(
            "{} conversations, {} events, {:.1} MB, schema {}; keys in {}",
            counts.conversations,
            counts.events,
            bytes as f64 / 1e6,
            made.manifest.schema,
            made.keys.display()
        );
        for old in &made.removed {
            println!("removed {}", old.display());
        }
        println!("The master key is not in it. `assistant verify {}` checks it.", made.path.display());
        Ok(())
    })?
}

pub(super) fn restore(configuration: &Configuration, arguments: RestoreArguments) -> Outcome {
    block_on(async {
        let progress = Progress::new();
        let RestoreArguments { from, keys, replace } = arguments;
        let wanted = RestoreOptions { from, keys, replace, by: operator() };
        let source = configuration.key_source()?;
        let data = &configuration.server.data;
        let clock = Arc::new(SystemClock);
        let restored = backup::restore(data, source, &wanted, clock, &|step| progress.tell(step)).await?;
        drop(progress);
        println!("restored {} (made {})", restored.from.display(), restored.manifest.made_at);
        println!("{} conversations can be read again.", restored.conversations);
        if restored.erased > 0 {
            println!("{} had been erased since the backup was made, and stay erased.", restored.erased);
        }
        for place in &restored.behind {
            eprintln!(
                "{} could not be told of erasures: {}; the server tries again",
                place.path, place.reason
            );
        }
        Ok(())
    })?
}

pub(super) fn verify(configuration: &Configuration, options: &VerifyOptions) -> Outcome {
    block_on(async {
        let report = match &options.backup {
            Some(path) => verify_backup(configuration, path, options.keys.as_deref()).await?,
            None => verify_live(configuration).await?,
        };
        for problem in &report.problems {
            println!("WRONG  {problem}");
        }
        if report.further > 0 {
            println!("WRONG  … and {} more", report.further);
        }
        println!("{} conversations and {} events were opened.", report.conversations, report.events);
        if report.erased > 0 {
            println!("{} conversations of the backup have been erased since.", report.erased);
        }
        if report.problems.is_empty() {
            println!("All is well.");
            Ok(())
        } else {
            Err(Failure::Said)
        }
    })?
}

async fn verify_live(configuration: &Configuration) -> anyhow::Result<Report> {
    let store = existing(configuration).await?;
    let progress = Progress::new();
    let told = |step: &str| progress.tell(step);
    let mut report = store.verify(&told).await?;
    for place in store.settle_erasures().await? {
        report.problems.push(format!(
            "{} has not learnt of all erasures: {}. It is tried again; if that file is gone for good, `assistant keys forget` it",
            place.path, place.reason
        ));
    }
    store.close().await;
    Ok(report)
}

async fn verify_backup(
    configuration: &Configuration,
    path: &Path,
    keys: Option<&Path>,
) -> anyhow::Result<Report> {
    let progress = Progress::new();
    let path = backup::find(path)?;
    let manifest = Manifest::read(&path)?;
    progress.tell("computing hashes");
    let problems = manifest.problems(&path);
    if !problems.is_empty() {
        // A damaged file may make SQLite say anything.
        return Ok(Report { problems, ..Report::default() });
    }
    let file = keys.map_or_else(|| backup::key_file_of(&path), |folder| folder.join(key_file::NAME));
    let keys = KeyFile::read(&file)?
        .with_context(|| format!("there is no key file {}; name its folder with --keys", file.display()))?;
    anyhow::ensure!(
        keys.database == manifest.database,
        "the key file {} belongs to another database than the backup",
        file.display()
    );
    let vault = Vault::open_existing(configuration.key_source()?)?;
    let mut connection = backup::read_only(&path.join(backup::DATABASE)).await?;
    let told = |step: &str| progress.tell(step);
    let report = verify::database(&mut connection, &vault, Keys::InFile(&keys), &told).await?;
    connection.close().await?;
    Ok(report)
}
