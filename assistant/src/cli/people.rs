//! `assistant people`: accounts, roles, sessions. Whoever may run it on the server's machine may do all of it; the audit
//! trail says that it was done here.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Result, anyhow, ensure};
use clap::Subcommand;
use conversation::audit::AuditActor;
use conversation::{
    ExternalId, NewPassword, NewPerson, Person, PersonChange, Role, Store, StoreError, SystemClock,
};
use language::Language;

use super::{Outcome, block_on, counted, language};
use crate::{config::Configuration, doors::desk::password, people::admins, server::open_store};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List all accounts.
    List,
    /// Add somebody and print their password, once; they must change it at their first login.
    Add {
        /// The name to log in with.
        name: String,
        /// What they are: agent, editor, reviewer, supervisor, auditor, admin.
        #[arg(long = "role", value_delimiter = ',', required = true, value_name = "ROLE")]
        roles: Vec<Role>,
        /// The languages that they serve.
        #[arg(long, value_delimiter = ',', default_value = "bo,zh", value_parser = language, value_name = "bo,zh")]
        languages: Vec<Language>,
        /// The name that citizens and colleagues see; without it the one to log in with.
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// What they know about.
        #[arg(long, value_delimiter = ',', value_name = "SKILL")]
        skills: Vec<String>,
        /// How much they serve at once: a voice conversation weighs 100, a chat 25.
        #[arg(long, default_value_t = NewPerson::CAPACITY)]
        capacity: u32,
        /// Their `sub` at the identity provider of people.oidc: they log in there, and get no password here.
        #[arg(long, value_name = "SUB")]
        subject: Option<String>,
    },
    /// Keep somebody from logging in, and end their sessions.
    Disable {
        /// Their name.
        name: String,
    },
    /// Let somebody log in again.
    Enable {
        /// Their name.
        name: String,
    },
    /// Show what somebody is, or change it; a change ends their sessions.
    Roles {
        /// Their name.
        name: String,
        /// All the roles they shall have.
        #[arg(long, value_delimiter = ',', value_name = "ROLE", conflicts_with_all = ["add", "remove"])]
        set: Option<Vec<Role>>,
        /// Roles to add.
        #[arg(long, value_delimiter = ',', value_name = "ROLE")]
        add: Vec<Role>,
        /// Roles to take away.
        #[arg(long, value_delimiter = ',', value_name = "ROLE")]
        remove: Vec<Role>,
    },
    /// Give somebody a new password, print it once, and end their sessions; they must change it at their next login.
    ResetPassword {
        /// Their name.
        name: String,
    },
    /// Take somebody's second factor and recovery codes away, and end their sessions.
    ResetTotp {
        /// Their name.
        name: String,
    },
    /// List somebody's open sessions.
    Sessions {
        /// Their name.
        name: String,
    },
    /// End somebody's sessions: all of them, or one.
    Revoke {
        /// Their name.
        name: String,
        /// Only this one, by the id that `sessions` shows.
        #[arg(long, value_name = "ID")]
        session: Option<String>,
    },
}

/// Whoever runs a command on this machine. The name is what their environment says, which is a hint and no proof.
pub(super) fn operator() -> AuditActor {
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    AuditActor::CommandLine { user: user.unwrap_or_default() }
}

pub(super) fn run(configuration: &Configuration, command: Command) -> Outcome {
    block_on(async {
        let store = open_store(configuration, Arc::new(SystemClock)).await?;
        let outcome = perform(store.as_ref(), configuration, command).await;
        store.close().await;
        outcome
    })??;
    Ok(())
}

async fn perform(store: &dyn Store, configuration: &Configuration, command: Command) -> Result<()> {
    match command {
        Command::List => {
            for person in store.people().await? {
                println!("{}", line(&person));
            }
        }
        Command::Add { name, roles, languages, display_name, skills, capacity, subject } => {
            let mut new = NewPerson::new(name, languages, roles.into_iter().collect());
            new.display_name = display_name.unwrap_or(new.display_name);
            (new.skills, new.capacity) = (skills, capacity);
            if let Some(subject) = subject {
                let oidc = configuration.people.oidc.as_ref();
                let oidc = oidc.ok_or_else(|| anyhow!("--subject needs people.oidc in the configuration"))?;
                new.external = Some(ExternalId { issuer: oidc.issuer.clone(), subject });
            }
            add(store, new).await?;
        }
        Command::Disable { name } => disable(store, &name, true).await?,
        Command::Enable { name } => disable(store, &name, false).await?,
        Command::Roles { name, set, add, remove } => roles(store, &name, set, &add, &remove).await?,
        Command::ResetPassword { name } => {
            let person = named(store, &name).await?;
            let (password, kept) = fresh_password().await?;
            store.set_password(operator(), person.id, kept).await?;
            println!("Password (shown only once, to be changed at the next login): {password}");
        }
        Command::ResetTotp { name } => {
            store.remove_totp(operator(), named(store, &name).await?.id).await?;
            println!("{name} logs in without a second factor now.");
        }
        Command::Sessions { name } => {
            for session in store.sessions(named(store, &name).await?.id).await? {
                let conversation::Session { id, created_at, last_used_at, expires_at, method } = session;
                println!("{id}\t{method}\tsince {created_at}\tused {last_used_at}\tends {expires_at}");
            }
        }
        Command::Revoke { name, session } => revoke(store, &name, session).await?,
    }
    Ok(())
}

