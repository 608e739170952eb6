//! Which answers have been read aloud, and which have not.

use kb::{Entry, EntryId};
use language::Language;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Clip, words};

/// One thing that the assistant says.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "SpokenVersion")]
pub struct Version {
    /// The entry.
    #[schemars(with = "String")]
    pub entry: EntryId,
    /// The language.
    #[schemars(with = "conversation::LanguageCode")]
    pub language: Language,
    /// The place that it is said for; absent where it holds everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The person group that it is said to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The words to be read.
    pub text: String,
    /// The recording, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
}

/// What is said, with its recordings, and recordings of what is not said any more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "ClipInventory")]
pub struct Inventory {
    /// Every spoken answer, entry by entry.
    pub versions: Vec<Version>,
    /// Clips whose words have been changed, or whose entry is not served (any more, or today).
    pub stale: Vec<Clip>,
}

impl Inventory {
    /// Versions in a language that nobody has read yet.
    pub fn unread(&self, language: Language) -> usize {
        self.versions.iter().filter(|version| version.language == language && version.clip.is_none()).count()
    }

    /// Versions in a language that somebody has read.
    pub fn read(&self, language: Language) -> usize {
        self.versions.iter().filter(|version| version.language == language && version.clip.is_some()).count()
    }
}

/// Holds `clips` against the entries.
pub fn inventory<'a>(entries: impl IntoIterator<Item = &'a Entry>, clips: &[Clip]) -> Inventory {
    let mut versions = Vec::new();
    for entry in entries {
        for language in Language::ALL {
            for (variant, text) in entry.spoken_versions(language) {
                let says = |clip: &&Clip| clip.language == language && words(&clip.text) == words(text);
                versions.push(Version {
                    entry: entry.id.clone(),
                    language,
                    region: variant.and_then(|variant| variant.region.clone()),
                    group: variant.and_then(|variant| variant.group.clone()),
                    text: text.to_owned(),
                    clip: clips.iter().find(says).cloned(),
                });
            }
        }
    }
    let said = |clip: &&Clip| {
        versions.iter().any(|version| version.clip.as_ref().is_some_and(|known| known.id == clip.id))
    };
    let stale = clips.iter().filter(|clip| !said(clip)).cloned().collect();
    Inventory { versions, stale }
}
