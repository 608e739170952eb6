//! What the sound supports: the seam between `speech` (which hears) and `intents` (which understands).

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::{Reading, UnitModel};

/// A phone of the shared inventory (`language/data/phones.tsv`): an index into it, equal to the recogniser's output
/// class. Index 0 is the CTC blank and never occurs in a [`Pronunciation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Phone(pub u8);

/// Whose pronunciation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Central Tibetan as spoken in Lhasa.
    Lhasa,
    /// Standard Mandarin.
    Putonghua,
}

/// One way to say a text: its phones, and where each syllable begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pronunciation {
    /// Whose pronunciation it is. Where a text mixes languages, the dialect of the surrounding language.
    pub dialect: Dialect,
    /// The phones in order, without blanks.
    pub phones: Vec<Phone>,
    /// Index into `phones` of each syllable's first phone, ascending, first element 0 (empty if `phones` is).
    pub syllables: Vec<u32>,
}

/// Words that somebody may have said, with every way of saying them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenForm {
    /// The words as written, for recognisers whose units are characters or tokens.
    pub text: String,
    /// The ways to say them; the best one counts.
    pub pronunciations: Vec<Pronunciation>,
}

/// A node of a [`PhoneTrie`] whose parent is not the node before it, or has the same phone as it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideLink {
    /// The node.
    pub node: u32,
    /// Its parent, smaller than the node.
    pub parent: u32,
    /// Whether both have the same phone, so that a recogniser must emit something between the two.
    pub repeats: bool,
}

/// Where a pronunciation ends in a [`PhoneTrie`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrieEnd {
    /// The node of its last phone.
    pub node: u32,
    /// Index of its form in the batch.
    pub form: u32,
    /// How many phones it has, at least 1.
    pub units: u32,
}

/// The pronunciations of a batch as a prefix tree, so that shared beginnings are scored once. Laid out for scorers: depth first, so
/// that most nodes follow their parent, and the others are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneTrie {
    /// By node: its phone. Node 0 is the root, [`Phone::BLANK`].
    pub phones: Vec<u8>,
    /// Ascending by node. The root's children are not among them.
    pub side: Vec<SideLink>,
    /// First nodes of the root's children, and one past the last node: what lies between two of them begins with one phone.
    pub starts: Vec<u32>,
    /// A form has one per pronunciation; pronunciations without phones have none.
    pub ends: Vec<TrieEnd>,
}

impl PhoneTrie {
    fn new(forms: &[SpokenForm]) -> Self {
        let mut strings: Vec<(&[Phone], u32)> = forms
            .iter()
            .enumerate()
            .flat_map(|(form, f)| f.pronunciations.iter().map(move |p| (p.phones.as_slice(), form as u32)))
            .filter(|(phones, _)| !phones.is_empty())
            .collect();
        strings.sort_unstable();
        strings.dedup();
        let mut trie = Self {
            phones: vec![Phone::BLANK.0],
            side: Vec::new(),
            starts: Vec::new(),
            ends: Vec::with_capacity(strings.len()),
        };
        // `path[d]` is the node of the first `d` phones of the string before this one.
        let mut path = vec![0_u32];
        let mut before: &[Phone] = &[];
        for (phones, form) in strings {
            let shared = phones.iter().zip(before).take_while(|(a, b)| a == b).count();
            path.truncate(shared + 1);
            for (depth, &phone) in phones.iter().enumerate().skip(shared) {
                let (node, parent) = (trie.phones.len() as u32, path[depth]);
                let repeats = depth > 0 && phones[depth - 1] == phone;
                trie.phones.push(phone.0);
                path.push(node);
                if parent == 0 {
                    trie.starts.push(node);
                } else if parent + 1 != node || repeats {
                    trie.side.push(SideLink { node, parent, repeats });
                }
            }
            trie.ends.push(TrieEnd { node: path[phones.len()], form, units: phones.len() as u32 });
            before = phones;
        }
        trie.starts.push(trie.phones.len() as u32);
        trie
    }
}

/// A batch of forms, prepared once (when a knowledge base is published) and scored against many utterances.
#[derive(Clone, Debug, Default)]
pub struct FormBatch {
    forms: Vec<SpokenForm>,
    trie: OnceLock<PhoneTrie>,
}

impl FormBatch {
    /// Prepares a batch. The order of `forms` is the order of the scores.
    pub fn new(forms: Vec<SpokenForm>) -> Self {
        Self { forms, trie: OnceLock::new() }
    }

    /// The forms in score order.
    pub fn forms(&self) -> &[SpokenForm] {
        &self.forms
    }

