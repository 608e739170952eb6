//! `assistant agent`: the people at the desk.

use std::sync::Arc;

use anyhow::anyhow;
use clap::Subcommand;
use conversation::{Agent, AgentId, StoreError, SystemClock};
use language::Language;

use super::{Outcome, block_on, language};
use crate::{
    config::Configuration,
    server::{new_password, open_store},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an agent and print the password, once.
    Add {
        /// The name to log in with; citizens see it.
        name: String,
        /// The languages that the agent serves.
        #[arg(long, value_delimiter = ',', required = true, value_parser = language, value_name = "bo,zh")]
        languages: Vec<Language>,
    },
    /// List the agents.
    List,
    /// Give an agent a new password, print it once, and end their sessions.
    Password {
        /// The agent's name.
        name: String,
    },
}

pub(super) fn run(configuration: &Configuration, command: Command) -> Outcome {
    block_on(perform(configuration, command))??;
    Ok(())
}

async fn perform(configuration: &Configuration, command: Command) -> anyhow::Result<()> {
    let store = open_store(configuration, Arc::new(SystemClock)).await?;
    match command {
        Command::Add { name, languages } => {
            let (password, hash) = new_password().await.map_err(|e| anyhow!(e))?;
            let agent = Agent { id: AgentId::generate(), name: name.clone(), languages };
            match store.add_agent(agent, hash).await {
                Ok(()) => {}
                Err(StoreError::NameTaken) => {
                    return Err(anyhow!(
                        "there is an agent called {name:?} already; choose another name, or give that one a new \
                         password with `assistant agent password {name}`"
                    ));
                }
                Err(error) => return Err(error.into()),
            }
            println!("Agent {name} was added.");
            println!("Password (shown only once): {password}");
        }
        Command::List => {
            for agent in store.agents().await? {
                let languages: Vec<&str> = agent.languages.iter().map(|l| l.code()).collect();
                println!("{}\t{}", agent.name, languages.join(","));
            }
        }
        Command::Password { name } => {
            let found = store.credentials(&name).await?;
            let agent = found.ok_or_else(|| {
                anyhow!("there is no agent called {name:?}; `assistant agent list` names them")
            })?;
            let (password, hash) = new_password().await.map_err(|e| anyhow!(e))?;
            store.set_password(agent.agent.id, hash).await?;
            println!("Password (shown only once): {password}");
        }
    }
    store.close().await;
    Ok(())
}
