//! What an entry is. The YAML of `examples/knowledge/` is exactly these types.

use language::Language;
use serde::{Deserialize, Serialize};

/// The stable name of an entry: kebab-case ASCII, one for both languages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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

/// Who has checked a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Review {
    /// Nobody yet.
    #[default]
    Draft,
    /// Written by somebody who is not a native speaker; a native reviewer has yet to read it.
    AwaitingNativeReviewer,
    /// Sample content: shows how it works, its facts are not to be relied on.
    Sample,
    /// Checked and released.
    Approved,
}

/// An entry's texts in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The question as shown to people ("did you ask …?").
    pub question: String,
    /// Further ways in which people ask it.
    #[serde(default)]
    pub variants: Vec<String>,
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
    /// Who has checked this text.
    #[serde(default)]
    pub review: Review,
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

/// One question with its answer, in two languages under one id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Entry {
    /// The texts in one language, where they exist.
    pub fn text(&self, language: Language) -> Option<&Text> {
        match language {
            Language::Bo => self.bo.as_ref(),
            Language::Zh => self.zh.as_ref(),
        }
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
