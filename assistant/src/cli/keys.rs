//! `assistant keys`: the master key and the files that hold what it wraps.

use std::path::PathBuf;

use clap::Subcommand;
use conversation::{PlaceBehind, Store as _};

use super::backup::{existing, operator};
use super::{Failure, Outcome, block_on};
use crate::config::Configuration;
use crate::vault::keyring::{Keyring, MasterKey};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print a fresh master key, for a machine that is given its key as a secret: the text of a key file, and of `DRILEN_MASTER_KEY`.
    New,
    /// Replace the master key, while the server runs; every conversation's key is wrapped anew.
    Rotate,
    /// List the backups' key files, which learn of erasures.
    Places,
    /// Tell a backup's key file of erasures no more, because it is gone for good.
    Forget {
        /// The key file, as `places` lists it.
        file: PathBuf,
    },
}

pub(super) fn run(configuration: &Configuration, command: Command) -> Outcome {
    if matches!(command, Command::New) {
        print!("{}", *Keyring::new(MasterKey::generate()?, Vec::new()).to_text());
        return Ok(());
    }
    block_on(perform(configuration, command))?
}

async fn perform(configuration: &Configuration, command: Command) -> Outcome {
    let store = existing(configuration).await?;
    match command {
        // Made without a store.
        Command::New => {}
        Command::Rotate => {
            let rotated = store.rotate_master_key(operator()).await.map_err(|error| match error {
                // Its source says what to do.
                conversation::StoreError::Unavailable(cause) => anyhow::anyhow!(cause),
                error => error.into(),
            })?;
            println!("The master key is now {}, in {}.", rotated.master, store.vault().source());
            println!("{} conversations' keys were wrapped anew.", rotated.rewrapped);
            for old in &rotated.dropped {
                println!("The former key {old} is needed no more and was taken out.");
            }
            println!("COPY THE NEW KEY to a safe place apart from the backups.");
            if !rotated.behind.is_empty() {
                eprintln!("These key files could not be reached; the former key stays until they were:");
                for PlaceBehind { path, reason } in &rotated.behind {
                    eprintln!("  {path}: {reason}");
                }
                eprintln!("Run `assistant keys rotate` again when they can be.");
                store.close().await;
                return Err(Failure::Said);
            }
        }
        Command::Places => {
            for place in store.key_files().await? {
                println!("{place}");
            }
        }
        Command::Forget { file } => {
            if !store.unregister_key_file(&file).await? {
                store.close().await;
                return Err(Failure::Usage(format!(
                    "{} is not among the key files; `assistant keys places` lists them",
                    file.display()
                )));
            }
        }
    }
    store.close().await;
    Ok(())
}
