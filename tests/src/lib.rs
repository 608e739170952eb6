//! Drives the real `assistant` binary from outside, as citizens, agents and operators do.
//!
//! [`ServerProcess`] starts one with a data directory of its own; `examples::Client` speaks with it; [`voices`] asks questions
//! with voices that training never heard; [`material`] finds the real recordings where they are present.

pub mod bench;
mod desk;
pub mod faults;
pub mod fuzz;
pub mod material;
mod server;
pub mod telephone;
pub mod voices;

pub use desk::{Desk, DeskPage};
pub use server::{ServerProcess, ServerSettings, Shared};

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use examples::{Client, Message};
use serde_json::Value;

/// Every event of a conversation, read anew; the connection that had it loses it.
///
/// # Errors
/// Where the token opens nothing, or the server closes while it is read.
pub async fn everything(portal: &str, token: &str) -> Result<Vec<Value>> {
    let mut client = Client::connect(portal).await?;
    let last = client.resume(token, 0).await?["last_seq"].as_u64().context("last_seq")?;
    let mut events = Vec::new();
    while (events.len() as u64) < last {
        match client.next_within(Duration::from_secs(20)).await? {
            Message::Json(event) if event["seq"].is_u64() && event["at"].is_string() => events.push(event),
            Message::Json(_) | Message::Audio(_) => {}
            Message::Closed(code) => bail!("closed with {code} while reading"),
        }
    }
    Ok(events)
}
