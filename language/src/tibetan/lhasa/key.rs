//! Lhasa syllables as keys of what sounds alike.

use super::{Coda, LhasaSyllable, Onset, Vowel, speak};
use crate::tibetan::Parts;

/// Keys of the spoken syllables of a written one, each by itself: `onset-vowel-coda`.
///
/// The classes are those in which the usual romanisations for readers of English agree: registers are merged where only
/// the tone differs, bare voiced letters are written as their voiceless ones (ག as ཀ), headed ones stay apart (དག as
/// *ga*), ཅ and ཆ, ཙ and ཚ are one. Source: the rules of `tibetan-to-phonetics` (MIT, Jérémie Frère), "English,
/// semi-strict", over the syllables of bophono's tables (MIT, Esukhia).
pub(crate) fn key(p: &Parts) -> Vec<String> {
    let headed = p.prefix.is_some() || p.superscript.is_some();
    let spoken = speak(p);
    // ལ is heard as the vowel's length and colour, but sets the rime apart from ད and ས: གསལ is no གསད.
    let lateral = p.suffix == Some('ལ');
    spoken
        .iter()
        .enumerate()
        .map(|(i, s)| {
            let coda = match s.coda {
                Coda::None if lateral && i == 0 => "l",
                Coda::None => "",
                Coda::Ng => "ng",
                Coda::N => "n",
                Coda::M => "m",
                Coda::P => "p",
                Coda::K => "k",
                Coda::R => "r",
            };
            let vowel = match s.vowel {
                Vowel::Ae if coda == "l" => "a",
                other => vowel(other),
            };
            let onset = match (p.root, p.subscript) {
                // ཤྲ is romanised as ཤ, unlike ཧྲ; Sanskrit's retroflex letters as dental ones.
                ('ཤ' | 'ཥ', _) if i == 0 => "sh",
                ('ཊ', None) if i == 0 => "t",
                ('ཋ', None) if i == 0 => "th",
                ('ཌ', None) if i == 0 => "d",
                _ => onset(*s, headed && i == 0),
            };
            format!("{onset}-{vowel}-{coda}")
        })
        .collect()
}

fn vowel(vowel: Vowel) -> &'static str {
    match vowel {
        Vowel::A => "a",
        Vowel::I => "i",
        Vowel::U => "u",
        Vowel::E | Vowel::Ae => "e",
        Vowel::O => "o",
        Vowel::Oe => "ö",
        Vowel::Ue => "ü",
        Vowel::Ao => "ao",
        Vowel::Iu => "iu",
        Vowel::Ou => "ou",
    }
}

fn onset(s: LhasaSyllable, headed: bool) -> &'static str {
    match (s.onset, s.high) {
        (Onset::None, _) => "",
        (Onset::K, true) | (Onset::Kh, false) => "k",
        (Onset::Kh, true) => "kh",
        (Onset::K, false) => "g",
        (Onset::Ky, true) | (Onset::Khy, false) => "ky",
        (Onset::Khy, true) => "khy",
        (Onset::Ky, false) => "gy",
        (Onset::Ng, _) => "ng",
        (Onset::C, true) | (Onset::Ch, _) => "ch",
        (Onset::C, false) => "j",
        (Onset::Ny, _) => "ny",
        (Onset::T, true) | (Onset::Th, false) => "t",
        (Onset::Th, true) => "th",
        (Onset::T, false) => "d",
        (Onset::N, _) => "n",
        (Onset::P, true) | (Onset::Ph, false) => "p",
        (Onset::Ph, true) => "ph",
        (Onset::P, false) => "b",
        (Onset::M, _) => "m",
        (Onset::Ts | Onset::Tsh, true) => "ts",
        (Onset::Ts | Onset::Tsh, false) => "dz",
        (Onset::W, _) => "w",
        (Onset::Sh, true) => "sh",
        (Onset::Sh, false) => "zh",
        (Onset::S, false) if headed => "z",
        (Onset::S, _) => "s",
        (Onset::Y, _) => "y",
        (Onset::R, _) => "r",
        (Onset::L, _) => "l",
        (Onset::Lh, _) => "lh",
        (Onset::H, _) => "h",
        (Onset::Hr, _) => "hr",
        (Onset::Tr, true) | (Onset::Thr, false) => "tr",
        (Onset::Thr, true) => "thr",
        (Onset::Tr, false) => "dr",
        (Onset::F, _) => "f",
    }
}

/// A coarser key of one spoken syllable, without aspiration, voice and final r, with e and ɛ, o and ø, u and y merged.
pub(crate) fn rough_key(s: LhasaSyllable) -> String {
    let onset = match s.onset {
        Onset::Kh => Onset::K,
        Onset::Khy => Onset::Ky,
        Onset::Ch => Onset::C,
        Onset::Th => Onset::T,
        Onset::Ph => Onset::P,
        Onset::Tsh => Onset::Ts,
        Onset::Thr => Onset::Tr,
        other => other,
    };
    let coda = if s.coda == Coda::R { Coda::None } else { s.coda };
    let vowel = match s.vowel {
        Vowel::Ae => Vowel::E,
        Vowel::Oe => Vowel::O,
        Vowel::Ue => Vowel::U,
        other => other,
    };
    // Nasal vowels stay apart from ŋ; their quality follows the vowel.
    format!("{onset:?}-{vowel:?}-{coda:?}")
}
