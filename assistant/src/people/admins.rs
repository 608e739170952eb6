//! Somebody must be left who can manage accounts.

use conversation::{AgentId, Person, PersonChange, Role};

/// Whether a change would leave no account that has the role of an admin and may log in, where there is one now.
pub fn is_last_admin(people: &[Person], changed: AgentId, change: &PersonChange) -> bool {
    let takes_away = match change {
        PersonChange::Roles(roles) => !roles.contains(&Role::Admin),
        PersonChange::Disabled(disabled) => *disabled,
        _ => false,
    };
    let mut admins = people.iter().filter(|person| !person.disabled && person.roles.contains(&Role::Admin));
    takes_away && admins.next().is_some_and(|first| first.id == changed) && admins.next().is_none()
}
