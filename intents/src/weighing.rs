//! A second opinion on candidates that lie close together, from an engine that can weigh a few texts by the sound
//! ([`Evidence::weigh`]).
//!
//! What a recogniser writes down is its one best guess. Where several entries fit that about as well, the same recogniser
//! knows more: how likely it would have written each of them. Engines pay for every form, so each entry is represented by
//! the one of its ways of asking that resembles the words most.

use std::collections::HashSet;

use kb::Publication;
use language::{Evidence, FormBatch, SpokenForm, search_key};

use crate::Scored;

/// Candidates compete from this share of the best one's confidence on; below it the engine need not be troubled.
const RIVAL: f32 = 0.25;

/// Nats of utility per nat and token. A prior, not fitted, and well under the 1.35 of the voice channel's CTC: nothing real
/// has been weighed yet.
const WEIGHT: f32 = 1.0;

/// Being worse by more than this (nats per token) counts as this: a text that the engine hardly can write (another script,
/// rare names) shall not be ruled out.
const MOST: f32 = 3.0;

/// Weighs the best candidates against each other; the best first again. What they have together is divided among them anew,
/// but none gets surer than the best one was: the weight is no fit, and confidence decides what is answered.
pub(crate) fn weighed(
    mut candidates: Vec<Scored>,
    words: &str,
    publication: &Publication,
    evidence: &dyn Evidence,
) -> Vec<Scored> {
    let Some(best) = candidates.first().map(|first| first.confidence) else { return candidates };
    let rivals = candidates.iter().take_while(|rival| rival.confidence >= RIVAL * best).count();
    if rivals < 2 {
        return candidates;
    }
    let forms = candidates[..rivals].iter().map(|rival| form(rival, words, publication)).collect();
    let Some(weights) = evidence.weigh(&FormBatch::new(forms)).filter(|weights| weights.len() == rivals)
    else {
        return candidates;
    };
    let most = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if !most.is_finite() {
        return candidates;
    }
    let together: f32 = candidates[..rivals].iter().map(|rival| rival.confidence).sum();
    for (rival, weight) in candidates.iter_mut().zip(&weights) {
        rival.confidence *= (WEIGHT * (weight - most).max(-MOST)).exp();
    }
    let left: f32 = candidates[..rivals].iter().map(|rival| rival.confidence).sum();
    let top = candidates[..rivals].iter().map(|rival| rival.confidence).fold(0.0, f32::max);
    let scale = (together / left).min(best / top);
    for rival in &mut candidates[..rivals] {
        rival.confidence *= scale;
    }
    candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    candidates
}

/// The way of asking for a candidate that has most pairs of characters in common with the words.
fn form(candidate: &Scored, words: &str, publication: &Publication) -> SpokenForm {
    let said = pairs(words);
    let number = publication.number(&candidate.entry);
    let own = publication
        .variants()
        .iter()
        .filter(|variant| Some(variant.entry) == number && variant.language == candidate.language);
    let alike = |text: &str| {
        let pairs = pairs(text);
        let common = pairs.intersection(&said).count();
        2.0 * common as f32 / (pairs.len() + said.len()).max(1) as f32
    };
    let nearest = own.max_by(|a, b| alike(&a.text).total_cmp(&alike(&b.text)));
    let text = nearest.map_or_else(|| candidate.question.clone(), |variant| variant.text.clone());
    language::spoken_form(&text, candidate.language)
}

fn pairs(text: &str) -> HashSet<(char, char)> {
    let characters: Vec<char> = search_key(text).chars().filter(|c| !c.is_whitespace()).collect();
    characters.windows(2).map(|pair| (pair[0], pair[1])).collect()
}
