//! The ways to say a text, as phones of the shared inventory.

use crate::phones::syllable_starts;
use crate::utterance::{self, Slot, Spoken};
use crate::{Dialect, Language, Phone, Pronunciation};

/// The most pronunciations of one text. Each is scored against the sound, so that more of them cost time.
const MOST_PRONUNCIATIONS: usize = 6;

/// The ways to say a text, the usual one first, at most six.
///
/// Numbers are spoken in the language of the words beside them (`language` where there are none), each script in its
/// own language: Chinese words inside Tibetan are pronounced as Mandarin, and the reverse. The further ones are
/// Tibetan spoken syllable by syllable, and single changes where a character or number has a second reading. Empty where
/// nothing in the text has a sound.
pub fn pronunciations(text: &str, language: Language) -> Vec<Pronunciation> {
    let slots = utterance::read(text, language);
    let mut out: Vec<Pronunciation> = Vec::new();
    push(&mut out, language, slots.iter().map(|s| s.choices[0].as_slice()));
    if slots.iter().any(|s| s.careful.is_some()) {
        push(&mut out, language, slots.iter().map(|s| s.careful.as_ref().unwrap_or(&s.choices[0]).as_slice()));
    }
    for (changed, slot) in slots.iter().enumerate() {
        for choice in slot.choices.iter().skip(1) {
            if out.len() >= MOST_PRONUNCIATIONS {
                return out;
            }
            let chosen = |(i, s): (usize, &'_ Slot)| if i == changed { choice.clone() } else { s.choices[0].clone() };
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
