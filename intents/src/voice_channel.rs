//! The voice channel: which question the sound supports, without believing any 1-best text.
//!
//! Three views of the same posteriors are fused (SEED trial, real Mandarin, 1,080 entries): the CTC log-probability of
//! each way of asking per phone, which finds what is said as it is written, and soft acoustic syllable 2- and 4-grams,
//! which find what is said otherwise. Each view is standardised over all entries in both languages, so that the
//! weights mean the same for any utterance length and noise.

use kb::{EntryId, NgramForms, Publication};
use language::{Evidence, Language};

use crate::calibration::ChoiceModel;

/// Sharpness of soft counts: a local score of `s` nats below the greedy path counts `exp(KAPPA · s)`. Source: SEED trial.
const KAPPA: f32 = 0.25;

/// Syllable n-gram orders that are scored. The trial's fusion uses 2 and 4; 3 added nothing.
const ORDERS: [usize; 2] = [2, 4];

/// Entries that compete for the probability.
const CANDIDATES: usize = 24;

/// Standard score of what cannot be scored at all (a question with more phones than the utterance has frames).
const UNSCORABLE: f32 = -3.0;

/// Features of the voice channel, in order.
pub(crate) const FEATURES: [&str; 8] = [
    "z(2-grams)",
    "z(4-grams)",
    "z(CTC per phone)",
    "conversation_language",
    "heard_share",
    "text_utility",
    "constant",
    "on_offer",
];

/// Documented constants until `assistant calibrate` has fitted on recordings.
///
/// 1.23, .24 and .96 are the weights of a listwise logistic regression in the SEED trial (development set: paraphrased
/// questions, first place .92, first five .98), so that the differences between entries are calibrated as they are. The
/// constant stands for "none of them": in the trial's 1,080 entries the best wrong entry reaches a utility of 6 to 8 and
/// a question asked verbatim 11 and more; 9 lies between and is chosen, not fitted. The weight of the conversation's
/// language (1 nat), of the dictated text's own utility (a half, for it repeats what the sound says) and of a choice
/// that is on offer (1 nat) are priors.
pub(crate) fn start() -> ChoiceModel {
    ChoiceModel { weights: vec![1.23, 0.24, 0.96, 1.0, 0.0, 0.5, -9.0, 1.0] }
}

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
    /// Utility of an entry by the dictated text; 0 without dictation.
    pub text_utility: &'a dyn Fn(u32) -> f32,
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

/// Raw scores of every way of asking, in variant order.
pub(crate) struct VoiceScores {
    whole: Vec<f32>,
    /// By order of [`ORDERS`]: idf-weighted soft counts, length-normalised.
    soft: Vec<Vec<f32>>,
    /// Share of the variant (by idf of its syllable pairs) that was heard, 0 to 1.
    heard: Vec<f32>,
}

impl VoiceScores {
    /// Asks the evidence, which is nearly all the work.
    pub fn new(publication: &Publication, evidence: &dyn Evidence) -> Self {
        let forms = publication.spoken_forms();
        let whole = evidence.whole(&forms.questions);
        let mut soft = Vec::new();
        let mut heard = Vec::new();
        for order in ORDERS {
            let Some(ngrams) = forms.ngrams.iter().find(|ngrams| ngrams.order == order) else { continue };
            let local = evidence.anywhere(&ngrams.batch);
            let counts: Vec<f32> = local.iter().map(|s| if s.is_finite() { (KAPPA * s).exp() } else { 0.0 }).collect();
            let sums = soft_sums(ngrams, &counts);
            if order == ORDERS[0] {
                heard = sums.iter().map(|(sum, mass)| if *mass > 0.0 { sum / mass } else { 0.0 }).collect();
            }
            // Between the mean, which favours short questions, and the sum, which favours long ones: as a cosine does.
            soft.push(sums.iter().map(|(sum, mass)| if *mass > 0.0 { sum / mass.sqrt() } else { 0.0 }).collect());
        }
        Self { whole, soft, heard }
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
        let column = |value: &dyn Fn(&Item) -> f32| standardise(&items.iter().map(value).collect::<Vec<f32>>());
        let whole = column(&|item| item.whole);
        let soft: Vec<Vec<f32>> = (0..ORDERS.len()).map(|order| column(&|item| item.soft[order])).collect();
        let mut candidates: Vec<(f32, VoiceCandidate)> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let id = &publication.entries()[item.entry as usize].id;
            let features = vec![
                soft[0][at],
                soft[1][at],
                whole[at],
                f32::from(u8::from(item.language == prior.language)),
                item.heard,
                (prior.text_utility)(item.entry),
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
        for (number, variant) in publication.variants().iter().enumerate() {
            if without == Without::Variant(number as u32) || without == Without::Entry(variant.entry) {
                continue;
            }
            let new = items.last().is_none_or(|i| i.entry != variant.entry || i.language != variant.language);
            if new {
                items.push(Item {
                    entry: variant.entry,
                    language: variant.language,
                    whole: f32::NEG_INFINITY,
                    soft: [0.0; ORDERS.len()],
                    heard: 0.0,
                });
            }
            let Some(item) = items.last_mut() else { continue };
            let score = |list: &[f32]| list.get(number).copied().unwrap_or_default();
            item.whole = item.whole.max(self.whole.get(number).copied().unwrap_or(f32::NEG_INFINITY));
            item.heard = item.heard.max(score(&self.heard));
            for (best, list) in item.soft.iter_mut().zip(&self.soft) {
                *best = best.max(score(list));
            }
        }
        items
    }
}

/// An entry in one language.
struct Item {
    entry: u32,
    language: Language,
    whole: f32,
    soft: [f32; ORDERS.len()],
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

/// Standard scores over the finite values; [`UNSCORABLE`] for the others, 0 where all are alike.
fn standardise(values: &[f32]) -> Vec<f32> {
    let finite: Vec<f64> = values.iter().filter(|v| v.is_finite()).map(|v| f64::from(*v)).collect();
    let number = finite.len().max(1) as f64;
    let mean = finite.iter().sum::<f64>() / number;
    let deviation = (finite.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / number).sqrt();
    let z = |v: f32| if deviation > 1e-9 { ((f64::from(v) - mean) / deviation) as f32 } else { 0.0 };
    values.iter().map(|v| if v.is_finite() { z(*v).max(UNSCORABLE) } else { UNSCORABLE }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_scores_leave_out_what_cannot_be_scored() {
        let z = standardise(&[1.0, 3.0, f32::NEG_INFINITY]);
        assert_eq!(z, [-1.0, 1.0, UNSCORABLE]);
        assert_eq!(standardise(&[2.0, 2.0]), [0.0, 0.0]);
        assert_eq!(standardise(&[f32::NEG_INFINITY]), [UNSCORABLE]);
    }
}
