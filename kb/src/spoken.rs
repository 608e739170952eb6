//! Everything of a publication that can be matched against sound, prepared once.

use std::collections::{BTreeSet, HashMap};

use language::{FormBatch, Phone, Pronunciation, SpokenForm, pronunciations};

use crate::publication::Variant;

/// Orders of syllable n-grams that are prepared. Source: SEED trial.
const ORDERS: [usize; 3] = [2, 3, 4];

/// Batches for [`language::Evidence`].
#[derive(Debug)]
pub struct SpokenForms {
    /// Every way of asking, in the order of [`crate::Publication::variants`].
    pub questions: FormBatch,
    /// Syllable n-grams by ascending order.
    pub ngrams: Vec<NgramForms>,
}

/// All distinct syllable n-grams of one order that occur in a publication's questions.
#[derive(Debug)]
pub struct NgramForms {
    /// Syllables per n-gram.
    pub order: usize,
    /// The n-grams; an n-gram's number is its place here.
    pub batch: FormBatch,
    /// By n-gram: inverse document frequency over entries, `ln(1 + entries / frequency)`.
    pub idf: Vec<f32>,
    /// By variant, by place in it: the n-grams that may be heard there, one for each way of saying it (most often one).
    pub places: Vec<Vec<Vec<u32>>>,
}

impl SpokenForms {
    pub(crate) fn new(variants: &[Variant]) -> Self {
        let forms: Vec<SpokenForm> = variants
            .iter()
            .map(|variant| SpokenForm {
                text: variant.text.clone(),
                pronunciations: pronunciations(&variant.text, variant.language),
            })
            .collect();
        let ngrams = ORDERS.into_iter().map(|order| NgramForms::new(order, variants, &forms)).collect();
        Self { questions: FormBatch::new(forms), ngrams }
    }
}

impl NgramForms {
    fn new(order: usize, variants: &[Variant], forms: &[SpokenForm]) -> Self {
        let mut numbers: HashMap<Vec<Phone>, u32> = HashMap::new();
        let mut ngrams: Vec<SpokenForm> = Vec::new();
        let mut entries: Vec<BTreeSet<u32>> = Vec::new();
        let mut places = Vec::with_capacity(forms.len());
        for (variant, form) in variants.iter().zip(forms) {
            let mut here: Vec<Vec<u32>> = Vec::new();
            for (place, ngram) in form.pronunciations.iter().flat_map(|p| windows(p, order)) {
                let number = *numbers.entry(ngram.phones.clone()).or_insert_with(|| {
                    let form = SpokenForm { text: String::new(), pronunciations: vec![ngram.clone()] };
                    ngrams.push(form);
                    entries.push(BTreeSet::new());
                    ngrams.len() as u32 - 1
                });
                entries[number as usize].insert(variant.entry);
                if here.len() <= place {
                    here.resize(place + 1, Vec::new());
                }
                if !here[place].contains(&number) {
                    here[place].push(number);
                }
            }
            places.push(here);
        }
        let all = variants.iter().map(|variant| variant.entry).collect::<BTreeSet<_>>().len() as f32;
        let idf = entries.iter().map(|entries| (1.0 + all / entries.len().max(1) as f32).ln()).collect();
        Self { order, batch: FormBatch::new(ngrams), idf, places }
    }
}

/// Stretches of `order` syllables with the number of the first syllable.
fn windows(whole: &Pronunciation, order: usize) -> impl Iterator<Item = (usize, Pronunciation)> {
    let end = whole.phones.len() as u32;
    let bounds: Vec<u32> = whole.syllables.iter().copied().chain([end]).collect();
    let count = (whole.syllables.len() + 1).saturating_sub(order);
    (0..count).map(move |place| {
        let (start, stop) = (bounds[place], bounds[place + order]);
        let phones = whole.phones[start as usize..stop as usize].to_vec();
        let syllables = bounds[place..place + order].iter().map(|s| s - start).collect();
        (place, Pronunciation { dialect: whole.dialect, phones, syllables })
    })
}
