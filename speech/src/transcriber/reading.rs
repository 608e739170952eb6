//! From a network's output to a transcript: what all engines share that emit tokens at frames.

use std::{borrow::Cow, sync::Arc};

use super::{
    dictation::{Dictation, hypothesis},
    tokens::Tokens,
};
use crate::{
    DecodeOptions, SAMPLE_RATE, TranscribeRequest, Transcript,
    decode::{DecodedToken, GreedyPath, LogPosteriors, log_softmax},
    evidence::{PosteriorEvidence, Units},
};

/// Shorter audio than one frame of 25 ms is nothing at all, in samples.
pub(super) const ONE_FRAME: usize = SAMPLE_RATE as usize / 40;

/// Shorter clips are padded with silence to this many samples, because convolutions need some context to begin with.
const SHORTEST: usize = SAMPLE_RATE as usize * 4 / 10;

/// A token that an engine emitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Emission {
    /// Its class.
    pub class: u32,
    /// When it begins, in milliseconds from the start of the audio.
    pub start_ms: u32,
    /// When it ends.
    pub end_ms: u32,
    /// Its posterior, 0 to 1; `None` where the engine does not say.
    pub probability: Option<f32>,
}

impl Emission {
    /// A decoded token, `frame_ms` being the time from one frame to the next.
    pub fn of(token: &DecodedToken, frame_ms: f32) -> Self {
        let at = |frame: usize| (frame as f32 * frame_ms).round() as u32;
        let (start_ms, end_ms) = (at(token.start), at(token.end));
        Self { class: token.class, start_ms, end_ms, probability: Some(token.confidence) }
    }
}

/// A CTC network's output for an utterance, or for as much of it as has been heard: log-posteriors and their greedy path.
#[derive(Clone)]
pub(super) struct CtcOutput {
    values: Vec<f32>,
    classes: usize,
    blank: usize,
    frame_ms: f32,
    path: GreedyPath,
}

impl CtcOutput {
    /// No frames yet, of a vocabulary. `frame_ms` is the time from one frame to the next.
    pub fn new(tokens: &Tokens, frame_ms: f32) -> Self {
        let (classes, blank) = (tokens.names().len(), tokens.blank());
        Self { values: Vec::new(), classes, blank, frame_ms, path: GreedyPath::new(blank) }
    }

    /// Goes on with `frames × classes` log-posteriors, row by row, or logits that are still to be normalised.
    ///
    /// # Errors
    /// Where some are not a number: then the network's output means nothing.
    pub fn extend(&mut self, mut values: Vec<f32>, logits: bool) -> Result<(), String> {
        self.path.extend(&values, self.classes);
        if logits {
            log_softmax(&mut values, self.classes);
        }
        if values.iter().any(|value| value.is_nan()) {
            return Err("its output holds what is not a number".into());
        }
        if self.values.is_empty() {
            self.values = values;
        } else {
            self.values.extend(values);
        }
        Ok(())
    }

    /// [`Self::new`] with all frames at once.
    ///
    /// # Errors
    /// As [`Self::extend`].
    pub fn of(tokens: &Tokens, frame_ms: f32, values: Vec<f32>, logits: bool) -> Result<Self, String> {
        let mut output = Self::new(tokens, frame_ms);
        output.extend(values, logits)?;
        Ok(output)
    }

    /// The best path through them.
    pub const fn path(&self) -> &GreedyPath {
        &self.path
    }

    /// Milliseconds from one frame to the next.
    pub const fn frame_ms(&self) -> f32 {
        self.frame_ms
    }

    /// The greedy path's tokens.
    ///
    /// # Errors
    /// Where the posteriors do not make whole frames.
    pub fn emissions(&self) -> Result<Vec<Emission>, String> {
        let decoded = self.path.decoded(self.matrix()?);
        Ok(decoded.tokens.iter().map(|token| Emission::of(token, self.frame_ms)).collect())
    }

    /// The posteriors as what is decoded.
    ///
    /// # Errors
    /// Where they do not make whole frames.
    pub fn matrix(&self) -> Result<LogPosteriors<'_>, String> {
        LogPosteriors::new(&self.values, self.classes, self.blank).map_err(|error| error.to_string())
    }
}

/// How an engine's output is read.
pub(super) struct Reading<'a> {
    pub tokens: &'a Tokens,
    /// How forms are spelled in its classes; `None` where it cannot weigh them, or nobody asks.
    pub units: Option<&'a Units>,
    /// Writes down what is heard; `None` where the engine's text may not be shown.
    pub dictation: Option<&'a mut Dictation>,
}

