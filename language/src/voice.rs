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
//! A mnemonic that the table lacks silently drops the rest of the word, therefore `tests/espeak.rs` enumerates every
//! onset with every rime and compares what espeak-ng echoes.

use std::fmt::Write as _;
use std::ops::Range;

use crate::Language;
use crate::mandarin::{self, PinyinSyllable};
use crate::tibetan::lhasa::{Coda, LhasaSyllable, Onset, Vowel};
use crate::utterance::{self, Spoken};

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

/// A text as segments to be spoken one after the other.
pub type SpeechPlan = Vec<Segment>;

/// Plans how espeak-ng says a text. Empty where nothing in the text has a sound.
pub fn speech_plan(text: &str, language: Language) -> SpeechPlan {
    let mut plan: SpeechPlan = Vec::new();
    let mut breath: Vec<Spoken> = Vec::new();
    for slot in utterance::read(text, language) {
        for (i, spoken) in slot.choices[0].iter().enumerate() {
            let changes_voice = breath.last().is_some_and(|last| last.language() != spoken.language());
            let pauses = slot.pause_before && i == 0;
            if changes_voice || pauses {
                flush(&mut plan, &mut breath);
            }
            let joins =
                !breath.is_empty() || (pauses && plan.last().is_some_and(|s| s.voice == spoken.language()));
            match plan.last_mut() {
                Some(segment) if joins => segment.range.end = slot.range.end,
                _ => plan.push(Segment {
                    voice: spoken.language(),
                    input: String::new(),
                    range: slot.range.clone(),
                }),
            }
            breath.push(spoken.clone());
        }
    }
    flush(&mut plan, &mut breath);
    plan
}

/// [`speech_plan`] as one line, `zh:…|bo:…`, for tools and tests.
pub fn espeak_phonemes(text: &str, language: Language) -> String {
    let segments: Vec<String> =
        speech_plan(text, language).iter().map(|s| format!("{}:{}", s.voice, s.input)).collect();
    segments.join("|")
}

/// Writes what is said in one breath to the plan's last segment.
fn flush(plan: &mut SpeechPlan, breath: &mut Vec<Spoken>) {
    let (Some(segment), false) = (plan.last_mut(), breath.is_empty()) else { return };
    if !segment.input.is_empty() {
        segment.input.push_str(", ");
    }
    match segment.voice {
        Language::Zh => {
            let mut syllables: Vec<PinyinSyllable> = breath
                .drain(..)
                .filter_map(|s| match s {
                    Spoken::Mandarin(s) => Some(s),
                    Spoken::Lhasa(_) => None,
                })
                .collect();
            mandarin::apply_sandhi(&mut syllables);
            let spelled: Vec<String> = syllables.iter().map(PinyinSyllable::numbered).collect();
            segment.input.push_str(&spelled.join(" "));
        }
        Language::Bo => {
            let mnemonics: Vec<String> = breath
                .drain(..)
                .filter_map(|s| match s {
                    Spoken::Lhasa(s) => Some(lhasa_mnemonics(s)),
                    Spoken::Mandarin(_) => None,
                })
                .collect();
            let _ = write!(segment.input, "[[{}]]", mnemonics.join(" "));
        }
    }
}

/// One Lhasa syllable in the mnemonics of espeak-ng's Mandarin table: onset, vowel, tone, coda.
pub fn lhasa_mnemonics(s: LhasaSyllable) -> String {
    let onset = match s.onset {
        Onset::None => "?",
        Onset::K => "k",
        Onset::Kh => "kh",
        Onset::Ky => "kj",
        Onset::Khy => "khj",
        Onset::Ng => "N",
        Onset::C => "tS;",
        Onset::Ch => "tS;h",
        Onset::Ny => "n^",
        Onset::T => "t",
        Onset::Th => "th",
        Onset::N => "n",
        Onset::P => "p",
        Onset::Ph => "ph",
        Onset::M => "m",
        Onset::Ts => "ts",
        Onset::Tsh => "tsh",
        Onset::W => "w",
        Onset::Sh => "S;",
        Onset::S => "s",
        Onset::Y => "j",
        Onset::R => "r",
        Onset::L => "l",
        Onset::Lh => "hl",
        Onset::H => "h",
        Onset::Hr => "s.",
        Onset::Tr => "ts.",
        Onset::Thr => "ts.h",
        Onset::F => "f",
    };
    let vowel = match s.vowel {
        Vowel::A => "a",
        Vowel::Ae => "E",
        Vowel::I => "i",
        Vowel::U => "u",
        Vowel::E => "e",
        Vowel::O => "o",
        // The table has no ø; of its vowels, ə has the nearest first two formants and stands for nothing else here.
        Vowel::Oe => "@",
        Vowel::Ue => "y",
        Vowel::Ao => "Au",
        Vowel::Iu => "iou",
        Vowel::Ou => "ou",
    };
    let tone = match (s.high, s.falling) {
        (true, false) => "55",
        (true, true) => "51",
        (false, false) => "22",
        (false, true) => "11",
    };
    let coda = match s.coda {
        Coda::None => "",
        Coda::Ng => "N",
        Coda::N => "n",
        Coda::M => "m",
        Coda::P => "p",
        Coda::K => "k",
        Coda::R => "r",
    };
    format!("{onset}{vowel}{tone}{coda}")
}
