//! Calibration without hand-made data: the knowledge base is asked its own questions.
//!
//! Every way of asking is taken away in turn and asked (the right answer is its entry, found by the other ways), and
//! asked again with its whole entry taken away (the right answer is then none). That is near-domain material of the very
//! kind that citizens ask, in both languages, whatever the knowledge base is about.

use kb::{HeldOut, Publication, RetrieveError};
use language::Language;

use super::{ChoiceModel, Example, Fit, fit_channel};
use crate::text_channel::TextChannel;

/// So many ways of asking per language are held out at most, evenly spread: enough for eight weights, and about a second
/// at publication.
const MOST_HELD_OUT: usize = 600;

/// With fewer examples the documented constants are kept.
const FEWEST_HELD_OUT: usize = 60;

/// Fits the text channel of one language on the publication itself. `outside` is the expected share of questions that
/// the knowledge base does not answer; `None` where the knowledge base is too small to calibrate on.
pub(crate) fn calibrate_text(
    publication: &Publication,
    channel: &TextChannel,
    start: &ChoiceModel,
    language: Language,
    target: f32,
    outside: f32,
) -> Result<Option<Fit>, RetrieveError> {
    let numbers: Vec<u32> = held_out_variants(publication, language);
    if numbers.len() < FEWEST_HELD_OUT {
        return Ok(None);
    }
    let mut examples = Vec::with_capacity(numbers.len() * 2);
    for number in &numbers {
        let variant = &publication.variants()[*number as usize];
        let own = &publication.entries()[variant.entry as usize].id;
        let candidates = channel.candidates(publication, &variant.text, language, HeldOut::Variant(*number))?;
        examples.push((variant.entry, Example {
            right: candidates.iter().position(|c| c.entry == *own),
            candidates: candidates.into_iter().map(|c| c.features).collect(),
            weight: 1.0 - outside,
        }));
        let candidates = channel.candidates(publication, &variant.text, language, HeldOut::Entry(variant.entry))?;
        examples.push((variant.entry, Example {
            right: None,
            candidates: candidates.into_iter().map(|c| c.features).collect(),
            weight: outside,
        }));
    }
    let source = format!("{} held-out ways of asking of publication {}", numbers.len(), publication.revision());
    Ok(Some(fit_channel(start, &examples, target, source)))
}

/// Variants in one language whose entry can be asked for in another way too, thinned out evenly.
fn held_out_variants(publication: &Publication, language: Language) -> Vec<u32> {
    let variants = publication.variants();
    let all: Vec<u32> = (0..variants.len() as u32)
        .filter(|&number| {
            let variant = &variants[number as usize];
            let another = |v: &&kb::Variant| v.entry == variant.entry && v.language == language && *v != variant;
            // Variants of an entry lie together; the neighbours decide.
            let around = number.saturating_sub(1) as usize..(number as usize + 2).min(variants.len());
            variant.language == language && variants[around].iter().any(|v| another(&v))
        })
        .collect();
    let kept = all.len().min(MOST_HELD_OUT);
    (0..kept).map(|i| all[i * all.len() / kept.max(1)]).collect()
}
