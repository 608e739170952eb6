//! The voice channel: which question the sound supports.
//!
//! Two views of the posteriors need no words: the CTC log-probability of each way of asking per phone, which finds what is said as it is written, and
//! soft acoustic syllable 4-grams, which find what is said with parts left out or put around. Each is standardised over all entries in both
//! languages, so that the weights mean the same for any utterance length and noise (source: the SEED trial). Two more go by words: what the recogniser
//! wrote, or what dictation in the knowledge base's own words makes of the sound, looked up as a typed question would be. They find what is
//! said quite otherwise, and are worth as much as the words were heard clearly.

use kb::{EntryId, NgramForms, Publication, SpokenForms};
use language::{Evidence, FormBatch, Language};

use crate::calibration::ChoiceModel;

/// Sharpness of soft counts: a local score of `s` nats below the greedy path counts `exp(KAPPA · s)`. Of .05, .1, .15, .25
/// and .4, this finds most with a weak recogniser and loses nothing with a good one.
const KAPPA: f32 = 0.1;

/// Syllables per n-gram.
const ORDER: usize = 4;

/// Sharpness of the soft counts of pairs, by which a large base is looked through: the trial's.
const PAIR_KAPPA: f32 = 0.25;

/// Ways of asking of a large base that are looked at closely …
const SHORTLIST: usize = 600;

/// … and about so many others, so that scores can be standardised.
const SCALE: usize = 400;

/// Entries that compete for the probability.
const CANDIDATES: usize = 24;

/// Scores lower than the median by more than so many median absolute deviations are raised to that: a hopeless entry
/// (much too long or short) shall not stretch the scale.
const OUTLIER: f32 = 6.0;

/// Features of the voice channel, in order.
pub(crate) const FEATURES: [&str; 11] = [
    "z(4-grams)",
    "z(CTC per phone)",
    "conversation_language",
    "heard_share",
    "word_utility",
    "clear_word_utility",
    "gap",
    "z(4-grams), unclear",
    "z(CTC per phone), unclear",
    "constant",
    "on_offer",
];

/// The first so many features are evidence and never count against an entry.
pub(crate) const MONOTONE: usize = 9;

/// Documented constants until `assistant calibrate` has fitted on recordings.
///
/// Fitted together, by weight, on four sets with examples without their entry among them: 162 labelled questions in either language and as many
/// of the sample knowledge base's own, by synthetic voices that the recogniser had not heard (`fit-dictation`; first place .905), and 369 real Mandarin
/// sentences, half of them paraphrased, by the recogniser trained on synthetic speech only, by the shipped one in a babble at 3 dB and at 0 dB
/// (`fit-voice`; .78, .93, .78). Fits of a set by itself reach .913 and .789 of the first two, so that one fusion serves all. What made that possible is
/// to believe words by how clearly they were heard, and the sound as a whole by how unclearly: without, the same four have .77, .90, .76, .89. The
/// weight of a choice that is on offer (1 nat) is a prior, not fitted.
pub(crate) fn start() -> ChoiceModel {
    ChoiceModel { weights: vec![0.0, 0.1, 1.3, 0.0, 0.1, 1.8, 0.3, 0.9, 1.0, -6.5, 1.0] }
}

/// A way of asking that explains the sound worse than the dictated words by more than this (nats per phone) is another text, however much worse it is.
const WIDEST_GAP: f32 = -5.0;

/// An entry as the sound supports it.
#[derive(Clone, Debug)]
pub(crate) struct VoiceCandidate {
    pub entry: u32,
    /// The language of the best way of asking.
    pub language: Language,
    pub features: Vec<f32>,
    /// `Evidence::whole` of its best way of asking: what acts compete with.
    pub whole: f32,
}

/// What else is known about the turn.
pub(crate) struct Prior<'a> {
    pub language: Language,
    pub on_offer: &'a [EntryId],
    /// How well the dictated words explain the sound ([`Evidence::whole`]); `-inf` without any.
    pub clearest: f32,
    /// How clearly they were heard, 0 (not at all, or none) to 1.
    pub clarity: f32,
    /// What the words speak for an entry.
    pub words: &'a dyn Fn(u32) -> WordUtility,
}

/// How much the words that were dictated speak for an entry: its utility in the text channel, 0 where it is none of that channel's candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WordUtility {
    pub plain: f32,
    /// The same times how clearly these words were heard: their probability per phone by the sound, 0 to 1.
    pub clear: f32,
}

/// What is left out of the competition, for calibration on recordings of known questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Without {
    Nothing,
    /// One way of asking, by number.
    Variant(u32),
    /// A whole entry, by number.
    Entry(u32),
}

