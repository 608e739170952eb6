//! People with accounts: who they are, what they may do, how they log in, and the sessions that they have opened.
//!
//! [`People`] is a seam of its own beside the conversations; a [`crate::Store`] is both. Every change is recorded in the
//! audit trail, in the transaction of the change.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::audit::AuditActor;
use crate::handoff::Actor;
use crate::ids::{AgentId, SessionId, TokenHash};
use crate::roles::{self, Permission, Role};
use crate::store::StoreError;
use crate::time::Timestamp;

/// A human agent, as conversations know them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Their id.
    pub id: AgentId,
    /// The name that citizens see.
    pub name: String,
    /// The languages they serve.
    pub languages: Vec<Language>,
}

impl Agent {
    /// The agent as one who does something.
    pub fn actor(&self) -> Actor {
        Actor { id: self.id, name: self.name.clone() }
    }
}

/// Who somebody is at the identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExternalId {
    /// The provider (`iss`).
    pub issuer: String,
    /// Their id there (`sub`), which never changes and is never given to anybody else.
    pub subject: String,
}

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent facts, not one state")]
pub struct Person {
    /// Their id.
    pub id: AgentId,
    /// The name they log in with. Unique.
    pub name: String,
    /// The name that citizens and colleagues see.
    pub display_name: String,
    /// The languages they serve.
    pub languages: Vec<Language>,
    /// What they are.
    pub roles: BTreeSet<Role>,
    /// What they know about, as the operator names it.
    pub skills: Vec<String>,
    /// How much they serve at once: a voice conversation weighs 100, a chat 25.
    pub capacity: u32,
    /// They may not log in.
    pub disabled: bool,
    /// Their password must be changed before anything else.
    pub must_change_password: bool,
    /// They have a password here; without one they log in through the identity provider only.
    pub has_password: bool,
    /// A second factor is set up.
    pub has_totp: bool,
    /// Who they are at the identity provider.
    pub external: Option<ExternalId>,
}

impl Person {
    /// How conversations know them.
    pub fn agent(&self) -> Agent {
        Agent { id: self.id, name: self.display_name.clone(), languages: self.languages.clone() }
    }

    /// How the audit trail knows them.
    pub fn actor(&self) -> AuditActor {
        AuditActor::person(self.id, self.name.clone())
    }

    /// Whether one of their roles has the permission.
    pub fn may(&self, permission: Permission) -> bool {
        roles::may(&self.roles, permission)
    }
}

/// A password's hash that takes the place of what was there.
#[derive(Clone)]
pub struct NewPassword {
    /// The hash as a PHC string (`$argon2id$…`).
    pub hash: String,
    /// Somebody else knows the password too: it must be changed at the next login.
    pub must_change: bool,
}

/// Leaves the hash out.
impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewPassword").field("must_change", &self.must_change).finish_non_exhaustive()
    }
}

/// An account that begins.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// Their id.
    pub id: AgentId,
    /// The name they log in with.
    pub name: String,
    /// The name that citizens and colleagues see.
    pub display_name: String,
    /// The languages they serve.
    pub languages: Vec<Language>,
    /// What they are.
    pub roles: BTreeSet<Role>,
    /// What they know about.
    pub skills: Vec<String>,
    /// How much they serve at once.
    pub capacity: u32,
    /// Their password, where they have one here.
    pub password: Option<NewPassword>,
    /// Who they are at the identity provider.
    pub external: Option<ExternalId>,
}

impl NewPerson {
    /// Enough for one voice conversation, or four chats.
    pub const CAPACITY: u32 = 100;

    /// Somebody who serves in these languages, without skills, password or identity elsewhere.
    pub fn new(name: impl Into<String>, languages: Vec<Language>, roles: BTreeSet<Role>) -> Self {
        let name = name.into();
        Self {
            id: AgentId::generate(),
            display_name: name.clone(),
            name,
            languages,
            roles,
            skills: Vec::new(),
            capacity: Self::CAPACITY,
            password: None,
            external: None,
        }
    }
}

/// A change of an account. [`PersonChange::Roles`] and [`PersonChange::Disabled`] end the person's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonChange {
    /// Other roles.
    Roles(BTreeSet<Role>),
    /// May not log in any more, or may again.
    Disabled(bool),
    /// Another name to be seen by.
    DisplayName(String),
    /// Other languages.
    Languages(Vec<Language>),
    /// Other skills.
    Skills(Vec<String>),
    /// Another capacity.
    Capacity(u32),
}

/// A second factor by time-based codes (RFC 6238).
#[derive(Clone)]
pub struct StoredTotp {
    /// The secret. A store keeps it sealed where it has a key.
    pub secret: Vec<u8>,
    /// The person has proved that they can make its codes: only then it is asked for.
    pub confirmed: bool,
    /// The last time step whose code was used.
    pub last_step: u64,
}

/// Leaves the secret out.
impl fmt::Debug for StoredTotp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredTotp").field("confirmed", &self.confirmed).finish_non_exhaustive()
    }
}

/// Somebody with what a login is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Who.
    pub person: Person,
    /// Their password's hash, where they have one.
    pub password: Option<NewPassword>,
    /// Their second factor, confirmed or not.
    pub totp: Option<StoredTotp>,
    /// Failed logins in a row.
    pub failed_logins: u32,
    /// No login before this moment.
    pub locked_until: Option<Timestamp>,
}

