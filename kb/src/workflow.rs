//! The way of a text from draft to publication, and how the two languages of an entry stand to each other. Pure.
//!
//! ```text
//! Draft ──review by A──► Reviewed ──publish by B, B ≠ A──► Published
//!   ▲                        │                                │
//!   └────── the content no longer is what was signed ─────────┘
//! ```
//!
//! What was signed is named by a hash of the content, so that an edit needs no book-keeping: it opens the text again by
//! itself. Ways of asking are not part of the content, since they change nothing in what a citizen is told.

use language::Language;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::publication::hexadecimal;
use crate::{Date, Entry, Review, Revision, Signature, Text};

/// Where a text is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// To be reviewed.
    Draft,
    /// Reviewed; to be released by somebody else.
    Reviewed,
    /// Released.
    Published,
}

/// A step on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// From [`Stage::Draft`] to [`Stage::Reviewed`].
    Review,
    /// From [`Stage::Reviewed`] to [`Stage::Published`].
    Publish,
}

/// Why a step is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalStep {
    /// There is no text in that language.
    #[error("there is no {0} text to sign")]
    NoText(Language),
    /// The actor has no name.
    #[error("a signature needs a name")]
    NoName,
    /// A signed text needs no second signature of the same kind.
    #[error("it has been {} already", match .0 { Stage::Published => "published", _ => "reviewed" })]
    Already(Stage),
    /// What nobody has reviewed cannot be published.
    #[error("it has not been reviewed; have it reviewed first")]
    NotReviewed,
    /// The text was edited after its review.
    #[error("it was changed after {by} reviewed it on {on}; have it reviewed again")]
    ChangedSinceReview {
        /// Who reviewed it.
        by: String,
        /// When.
        on: Date,
    },
    /// Review and release are two people's work.
    #[error("{0} reviewed it; somebody else must publish it")]
    SameActor(String),
}

/// How a language of an entry stands to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Translation {
    /// Nothing shows that the other language is ahead.
    Current,
    /// The other language has newer content, since that day where it is known.
    Outdated {
        /// Since when.
        since: Option<Date>,
    },
    /// There is no text in this language; the other has one, since that day where it is known.
    Missing {
        /// Since when.
        since: Option<Date>,
    },
}

/// Two names of one person: case, white space and Unicode form do not make two people.
fn same_person(a: &str, b: &str) -> bool {
    let plain = |name: &str| {
        let name = language::normalize(name);
        name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
    };
    plain(a) == plain(b)
}

impl Entry {
    /// The hash of what a citizen is told in one language: question, answers, steps and documents, and the answers for
    /// places and groups. `None` where there is no text in it.
    pub fn content_revision(&self, language: Language) -> Option<Revision> {
        let text = self.text(language)?;
        let answers: Vec<_> = self
            .answers
            .iter()
            .filter(|variant| !variant.text(language).is_empty())
            .map(|variant| (&variant.region, &variant.group, variant.text(language)))
            .collect();
        let content = (&text.question, &text.spoken, &text.written, &text.steps, &text.documents, answers);
        // Strings and lists always serialise.
        let bytes = serde_json::to_vec(&content).unwrap_or_default();
        let digest = Sha256::digest(&bytes);
        Some(Revision(hexadecimal(&digest[..8])))
    }

    /// Where a text really is on its way: signatures count only on today's content. `None` where there is no text.
    pub fn stage(&self, language: Language) -> Option<Stage> {
        let text = self.text(language)?;
        let revision = self.content_revision(language)?;
        let valid =
            |signature: &Option<Signature>| signature.as_ref().is_some_and(|s| s.revision == revision);
        Some(match text.review {
            Review::Approved => Stage::Published,
            Review::Published if valid(&text.reviewed) && valid(&text.published) && two_people(text) => {
                Stage::Published
            }
            Review::Reviewed | Review::Published if valid(&text.reviewed) => Stage::Reviewed,
            Review::Draft
            | Review::AwaitingNativeReviewer
            | Review::Sample
            | Review::Reviewed
            | Review::Published => Stage::Draft,
        })
    }

