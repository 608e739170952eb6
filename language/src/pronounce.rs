//! The ways to say a text, as phones of the shared inventory.

use crate::phones::syllable_starts;
use crate::utterance::{self, Slot, Spoken};
use crate::{Dialect, Language, Phone, Pronunciation, SpokenForm};

/// The most pronunciations of one text. Each is scored against the sound, so that more of them cost time.
const MOST_PRONUNCIATIONS: usize = 6;

/// The ways to say a text, the usual one first, at most six.
///
/// Numbers are spoken in the language of the words beside them (`language` where there are none), each script in its
/// own language: Chinese words inside Tibetan are pronounced as Mandarin, and the reverse. The further ones are
/// Tibetan spoken syllable by syllable, and single changes where a character or number has a second reading. Empty where
/// nothing in the text has a sound.
pub fn pronunciations(text: &str, language: Language) -> Vec<Pronunciation> {
    of_slots(&utterance::read(text, language), language)
}

fn of_slots(slots: &[Slot], language: Language) -> Vec<Pronunciation> {
    let mut out: Vec<Pronunciation> = Vec::new();
    push(&mut out, language, slots.iter().map(|s| s.choices[0].as_slice()));
    if slots.iter().any(|s| s.careful.is_some()) {
        push(
            &mut out,
            language,
            slots.iter().map(|s| s.careful.as_ref().unwrap_or(&s.choices[0]).as_slice()),
        );
    }
    for (changed, slot) in slots.iter().enumerate() {
        for choice in slot.choices.iter().skip(1) {
            if out.len() >= MOST_PRONUNCIATIONS {
                return out;
            }
            let chosen =
                |(i, s): (usize, &'_ Slot)| if i == changed { choice.clone() } else { s.choices[0].clone() };
            let spoken: Vec<Vec<Spoken>> = slots.iter().enumerate().map(chosen).collect();
            push(&mut out, language, spoken.iter().map(Vec::as_slice));
        }
    }
    out
}

fn push<'a>(out: &mut Vec<Pronunciation>, language: Language, spoken: impl Iterator<Item = &'a [Spoken]>) {
    let mut phones: Vec<Phone> = Vec::new();
    for syllable in spoken.flatten() {
        syllable.push_phones(&mut phones);
    }
    if phones.is_empty() {
        return;
    }
    let dialect = match language {
        Language::Bo => Dialect::Lhasa,
        Language::Zh => Dialect::Putonghua,
    };
    let syllables = syllable_starts(&phones);
    let new = Pronunciation { dialect, phones, syllables };
    if !out.contains(&new) {
        out.push(new);
    }
}

/// A text with the ways to say it, ready for [`FormBatch`](crate::FormBatch).
pub fn spoken_form(text: &str, language: Language) -> SpokenForm {
    SpokenForm { text: text.to_owned(), pronunciations: pronunciations(text, language) }
}

/// Every stretch of `n` neighbouring spoken units (characters, Tibetan syllables, numbers, letters) of a text, in order,
/// each as words with the ways to say them; fewer than `n` units give one stretch of what there is. Pauses do not
/// separate neighbours. These are the terms of the soft acoustic index.
///
/// A unit is said as it is in its place, so that polyphones keep the reading that their sentence gives them.
pub fn spoken_ngrams(text: &str, language: Language, n: usize) -> Vec<SpokenForm> {
    let slots = utterance::read(text, language);
    if slots.is_empty() || n == 0 {
        return Vec::new();
    }
    slots
        .windows(n.min(slots.len()))
        .map(|window| {
            let range = window[0].range.start..window[window.len() - 1].range.end;
            SpokenForm { text: text[range].to_owned(), pronunciations: of_slots(window, language) }
        })
        .filter(|form| !form.pronunciations.is_empty())
        .collect()
}

/// Every stretch of `n` neighbouring syllables of a pronunciation, in order; one stretch of all of it where it is
/// shorter.
pub fn syllable_ngrams(pronunciation: &Pronunciation, n: usize) -> Vec<Pronunciation> {
    let count = pronunciation.syllables.len();
    if count == 0 || n == 0 {
        return Vec::new();
    }
    let n = n.min(count);
    (0..=count - n)
        .map(|first| {
            let from = pronunciation.syllables[first];
            let to =
                pronunciation.syllables.get(first + n).map_or(pronunciation.phones.len(), |at| *at as usize);
            Pronunciation {
                dialect: pronunciation.dialect,
                phones: pronunciation.phones[from as usize..to].to_vec(),
                syllables: pronunciation.syllables[first..first + n].iter().map(|at| at - from).collect(),
            }
        })
        .collect()
}