/// Raw scores of ways of asking.
pub(crate) struct VoiceScores {
    /// The numbers of the variants that are scored, ascending; `None`: all of them.
    chosen: Option<Vec<u32>>,
    whole: Vec<f32>,
    /// Soft counts, weighed by idf and length-normalised as a cosine is: between the mean, which favours short questions,
    /// and the sum, which favours long ones.
    soft: Vec<f32>,
    /// Share of the variant (by idf of its n-grams) that was heard, 0 to 1.
    heard: Vec<f32>,
}

impl VoiceScores {
    /// Asks the evidence, which is nearly all the work. Exact, but in a large base, where syllable pairs choose which ways of asking are looked at.
    pub fn new(publication: &Publication, evidence: &dyn Evidence) -> Self {
        let forms = publication.spoken_forms();
        if !forms.large {
            let ngrams = forms.ngrams.iter().find(|ngrams| ngrams.order == ORDER);
            return Self::scored(None, evidence, &forms.questions, ngrams);
        }
        let chosen = shortlist(forms, evidence);
        let questions = forms.questions.forms();
        let batch = FormBatch::new(chosen.iter().map(|&number| questions[number as usize].clone()).collect());
        let variants = publication.variants();
        let asked = chosen.iter().map(|&number| {
            let variant = &variants[number as usize];
            (variant.text.as_str(), variant.language, variant.entry)
        });
        let ngrams = NgramForms::new(ORDER, asked);
        Self::scored(Some(chosen), evidence, &batch, Some(&ngrams))
    }

    fn scored(
        chosen: Option<Vec<u32>>,
        evidence: &dyn Evidence,
        questions: &FormBatch,
        ngrams: Option<&NgramForms>,
    ) -> Self {
        let whole = evidence.whole(questions);
        let sums =
            ngrams.map_or_else(Vec::new, |ngrams| soft_sums(ngrams, &soft_counts(ngrams, evidence, KAPPA)));
        Self {
            chosen,
            whole,
            soft: sums.iter().map(|(sum, mass)| over(*sum, mass.sqrt())).collect(),
            heard: sums.iter().map(|(sum, mass)| over(*sum, *mass)).collect(),
        }
    }

    /// The best entries, best first by the start weights, with the features of each.
    pub fn candidates(
        &self,
        publication: &Publication,
        prior: &Prior<'_>,
        without: Without,
        model: &ChoiceModel,
    ) -> Vec<VoiceCandidate> {
        let items = self.items(publication, without);
        let column =
            |value: &dyn Fn(&Item) -> f32| standardise(&items.iter().map(value).collect::<Vec<f32>>());
        let whole = column(&|item| item.whole);
        let soft = column(&|item| item.soft);
        let reference = items.iter().map(|item| item.whole).fold(prior.clearest, f32::max);
        let mut candidates: Vec<(f32, VoiceCandidate)> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let id = &publication.entries()[item.entry as usize].id;
            let words = (prior.words)(item.entry);
            let features = vec![
                soft[at],
                whole[at],
                f32::from(u8::from(item.language == prior.language)),
                item.heard,
                words.plain,
                words.clear,
                (item.whole - reference).max(WIDEST_GAP),
                soft[at] * (1.0 - prior.clarity),
                whole[at] * (1.0 - prior.clarity),
                1.0,
                f32::from(u8::from(prior.on_offer.contains(id))),
            ];
            debug_assert_eq!(features.len(), FEATURES.len());
            let utility = model.utility(&features);
            let candidate =
                VoiceCandidate { entry: item.entry, language: item.language, features, whole: item.whole };
            match candidates.last_mut() {
                // Both languages of an entry lie together; the better one stands for it.
                Some((best, last)) if last.entry == item.entry => {
                    if utility > *best {
                        (*best, *last) = (utility, candidate);
                    }
                }
                _ => candidates.push((utility, candidate)),
            }
        }
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.entry.cmp(&b.1.entry)));
        candidates.truncate(CANDIDATES);
        candidates.into_iter().map(|(_, candidate)| candidate).collect()
    }

    /// The best of every view for every entry in every language, in entry order.
    fn items(&self, publication: &Publication, without: Without) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let all = 0..publication.variants().len() as u32;
        let numbers: Vec<u32> = self.chosen.clone().unwrap_or_else(|| all.collect());
        for (at, number) in numbers.into_iter().enumerate() {
            let variant = &publication.variants()[number as usize];
            if without == Without::Variant(number) || without == Without::Entry(variant.entry) {
                continue;
            }
            let new = items.last().is_none_or(|i| i.entry != variant.entry || i.language != variant.language);
            if new {
                items.push(Item {
                    entry: variant.entry,
                    language: variant.language,
                    whole: f32::NEG_INFINITY,
                    soft: 0.0,
                    heard: 0.0,
                });
            }
            let Some(item) = items.last_mut() else { continue };
            let score = |list: &[f32]| list.get(at).copied().unwrap_or_default();
            item.whole = item.whole.max(self.whole.get(at).copied().unwrap_or(f32::NEG_INFINITY));
            item.heard = item.heard.max(score(&self.heard));
            item.soft = item.soft.max(score(&self.soft));
        }
        items
    }
}

