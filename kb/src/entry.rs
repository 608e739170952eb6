//! What an entry is. The YAML of `examples/knowledge/` is exactly these types.

use language::Language;
use serde::{Deserialize, Serialize};

use crate::{Date, Expected, Revision};

/// The stable name of an entry: kebab-case ASCII, one for both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub String);

impl std::fmt::Display for EntryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Localized {
    /// Chinese.
    #[serde(default)]
    pub zh: String,
    /// Tibetan.
    #[serde(default)]
    pub bo: String,
}

impl Localized {
    /// The text in one language; empty where it is missing.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Bo => &self.bo,
            Language::Zh => &self.zh,
        }
    }
}

/// How far a text has come. The way is [`Self::Draft`] → [`Self::Reviewed`] → [`Self::Published`], by two different people
/// (see [`crate::Stage`]); the other three say more about a draft, or come from before signatures were kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Review {
    /// Nobody has checked it yet.
    #[default]
    Draft,
    /// A draft by somebody who is not a native speaker; a native reviewer has yet to read it.
    AwaitingNativeReviewer,
    /// A draft that is sample content: shows how it works, its facts are not to be relied on.
    Sample,
    /// Checked by the person in [`Text::reviewed`].
    Reviewed,
    /// Checked, and released by a second person, the one in [`Text::published`].
    Published,
    /// Released before signatures were kept: counts as published, and nobody knows since when.
    Approved,
}

/// Who did a step of the review, when, and on which content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The person's name.
    pub by: String,
    /// The day.
    pub on: Date,
    /// What was signed: [`Entry::content_revision`] at that moment. A text that was changed since is a draft again.
    pub revision: Revision,
}

/// An entry's texts in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The question as shown to people ("did you ask …?").
    pub question: String,
    /// Further ways in which people ask it.
    #[serde(default)]
    pub variants: Vec<String>,
    /// Words that people use when they mean this entry, and that no question above has: found by, never shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// The answer for the ear: one to three short sentences.
    pub spoken: String,
    /// The whole answer, for the eye.
    pub written: String,
    /// What to do, in order.
    #[serde(default)]
    pub steps: Vec<String>,
    /// What to bring.
    #[serde(default)]
    pub documents: Vec<String>,
    /// How far this text has come.
    #[serde(default)]
    pub review: Review,
    /// The day this text was last changed, where somebody keeps it: the age of a translation is counted from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Date>,
    /// The content of the other language that this text says in this one ([`Entry::content_revision`]); where it differs
    /// from today's, this text is outdated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translated_from: Option<Revision>,
    /// Who reviewed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<Signature>,
    /// Who released it: somebody else than who reviewed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Signature>,
}

/// A link shown under an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// What it says.
    pub label: Localized,
    /// Where it leads; `https` only.
    pub url: String,
}

/// What is different in one language where an [`AnswerVariant`] applies; what is absent is the entry's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerText {
    /// The answer for the ear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spoken: Option<String>,
    /// The whole answer, for the eye.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// What to do; an empty list says that there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<String>>,
    /// What to bring; an empty list says that nothing is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<Vec<String>>,
}

impl AnswerText {
    /// Whether everything is the entry's own.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The answer for one place, one person group, or one group in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerVariant {
    /// The place, with all that lies in it: a code of [`crate::regions`].
    #[serde(default, deserialize_with = "code", skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The person group, such as `pensioner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The office in charge there; the entry's own where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub office: Option<Localized>,
    /// What the Chinese says instead.
    #[serde(default, skip_serializing_if = "AnswerText::is_empty")]
    pub zh: AnswerText,
    /// What the Tibetan says instead.
    #[serde(default, skip_serializing_if = "AnswerText::is_empty")]
    pub bo: AnswerText,
}

/// A code: six digits without quotation marks are a number to YAML, and mean the same.
fn code<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Text(String),
        Number(u64),
    }
    Ok(Option::deserialize(deserializer)?.map(|code| match code {
        Code::Text(text) => text,
        Code::Number(number) => number.to_string(),
    }))
}

impl AnswerVariant {
    /// What is different in one language.
    pub fn text(&self, language: Language) -> &AnswerText {
        match language {
            Language::Bo => &self.bo,
            Language::Zh => &self.zh,
        }
    }
}

/// One question with its answer, in two languages under one id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its stable name.
    pub id: EntryId,
    /// What it is about, for grouping in lists.
    pub topic: String,
    /// Sample content, shown as such.
    #[serde(default)]
    pub sample: bool,
    /// Always handed to a person, after its answer is given.
    #[serde(default)]
    pub escalate: bool,
    /// Chinese texts; absent where not yet written.
    #[serde(default)]
    pub zh: Option<Text>,
    /// Tibetan texts; absent where not yet written.
    #[serde(default)]
    pub bo: Option<Text>,
    /// Links under the answer.
    #[serde(default)]
    pub links: Vec<Link>,
    /// The office in charge.
    #[serde(default)]
    pub office: Option<Localized>,
    /// The first day on which it holds; always where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Date>,
    /// The last day on which it holds; for ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Date>,
    /// How strongly its words are expected of people who speak, where that is not as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// Answers that differ by place or person group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<AnswerVariant>,
}

impl Entry {
    /// The texts in one language, where they exist.
    pub fn text(&self, language: Language) -> Option<&Text> {
        match language {
            Language::Bo => self.bo.as_ref(),
            Language::Zh => self.zh.as_ref(),
        }
    }

    /// The texts in one language, to be changed.
    pub fn text_mut(&mut self, language: Language) -> Option<&mut Text> {
        match language {
            Language::Bo => self.bo.as_mut(),
            Language::Zh => self.zh.as_mut(),
        }
    }

    /// Whether the entry holds on that day: validity dates are inclusive.
    pub fn valid_on(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_until.is_none_or(|until| day <= until)
    }

    /// Every way of asking, Chinese first: language, position (0 is the question itself, 1 the first variant) and text.
    pub fn questions(&self) -> impl Iterator<Item = (Language, usize, &str)> {
        [Language::Zh, Language::Bo]
            .into_iter()
            .filter_map(|language| Some((language, self.text(language)?)))
            .flat_map(|(language, text)| {
                let all = std::iter::once(&text.question).chain(&text.variants);
                all.enumerate().map(move |(index, question)| (language, index, question.as_str()))
            })
    }
}
