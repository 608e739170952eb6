//! Calibration without hand-made data: the knowledge base is asked its own questions.
//!
//! Every way of asking is taken away in turn and asked (the right answer is its entry, found by the other ways), and
//! asked again with its whole entry taken away (the right answer is then none). That is near-domain material of the very
//! kind that citizens ask, in both languages, whatever the knowledge base is about.

use std::sync::OnceLock;

use kb::{EntryId, HeldOut, LabelledQuestion, Publication, Rehearsal, RetrieveError};
use language::Language;

use super::{ChoiceModel, Example, Fit, fit_channel};
use crate::text_channel::{MONOTONE, TextCandidate, TextChannel};

/// What people say to any assistant and no knowledge base answers: small talk, shopping, sport, school homework. Written for
/// this; its Tibetan awaits a native reviewer.
const BACKGROUND: &str = include_str!("../../data/background.tsv");

/// So many ways of asking per language are held out at most, evenly spread: enough for eight weights, and about a second
/// at publication.
const MOST_HELD_OUT: usize = 600;

/// A question that only the other language's text answers counts so much: such entries are few, and what is learned from them
/// (how far concepts alone can be trusted) changes nothing for the others.
const ONE_LANGUAGE: f32 = 0.1;

/// With fewer labelled questions that have an entry, the threshold is set by the held-out ways of asking: a share of two in a
/// hundred cannot be seen in less than a hundred.
const FEWEST_LABELLED: usize = 100;

/// With fewer examples the documented constants are kept.
const FEWEST_HELD_OUT: usize = 60;

/// Fits the text channel of one language on the publication itself. `outside` is the expected share of questions that
/// the knowledge base does not answer; `None` where the knowledge base is too small to calibrate on.
pub(crate) fn calibrate_text(
    rehearsal: &Rehearsal<'_>,
    channel: &TextChannel,
    start: &ChoiceModel,
    language: Language,
    target: f32,
    outside: f32,
) -> Result<Option<Fit>, RetrieveError> {
    let publication = rehearsal.publication();
    let numbers: Vec<u32> = held_out_variants(publication, language);
    if numbers.len() < FEWEST_HELD_OUT {
        return Ok(None);
    }
    let mut examples = Vec::with_capacity(numbers.len() * 2);
    for number in &numbers {
        let variant = &publication.variants()[*number as usize];
        let own = &publication.entries()[variant.entry as usize].id;
        let ask =
            |held_out| channel.candidates(&variant.text, language, |query| rehearsal.search(query, held_out));
        let inside = ask(HeldOut::Variant(*number))?;
        examples.push((variant.entry, example(inside, Some(own), 1.0 - outside)));
        examples.push((variant.entry, example(ask(HeldOut::EntryOf(*number))?, None, outside)));
        if publication.entries()[variant.entry as usize].text(language.other()).is_some() {
            examples
                .push((variant.entry, example(ask(HeldOut::LanguageOf(*number))?, Some(own), ONE_LANGUAGE)));
        }
    }
    let background: Vec<&str> = background(language).collect();
    let weight = outside * numbers.len() as f32 / background.len().max(1) as f32;
    for (number, text) in (0..).zip(background) {
        let found = channel.candidates(text, language, |query| publication.search(query))?;
        examples.push((number, example(found, None, weight)));
    }
    let labelled = labelled_examples(publication, channel, language, outside)?;
    let source = match labelled.len() {
        0 => format!("{} held-out ways of asking of publication {}", numbers.len(), publication.revision()),
        known => format!(
            "{} held-out ways of asking and {known} labelled questions of publication {}",
            numbers.len(),
            publication.revision()
        ),
    };
    Ok(Some(fit_channel(start, MONOTONE, &examples, &labelled, target, source)))
}