    /// The entry's text in one language after a step: only [`Text::review`] and the signatures are different.
    ///
    /// # Errors
    /// [`IllegalStep`] where the text is not at the step's beginning, or the actor may not do it.
    pub fn after(&self, step: Step, language: Language, by: &str, on: Date) -> Result<Text, IllegalStep> {
        let (Some(text), Some(stage), Some(revision)) =
            (self.text(language), self.stage(language), self.content_revision(language))
        else {
            return Err(IllegalStep::NoText(language));
        };
        let by = by.trim();
        if by.is_empty() {
            return Err(IllegalStep::NoName);
        }
        let signature = Signature { by: by.to_owned(), on, revision };
        match (step, stage) {
            (Step::Review, Stage::Draft) => Ok(Text {
                review: Review::Reviewed,
                reviewed: Some(signature),
                published: None,
                ..text.clone()
            }),
            (Step::Review, stage) | (Step::Publish, stage @ Stage::Published) => {
                Err(IllegalStep::Already(stage))
            }
            (Step::Publish, Stage::Draft) => Err(match &text.reviewed {
                Some(old) if text.review == Review::Reviewed || text.review == Review::Published => {
                    IllegalStep::ChangedSinceReview { by: old.by.clone(), on: old.on }
                }
                _ => IllegalStep::NotReviewed,
            }),
            (Step::Publish, Stage::Reviewed) => match &text.reviewed {
                Some(reviewer) if same_person(&reviewer.by, by) => {
                    Err(IllegalStep::SameActor(reviewer.by.clone()))
                }
                _ => Ok(Text { review: Review::Published, published: Some(signature), ..text.clone() }),
            },
        }
    }

    /// How the text in one language stands to the other language.
    ///
    /// A text that names the content it was translated from is outdated when that content has changed. Where neither
    /// text names one, the dates of signatures decide: a text that was last signed, or changed, before the other was
    /// published cannot be known to say the same.
    pub fn translation(&self, language: Language) -> Translation {
        let other = language.other();
        let Some(source) = self.text(other) else { return Translation::Current };
        let since = self.current_since(other);
        let Some(text) = self.text(language) else { return Translation::Missing { since } };
        let revision = self.content_revision(other);
        if let Some(from) = &text.translated_from {
            return if revision.as_ref() == Some(from) {
                Translation::Current
            } else {
                Translation::Outdated { since }
            };
        }
        // The other one is the translation: its own state says how the two stand.
        if source.translated_from.is_some() || self.stage(other) != Some(Stage::Published) {
            return Translation::Current;
        }
        // Released before signatures were kept: nothing is known about its age.
        let Some(published) = &source.published else { return Translation::Current };
        let signed = [&text.reviewed, &text.published].into_iter().flatten().map(|s| s.on);
        match signed.chain(text.updated).max() {
            Some(last) if last >= published.on => Translation::Current,
            _ => Translation::Outdated { since: Some(published.on) },
        }
    }

    /// The day since when today's content of a language is known to exist: of its publication, its last change or its
    /// review, whichever is known, in this order.
    pub fn current_since(&self, language: Language) -> Option<Date> {
        let text = self.text(language)?;
        let revision = self.content_revision(language)?;
        let day = |signature: &Option<Signature>| {
            signature.as_ref().filter(|s| s.revision == revision).map(|s| s.on)
        };
        day(&text.published).or(text.updated).or_else(|| day(&text.reviewed))
    }
}

/// Whether the two signatures of a published text are of two people.
pub(crate) fn two_people(text: &Text) -> bool {
    match (&text.reviewed, &text.published) {
        (Some(reviewed), Some(published)) => !same_person(&reviewed.by, &published.by),
        _ => false,
    }
}