/// The ways of asking of a large base that are worth a closer look: those whose syllable pairs were heard best, and some others, evenly spread, by
/// which the scale is known. Ascending.
fn shortlist(forms: &SpokenForms, evidence: &dyn Evidence) -> Vec<u32> {
    let Some(pairs) = forms.ngrams.first() else { return Vec::new() };
    let sums = soft_sums(pairs, &soft_counts(pairs, evidence, PAIR_KAPPA));
    let mut order: Vec<u32> = (0..sums.len() as u32).collect();
    let score = |number: &u32| {
        let (sum, mass) = sums[*number as usize];
        over(sum, mass.sqrt())
    };
    let most = SHORTLIST.min(order.len().saturating_sub(1));
    order.select_nth_unstable_by(most, |a, b| score(b).total_cmp(&score(a)));
    order.truncate(SHORTLIST);
    order.extend((0..sums.len() as u32).step_by((sums.len() / SCALE).max(1)));
    order.sort_unstable();
    order.dedup();
    order
}

/// How often each n-gram was heard, softly: 1 for exactly what was heard.
fn soft_counts(ngrams: &NgramForms, evidence: &dyn Evidence, kappa: f32) -> Vec<f32> {
    let local = evidence.anywhere(&ngrams.batch);
    local.iter().map(|s| if s.is_finite() { (kappa * s).exp() } else { 0.0 }).collect()
}

fn over(sum: f32, mass: f32) -> f32 {
    if mass > 0.0 { sum / mass } else { 0.0 }
}

/// An entry in one language.
struct Item {
    entry: u32,
    language: Language,
    whole: f32,
    soft: f32,
    heard: f32,
}

/// For every variant: Σ soft count · idf over its n-grams, and Σ idf.
fn soft_sums(ngrams: &NgramForms, counts: &[f32]) -> Vec<(f32, f32)> {
    let weighed = |gram: &u32| {
        let idf = ngrams.idf.get(*gram as usize).copied().unwrap_or_default();
        (counts.get(*gram as usize).copied().unwrap_or_default() * idf, idf)
    };
    let add = |sums: (f32, f32), term: (f32, f32)| (sums.0 + term.0, sums.1 + term.1);
    ngrams.variants.iter().map(|grams| grams.iter().map(weighed).fold((0.0, 0.0), add)).collect()
}

/// Standard scores; what cannot be scored or is hopelessly low counts as [`OUTLIER`] deviations under the median. 0 where
/// all are alike.
fn standardise(values: &[f32]) -> Vec<f32> {
    let mut sorted: Vec<f32> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f32::total_cmp);
    let Some(&median) = sorted.get(sorted.len() / 2) else { return vec![0.0; values.len()] };
    let mut deviations: Vec<f32> = sorted.iter().map(|v| (v - median).abs()).collect();
    deviations.sort_by(f32::total_cmp);
    let spread = deviations.get(deviations.len() / 2).copied().unwrap_or_default();
    let floor = median - OUTLIER * spread;
    let clipped: Vec<f64> =
        values.iter().map(|v| f64::from(if v.is_finite() { v.max(floor) } else { floor })).collect();
    let number = clipped.len() as f64;
    let mean = clipped.iter().sum::<f64>() / number;
    let deviation = (clipped.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / number).sqrt();
    clipped
        .into_iter()
        .map(|v| if deviation > 1e-6 { ((v - mean) / deviation) as f32 } else { 0.0 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hopeless_entries_do_not_stretch_the_scale() {
        let usual = [-5.0, -5.2, -4.8, -5.1, -4.9, -2.0];
        let with_hopeless = [-5.0, -5.2, -4.8, -5.1, -4.9, -2.0, -60.0, f32::NEG_INFINITY];
        let (a, b) = (standardise(&usual), standardise(&with_hopeless));
        assert!(a[5] > 2.0 && b[5] > 2.0, "{a:?} {b:?}");
        assert!((b[6] - b[7]).abs() < 1e-6);
        assert_eq!(standardise(&[2.0, 2.0]), [0.0, 0.0]);
        assert_eq!(standardise(&[f32::NEG_INFINITY]), [0.0]);
        assert!(standardise(&[]).is_empty());
    }
}
