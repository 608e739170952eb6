//! What to feed to espeak-ng so that it says a text: pinyin for its Mandarin voice, phoneme mnemonics for Tibetan.
//!
//! espeak-ng 1.51 has no Tibetan. Its Mandarin phoneme table has every Lhasa sound, so a voice file of five lines under a
//! copied data directory (`lang/sit/bo`) makes one; the synthesizer that runs the process creates it:
//!
//! ```text
//! name Tibetan (Lhasa)
//! language bo
//! phonemes cmn
//! dictionary cmn
//! pitch 80 180
//! ```
//!
//! A text passes through these stages, which [`Rendition`] keeps for whoever wants to see them (`assistant speak --explain`):
//!
//! ```text
//! text ─► shadow (one form of digits, dashes, spaces) ─► forms (numbers, signs, addresses become words) ─► spoken line
//!      ─► breaths between pauses, one voice each ─► words with syllables ─► tone sandhi ─► segments for espeak-ng
//! ```
//!
//! A mnemonic that the table lacks silently drops the rest of the word, therefore `tests/espeak.rs` enumerates every
//! onset with every rime and compares what espeak-ng echoes.

mod explain;
mod fall_back;
mod figures;
mod forms;
mod in_chinese;
mod in_tibetan;
mod line;
mod mnemonics;
mod rendition;
mod shadow;
mod signs;
#[cfg(test)]
mod tests;
mod word_times;

use std::ops::Range;

use crate::Language;

pub use fall_back::{FallBack, FallBackKind};
pub use line::Form;
pub use mnemonics::lhasa_mnemonics;
pub use rendition::{Breath, Rendition, Sound, Word};
pub use word_times::{TimedWord, word_times};

/// A stretch of speech for one voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The voice: `cmn-latn-pinyin` for Chinese, the made one for Tibetan.
    pub voice: Language,
    /// What espeak-ng reads: numbered pinyin, or mnemonics between `[[` and `]]`; commas are pauses.
    pub input: String,
    /// Bytes of the text that it says.
    pub range: Range<usize>,
}

/// Changes whenever a text may be spoken otherwise than before: part of the name of sound that is kept.
pub const EDITION: &str = "2";

/// A text as segments to be spoken one after the other.
pub type SpeechPlan = Vec<Segment>;

/// Plans how espeak-ng says a text. Empty where nothing in the text has a sound. [`Rendition::of`] also tells where there
/// was no rule.
pub fn speech_plan(text: &str, language: Language) -> SpeechPlan {
    Rendition::of(text, language).plan()
}

/// Writes a text as it is read aloud: numbers, dates, times, money, telephone numbers, signs and percentages in words of
/// the language around them (`language` where there is none). What is not spoken is left out; words stay.
pub fn spoken_text(text: &str, language: Language) -> String {
    forms::spoken_line(text, language).text
}

/// [`speech_plan`] as one line, `zh:…|bo:…`, for tools and tests.
pub fn espeak_phonemes(text: &str, language: Language) -> String {
    let segments: Vec<String> =
        speech_plan(text, language).iter().map(|s| format!("{}:{}", s.voice, s.input)).collect();
    segments.join("|")
}
