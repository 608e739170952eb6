//! `assistant serve`.

use anyhow::{Context, anyhow};
use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, block_on};
use crate::{Configuration, Server};

pub(super) fn run(configuration: Configuration) -> Outcome {
    block_on(serve(configuration))??;
    Ok(())
}

async fn serve(configuration: Configuration) -> anyhow::Result<()> {
    // Installed first, so that a stop during the start is not lost.
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?;
    let mut hang_up = signal(SignalKind::hangup()).context("SIGHUP cannot be watched")?;
    let mut server = Server::start(configuration).await?;
    println!("Portal:  {}/", server.url());
    println!("Desk:    {}/desk", server.url());
    if let Some(first) = server.first_agent() {
        println!("The first account was made: admin and agent. Name: {}", first.name);
        println!("Password (shown only once, to be changed at the first login): {}", first.password);
    }
    let fault = loop {
        tokio::select! {
            _ = terminate.recv() => break None,
            _ = interrupt.recv() => break None,
            fault = server.fault() => break Some(fault),
            _ = hang_up.recv() => if let Err(error) = server.reload_knowledge().await {
                tracing::error!(%error, "the new knowledge base cannot be used; the old one stays in service");
            },
        }
    };
    if let Some(fault) = &fault {
        tracing::error!(%fault, "the server cannot go on");
    }
    // A second signal means "at once".
    tokio::select! {
        stopped = server.shutdown() => stopped.map_err(|error| anyhow!(error))?,
        _ = terminate.recv() => return Err(anyhow!("stopped at once by a second signal")),
        _ = interrupt.recv() => return Err(anyhow!("stopped at once by a second signal")),
    }
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}
