//! `assistant webhooks`: what other systems have not taken, and secrets for new ones.

use clap::Subcommand;
use conversation::{Deliveries as _, Store as _};

use super::backup::{existing, operator};
use super::{Outcome, block_on};
use crate::config::Configuration;
use crate::server::fresh_secret;

/// Deliveries that are listed.
const LISTED: u32 = 200;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List what has not been delivered, with the last reason.
    List,
    /// Try everything now that failed before, also what was given up.
    Retry {
        /// Of this receiver only.
        #[arg(long, value_name = "NAME")]
        hook: Option<String>,
    },
    /// Print a fresh secret for a receiver: keep it in its `secret_file`, and give it to the receiver.
    Secret,
}

pub(super) fn run(configuration: &Configuration, command: Command) -> Outcome {
    if matches!(command, Command::Secret) {
        println!("{}", fresh_secret()?);
        return Ok(());
    }
    block_on(async {
        let store = existing(configuration).await?;
        match command {
            Command::List => {
                let deliveries = store.undelivered(LISTED).await?;
                for delivery in &deliveries {
                    let next = delivery.next_at.map_or("given up".to_owned(), |at| format!("next {at}"));
                    let why = delivery.last_error.as_deref().unwrap_or("not tried yet");
                    println!(
                        "{}  {}  {}  {} attempts, {next}: {why}",
                        delivery.at, delivery.hook, delivery.kind, delivery.attempts
                    );
                }
                if deliveries.is_empty() {
                    println!("Everything has been delivered.");
                }
            }
            Command::Retry { hook } => {
                let count = store.retry_deliveries(operator(), hook).await?;
                println!("{count} deliveries are tried again by the running server.");
            }
            Command::Secret => {}
        }
        store.close().await;
        Ok(())
    })?
}
