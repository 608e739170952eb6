//! `assistant erase` and `assistant retention`.

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use conversation::{Clock as _, ConversationId, Erasure, PlaceBehind, Store as _, SystemClock};

use super::backup::{existing, operator};
use super::{Failure, Outcome, block_on};
use crate::config::Configuration;
use crate::store::SqlStore;

#[derive(Debug, Args)]
pub(super) struct EraseOptions {
    /// The conversation's id, as the desk shows it.
    conversation: ConversationId,
    /// Why, such as the number of the citizen's request. It is kept for ever: no citizen's words, no citizen's name.
    #[arg(long)]
    why: String,
}

#[derive(Debug, Args)]
pub(super) struct RetentionOptions {
    /// Erase what was closed longer ago than this; `store.keep_closed_for` where it is not said.
    #[arg(long, value_name = "180days", value_parser = duration)]
    older_than: Option<Duration>,
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime_serde::re::humantime::parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn erase(configuration: &Configuration, options: &EraseOptions) -> Outcome {
    block_on(async {
        let store = existing(configuration).await?;
        let conversation = options.conversation;
        let by = operator();
        let why = crate::masking::mask(&options.why).into_owned();
        let there = store.erase(Erasure { conversation, by, why }).await?;
        if !there {
            store.close().await;
            return Err(
                anyhow!("there is no conversation {conversation}; it may have been erased before").into()
            );
        }
        println!("Conversation {conversation} was erased: its key is destroyed, its rows are overwritten.");
        settle(store).await
    })?
}

pub(super) fn retention(configuration: &Configuration, options: &RetentionOptions) -> Outcome {
    let Some(keep) = options.older_than.or(configuration.store.keep_closed_for) else {
        return Err(Failure::Usage(
            "store.keep_closed_for is not set: conversations are kept for ever; say --older-than".to_owned(),
        ));
    };
    block_on(async {
        let store = existing(configuration).await?;
        let before = SystemClock.now().minus(keep);
        let mut erased = 0;
        loop {
            match store.delete_closed(before).await? {
                0 => break,
                count => erased += count,
            }
        }
        println!("{erased} conversations that were closed before {before} were erased.");
        settle(store).await
    })?
}

/// Tells backups of it; what cannot be told now is told by the server later, and said here.
async fn settle(store: SqlStore) -> Outcome {
    let behind = store.settle_erasures().await?;
    store.close().await;
    if behind.is_empty() {
        println!("The backups' key files and the journal know of it.");
        return Ok(());
    }
    eprintln!("These places could not be told, and still hold the keys:");
    for PlaceBehind { path, reason } in behind {
        eprintln!("  {path}: {reason}");
    }
    eprintln!("The server tries again; so does `assistant verify`.");
    Err(Failure::Said)
}
