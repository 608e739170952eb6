//! `/v1/desk/replies`: what agents send again and again.
//!
//! The binary brings samples. They are there until somebody changes or removes them: a paper of the same id hides one, and
//! so does a paper that says nothing but that it was removed.

use std::sync::LazyLock;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::NoContent;
use conversation::audit::{AuditActor, AuditEntry};
use conversation::protocol::MAX_TEXT_CHARACTERS;
use conversation::{Paper, PaperChange, PaperKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::session::{Body, Changing, LoggedIn};
use super::{DeskError, DeskState};

/// The longest name, in characters.
const MAX_NAME_CHARACTERS: usize = 80;
/// The longest shortcut, in characters.
const MAX_SHORTCUT_CHARACTERS: usize = 20;
/// So many at most: an agent looks through them while a citizen waits.
const MOST: usize = 500;

const KIND: PaperKind = PaperKind::CannedReply;

/// The same in both languages; one may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "InBothLanguages")]
pub(super) struct Both {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    zh: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    bo: String,
}

impl Both {
    fn each(&self) -> [&str; 2] {
        [&self.zh, &self.bo]
    }

    fn is_blank(&self) -> bool {
        self.each().iter().all(|text| text.trim().is_empty())
    }

    fn longest(&self) -> usize {
        self.each().iter().map(|text| text.chars().count()).max().unwrap_or(0)
    }
}

/// What a reply says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ReplyWords")]
pub(super) struct Words {
    /// What agents find it by; 80 characters at most in each language.
    name: Both,
    /// What is sent: plain text, 2,000 characters at most in each language. `{agent}` and `{office}` are for the page to fill in.
    text: Both,
    /// What agents type to find it at once: letters, digits and hyphens, 20 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shortcut: Option<String>,
}

/// A reply that agents send again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Reply {
    id: String,
    /// To be named by whoever changes it; 0 for a sample.
    version: u64,
    #[serde(flatten)]
    words: Words,
    /// It ships with the server, and nobody of the house has looked at it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sample: bool,
}

/// All of them.
#[derive(Serialize, JsonSchema)]
pub(super) struct Replies {
    replies: Vec<Reply>,
}

/// What a paper keeps.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Words(Words),
    /// A sample that nobody wants.
    Removed {
        removed: bool,
    },
}

#[derive(Deserialize)]
struct Shipped {
    reply: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    id: String,
    #[serde(flatten)]
    words: Words,
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    toml::from_str::<Shipped>(include_str!("replies.toml")).map_or_else(|_| Vec::new(), |all| all.reply)
});

fn is_sample(id: &str) -> bool {
    SAMPLES.iter().any(|sample| sample.id == id)
}

/// What is kept, and the samples that nothing hides; samples first, in their order, then by id.
fn all(papers: Vec<Paper>) -> Vec<Reply> {
    let untouched = |sample: &&Sample| !papers.iter().any(|paper| paper.id == sample.id);
    let samples = SAMPLES.iter().filter(untouched).map(|sample| Reply {
        id: sample.id.clone(),
        version: 0,
        words: sample.words.clone(),
        sample: true,
    });
    let mut replies: Vec<Reply> = samples.collect();
    replies.extend(papers.into_iter().filter_map(|paper| match serde_json::from_value(paper.body) {
        Ok(Kept::Words(words)) => Some(Reply { id: paper.id, version: paper.version, words, sample: false }),
        Ok(Kept::Removed { .. }) | Err(_) => None,
    }));
    replies
}

pub(super) async fn list(
    State(state): State<DeskState>,
    _logged_in: LoggedIn,
) -> Result<Json<Replies>, DeskError> {
    Ok(Json(Replies { replies: all(state.store.papers(KIND).await?) }))
}

/// A new reply, or one as it shall be from now on.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ReplyChange")]
pub(super) struct Change {
    /// Which one; absent: a new one.
    id: Option<String>,
    /// The version that was seen.
    #[serde(default)]
    version: u64,
    #[serde(flatten)]
    words: Words,
}

