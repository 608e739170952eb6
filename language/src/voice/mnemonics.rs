//! Lhasa syllables in the phoneme mnemonics of espeak-ng.

use crate::tibetan::lhasa::{Coda, LhasaSyllable, Onset, Vowel};

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
        // The table's 11 is level, if lowest: measured with Praat it falls by less than half a semitone. 21 falls.
        (false, true) => "21",
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
