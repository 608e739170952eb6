//! Tibetan as it sounds in Lhasa.
//!
//! Source: Tournadre & Sangda Dorje, *Manual of Standard Tibetan* (the phonology that bophono's tables follow), checked
//! against Wiktionary's Lhasa transcriptions. No native speaker has reviewed it yet.

mod ipa;
mod key;
mod names;
mod onset;
mod phrase;

use super::parts::Parts;
use crate::Phone;

pub(crate) use key::{key, rough_key};
pub(crate) use phrase::{NASAL, irregular, is_ending, respelling, speak_words};
pub use phrase::{Style, speak_phrase};

/// The consonant a syllable begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Onset {
    /// A vowel (or glottal stop).
    None,
    /// ཀ and every unaspirated k.
    K,
    /// ཁ.
    Kh,
    /// ཀྱ.
    Ky,
    /// ཁྱ.
    Khy,
    /// ང.
    Ng,
    /// ཅ.
    C,
    /// ཆ.
    Ch,
    /// ཉ.
    Ny,
    /// ཏ.
    T,
    /// ཐ.
    Th,
    /// ན.
    N,
    /// པ.
    P,
    /// ཕ.
    Ph,
    /// མ.
    M,
    /// ཙ.
    Ts,
    /// ཚ.
    Tsh,
    /// ཝ.
    W,
    /// ཞ and ཤ.
    Sh,
    /// ཟ and ས.
    S,
    /// ཡ.
    Y,
    /// ར.
    R,
    /// ལ.
    L,
    /// ལྷ.
    Lh,
    /// ཧ.
    H,
    /// ཧྲ.
    Hr,
    /// ཏྲ, ཀྲ, པྲ.
    Tr,
    /// ཁྲ, ཐྲ, ཕྲ.
    Thr,
    /// ཧྥ in Chinese loans.
    F,
}

/// The vowel of a syllable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vowel {
    /// a
    A,
    /// i
    I,
    /// u
    U,
    /// e
    E,
    /// o
    O,
    /// ɛ, from a
    Ae,
    /// ø, from o
    Oe,
    /// y, from u
    Ue,
    /// ao, in འུ and འོ after a
    Ao,
    /// iu, in འུ after i and e
    Iu,
    /// ou, in འུ after o
    Ou,
}

/// The end of a syllable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coda {
    /// Open, short or long.
    None,
    /// ŋ
    Ng,
    /// A nasal vowel or n.
    N,
    /// m
    M,
    /// p
    P,
    /// k or a glottal stop
    K,
    /// r or length
    R,
}

/// A spoken syllable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LhasaSyllable {
    /// The consonant it begins with.
    pub onset: Onset,
    /// The vowel.
    pub vowel: Vowel,
    /// The end.
    pub coda: Coda,
    /// High register; otherwise low.
    pub high: bool,
    /// Falling contour; otherwise level.
    pub falling: bool,
}

impl LhasaSyllable {
    /// Its phones in the shared inventory: the onset, if any, and the rime.
    pub fn phones(self) -> impl Iterator<Item = Phone> {
        let (onset, rime) = names::of(self);
        onset.and_then(Phone::parse).into_iter().chain(Phone::parse(rime))
    }
}

fn plain_vowel(sign: Option<char>) -> Vowel {
    match sign {
        Some('ི') => Vowel::I,
        Some('ུ') => Vowel::U,
        Some('ེ') => Vowel::E,
        Some('ོ') => Vowel::O,
        _ => Vowel::A,
    }
}

fn fronted(vowel: Vowel) -> Vowel {
    match vowel {
        Vowel::A => Vowel::Ae,
        Vowel::O => Vowel::Oe,
        Vowel::U => Vowel::Ue,
        other => other,
    }
}

/// The syllables that one written syllable is spoken as: one, and one more for each affixed འམ, འང and most འོ.
pub fn speak(p: &Parts) -> Vec<LhasaSyllable> {
    let (onset, high) = onset::of(p);
    let plain = plain_vowel(p.vowel);
    let (vowel, coda, mut falling) = match p.suffix {
        Some('ད' | 'ས') => (fronted(plain), Coda::None, true),
        Some('ན') => (fronted(plain), Coda::N, false),
        Some('ལ') => (fronted(plain), Coda::None, false),
        Some('ང') => (plain, Coda::Ng, false),
        Some('མ') => (plain, Coda::M, false),
        Some('བ') => (plain, Coda::P, true),
        Some('ག') => (plain, Coda::K, true),
        Some('ར') => (plain, Coda::R, false),
        _ if p.nasal => (plain, Coda::M, false),
        _ => (plain, Coda::None, false),
    };
    falling |= p.second_suffix == Some('ས') && matches!(p.suffix, Some('ང' | 'མ'));
    let mut out = vec![LhasaSyllable { onset, vowel, coda, high, falling }];
    for affix in &p.affixes {
        let last = out.len() - 1;
        let own =
            |vowel, coda| LhasaSyllable { onset: Onset::None, vowel, coda, high: false, falling: false };
        let diphthong = match (affix.as_str(), out[last].vowel, out[last].coda) {
            ("འི" | "འིས", _, Coda::None) => Some(fronted(out[last].vowel)),
            ("འུ" | "འོ", Vowel::A, Coda::None) => Some(Vowel::Ao),
            ("འུ", Vowel::I | Vowel::E, Coda::None) => Some(Vowel::Iu),
            ("འུ", Vowel::O, Coda::None) => Some(Vowel::Ou),
            ("འུ", Vowel::U, Coda::None) | ("འོ", Vowel::O, Coda::None) => Some(out[last].vowel),
            _ => None,
        };
        match (diphthong, affix.chars().nth(1)) {
            (Some(vowel), _) => {
                out[last].vowel = vowel;
                out[last].falling |= affix.ends_with('ས');
            }
            (None, Some('ང')) => out.push(own(Vowel::A, Coda::Ng)),
            (None, Some('མ')) => out.push(own(Vowel::A, Coda::M)),
            (None, sign) => out.push(own(plain_vowel(sign), Coda::None)),
        }
    }
    out
}
