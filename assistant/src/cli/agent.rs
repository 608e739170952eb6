//! `assistant agent`: the people at the desk. They keep the password that they are given; `assistant people` makes them
//! change it.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::anyhow;
use clap::Subcommand;
use conversation::{NewPassword, NewPerson, Permission, Role, StoreError, SystemClock};
use language::Language;

use super::{Outcome, block_on, language, people::operator};
use crate::{config::Configuration, doors::desk::password::fresh as fresh_password, server::open_store};

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
            let (password, hash) = fresh_password().await.map_err(|e| anyhow!(e))?;
            let mut agent = NewPerson::new(name.clone(), languages, BTreeSet::from([Role::Agent]));
            agent.password = Some(NewPassword { hash, must_change: false });
            match store.add_person(operator(), agent).await {
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
            for agent in store.people().await?.iter().filter(|p| p.may(Permission::ServeCitizens)) {
                let languages: Vec<&str> = agent.languages.iter().map(|l| l.code()).collect();
                println!("{}\t{}", agent.name, languages.join(","));
            }
        }
        Command::Password { name } => {
            let found = store.credentials(&name).await?;
            let agent = found.ok_or_else(|| {
                anyhow!("there is no agent called {name:?}; `assistant agent list` names them")
            })?;
            let (password, hash) = fresh_password().await.map_err(|e| anyhow!(e))?;
            let password_kept = NewPassword { hash, must_change: false };
            store.set_password(operator(), agent.person.id, password_kept).await?;
            println!("Password (shown only once): {password}");
        }
    }
    store.close().await;
    Ok(())
}
