//! What `words.toml` says about every route.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Undescribed;
use crate::doors::desk::ErrorCode;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    /// What the whole is.
    pub(super) about: String,
    /// Groups of routes, in order.
    pub(super) tags: Vec<Tag>,
    /// By method and path: `GET /healthz`.
    pub(super) routes: BTreeMap<String, Said>,
}

/// A group of routes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) about: String,
}

/// What is said about a route.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    /// The group.
    pub(super) tag: String,
    /// What it is for, in a line.
    pub(super) summary: String,
    /// More, where there is more to say.
    #[serde(default)]
    pub(super) about: String,
    /// Refusals that follow from the rules of what is asked for.
    #[serde(default)]
    pub(super) errors: Vec<ErrorCode>,
    /// Statuses that the handler's types do not tell.
    #[serde(default)]
    pub(super) replies: BTreeMap<String, ReplyWords>,
    /// A body that may be sent, as JSON.
    pub(super) asks: Option<String>,
    /// What may be answered, as JSON.
    pub(super) answers: Option<String>,
    /// What goes over the socket, where the handler's types do not tell, as JSON.
    pub(super) socket: Option<String>,
}

/// A status in words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyWords {
    /// What it means.
    pub(super) about: String,
    /// The media type of its body, where it has one.
    pub(super) content: Option<String>,
}

/// The words that are built in.
pub(super) fn read() -> Result<Words, Undescribed> {
    toml::from_str(include_str!("words.toml")).map_err(|error| Undescribed(format!("words.toml: {error}")))
}

/// JSON that stands in the words of a route.
pub(super) fn json(route: &str, text: &str) -> Result<Value, Undescribed> {
    serde_json::from_str(text).map_err(|error| Undescribed(format!("{route}: {error} in {text}")))
}