/// The labelled questions of one language, with the entry that decides their fold; none where there are too few to judge
/// by. What is word for word a way of asking says nothing and is left out.
fn labelled_examples(
    publication: &Publication,
    channel: &TextChannel,
    language: Language,
    outside: f32,
) -> Result<Vec<(u32, Example)>, RetrieveError> {
    let new =
        |q: &&LabelledQuestion| q.language == language && publication.asked_exactly(&q.question).is_none();
    let labelled: Vec<&LabelledQuestion> = publication.labelled().iter().filter(new).collect();
    let nothing_fits = labelled.iter().filter(|q| q.entry.is_none()).count();
    let inside = labelled.len() - nothing_fits;
    if inside < FEWEST_LABELLED {
        return Ok(Vec::new());
    }
    // Whatever their number is, those outside stand for the expected share.
    let weight_outside = outside / (1.0 - outside).max(1e-3) * inside as f32 / nothing_fits.max(1) as f32;
    let mut examples = Vec::with_capacity(labelled.len());
    for (at, question) in (0..).zip(labelled) {
        let found = channel.candidates(&question.question, language, |query| publication.search(query))?;
        let fold = question.entry.as_ref().and_then(|entry| publication.number(entry)).unwrap_or(at);
        let weight = if question.entry.is_some() { 1.0 } else { weight_outside };
        examples.push((fold, example(found, question.entry.as_ref(), weight)));
    }
    Ok(examples)
}

fn example(candidates: Vec<TextCandidate>, right: Option<&EntryId>, weight: f32) -> Example {
    Example {
        right: candidates.iter().position(|candidate| Some(&candidate.entry) == right),
        candidates: candidates.into_iter().map(|candidate| candidate.features).collect(),
        weight,
    }
}

/// The background questions of one language.
pub(crate) fn background(language: Language) -> impl Iterator<Item = &'static str> {
    static QUESTIONS: OnceLock<Vec<(Language, &str)>> = OnceLock::new();
    let questions = QUESTIONS.get_or_init(|| {
        let line = |line: &'static str| {
            let (code, question) = line.split_once('\t')?;
            let language = Language::ALL.into_iter().find(|language| language.to_string() == code)?;
            Some((language, question.trim()))
        };
        BACKGROUND.lines().filter_map(line).collect()
    });
    questions.iter().filter(move |(of, _)| *of == language).map(|(_, question)| *question)
}

/// Variants in one language whose entry can be asked for in another way too, thinned out evenly. Titles are not held out:
/// they are written, not asked, and an entry without its title is like none that is published.
fn held_out_variants(publication: &Publication, language: Language) -> Vec<u32> {
    let variants = publication.variants();
    let all: Vec<u32> = (0..variants.len() as u32)
        .filter(|&number| {
            let variant = &variants[number as usize];
            let another =
                |v: &&kb::Variant| v.entry == variant.entry && v.language == language && *v != variant;
            // Variants of an entry lie together; the neighbours decide.
            let around = number.saturating_sub(1) as usize..(number as usize + 2).min(variants.len());
            variant.index > 0 && variant.language == language && variants[around].iter().any(|v| another(&v))
        })
        .collect();
    let kept = all.len().min(MOST_HELD_OUT);
    (0..kept).map(|i| all[i * all.len() / kept.max(1)]).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kb::Collection;

    use super::*;
    use crate::acts::Acts;
    use crate::text_channel::{feature_names, start};

    /// The situation of a knowledge base too small to calibrate on: every entry has one question in each language, and
    /// people ask otherwise.
    #[test]
    #[ignore = "prints constants to be copied into text_channel::start; run it after changing features"]
    fn fit_the_documented_constants_on_the_sample_with_one_question_per_entry() {
        let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/knowledge/sample");
        let collection = Collection::load(&sample).expect("the sample knowledge base");
        let mut single = collection.clone();
        for text in single.entries.iter_mut().flat_map(|s| [&mut s.entry.zh, &mut s.entry.bo]).flatten() {
            text.variants.clear();
        }
        let publication = Publication::new(&single).expect("publishable");
        let channel = TextChannel::new(Arc::new(Acts::new()));
        let mut examples = Vec::new();
        for (number, sourced) in collection.entries.iter().enumerate() {
            for (language, _, text) in sourced.entry.questions().filter(|(_, index, _)| *index > 0) {
                let id = &sourced.entry.id;
                let candidates =
                    channel.candidates(text, language, |query| publication.search(query)).expect("works");
                let without: Vec<TextCandidate> =
                    candidates.iter().filter(|candidate| candidate.entry != *id).cloned().collect();
                examples.push((number as u32, example(candidates, Some(id), 0.9)));
                examples.push((number as u32, example(without, None, 0.1)));
            }
        }
        let fit = fit_channel(&start(), MONOTONE, &examples, &[], 0.02, "the sample".to_owned());
        println!("{fit:?}");
        for (name, weight) in feature_names().iter().zip(&fit.model.weights) {
            println!("{name}: {weight:.1}");
        }
        assert!(fit.expected_wrong < 0.02);
    }
}