    /// All pronunciations as one prefix tree over phones; built at the first call, then kept.
    pub fn trie(&self) -> &PhoneTrie {
        self.trie.get_or_init(|| PhoneTrie::new(&self.forms))
    }

    /// How many forms there are.
    pub fn len(&self) -> usize {
        self.forms.len()
    }

    /// Whether the batch is empty.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }
}

/// What one utterance's sound says about words, whatever the recogniser's units are.
///
/// Implemented in `speech` on a recogniser's output; asked in `intents`. Scores are natural logarithms and comparable
/// only within one utterance. Both methods cost milliseconds and belong on a worker thread, not an async one.
pub trait Evidence: Send + Sync + std::fmt::Debug {
    /// How well the *whole* utterance is explained by each form: forward log-probability divided by the number of
    /// units (phones or tokens) of the form, the best pronunciation counting. `-inf` for a form that cannot be scored
    /// (no pronunciation, or more units than frames). One score per form, in batch order.
    ///
    /// Source: SEED trial, "CTC ÷ phones".
    fn whole(&self, batch: &FormBatch) -> Vec<f32>;

    /// How well the whole utterance is explained as the *beginning* of one of the forms, whichever it is best: as [`Self::whole`] has it, of as many
    /// units as have been said. Beginnings shorter than `least` units, or that lack fewer than `lacking` units of a form, do not count.
    /// `-inf` where there is none, or where this cannot be told.
    fn begun(&self, _batch: &FormBatch, _least: usize, _lacking: usize) -> f32 {
        f32::NEG_INFINITY
    }

    /// How well each form is supported *anywhere* in the utterance: the best local Viterbi score of its units,
    /// relative to the best unconstrained path over the same frames (so ≤ 0; 0 means "exactly what was heard").
    /// `-inf` for a form that cannot be scored. One score per form, in batch order.
    ///
    /// Source: SEED trial, "soft acoustic n-grams".
    fn anywhere(&self, batch: &FormBatch) -> Vec<f32>;

    /// The length of the utterance in seconds.
    fn seconds(&self) -> f32;

    /// Whether [`Self::whole`] and [`Self::anywhere`] can be asked about a whole knowledge base, thousands of forms in
    /// milliseconds. Where not (decoders pay for every token of every form), what they return says nothing: find a few
    /// forms by other means and have those weighed.
    fn covers_all(&self) -> bool {
        true
    }

    /// How well the whole utterance is explained by each form of a *short* list (at most eight), as [`Self::whole`] has it,
    /// by an engine that is too slow for more: a second opinion on candidates that something else has chosen. Takes up to
    /// seconds. `None` where no such engine heard the utterance, where the list is too long, or where the engine has no
    /// time or has forgotten the utterance over later ones; a caller then stays with what it knew.
    fn weigh(&self, _shortlist: &FormBatch) -> Option<Vec<f32>> {
        None
    }

    /// The likeliest texts, in the words of a knowledge base, best first; at most `most`. Empty where the recogniser's units are no phones: it
    /// writes by itself then. Costs tens of milliseconds.
    fn dictate(&self, _model: &UnitModel, _most: usize) -> Vec<Reading> {
        Vec::new()
    }

    /// What was heard, phone by phone, taken by itself (the greedy path): for measuring a recogniser, not for choosing.
    /// `None` where its units are no phones.
    fn phones(&self) -> Option<Vec<Phone>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Language, spoken_form};

    #[test]
    fn forms_share_their_beginnings_in_the_tree() {
        let batch = FormBatch::new(
            ["身份证", "身份证丢了", "！", "ངའི་身份证", "ངའི་ལག་ཁྱེར"]
                .map(|t| spoken_form(t, Language::Zh))
                .into(),
        );
        let trie = batch.trie();
        let parent = |node: usize| {
            trie.side
                .iter()
                .find(|link| link.node as usize == node)
                .map_or(node - 1, |link| link.parent as usize)
        };
        let root_child = |node: usize| trie.starts.contains(&(node as u32));
        for end in &trie.ends {
            let mut phones = Vec::new();
            let mut node = end.node as usize;
            while node != 0 {
                phones.push(Phone(trie.phones[node]));
                node = if root_child(node) { 0 } else { parent(node) };
            }
            phones.reverse();
            assert_eq!(phones.len(), end.units as usize);
            assert!(batch.forms()[end.form as usize].pronunciations.iter().any(|p| p.phones == phones));
        }
        let all: usize = batch.forms().iter().flat_map(|f| &f.pronunciations).map(|p| p.phones.len()).sum();
        assert!(trie.phones.len() < all, "nothing is shared");
        assert!(trie.ends.iter().all(|e| e.form != 2), "a form without sound has no end");
    }
}
