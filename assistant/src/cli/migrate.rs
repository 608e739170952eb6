//! `assistant migrate`: from the file of one machine to a server for several.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use conversation::audit::AuditEntry;
use conversation::{AuditTrail as _, Store as _, SystemClock};

use super::backup::{Progress, operator};
use super::{Failure, Outcome, block_on};
use crate::config::Configuration;
use crate::server::{DATABASE, connect, open_file};
use crate::store::transfer;
use crate::vault::backup::stopped;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The new database, which must be empty; store.url where it is not said.
    #[arg(long, value_name = "POSTGRES_URL")]
    to: Option<String>,
    /// The SQLite file; that of the data folder where it is not said.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

pub(super) fn run(configuration: &Configuration, options: Options) -> Outcome {
    let Some(url) = options.to.or_else(|| configuration.store.url.clone()) else {
        return Err(Failure::Usage("store.url is not set: say --to postgres://…".to_owned()));
    };
    let path = options.from.unwrap_or_else(|| configuration.data(DATABASE));
    if !path.is_file() {
        return Err(Failure::Usage(format!("there is no database {}; say --from", path.display())));
    }
    block_on(async {
        stopped(&path).await?;
        let from = open_file(configuration, &path, Arc::new(SystemClock)).await?;
        let to = connect(configuration, &url, Arc::new(SystemClock)).await?;
        let progress = Progress::new();
        let copied = transfer::everything(&from, &to, &|step| progress.tell(step)).await;
        let copied = match copied {
            Ok(copied) => copied,
            Err(error) => {
                to.close().await;
                return Err(Failure::Failed(error.into()));
            }
        };
        let report = to.verify(&|step| progress.tell(step)).await.context("the copy cannot be checked")?;
        drop(progress);
        if let Some(problem) = report.problems.first() {
            to.close().await;
            return Err(Failure::Failed(anyhow::anyhow!(
                "the copy is not whole: {problem}. {} is as it was; make a new database and try again",
                path.display()
            )));
        }
        to.record(AuditEntry::new(operator(), "database.moved").with("from", path.display().to_string()))
            .await?;
        for (table, rows) in copied {
            println!("{rows:>10}  {table}");
        }
        println!(
            "Everything is in {} and has been checked: every conversation opens, no event is missing.\n\
             {} is as it was. Set store.url, start the servers, and put the file away when they have served for a while.",
            to.database(),
            path.display()
        );
        from.close().await;
        to.close().await;
        Ok(())
    })?
}
