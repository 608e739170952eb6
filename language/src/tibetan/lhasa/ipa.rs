//! Lhasa syllables in the International Phonetic Alphabet.

use super::{Coda, LhasaSyllable, Onset, Vowel};

impl LhasaSyllable {
    /// The syllable in IPA with tone letters: `ʈ͡ʂʰuŋ˩˧˨`.
    ///
    /// Source of the symbols: Wiktionary's Lhasa transcriptions (˥ high, ˥˨ high falling, ˩˨ low, ˩˧˨ low falling); ག at
    /// the end is a glottal stop, ད ས ལ and ར are length.
    pub fn ipa(self) -> String {
        let vowel = match (self.vowel, self.coda) {
            // The vowel of ཁབ is closer than that of ཁ.
            (Vowel::A, Coda::P) => "ə",
            (Vowel::A, _) => "a",
            (Vowel::I, _) => "i",
            (Vowel::U, _) => "u",
            (Vowel::E, _) => "e",
            (Vowel::O, _) => "o",
            (Vowel::Ae, _) => "ɛ",
            (Vowel::Oe, _) => "ø",
            (Vowel::Ue, _) => "y",
            (Vowel::Ao, _) => "ao",
            (Vowel::Iu, _) => "iu",
            (Vowel::Ou, _) => "ou",
        };
        let fronted = matches!(self.vowel, Vowel::Ae | Vowel::Oe | Vowel::Ue);
        let coda = match self.coda {
            Coda::None if fronted || self.falling => "ː",
            Coda::None => "",
            Coda::Ng => "ŋ",
            Coda::N => "\u{303}",
            Coda::M => "m",
            Coda::P => "p̚",
            Coda::K => "ʔ",
            Coda::R => "ː",
        };
        let tone = match (self.high, self.falling) {
            (true, false) => "˥",
            (true, true) => "˥˨",
            (false, false) => "˩˨",
            (false, true) => "˩˧˨",
        };
        format!("{}{vowel}{coda}{tone}", onset(self.onset))
    }
}

fn onset(onset: Onset) -> &'static str {
    match onset {
        Onset::None => "",
        Onset::K => "k",
        Onset::Kh => "kʰ",
        Onset::Ky => "c",
        Onset::Khy => "cʰ",
        Onset::Ng => "ŋ",
        Onset::C => "t͡ɕ",
        Onset::Ch => "t͡ɕʰ",
        Onset::Ny => "ɲ",
        Onset::T => "t",
        Onset::Th => "tʰ",
        Onset::N => "n",
        Onset::P => "p",
        Onset::Ph => "pʰ",
        Onset::M => "m",
        Onset::Ts => "t͡s",
        Onset::Tsh => "t͡sʰ",
        Onset::W => "w",
        Onset::Sh => "ɕ",
        Onset::S => "s",
        Onset::Y => "j",
        Onset::R => "ʐ",
        Onset::L => "l",
        Onset::Lh => "ɬ",
        Onset::H => "h",
        Onset::Hr => "ʂ",
        Onset::Tr => "ʈ͡ʂ",
        Onset::Thr => "ʈ͡ʂʰ",
        Onset::F => "f",
    }
}
