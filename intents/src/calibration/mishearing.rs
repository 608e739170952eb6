//! Questions as they arrive when a recogniser, or a typist who writes by ear, has taken some syllables for others.
//!
//! What stands in for a syllable is drawn from the knowledge base's own words: one that sounds the same
//! ([`language::rough_phonetic_key`]), one whose key differs by a letter, or any. So the calibration learns how far each view can be
//! trusted when the words are not quite those that were said, without any recording.

use std::collections::{BTreeMap, HashMap};

use kb::Publication;
use language::{Language, Script};

use crate::evaluate::measures::Draw;

/// Of ten syllables that are taken for others, so many are taken for one of the same sound, and so many for one of nearly the
/// same; the rest for any other. In transcripts of a real recogniser 6 of 11 substitutions were homophones (Tibetan); what
/// is left was near.
const SAME: f64 = 0.5;
/// See [`SAME`].
const NEAR: f64 = 0.4;

/// Syllables of a knowledge base by their sound.
#[derive(Debug)]
pub(crate) struct Mishearing {
    /// Units as written, each with the number of its sound.
    by_sound: Vec<Vec<String>>,
    /// By sound: sounds whose key differs by one letter.
    near: Vec<Vec<usize>>,
    /// By unit as written: its sound.
    sounds: HashMap<String, usize>,
}

impl Mishearing {
    /// Takes the syllables of all ways of asking in one language.
    pub fn new(publication: &Publication, language: Language) -> Self {
        let script = match language {
            Language::Zh => Script::Han,
            Language::Bo => Script::Tibetan,
        };
        let mut units: BTreeMap<String, String> = BTreeMap::new();
        for variant in publication.variants().iter().filter(|variant| variant.language == language) {
            for unit in language::syllables(&variant.text).into_iter().filter(|unit| unit.script == script) {
                let written = &variant.text[unit.range];
                if !units.contains_key(written) {
                    units.insert(written.to_owned(), language::rough_phonetic_key(written).join(" "));
                }
            }
        }
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let (mut by_sound, mut sounds): (Vec<Vec<String>>, _) = (Vec::new(), HashMap::new());
        for (unit, key) in units.iter().filter(|(_, key)| !key.is_empty()) {
            let number = *numbers.entry(key).or_insert_with(|| {
                by_sound.push(Vec::new());
                by_sound.len() - 1
            });
            by_sound[number].push(unit.clone());
            sounds.insert(unit.clone(), number);
        }
        let mut near = vec![Vec::new(); by_sound.len()];
        let mut keys: Vec<(&str, usize)> = numbers.into_iter().collect();
        keys.sort_unstable();
        for (at, (key, number)) in keys.iter().enumerate() {
            for (other, other_number) in &keys[at + 1..] {
                if differs_by_one(key, other) {
                    near[*number].push(*other_number);
                    near[*other_number].push(*number);
                }
            }
        }
        Self { by_sound, near, sounds }
    }

    /// The text with about that share of its syllables taken for others; the same for the same `seed`.
    pub fn of(&self, text: &str, share: f64, seed: u64) -> String {
        let mut draw = Draw::new(seed);
        let (mut out, mut end) = (String::with_capacity(text.len()), 0);
        for unit in language::syllables(text) {
            if unit.range.start < end || draw.share() >= share {
                continue;
            }
            let written = &text[unit.range.clone()];
            let Some(heard) = self.instead_of(written, &mut draw) else { continue };
            out.push_str(&text[end..unit.range.start]);
            out.push_str(heard);
            end = unit.range.end;
        }
        out.push_str(&text[end..]);
        out
    }

    fn instead_of(&self, written: &str, draw: &mut Draw) -> Option<&str> {
        let sound = *self.sounds.get(written)?;
        let kind = draw.share();
        let same = pick(&self.by_sound[sound], draw).filter(|_| kind < SAME);
        let near = pick(&self.near[sound], draw).and_then(|near| pick(&self.by_sound[*near], draw));
        let any = pick(&self.by_sound, draw).and_then(|units| pick(units, draw));
        let choices = [same, near.filter(|_| kind < SAME + NEAR), any];
        choices.into_iter().flatten().map(String::as_str).find(|other| *other != written)
    }
}

fn pick<'a, T>(items: &'a [T], draw: &mut Draw) -> Option<&'a T> {
    if items.is_empty() { None } else { items.get(draw.below(items.len())) }
}

/// Whether one letter replaced, added or left out makes one key the other.
fn differs_by_one(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let head = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let rest = usize::from(short.len() == long.len());
    short.get(head + rest..).unwrap_or_default() == long.get(head + 1..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_differ_by_one_letter_are_near() {
        for (a, b) in [("ban", "ba"), ("ban", "pan"), ("an", "ban"), ("ban", "bang")] {
            assert!(differs_by_one(a, b) && differs_by_one(b, a), "{a} {b}");
        }
        for (a, b) in [("ban", "pang"), ("ba", "bang"), ("ban", "nab")] {
            assert!(!differs_by_one(a, b), "{a} {b}");
        }
    }
}
