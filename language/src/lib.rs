//! Tibetan and Chinese as text and as sound: everything that needs no audio and no index.
//!
//! The two languages of the service are [`Language::Bo`] and [`Language::Zh`]; text is mixed more often than not, so
//! every function here first splits a text into script runs and never tears one.
//!
//! [`Evidence`] is the one bridge from hearing to understanding: a recogniser's output scores batches of
//! [`SpokenForm`]s ("how well does the sound support these words?") without either side knowing the other.

mod analysis;
pub mod chinese;
mod dictation;
mod evidence;
mod forms;
mod ipa;
pub mod mandarin;
mod normalize;
pub mod numbers;
pub mod phones;
mod pronounce;
mod romanise;
pub mod script;
mod search;
mod sentences;
mod sound_key;
pub mod tibetan;
pub mod utterance;
pub mod voice;

pub use analysis::{Analysis, analyse};
pub use dictation::{Lesson, Reading, UnitContext, UnitModel, UnitNode};
pub use evidence::{
    Dialect, Evidence, FormBatch, Phone, PhoneTrie, Pronunciation, SideLink, SpokenForm, TrieEnd,
};
pub use forms::Forms;
pub use ipa::{ipa, pinyin};
pub use normalize::normalize;
pub use numbers::{Masker, mask};
pub use phones::INVENTORY;
pub use pronounce::{pronunciations, spoken_form, spoken_ngrams, syllable_ngrams};
pub use romanise::{Romanised, romanise};
pub use script::{Script, runs as script_runs};
pub use search::{Unit, search_key, segments, syllables, words};
pub use sentences::sentences;
pub use sound_key::{phonetic_key, rough_phonetic_key};
pub use voice::{
    FallBack, FallBackKind, Rendition, Segment, SpeechPlan, espeak_phonemes, speech_plan, spoken_text,
};

use serde::{Deserialize, Serialize};

/// One of the two languages of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Tibetan (ISO 639-1 `bo`).
    Bo,
    /// Standard Chinese (ISO 639-1 `zh`).
    Zh,
}

impl Language {
    /// Both languages, in the order in which they are listed to people.
    pub const ALL: [Self; 2] = [Self::Bo, Self::Zh];

    /// The ISO 639-1 code: `bo` or `zh`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bo => "bo",
            Self::Zh => "zh",
        }
    }

    /// The other language of the service.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Bo => Self::Zh,
            Self::Zh => Self::Bo,
        }
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::str::FromStr for Language {
    type Err = UnknownLanguage;
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        match code {
            "bo" => Ok(Self::Bo),
            "zh" => Ok(Self::Zh),
            other => Err(UnknownLanguage(other.to_owned())),
        }
    }
}

/// A language code that is neither `bo` nor `zh`.
#[derive(Debug, thiserror::Error)]
#[error("unknown language {0:?}: this service speaks \"bo\" (Tibetan) and \"zh\" (Chinese)")]
pub struct UnknownLanguage(String);
