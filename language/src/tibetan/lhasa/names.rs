//! Lhasa syllables in the names of the phone inventory.

use super::{Coda, LhasaSyllable, Onset, Vowel};

/// Names of the onset and the rime in the inventory. After a palatal the glide makes *a, aŋ, ɛ, ɛn, uŋ* what Mandarin
/// writes *ia, iang, ie, ian, iong*; a bare glide before those is the Mandarin syllable itself.
pub(super) fn of(s: LhasaSyllable) -> (Option<&'static str>, &'static str) {
    let onset = onset_name(s.onset);
    let rime = rime_name(s.vowel, s.coda);
    let palatal = matches!(onset, "j" | "q" | "x" | "ny" | "gy" | "ky" | "y");
    let rime = match rime {
        "a" if palatal => "ia",
        "ang" if palatal => "iang",
        "ae" if palatal => "ie",
        "aen" | "an" if palatal => "ian",
        "ong" if palatal => "iong",
        "ao" if palatal => "iao",
        "ou" if palatal => "iu",
        "a" if onset == "w" => "ua",
        "ang" if onset == "w" => "uang",
        "o" if onset == "w" => "uo",
        other => other,
    };
    let swallowed = match onset {
        "" => true,
        "y" => rime.starts_with('i') && !matches!(rime, "im" | "ip" | "ik" | "ir") || rime.starts_with('v'),
        "w" => rime.starts_with('u') && !matches!(rime, "um" | "up" | "uk" | "ur"),
        _ => false,
    };
    ((!swallowed).then_some(onset), rime)
}

fn onset_name(onset: Onset) -> &'static str {
    match onset {
        Onset::None => "",
        Onset::K => "g",
        Onset::Kh => "k",
        Onset::Ky => "gy",
        Onset::Khy => "ky",
        Onset::Ng => "ng",
        Onset::C => "j",
        Onset::Ch => "q",
        Onset::Ny => "ny",
        Onset::T => "d",
        Onset::Th => "t",
        Onset::N => "n",
        Onset::P => "b",
        Onset::Ph => "p",
        Onset::M => "m",
        Onset::Ts => "z",
        Onset::Tsh => "c",
        Onset::W => "w",
        Onset::Sh => "x",
        Onset::S => "s",
        Onset::Y => "y",
        Onset::R => "r",
        Onset::L => "l",
        Onset::Lh => "lh",
        Onset::H => "h",
        Onset::Hr => "sh",
        Onset::Tr => "zh",
        Onset::Thr => "ch",
        Onset::F => "f",
    }
}

fn rime_name(vowel: Vowel, coda: Coda) -> &'static str {
    let column = match coda {
        Coda::None => 0,
        Coda::Ng => 1,
        Coda::N => 2,
        Coda::M => 3,
        Coda::P => 4,
        Coda::K => 5,
        Coda::R => 6,
    };
    let row: [&'static str; 7] = match vowel {
        Vowel::A => ["a", "ang", "an", "am", "ap", "ak", "ar"],
        Vowel::Ae => ["ae", "ang", "aen", "am", "ap", "ak", "ar"],
        Vowel::I => ["i", "ing", "in", "im", "ip", "ik", "ir"],
        Vowel::U => ["u", "ong", "ong", "um", "up", "uk", "ur"],
        Vowel::Ue => ["v", "ong", "vn", "um", "up", "uk", "ur"],
        Vowel::E => ["ey", "eyng", "eyn", "eym", "eyp", "eyk", "eyr"],
        Vowel::O => ["o", "owng", "owng", "om", "op", "ok", "or"],
        Vowel::Oe => ["oe", "owng", "oen", "om", "op", "ok", "or"],
        Vowel::Ao => ["ao"; 7],
        Vowel::Iu => ["iu"; 7],
        Vowel::Ou => ["ou"; 7],
    };
    row[column]
}
