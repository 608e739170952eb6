//! Who may do what: roles are given to people, permissions are asked for by doors. The table between the two is
//! [`Role::permissions`], and nothing else grants anything.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody is at the service. People may have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Serves citizens at the desk.
    Agent,
    /// Writes questions and answers.
    Editor,
    /// Approves what editors wrote, and puts it into service.
    Reviewer,
    /// Looks after agents and their queue.
    Supervisor,
    /// Reads the audit trail.
    Auditor,
    /// Manages accounts and the server.
    Admin,
}

/// Something that a door asks for before it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See the queue, take conversations, write to citizens.
    ServeCitizens,
    /// See all conversations that people have, and move them between people.
    Supervise,
    /// See a masked personal number in full, with a reason that is recorded.
    RevealNumbers,
    /// Change questions and answers.
    EditKnowledge,
    /// Approve or refuse somebody else's changes.
    ReviewKnowledge,
    /// Put approved questions and answers into service.
    PublishKnowledge,
    /// See figures of the service.
    ReadFigures,
    /// Read the audit trail.
    ReadAudit,
    /// Add, change and disable accounts, and end others' sessions.
    ManagePeople,
    /// Operate the server: retention, erasure, models, exports.
    Operate,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ServeCitizens,
        Self::Supervise,
        Self::RevealNumbers,
        Self::EditKnowledge,
        Self::ReviewKnowledge,
        Self::PublishKnowledge,
        Self::ReadFigures,
        Self::ReadAudit,
        Self::ManagePeople,
        Self::Operate,
    ];

    /// Its name on the wire: `serve_citizens`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServeCitizens => "serve_citizens",
            Self::Supervise => "supervise",
            Self::RevealNumbers => "reveal_numbers",
            Self::EditKnowledge => "edit_knowledge",
            Self::ReviewKnowledge => "review_knowledge",
            Self::PublishKnowledge => "publish_knowledge",
            Self::ReadFigures => "read_figures",
            Self::ReadAudit => "read_audit",
            Self::ManagePeople => "manage_people",
            Self::Operate => "operate",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Role {
    /// All of them, in the order of docs/security.md.
    pub const ALL: [Self; 6] =
        [Self::Agent, Self::Editor, Self::Reviewer, Self::Supervisor, Self::Auditor, Self::Admin];

    /// What this role may do. Duties are kept apart: whoever manages accounts reads neither conversations nor the audit
    /// trail by that, and whoever writes answers does not approve them by that. An admin can give themselves any role;
    /// the trail tells.
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Agent => &[Permission::ServeCitizens],
            Self::Editor => &[Permission::EditKnowledge, Permission::ReadFigures],
            Self::Reviewer => {
                &[Permission::ReviewKnowledge, Permission::PublishKnowledge, Permission::ReadFigures]
            }
            Self::Supervisor => &[
                Permission::ServeCitizens,
                Permission::Supervise,
                Permission::RevealNumbers,
                Permission::ReadFigures,
            ],
            Self::Auditor => &[Permission::ReadAudit, Permission::ReadFigures],
            Self::Admin => &[Permission::ManagePeople, Permission::Operate, Permission::ReadFigures],
        }
    }

    /// `agent`, `editor`, `reviewer`, `supervisor`, `auditor`, `admin`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Editor => "editor",
            Self::Reviewer => "reviewer",
            Self::Supervisor => "supervisor",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role; there are agent, editor, reviewer, supervisor, auditor and admin")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// Whether one of `roles` has the permission.
pub fn may(roles: &BTreeSet<Role>, permission: Permission) -> bool {
    roles.iter().any(|role| role.permissions().contains(&permission))
}

/// Everything that `roles` may do.
pub fn permissions(roles: &BTreeSet<Role>) -> BTreeSet<Permission> {
    roles.iter().flat_map(|role| role.permissions()).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_somebodys_and_duties_are_kept_apart() {
        for permission in Permission::ALL {
            assert!(Role::ALL.iter().any(|role| role.permissions().contains(&permission)), "{permission}");
            let json = serde_json::to_string(&permission).unwrap();
            assert_eq!(json, format!("\"{permission}\""));
        }
        let admin = BTreeSet::from([Role::Admin]);
        for others in [Permission::ReadAudit, Permission::ServeCitizens, Permission::RevealNumbers] {
            assert!(!may(&admin, others), "{others}");
        }
        assert!(!may(&BTreeSet::from([Role::Editor]), Permission::ReviewKnowledge));
        assert!(!may(&BTreeSet::from([Role::Reviewer]), Permission::EditKnowledge));
        assert!(!may(&BTreeSet::new(), Permission::ReadFigures), "without a role nothing is allowed");
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        assert!("root".parse::<Role>().is_err());
    }
}