/// When a login is locked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockoutPolicy {
    /// So many failures in a row lock the login.
    pub failures: u32,
    /// For so long.
    pub lock_for: Duration,
}

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginMethod {
    /// By a password alone.
    Password,
    /// By a password and the code of this time step, which is spent with the login.
    Totp {
        /// The step.
        step: u64,
    },
    /// By a password and a recovery code with this SHA-256, which is spent with the login.
    Recovery {
        /// Its hash.
        code: [u8; 32],
    },
    /// At the identity provider.
    Oidc,
}

impl LoginMethod {
    /// `password`, `totp`, `recovery`, `oidc`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp { .. } => "totp",
            Self::Recovery { .. } => "recovery",
            Self::Oidc => "oidc",
        }
    }
}

/// A session that begins.
#[derive(Clone, Copy, Debug)]
pub struct NewSession {
    /// The hash of the cookie's token.
    pub token: TokenHash,
    /// Whose.
    pub agent: AgentId,
    /// How they proved it.
    pub method: LoginMethod,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// It ends when it was not used for so long.
    pub idle: Duration,
}

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Session {
    /// What lists name it by; it opens nothing.
    pub id: SessionId,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// How it was opened: [`LoginMethod::as_str`].
    pub method: String,
}

/// Keeps accounts and sessions. Whoever asks for a change (`by`) stands in the audit trail.
#[async_trait]
pub trait People: Send + Sync {
    /// Makes an account.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], also where the identity at the provider has an account; [`StoreError::Busy`],
    /// [`StoreError::Unavailable`].
    async fn add_person(&self, by: AuditActor, new: NewPerson) -> Result<(), StoreError>;

    /// Makes an account of an agent with this name and password.
    ///
    /// # Errors
    /// As for [`People::add_person`].
    async fn add_agent(&self, agent: Agent, password_hash: String) -> Result<(), StoreError> {
        let mut new = NewPerson::new(agent.name, agent.languages, BTreeSet::from([Role::Agent]));
        new.id = agent.id;
        new.password = Some(NewPassword { hash: password_hash, must_change: false });
        self.add_person(AuditActor::System, new).await
    }

    /// All accounts, by name.
    async fn people(&self) -> Result<Vec<Person>, StoreError>;

    /// Everybody who may serve citizens, by name.
    async fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        let people = self.people().await?;
        let serve = |person: &&Person| !person.disabled && person.may(Permission::ServeCitizens);
        Ok(people.iter().filter(serve).map(Person::agent).collect())
    }

    /// An account.
    async fn person(&self, id: AgentId) -> Result<Option<Person>, StoreError>;

    /// The account of somebody whom the identity provider knows.
    async fn external_person(&self, external: &ExternalId) -> Result<Option<Person>, StoreError>;

    /// Changes an account, and tells what it is now. A change that changes nothing is not recorded and ends nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn change_person(
        &self,
        by: AuditActor,
        id: AgentId,
        change: PersonChange,
    ) -> Result<Person, StoreError>;

    /// Replaces a password, forgets failed logins and ends the person's sessions.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn set_password(
        &self,
        by: AuditActor,
        id: AgentId,
        password: NewPassword,
    ) -> Result<(), StoreError>;

    /// Keeps the secret of a second factor that is not asked for until it is confirmed; takes the place of another unconfirmed one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also where a confirmed one is there.
    async fn begin_totp(&self, id: AgentId, secret: Vec<u8>) -> Result<(), StoreError>;

    /// The person made a code of the kept secret: from now on it is asked for. `recovery` are the SHA-256 of codes that
    /// stand in for it, in place of any earlier ones.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where none is waiting to be confirmed.
    async fn confirm_totp(&self, id: AgentId, step: u64, recovery: Vec<[u8; 32]>) -> Result<(), StoreError>;

    /// Takes the second factor and its recovery codes away. Ends the person's sessions.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the person is unknown.
    async fn remove_totp(&self, by: AuditActor, id: AgentId) -> Result<(), StoreError>;

    /// What a login of this name is checked against.
    async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError>;

    /// Counts a failed login; tells until when the login is locked, where it is now.
    async fn login_failed(
        &self,
        agent: AgentId,
        policy: LockoutPolicy,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Begins a session, spends the code it was opened with, forgets failed logins and counts as a sign of life. False
    /// where the code was spent before, or the person was disabled meanwhile: then there is no session.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Busy`], [`StoreError::Unavailable`].
    async fn login(&self, session: NewSession) -> Result<bool, StoreError>;

    /// The session of this token with its person, while it lasts. Does not count as using it.
    async fn session(&self, token: &TokenHash) -> Result<Option<(Session, Person)>, StoreError>;

    /// The session was used. To spare the disk, [`Session::last_used_at`] is moved once a minute.
    async fn use_session(&self, token: &TokenHash) -> Result<(), StoreError>;

    /// Ends a session; an unknown one is fine.
    async fn logout(&self, token: &TokenHash) -> Result<(), StoreError>;

    /// Somebody's open sessions, the newest first.
    async fn sessions(&self, agent: AgentId) -> Result<Vec<Session>, StoreError>;

    /// Ends one of somebody's sessions, or all of them (`None`). Tells how many there were.
    async fn revoke_sessions(
        &self,
        by: AuditActor,
        agent: AgentId,
        session: Option<SessionId>,
    ) -> Result<u64, StoreError>;
}
