//! Syllables in connected speech.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use super::{Coda, LhasaSyllable, Onset, speak};
use crate::tibetan::{Parts, strip_affixes};

/// Words that are not spoken as they are spelled, as syllables of which the sound follows (`data/lhasa_exceptions.tsv`).
static EXCEPTIONS: LazyLock<HashMap<Vec<&'static str>, Vec<&'static str>>> = LazyLock::new(|| {
    include_str!("../../../data/lhasa_exceptions.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .map(|(word, spoken)| (word.split('་').collect(), spoken.split('་').collect()))
        .collect()
});

static LONGEST_EXCEPTION: LazyLock<usize> =
    LazyLock::new(|| EXCEPTIONS.keys().map(Vec::len).max().unwrap_or(0));

/// The respelling of an exceptional word, also where particles (འི, འོ, ར, ས, …) are affixed to its last syllable.
fn respelled(word: &[&str]) -> Option<Vec<String>> {
    let owned = |spoken: &[&str]| spoken.iter().map(|s| (*s).to_owned()).collect::<Vec<String>>();
    if let Some(spoken) = EXCEPTIONS.get(word) {
        return Some(owned(spoken));
    }
    let (last, first) = word.split_last()?;
    let stem = strip_affixes(last);
    [stem.as_str(), last.strip_suffix(['ར', 'ས']).unwrap_or(last)].into_iter().find_map(|stem| {
        let affix = last.strip_prefix(stem).filter(|affix| !affix.is_empty())?;
        let mut spoken = owned(EXCEPTIONS.get([first, &[stem]].concat().as_slice())?);
        spoken.last_mut()?.push_str(affix);
        Some(spoken)
    })
}

/// How many of the first syllables are a word of the table of those that are not spoken as they are spelled.
pub(crate) fn irregular(syllables: &[&str]) -> Option<usize> {
    (1..=(*LONGEST_EXCEPTION).min(syllables.len())).rev().find(|n| respelled(&syllables[..*n]).is_some())
}

/// A respelling, syllable for syllable, of a word that is not spoken as it is spelled ([`NASAL`] may follow one), where it is
/// in the table with as many.
pub(crate) fn respelling(word: &[&str]) -> Option<Vec<String>> {
    respelled(word).filter(|spoken| spoken.len() == word.len())
}

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
    "ལ",
    "སུ",
    "རུ",
    "ཏུ",
    "དུ",
    "ན",
    "ནས",
    "ལས",
    "དང",
    "ནི",
    "ཡང",
    "ཀྱང",
    "སྟེ",
    "ཏེ",
    "ཅིང",
    "ཞིང",
    "ཅིག",
    "ཞིག",
    "ཤིག",
    "ཅེས",
    "ཞེས",
    "ཚོ",
    "རྣམས",
    "གིན",
    "ཀྱིན",
];

/// Particles that cannot even begin an utterance.
const GENITIVES: [&str; 8] = ["གི", "ཀྱི", "གྱི", "ཡི", "གིས", "ཀྱིས", "གྱིས", "ཡིས"];

/// Word-forming endings པ བ མ པོ བོ མོ with or without affixed particles.
pub(crate) fn is_ending(p: &Parts) -> bool {
    p.prefix.is_none()
        && p.superscript.is_none()
        && p.subscript.is_none()
        && matches!(p.root, 'པ' | 'བ' | 'མ')
        && matches!(p.vowel, None | Some('ོ'))
        && matches!(p.suffix, None | Some('ར' | 'ས' | 'འ'))
        && p.second_suffix.is_none()
}

/// Speaks a phrase of normalised syllables (between pauses). For each written syllable, what it is spoken as.
/// `continues` where a number or a Chinese word stands right before it, on which a particle can lean.
///
/// Word boundaries are not written in Tibetan. [`Style::Natural`] takes the first syllable after a pause, a particle, a
/// word-forming ending or an affixed particle for the first of a word, the next for its second, and so on in pairs, as
/// most Tibetan words have two syllables. A word's later syllables lose the aspiration of bare voiced letters and have
/// a high tone. Words of `data/lhasa_exceptions.tsv` are words wherever they stand. In [`Style::Careful`] every other
/// syllable but particles and endings is a word.
pub fn speak_phrase(syllables: &[&str], style: Style, continues: bool) -> Vec<Vec<LhasaSyllable>> {
    speak_each(syllables, style, continues).into_iter().map(|said| said.spoken).collect()
}

