//! The one phone inventory of both languages: what the recogniser's output classes mean.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::{Language, Phone};

/// What part of a syllable a phone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PhoneKind {
    /// The CTC blank, class 0.
    Blank,
    /// A syllable's optional first phone (pinyin initial, Lhasa onset).
    Onset,
    /// A syllable's one obligatory last phone (pinyin final, Lhasa vowel with its coda).
    Rime,
}

/// One row of `data/phones.tsv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneInfo {
    /// Unique name: toneless pinyin where Mandarin has the sound (`iz` is the vowel of *zi*, `izh` that of *zhi*).
    pub name: &'static str,
    /// IPA, for people; `~` separates the values in the two languages or free variants.
    pub ipa: &'static str,
    /// Whether Mandarin has it.
    pub mandarin: bool,
    /// Whether Lhasa Tibetan has it.
    pub lhasa: bool,
    /// What part of a syllable it is.
    pub kind: PhoneKind,
}

/// The inventory in class order; index 0 is the blank. Every syllable is an optional onset and exactly one rime, and no
/// name is both, so that a phone string parses into syllables in one way only.
///
/// Source: Hanyu Pinyin without tones; Lhasa consonants and vowels as in Tournadre & Sangda Dorje, *Manual of Standard
/// Tibetan*, sharing a class with Mandarin wherever the sounds are practically the same.
pub static INVENTORY: LazyLock<Vec<PhoneInfo>> = LazyLock::new(|| {
    include_str!("../data/phones.tsv")
        .lines()
        .map(|line| {
            let mut columns = line.split('\t').skip(1);
            let mut next = || columns.next().unwrap_or_default();
            let (name, ipa, languages, kind) = (next(), next(), next(), next());
            PhoneInfo {
                name,
                ipa,
                mandarin: languages.contains("zh"),
                lhasa: languages.contains("bo"),
                kind: match kind {
                    "onset" => PhoneKind::Onset,
                    "rime" => PhoneKind::Rime,
                    _ => PhoneKind::Blank,
                },
            }
        })
        .collect()
});

static BY_NAME: LazyLock<HashMap<&'static str, Phone>> =
    LazyLock::new(|| INVENTORY.iter().enumerate().map(|(i, p)| (p.name, Phone(i as u8))).collect());

impl Phone {
    /// The CTC blank, class 0: in no pronunciation.
    pub const BLANK: Self = Self(0);

    /// How many classes a recogniser has: the whole inventory, the blank included.
    pub fn classes() -> usize {
        INVENTORY.len()
    }

    /// The phone of that name, if there is one.
    pub fn parse(name: &str) -> Option<Self> {
        BY_NAME.get(name).copied()
    }

    /// Its row of the inventory; the blank's for a number outside it.
    pub fn info(self) -> &'static PhoneInfo {
        INVENTORY.get(usize::from(self.0)).unwrap_or(&INVENTORY[0])
    }

    /// Its name, as in `data/phones.tsv`.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// Whether it is a syllable's last phone.
    pub fn is_rime(self) -> bool {
        self.info().kind == PhoneKind::Rime
    }

    /// Whether it begins a syllable and another phone of that syllable follows.
    pub fn is_onset(self) -> bool {
        self.info().kind == PhoneKind::Onset
    }

    /// Whether that language has it.
    pub fn occurs_in(self, language: Language) -> bool {
        match language {
            Language::Zh => self.info().mandarin,
            Language::Bo => self.info().lhasa,
        }
    }
}

/// Splits a phone string into syllables: the index of each syllable's first phone. A trailing onset without a rime
/// (never produced here, but a recogniser may) becomes a syllable of its own.
pub fn syllable_starts(phones: &[Phone]) -> Vec<u32> {
    let mut starts = Vec::new();
    let mut begin = true;
    for (i, phone) in phones.iter().enumerate() {
        if begin || (phone.is_onset() && phones[i - 1].is_onset()) {
            starts.push(i as u32);
        }
        begin = phone.is_rime();
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inventory_is_numbered_without_gaps_and_names_are_unique() {
        for (i, line) in include_str!("../data/phones.tsv").lines().enumerate() {
            assert_eq!(line.split('\t').next(), Some(i.to_string().as_str()));
            assert_eq!(line.split('\t').count(), 5, "{line}");
        }
        assert_eq!(BY_NAME.len(), INVENTORY.len());
        assert!(INVENTORY.len() <= 120);
        assert_eq!(Phone::BLANK.name(), "<blk>");
        assert!(INVENTORY.iter().skip(1).all(|p| p.kind != PhoneKind::Blank));
    }

    #[test]
    fn a_phone_string_parses_into_syllables_in_one_way() {
        let phones: Vec<Phone> =
            "zh ong u en sh izh".split(' ').map(|n| Phone::parse(n).expect("in the inventory")).collect();
        assert_eq!(syllable_starts(&phones), [0, 2, 3, 4]);
    }
}