pub(super) async fn change(
    State(state): State<DeskState>,
    Changing(logged_in): Changing,
    Body(change): Body<Change>,
) -> Result<Json<Reply>, DeskError> {
    let words = check(change.words)?;
    let known = all(state.store.papers(KIND).await?);
    let taken = |one: &&Reply| one.words.shortcut == words.shortcut && Some(&one.id) != change.id.as_ref();
    if words.shortcut.is_some() && known.iter().any(|one| taken(&one)) {
        return Err(DeskError::Invalid("`shortcut` is another reply's".into()));
    }
    let id = match change.id {
        Some(id) if known.iter().any(|one| one.id == id) => id,
        // Somebody else has removed it meanwhile, or nobody ever made it.
        Some(_) if change.version > 0 => return Err(DeskError::Changed),
        Some(_) => return Err(DeskError::NotFound("reply")),
        None if known.len() >= MOST => {
            return Err(DeskError::Invalid(format!("there are {MOST} replies already: remove one first")));
        }
        None => Uuid::new_v4().to_string(),
    };
    let body = serde_json::to_value(&words).map_err(|error| DeskError::Invalid(error.to_string()))?;
    let entry = AuditEntry::new(actor(&logged_in), "reply.changed").on("reply", &id);
    let paper = PaperChange { kind: KIND, id: id.clone(), expect: change.version, body: Some(body) };
    let kept = state.store.change_papers(vec![paper], entry).await?;
    let version = kept.first().map_or(0, |paper| paper.version);
    Ok(Json(Reply { id, version, words, sample: false }))
}

/// The version that was seen.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ReplySeen")]
pub(super) struct Seen {
    version: u64,
}

pub(super) async fn remove(
    State(state): State<DeskState>,
    Path(id): Path<String>,
    Changing(logged_in): Changing,
    Body(seen): Body<Seen>,
) -> Result<NoContent, DeskError> {
    if !all(state.store.papers(KIND).await?).iter().any(|one| one.id == id) {
        return Err(DeskError::NotFound("reply"));
    }
    // A sample would be there again.
    let body = is_sample(&id).then(|| serde_json::json!(Kept::Removed { removed: true }));
    let entry = AuditEntry::new(actor(&logged_in), "reply.removed").on("reply", &id);
    let paper = PaperChange { kind: KIND, id, expect: seen.version, body };
    state.store.change_papers(vec![paper], entry).await?;
    Ok(NoContent)
}

fn actor(logged_in: &LoggedIn) -> AuditActor {
    AuditActor::person(logged_in.agent.id, logged_in.agent.name.clone())
}

/// The words as they are kept: without white space around them.
fn check(words: Words) -> Result<Words, DeskError> {
    let trimmed = |both: &Both| Both { zh: both.zh.trim().to_owned(), bo: both.bo.trim().to_owned() };
    let words = Words {
        name: trimmed(&words.name),
        text: trimmed(&words.text),
        shortcut: words
            .shortcut
            .map(|shortcut| shortcut.trim().to_lowercase())
            .filter(|shortcut| !shortcut.is_empty()),
    };
    let invalid = |why: String| Err(DeskError::Invalid(why));
    if words.name.is_blank() || words.name.longest() > MAX_NAME_CHARACTERS {
        return invalid(format!("`name` must have 1 to {MAX_NAME_CHARACTERS} characters in a language"));
    }
    if words.text.is_blank() || words.text.longest() > MAX_TEXT_CHARACTERS {
        return invalid(format!("`text` must have 1 to {MAX_TEXT_CHARACTERS} characters in a language"));
    }
    let fits = |shortcut: &String| {
        shortcut.chars().count() <= MAX_SHORTCUT_CHARACTERS
            && shortcut.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '་')
    };
    if !words.shortcut.as_ref().is_none_or(fits) {
        return invalid(format!(
            "`shortcut` has letters, digits and hyphens, {MAX_SHORTCUT_CHARACTERS} at most"
        ));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_are_whole_and_pass_their_own_checks() {
        assert!(SAMPLES.len() >= 5);
        for sample in SAMPLES.iter() {
            let words = check(sample.words.clone()).unwrap_or_else(|error| panic!("{}: {error}", sample.id));
            assert_eq!(words, sample.words, "{}", sample.id);
            assert!(
                words.text.each().iter().chain(&words.name.each()).all(|text| !text.is_empty()),
                "{}",
                sample.id
            );
        }
        let mut ids: Vec<&str> = SAMPLES.iter().map(|sample| sample.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), SAMPLES.len());
    }
}
