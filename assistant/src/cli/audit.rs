//! `assistant audit`: reading the audit trail and proving that nobody has changed it.

use std::{io::Write as _, sync::Arc};

use anyhow::anyhow;
use clap::Subcommand;
use conversation::audit::{AuditActor, AuditPage, AuditRecord, BrokenChain, ChainCheck, ChainHead};
use conversation::{Store, StoreError, SystemClock};

use super::{Failure, Outcome, block_on, counted};
use crate::{config::Configuration, server::open_store};

/// Records read at once.
const PAGE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Recompute the chain of hashes, name the first broken place, and print the head to write down.
    Verify {
        /// A head that was printed and written down before: finds out whether the trail's end was cut off, or all of it
        /// written anew.
        #[arg(long, value_name = "ID:HASH")]
        head: Option<ChainHead>,
    },
    /// Show the newest records, or all of them.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 50, conflicts_with = "all")]
        limit: usize,
        /// Only records before this one.
        #[arg(long, value_name = "ID", conflicts_with = "all")]
        before: Option<u64>,
        /// Every record, the oldest first: an export.
        #[arg(long)]
        all: bool,
        /// Only actions that begin so, for instance `login` or `roles.changed`.
        #[arg(long, value_name = "ACTION", default_value = "")]
        action: String,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(configuration: &Configuration, command: &Command) -> Outcome {
    block_on(async {
        let store = open_store(configuration, Arc::new(SystemClock)).await?;
        let outcome = match command {
            Command::Verify { head } => verify(store.as_ref(), *head).await,
            Command::List { limit, before, all, action, json } => {
                let page = if *all { AuditPage::After(0) } else { AuditPage::Before(*before) };
                let limit = if *all { usize::MAX } else { *limit };
                list(store.as_ref(), page, limit, action, *json).await
            }
        };
        store.close().await;
        outcome
    })?
}

async fn verify(store: &dyn Store, wanted: Option<ChainHead>) -> Outcome {
    let mut check = wanted.map_or_else(ChainCheck::new, ChainCheck::looking_for);
    let mut count = 0;
    loop {
        let after = AuditPage::After(check.head().map_or(0, |head| head.id));
        let records = store.audit(after, PAGE).await.map_err(unreadable)?;
        for record in &records {
            check.next(record).map_err(broken)?;
            count += 1;
        }
        if records.len() < PAGE as usize {
            break;
        }
    }
    match check.finish().map_err(broken)? {
        Some(head) => {
            println!("The audit trail is whole: {}.", counted(count, "record", "records"));
            println!("Head (keep it somewhere else, and give it to --head next time): {head}");
        }
        None => println!("The audit trail is empty."),
    }
    Ok(())
}

fn broken(broken: BrokenChain) -> Failure {
    Failure::Failed(anyhow!(
        "the audit trail is broken: {broken}. Keep the database as it is, and compare it with a backup"
    ))
}

fn unreadable(error: StoreError) -> Failure {
    match error {
        StoreError::Corrupt(what) => Failure::Failed(anyhow!(
            "the audit trail is broken: {what}. Keep the database as it is, and compare it with a backup"
        )),
        error => Failure::Failed(error.into()),
    }
}

async fn list(store: &dyn Store, mut page: AuditPage, mut limit: usize, action: &str, json: bool) -> Outcome {
    let mut out = std::io::stdout().lock();
    loop {
        let records = store.audit(page, PAGE).await.map_err(unreadable)?;
        let Some(last) = records.last().map(|record| record.id) else { break };
        page = match page {
            AuditPage::After(_) => AuditPage::After(last),
            AuditPage::Before(_) => AuditPage::Before(Some(last)),
        };
        for record in records.iter().filter(|record| record.action.starts_with(action)).take(limit) {
            if json {
                writeln!(out, "{}", serde_json::to_string(record)?)?;
            } else {
                writeln!(out, "{}", line(record))?;
            }
            limit -= 1;
        }
        if limit == 0 || records.len() < PAGE as usize {
            break;
        }
    }
    Ok(())
}

fn line(record: &AuditRecord) -> String {
    let actor = match &record.actor {
        AuditActor::Person { name, .. } => name.clone(),
        AuditActor::CommandLine { user } => format!("{user} (command line)"),
        AuditActor::System => "the server".to_owned(),
    };
    let AuditRecord { id, at, action, subject, detail, .. } = record;
    format!("{id}\t{at}\t{actor}\t{action}\t{subject}\t{detail}")
}