async fn add(store: &dyn Store, mut new: NewPerson) -> Result<()> {
    let mut shown = None;
    if new.external.is_none() {
        let (password, kept) = fresh_password().await?;
        (new.password, shown) = (Some(kept), Some(password));
    }
    let name = new.name.clone();
    match store.add_person(operator(), new).await {
        Err(StoreError::NameTaken) => Err(anyhow!(
            "there is an account called {name:?}, or with this identity at the provider, already; see `assistant people \
             list`"
        )),
        Err(error) => Err(error.into()),
        Ok(()) => {
            println!("{name} was added.");
            match shown {
                Some(password) => {
                    println!("Password (shown only once, to be changed at the first login): {password}");
                }
                None => println!("They log in at the identity provider."),
            }
            Ok(())
        }
    }
}

async fn disable(store: &dyn Store, name: &str, disabled: bool) -> Result<()> {
    let person = named(store, name).await?;
    change(store, &person, PersonChange::Disabled(disabled)).await?;
    println!("{name} may {} log in.", if disabled { "no longer" } else { "again" });
    Ok(())
}

async fn change(store: &dyn Store, person: &Person, change: PersonChange) -> Result<Person> {
    let last = admins::is_last_admin(&store.people().await?, person.id, &change);
    ensure!(
        !last,
        "{} is the last account that can manage accounts; give the role admin to somebody else first",
        person.name
    );
    Ok(store.change_person(operator(), person.id, change).await?)
}

async fn roles(
    store: &dyn Store,
    name: &str,
    set: Option<Vec<Role>>,
    add: &[Role],
    remove: &[Role],
) -> Result<()> {
    let mut person = named(store, name).await?;
    let mut wanted: BTreeSet<Role> =
        set.map_or_else(|| person.roles.clone(), |set| set.into_iter().collect());
    wanted.extend(add);
    wanted.retain(|role| !remove.contains(role));
    if wanted != person.roles {
        person = change(store, &person, PersonChange::Roles(wanted)).await?;
    }
    println!("{}", line(&person));
    Ok(())
}

async fn revoke(store: &dyn Store, name: &str, session: Option<String>) -> Result<()> {
    let person = named(store, name).await?;
    let session = session
        .map(|id| id.parse())
        .transpose()
        .map_err(|_| anyhow!("that is no session id; `assistant people sessions {name}` shows them"))?;
    let ended = store.revoke_sessions(operator(), person.id, session).await?;
    ensure!(ended > 0, "{name} has no such session; `assistant people sessions {name}` shows them");
    println!("{} ended.", counted(usize::try_from(ended)?, "session", "sessions"));
    Ok(())
}

async fn named(store: &dyn Store, name: &str) -> Result<Person> {
    // Not by what a login is checked against: that cannot be read where the master key is not the one it was sealed with,
    // and taking a second factor away must work all the same.
    let found = store.people().await?.into_iter().find(|person| person.name == name);
    found.ok_or_else(|| anyhow!("there is no account called {name:?}; `assistant people list` names them"))
}

async fn fresh_password() -> Result<(String, NewPassword)> {
    let (password, hash) = password::fresh().await.map_err(|error| anyhow!(error))?;
    Ok((password, NewPassword { hash, must_change: true }))
}

/// Name, roles, languages, and what is particular.
fn line(person: &Person) -> String {
    let roles: Vec<&str> = person.roles.iter().map(|role| role.as_str()).collect();
    let languages: Vec<&str> = person.languages.iter().map(|language| language.code()).collect();
    let particulars: Vec<&str> = [
        (person.disabled, "disabled"),
        (person.must_change_password, "must change the password"),
        (person.has_totp, "second factor"),
        (person.external.is_some(), "identity provider"),
    ]
    .into_iter()
    .filter_map(|(is, what)| is.then_some(what))
    .collect();
    format!("{}\t{}\t{}\t{}", person.name, roles.join(","), languages.join(","), particulars.join(", "))
}
