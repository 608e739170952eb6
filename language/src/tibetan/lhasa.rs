//! Tibetan as it sounds in Lhasa.
//!
//! Source: Tournadre & Sangda Dorje, *Manual of Standard Tibetan* (the phonology that bophono's tables follow), checked
//! against Wiktionary's Lhasa transcriptions. No native speaker has reviewed it yet.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::parts::Parts;
use crate::Phone;

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
        let (onset, rime) = phone_names(self);
        onset.and_then(Phone::parse).into_iter().chain(Phone::parse(rime))
    }
}

/// Names of the onset and the rime in the inventory. After a palatal the glide makes *a, aŋ, ɛ, ɛn, uŋ* what Mandarin
/// writes *ia, iang, ie, ian, iong*; a bare glide before those is the Mandarin syllable itself.
fn phone_names(s: LhasaSyllable) -> (Option<&'static str>, &'static str) {
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

/// Onset and register of a syllable's parts.
fn onset_of(p: &Parts) -> (Onset, bool) {
    // A prefix or superscript: bare voiced stops are aspirated, bare nasals low.
    let headed = p.prefix.is_some() || p.superscript.is_some();
    if p.prefix == Some('ད') && p.root == 'བ' {
        // དབ is spoken w, or nothing before a rounded vowel.
        return match (p.subscript, p.vowel) {
            (Some('ཡ'), _) => (Onset::Y, true),
            (Some('ར'), _) => (Onset::R, true),
            (_, Some('ུ' | 'ོ')) => (Onset::None, true),
            _ => (Onset::W, true),
        };
    }
    if p.superscript == Some('ལ') && p.root == 'ཧ' {
        return (Onset::Lh, true);
    }
    match p.subscript {
        Some('ཡ') => with_ya(p.root, headed),
        Some('ར') => with_ra(p.root, headed),
        Some('ལ') if p.root == 'ཟ' => (Onset::T, false),
        Some('ལ') => (Onset::L, true),
        Some('ཕ') => (Onset::F, true),
        _ => plain_onset(p.root, headed),
    }
}

fn with_ya(root: char, headed: bool) -> (Onset, bool) {
    match root {
        'ཀ' => (Onset::Ky, true),
        'ཁ' => (Onset::Khy, true),
        'ག' => (if headed { Onset::Ky } else { Onset::Khy }, false),
        'པ' => (Onset::C, true),
        'ཕ' => (Onset::Ch, true),
        'བ' => (if headed { Onset::C } else { Onset::Ch }, false),
        'མ' => (Onset::Ny, headed),
        other => plain_onset(other, headed),
    }
}

fn with_ra(root: char, headed: bool) -> (Onset, bool) {
    match root {
        'ཀ' | 'ཏ' | 'པ' | 'ཊ' => (Onset::Tr, true),
        'ཁ' | 'ཐ' | 'ཕ' => (Onset::Thr, true),
        'ག' | 'ད' | 'བ' => (if headed { Onset::Tr } else { Onset::Thr }, false),
        'ཧ' | 'ཤ' => (Onset::Hr, true),
        other => plain_onset(other, headed),
    }
}

fn plain_onset(root: char, headed: bool) -> (Onset, bool) {
    let voiced = |plain, aspirated| (if headed { plain } else { aspirated }, false);
    match root {
        'ཀ' | 'ཫ' => (Onset::K, true),
        'ཁ' => (Onset::Kh, true),
        'ག' => voiced(Onset::K, Onset::Kh),
        'ང' => (Onset::Ng, headed),
        'ཅ' => (Onset::C, true),
        'ཆ' => (Onset::Ch, true),
        'ཇ' => voiced(Onset::C, Onset::Ch),
        'ཉ' => (Onset::Ny, headed),
        'ཏ' => (Onset::T, true),
        'ཊ' => (Onset::Tr, true),
        'ཐ' => (Onset::Th, true),
        'ཋ' => (Onset::Thr, true),
        'ད' => voiced(Onset::T, Onset::Th),
        'ཌ' => voiced(Onset::Tr, Onset::Thr),
        'ན' | 'ཎ' => (Onset::N, headed),
        'པ' => (Onset::P, true),
        'ཕ' => (Onset::Ph, true),
        'བ' => voiced(Onset::P, Onset::Ph),
        'མ' => (Onset::M, headed),
        'ཙ' => (Onset::Ts, true),
        'ཚ' => (Onset::Tsh, true),
        'ཛ' => voiced(Onset::Ts, Onset::Tsh),
        'ཝ' => (Onset::W, false),
        'ཞ' => (Onset::Sh, false),
        'ཟ' => (Onset::S, false),
        'ཡ' => (Onset::Y, headed),
        'ར' | 'ཬ' | 'ཪ' => (Onset::R, headed),
        'ལ' => (Onset::L, headed),
        'ཤ' | 'ཥ' => (Onset::Sh, true),
        'ས' => (Onset::S, true),
        'ཧ' => (Onset::H, true),
        'ཨ' => (Onset::None, true),
        _ => (Onset::None, false),
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
    let (onset, high) = onset_of(p);
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
        let own = |vowel, coda| LhasaSyllable { onset: Onset::None, vowel, coda, high: false, falling: false };
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

/// Words that are not spoken as they are spelled, as syllables of which the sound follows (`data/lhasa_exceptions.tsv`).
static EXCEPTIONS: LazyLock<HashMap<Vec<&'static str>, Vec<&'static str>>> = LazyLock::new(|| {
    include_str!("../../data/lhasa_exceptions.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .map(|(word, spoken)| (word.split('་').collect(), spoken.split('་').collect()))
        .collect()
});

static LONGEST_EXCEPTION: LazyLock<usize> = LazyLock::new(|| EXCEPTIONS.keys().map(Vec::len).max().unwrap_or(0));

/// How much syllables lean on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As people speak: pairs of syllables make words.
    Natural,
    /// Syllable by syllable, as somebody reads out or makes themselves clear.
    Careful,
}

/// Particles: never the first syllable of a word, and a word begins after them.
///
/// Source: the case and clause particles of Botok's list; those that are also frequent word beginnings are left out.
const PARTICLES: [&str; 25] = [
    "ལ", "སུ", "རུ", "ཏུ", "དུ", "ན", "ནས", "ལས", "དང", "ནི", "ཡང", "ཀྱང",
    "སྟེ", "ཏེ", "ཅིང", "ཞིང", "ཅིག", "ཞིག", "ཤིག", "ཅེས", "ཞེས", "ཚོ", "རྣམས", "གིན", "ཀྱིན",
];

/// Particles that cannot even begin an utterance.
const GENITIVES: [&str; 8] = ["གི", "ཀྱི", "གྱི", "ཡི", "གིས", "ཀྱིས", "གྱིས", "ཡིས"];

/// Word-forming endings པ བ མ པོ བོ མོ with or without affixed particles.
fn is_ending(p: &Parts) -> bool {
    p.prefix.is_none()
        && p.superscript.is_none()
        && p.subscript.is_none()
        && matches!(p.root, 'པ' | 'བ' | 'མ')
        && matches!(p.vowel, None | Some('ོ'))
        && matches!(p.suffix, None | Some('ར' | 'ས' | 'འ'))
        && p.second_suffix.is_none()
}

/// Speaks a phrase of normalised syllables (between pauses). For each written syllable, what it is spoken as.
///
/// Word boundaries are not written in Tibetan. [`Style::Natural`] takes the first syllable after a pause, a particle, a
/// word-forming ending or an affixed particle for the first of a word, the next for its second, and so on in pairs, as
/// most Tibetan words have two syllables. A word's later syllables lose the aspiration of bare voiced letters and have
/// a high tone. In [`Style::Careful`] every syllable but particles and endings is a word.
pub fn speak_phrase(syllables: &[&str], style: Style) -> Vec<Vec<LhasaSyllable>> {
    let mut out: Vec<Vec<LhasaSyllable>> = Vec::with_capacity(syllables.len());
    let mut second = false;
    let mut at = 0;
    while at < syllables.len() {
        let exception = (1..=(*LONGEST_EXCEPTION).min(syllables.len() - at))
            .rev()
            .find_map(|n| Some((n, EXCEPTIONS.get(&syllables[at..at + n])?)));
        let (taken, spoken): (usize, Vec<&str>) = match exception {
            Some((n, spoken)) => (n, spoken.clone()),
            None => (1, vec![syllables[at]]),
        };
        let mut group: Vec<Vec<LhasaSyllable>> = Vec::with_capacity(spoken.len());
        for (i, respelled) in spoken.iter().enumerate() {
            let before = group.last().or(out.last()).and_then(|s| s.last()).copied();
            let nasal = respelled.ends_with(NASAL);
            let written = respelled.trim_end_matches(NASAL);
            let parts = Parts::parse(written);
            let ending = parts.first().is_some_and(is_ending);
            let leans = GENITIVES.contains(&written) || (before.is_some() && (ending || PARTICLES.contains(&written)));
            let later = leans || (exception.is_some() && i > 0) || (second && style == Style::Natural);
            let mut sound = speak_parts(&parts, before, later);
            if nasal && let Some(last) = sound.last_mut() {
                last.coda = Coda::N;
            }
            group.push(sound);
            let ends = leans || later || parts.last().is_none_or(|p| !p.affixes.is_empty());
            second = !ends;
        }
        // Each written syllable of an exception gets its spoken one; surplus ones go to the last.
        while group.len() > taken {
            let surplus = group.pop().unwrap_or_default();
            if let Some(last) = group.last_mut() {
                last.extend(surplus);
            }
        }
        group.resize(taken, Vec::new());
        out.append(&mut group);
        at += taken;
    }
    out
}

/// Marks a nasal vowel that is not fronted in the respellings of `data/lhasa_exceptions.tsv`.
const NASAL: char = '~';

/// Speaks one written syllable; `later` where it is not the first of its word.
fn speak_parts(parts: &[Parts], before: Option<LhasaSyllable>, later: bool) -> Vec<LhasaSyllable> {
    let mut spoken: Vec<LhasaSyllable> = parts.iter().flat_map(speak).collect();
    let (Some(first), Some(first_parts)) = (spoken.first_mut(), parts.first()) else { return spoken };
    let bare = first_parts.prefix.is_none() && first_parts.superscript.is_none();
    if later {
        first.high = true;
        if bare && "གཇདབཛ".contains(first_parts.root) {
            first.onset = unaspirated(first.onset);
        }
    }
    // བ and བོ after a vowel, ར, ལ or ང are spoken wa and wo.
    let open = before.is_some_and(|b| matches!(b.coda, Coda::None | Coda::R | Coda::Ng));
    if open && first_parts.root == 'བ' && is_ending(first_parts) {
        first.onset = Onset::W;
    }
    spoken
}

fn unaspirated(onset: Onset) -> Onset {
    match onset {
        Onset::Kh => Onset::K,
        Onset::Khy => Onset::Ky,
        Onset::Ch => Onset::C,
        Onset::Th => Onset::T,
        Onset::Ph => Onset::P,
        Onset::Tsh => Onset::Ts,
        Onset::Thr => Onset::Tr,
        other => other,
    }
}
