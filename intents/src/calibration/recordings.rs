//! Calibration of the voice channel on recordings of known questions.
//!
//! Each recording is asked as it is; again without the very way of asking that was read out, so that its entry must be found
//! by the others; and again without its entry, where the right answer is none.

use std::sync::Arc;

use kb::{EntryId, RetrieveError};
use language::{Evidence, Language};

use super::{Calibration, Example, fit_channel};
use crate::voice_channel::{MONOTONE, Prior, VoiceCandidate, VoiceScores, Without, start};
use crate::{Settings, Understander};

/// Fewer recordings than this in one language leave its calibration as it is.
pub const FEWEST_RECORDINGS: usize = 200;

/// One spoken question whose right entry is known.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What the recogniser made of the sound.
    pub evidence: Arc<dyn Evidence>,
    /// Its text; empty where the recogniser takes no dictation.
    pub text: String,
    /// The language it is spoken in.
    pub language: Language,
    /// The entry it asks for; `None` where the knowledge base has none.
    pub entry: Option<EntryId>,
    /// The way of asking that was read out, where it was read out.
    pub read: Option<String>,
}

/// The understander's calibration with the voice channel fitted anew in every language that has at least
/// [`FEWEST_RECORDINGS`]; those whose evidence does not cover a knowledge base do not count. Takes milliseconds a recording, nearly all of them the evidence's.
///
/// # Errors
/// [`RetrieveError`] where the index fails, which only recordings with text can meet.
pub fn calibrate_voice(
    understander: &Understander,
    recordings: &[Recording],
    settings: &Settings,
) -> Result<Calibration, RetrieveError> {
    let mut calibration = understander.calibration().clone();
    for language in Language::ALL {
        let spoken: Vec<&Recording> =
            recordings.iter().filter(|r| r.language == language && r.evidence.covers_all()).collect();
        if spoken.len() < FEWEST_RECORDINGS {
            continue;
        }
        let mut examples = Vec::with_capacity(spoken.len() * 3);
        for (number, recording) in spoken.iter().enumerate() {
            let fold = match &recording.entry {
                Some(entry) => understander.publication().number(entry).unwrap_or_default(),
                None => number as u32,
            };
            let asked = ask(understander, recording, settings)?;
            examples.extend(asked.into_iter().map(|example| (fold, example)));
        }
        let source =
            format!("{} recordings, on publication {}", spoken.len(), understander.publication().revision());
        *calibration.voice.get_mut(language) =
            fit_channel(&start(), MONOTONE, &examples, &[], settings.wrong_share, source);
    }
    Ok(calibration)
}

fn ask(
    understander: &Understander,
    recording: &Recording,
    settings: &Settings,
) -> Result<Vec<Example>, RetrieveError> {
    let publication = understander.publication();
    let dictated = understander.dictated(&recording.text, recording.evidence.as_ref())?;
    let prior = Prior {
        language: recording.language,
        on_offer: &[],
        clearest: dictated.clearest,
        clarity: dictated.clarity,
        words: &|entry| dictated.utilities.get(&entry).copied().unwrap_or_default(),
    };
    let scores = VoiceScores::new(publication, recording.evidence.as_ref());
    let model = start();
    let compete = |without| scores.candidates(publication, &prior, without, &model);
    let own = recording.entry.as_ref().and_then(|entry| publication.number(entry));
    let Some(own) = own else {
        return Ok(vec![example(compete(Without::Nothing), None, settings.outside_share)]);
    };
    let inside = 1.0 - settings.outside_share;
    let read = recording.read.as_deref().and_then(|text| {
        let same = |variant: &kb::Variant| variant.entry == own && variant.text == text;
        publication.variants().iter().position(same)
    });
    let others =
        publication.variants().iter().filter(|v| v.entry == own && v.language == recording.language).count();
    let mut examples = vec![example(compete(Without::Entry(own)), None, settings.outside_share)];
    match read.filter(|_| others > 1) {
        Some(read) => {
            examples.push(example(compete(Without::Nothing), Some(own), inside / 2.0));
            examples.push(example(compete(Without::Variant(read as u32)), Some(own), inside / 2.0));
        }
        None => examples.push(example(compete(Without::Nothing), Some(own), inside)),
    }
    Ok(examples)
}

fn example(candidates: Vec<VoiceCandidate>, right: Option<u32>, weight: f32) -> Example {
    Example {
        right: candidates.iter().position(|candidate| Some(candidate.entry) == right),
        candidates: candidates.into_iter().map(|candidate| candidate.features).collect(),
        weight,
    }
}
