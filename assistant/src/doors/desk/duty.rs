//! What somebody who has logged in must do before anything else.

use std::fmt;

use conversation::Person;
use schemars::JsonSchema;
use serde::Serialize;

use super::DeskState;

/// A debt to the server's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Duty {
    /// Somebody else knows the password.
    ChangePassword,
    /// The operator wants a second factor.
    SetUpTotp,
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChangePassword => "choose a password of your own first",
            Self::SetUpTotp => "set up a second factor first",
        })
    }
}

impl DeskState {
    /// What a person with a session that was opened by `method` owes. Whoever came through the identity provider is its
    /// business: their password and second factor are there.
    pub(super) fn duty(&self, person: &Person, method: &str) -> Option<Duty> {
        if method == "oidc" {
            return None;
        }
        if person.must_change_password {
            return Some(Duty::ChangePassword);
        }
        (self.settings.totp_required && !person.has_totp).then_some(Duty::SetUpTotp)
    }
}