impl Reading<'_> {
    /// The transcript of a CTC output. Where every frame is a blank nothing was said, and the shortest question would
    /// "explain" that best: then there is no evidence either.
    ///
    /// # Errors
    /// Where the posteriors do not make whole frames.
    pub fn of_ctc(
        self,
        output: Cow<'_, CtcOutput>,
        request: &TranscribeRequest,
        seconds: f32,
    ) -> Result<Transcript, String> {
        let mut transcript = nothing(request, seconds);
        if output.path.is_empty() {
            return Ok(transcript);
        }
        if let Some(dictation) = self.dictation {
            // What is shown while somebody speaks is soon replaced: it is not searched for.
            let greedy = DecodeOptions::default();
            let options = if request.partial { &greedy } else { &request.decoding };
            transcript.hypotheses = dictation.write(self.tokens, &output, options)?;
        }
        if let Some(units) = self.units {
            let CtcOutput { values, classes, blank, .. } = output.into_owned();
            let evidence = PosteriorEvidence::new(values, classes, blank, units.clone(), seconds)
                .map_err(|e| e.to_string())?;
            transcript.evidence = Some(Arc::new(evidence));
        }
        Ok(transcript)
    }

    /// The transcript of emitted tokens; `timed` where their times mean something.
    pub fn of_emissions(
        self,
        emissions: &[Emission],
        timed: bool,
        request: &TranscribeRequest,
        seconds: f32,
    ) -> Transcript {
        let mut transcript = nothing(request, seconds);
        if self.dictation.is_some() {
            transcript.hypotheses.extend(hypothesis(self.tokens, emissions, timed, None));
        }
        transcript
    }
}

/// The transcript of silence.
pub(super) fn nothing(request: &TranscribeRequest, seconds: f32) -> Transcript {
    Transcript { language: request.language, hypotheses: Vec::new(), evidence: None, seconds }
}

/// The audio, with silence behind it where it is shorter than [`SHORTEST`].
pub(super) fn padded(audio: &[f32]) -> Cow<'_, [f32]> {
    if audio.len() >= SHORTEST {
        return Cow::Borrowed(audio);
    }
    let mut padded = audio.to_vec();
    padded.resize(SHORTEST, 0.0);
    Cow::Owned(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::parse("<blk> 0\na 1\nb 2\n", false).unwrap()
    }

    #[test]
    fn logits_become_log_posteriors_and_times_count_frames() {
        let output = CtcOutput::of(&tokens(), 60.0, vec![5.0, 1.0, 0.0, 0.0, 9.0, 9.5], true).unwrap();
        let emissions = output.emissions().unwrap();
        assert_eq!((emissions[0].class, emissions[0].start_ms, emissions[0].end_ms), (2, 60, 120));
        assert!((emissions[0].probability.unwrap() - 0.622_4).abs() < 1e-3);
        for row in output.values.chunks(3) {
            assert!((row.iter().map(|value| value.exp()).sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn output_in_pieces_is_the_output_of_the_whole_and_nonsense_is_an_error() {
        let rows = [0.0, 1.0, 2.0, 0.0, 1.0, 3.0, 4.0, 0.0, 0.0];
        let whole = CtcOutput::of(&tokens(), 40.0, rows.to_vec(), true).unwrap();
        let mut pieces = CtcOutput::new(&tokens(), 40.0);
        for row in rows.chunks(3) {
            pieces.extend(row.to_vec(), true).unwrap();
        }
        assert_eq!(pieces.values, whole.values);
        assert_eq!(pieces.emissions(), whole.emissions());
        for nonsense in [f32::NAN, f32::INFINITY] {
            let error = CtcOutput::of(&tokens(), 40.0, vec![nonsense, 0.0, 0.0], true).err().unwrap();
            assert!(error.contains("not a number"), "{error}");
        }
        assert!(CtcOutput::of(&tokens(), 40.0, vec![f32::NAN, -1.0, -1.0], false).is_err());
    }

    #[test]
    fn only_what_is_asked_for_is_made_and_of_blanks_nothing() {
        let tokens = tokens();
        let units = Units::Characters(Arc::new(tokens.characters()));
        let mut dictation = Dictation::new(&tokens);
        let mut read = |rows: &[f32], units: Option<&Units>, dictates: bool| {
            let output = CtcOutput::of(&tokens, 40.0, rows.to_vec(), true).unwrap();
            let dictation = dictates.then_some(&mut dictation);
            let reading = Reading { tokens: &tokens, units, dictation };
            reading.of_ctc(Cow::Owned(output), &TranscribeRequest::default(), 0.04).unwrap()
        };
        let (a, blank) = ([0.0, 9.0, 0.0], [9.0, 0.0, 0.0]);
        let all = read(&a, Some(&units), true);
        assert!(all.text() == "a" && all.evidence.is_some());
        assert!(read(&a, None, true).evidence.is_none() && read(&a, Some(&units), false).text().is_empty());
        let silent = read(&blank, Some(&units), true);
        assert!(silent.hypotheses.is_empty() && silent.evidence.is_none());
    }
}
