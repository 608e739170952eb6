//! Everything of a publication that can be matched against sound, prepared once.

use std::collections::{BTreeSet, HashMap};

use language::{FormBatch, Language, Pronunciation, SpokenForm, spoken_form, spoken_ngrams};

use crate::publication::Variant;

/// Orders of syllable n-grams that are prepared. Of 2, 3 and 4, the longest tells most, and the others nothing beside it
/// (measured in the `intents` crate's voice channel).
const ORDERS: [usize; 1] = [4];

/// Ways of asking from which on a base is large: then only pairs of syllables are prepared for all of it, because there are far fewer of them.
/// They find those few hundred ways of asking that are worth a closer look.
const LARGE: usize = 20_000;

/// Syllables of the n-grams by which a large base is looked through.
const LARGE_ORDERS: [usize; 1] = [2];

/// Batches for [`language::Evidence`].
#[derive(Debug)]
pub struct SpokenForms {
    /// Every way of asking, in the order of [`crate::Publication::variants`].
    pub questions: FormBatch,
    /// Syllable n-grams by ascending order: of order 4, but of order 2 in a large base.
    pub ngrams: Vec<NgramForms>,
    /// Whether there are too many ways of asking to weigh each of them.
    pub large: bool,
}

/// All distinct syllable n-grams of one order that occur in a publication's questions.
#[derive(Debug)]
pub struct NgramForms {
    /// Syllables (characters, numbers) per n-gram; a question that is shorter is one n-gram.
    pub order: usize,
    /// The n-grams; an n-gram's number is its place here.
    pub batch: FormBatch,
    /// By n-gram: inverse document frequency over entries, `ln(1 + entries / frequency)`.
    pub idf: Vec<f32>,
    /// By variant: its n-grams in order, one that occurs twice listed twice.
    pub variants: Vec<Vec<u32>>,
}

impl SpokenForms {
    pub(crate) fn new(variants: &[Variant]) -> Self {
        let questions = variants.iter().map(|variant| spoken_form(&variant.text, variant.language)).collect();
        let large = variants.len() > LARGE;
        let orders = if large { LARGE_ORDERS } else { ORDERS };
        let all = || variants.iter().map(|variant| (variant.text.as_str(), variant.language, variant.entry));
        let ngrams = orders.into_iter().map(|order| NgramForms::new(order, all())).collect();
        Self { questions: FormBatch::new(questions), ngrams, large }
    }
}

impl NgramForms {
    /// The n-grams of some ways of asking: text, language and number of the entry. Some 50 µs for each.
    pub fn new<'a>(order: usize, asked: impl IntoIterator<Item = (&'a str, Language, u32)>) -> Self {
        let mut numbers: HashMap<(String, Vec<Pronunciation>), u32> = HashMap::new();
        let mut forms: Vec<SpokenForm> = Vec::new();
        let mut entries: Vec<BTreeSet<u32>> = Vec::new();
        let mut by_variant = Vec::new();
        let mut known: BTreeSet<u32> = BTreeSet::new();
        for (text, language, entry) in asked {
            let mut here = Vec::new();
            known.insert(entry);
            for form in spoken_ngrams(text, language, order) {
                let number =
                    *numbers.entry((form.text.clone(), form.pronunciations.clone())).or_insert_with(|| {
                        forms.push(form);
                        entries.push(BTreeSet::new());
                        forms.len() as u32 - 1
                    });
                entries[number as usize].insert(entry);
                here.push(number);
            }
            by_variant.push(here);
        }
        let all = known.len() as f32;
        let idf = entries.iter().map(|entries| (1.0 + all / entries.len().max(1) as f32).ln()).collect();
        Self { order, batch: FormBatch::new(forms), idf, variants: by_variant }
    }
}