/// A word of a phrase as [`speak_phrase`] groups syllables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpokenWord {
    /// Which of the written syllables belong to it: never none.
    pub syllables: Range<usize>,
    /// What they are spoken as.
    pub spoken: Vec<LhasaSyllable>,
}

/// [`speak_phrase`], word by word: particles and endings belong to the word that they lean on.
pub(crate) fn speak_words(syllables: &[&str], style: Style, continues: bool) -> Vec<SpokenWord> {
    let mut words: Vec<SpokenWord> = Vec::new();
    for (at, said) in speak_each(syllables, style, continues).into_iter().enumerate() {
        match words.last_mut() {
            Some(word) if !said.begins => {
                word.syllables.end = at + 1;
                word.spoken.extend(said.spoken);
            }
            _ => words.push(SpokenWord { syllables: at..at + 1, spoken: said.spoken }),
        }
    }
    words
}

/// What one written syllable is spoken as, and whether a word begins with it.
struct Said {
    spoken: Vec<LhasaSyllable>,
    begins: bool,
}

fn speak_each(syllables: &[&str], style: Style, continues: bool) -> Vec<Said> {
    let mut speaker = Speaker { style, continues, second: false, before: None };
    let mut out: Vec<Said> = Vec::with_capacity(syllables.len());
    while out.len() < syllables.len() {
        let rest = &syllables[out.len()..];
        let exception =
            (1..=(*LONGEST_EXCEPTION).min(rest.len())).rev().find_map(|n| Some((n, respelled(&rest[..n])?)));
        let Some((taken, spelled)) = exception else {
            let inner = speaker.second;
            out.push(speaker.say(rest[0], inner));
            continue;
        };
        let mut word: Vec<Said> = spelled.iter().enumerate().map(|(i, s)| speaker.say(s, i > 0)).collect();
        // Each written syllable gets its spoken one; surplus ones go to the last.
        let surplus = word.split_off(taken.min(word.len()));
        word.resize_with(taken, || Said { spoken: Vec::new(), begins: false });
        if let Some(last) = word.last_mut() {
            last.spoken.extend(surplus.into_iter().flat_map(|said| said.spoken));
        }
        out.append(&mut word);
    }
    out
}

/// What a syllable's sound depends on besides its letters.
struct Speaker {
    style: Style,
    continues: bool,
    /// Whether the next syllable is a word's second.
    second: bool,
    before: Option<LhasaSyllable>,
}

impl Speaker {
    /// Says one spelled syllable; `inner` where it is not the first of its word even if it does not lean.
    fn say(&mut self, spelled: &str, inner: bool) -> Said {
        let written = spelled.trim_end_matches(NASAL);
        let parts = Parts::parse(written);
        let follows = self.continues || self.before.is_some();
        let ending = parts.first().is_some_and(is_ending);
        let leans = GENITIVES.contains(&written) || (follows && (ending || PARTICLES.contains(&written)));
        let mut sound = speak_parts(&parts, self.before, leans || inner);
        if spelled.ends_with(NASAL)
            && let Some(last) = sound.last_mut()
        {
            last.coda = Coda::N;
        }
        let affixed = parts.last().is_none_or(|p| !p.affixes.is_empty());
        self.second = !(leans || inner || affixed) && self.style == Style::Natural;
        self.before = sound.last().copied().or(self.before);
        Said { spoken: sound, begins: !(leans || inner) }
    }
}

/// Marks a nasal vowel that is not fronted in the respellings of `data/lhasa_exceptions.tsv`.
pub(crate) const NASAL: char = '~';

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
