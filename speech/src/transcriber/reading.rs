//! From a network's output to a transcript: what all engines share that emit tokens at frames.

use std::{borrow::Cow, sync::Arc};

use language::Script;

use super::{dictation::Dictation, tokens::Tokens};
use crate::{
    Hypothesis, SAMPLE_RATE, TimedWord, TranscribeRequest, Transcript,
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

/// A CTC network's output for one utterance.
pub(super) struct CtcOutput {
    /// `frames × classes`, row by row: log-posteriors, or logits.
    pub values: Vec<f32>,
    /// Classes per frame.
    pub classes: usize,
    /// The blank's class.
    pub blank: usize,
    /// Milliseconds from one frame to the next.
    pub shift_ms: u32,
    /// Whether the values are logits and still to be normalised.
    pub logits: bool,
}

/// A stretch of frames whose best class is the same and no blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    class: usize,
    first: usize,
    last: usize,
}

impl CtcOutput {
    /// The greedy path, and the output as log-posteriors. The path is taken before normalisation, whose rounding could
    /// make two classes equal.
    pub fn read(mut self) -> (Vec<Emission>, Vec<f32>) {
        let path = greedy(&self.values, self.classes, self.blank);
        if self.logits {
            log_softmax(&mut self.values, self.classes);
        }
        let (values, classes, shift) = (&self.values, self.classes, self.shift_ms);
        let emissions = path
            .into_iter()
            .map(|stretch| Emission {
                class: stretch.class as u32,
                start_ms: stretch.first as u32 * shift,
                end_ms: (stretch.last as u32 + 1) * shift,
                probability: (stretch.first..=stretch.last)
                    .map(|frame| values[frame * classes + stretch.class].exp().min(1.0))
                    .filter(|probability| probability.is_finite())
                    .reduce(f32::max),
            })
            .collect();
        (emissions, self.values)
    }
}

/// Each frame's best class (the first of equals), repetitions merged, blanks dropped.
///
/// Source: Graves et al. 2006, "best path decoding"; sherpa-onnx `offline-ctc-greedy-search-decoder.cc`.
fn greedy(values: &[f32], classes: usize, blank: usize) -> Vec<Stretch> {
    let mut path: Vec<Stretch> = Vec::new();
    let mut previous = blank;
    for (frame, row) in values.chunks_exact(classes.max(1)).enumerate() {
        let best = best(row);
        match path.last_mut() {
            Some(stretch) if best == previous && best != blank => stretch.last = frame,
            _ if best != blank => path.push(Stretch { class: best, first: frame, last: frame }),
            _ => {}
        }
        previous = best;
    }
    path
}

/// Index of the largest number, the first of equals; 0 where nothing compares (NaN).
pub(super) fn best(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
}

/// Logits → natural logarithms of posteriors, row by row in place.
fn log_softmax(values: &mut [f32], classes: usize) {
    for row in values.chunks_exact_mut(classes.max(1)) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|&value| f64::from(value - largest).exp()).sum();
        let norm = (f64::from(largest) + sum.ln()) as f32;
        for value in row {
            *value -= norm;
        }
    }
}

/// How an engine's output is read.
pub(super) struct Reading<'a> {
    pub tokens: &'a Tokens,
    /// How forms are spelled in its classes; `None` where it cannot weigh them.
    pub units: Option<&'a Units>,
    /// Writes down what is not decoded greedily; `None` where the engine's text may not be shown.
    pub dictation: Option<&'a mut Dictation>,
}

impl Reading<'_> {
    /// The transcript of a CTC output. Where every frame is a blank nothing was said, and the shortest question would
    /// "explain" that best: then there is no evidence either.
    pub fn of_ctc(
        self,
        output: CtcOutput,
        request: &TranscribeRequest,
        seconds: f32,
    ) -> Result<Transcript, String> {
        let (classes, blank) = (output.classes, output.blank);
        let (emissions, posteriors) = output.read();
        let mut transcript = self.of_emissions(&emissions, true, request, seconds);
        if let Some(dictation) =
            self.dictation.filter(|_| !emissions.is_empty() && !request.decoding.is_greedy())
        {
            transcript.hypotheses = dictation.write(self.tokens, &posteriors, seconds, &request.decoding)?;
        }
        if let Some(units) = self.units.filter(|_| !emissions.is_empty()) {
            let evidence = PosteriorEvidence::new(posteriors, classes, blank, units.clone(), seconds)
                .map_err(|e| e.to_string())?;
            transcript.evidence = Some(Arc::new(evidence));
        }
        Ok(transcript)
    }

    /// The transcript of emitted tokens; `timed` where their times mean something.
    pub fn of_emissions(
        &self,
        emissions: &[Emission],
        timed: bool,
        request: &TranscribeRequest,
        seconds: f32,
    ) -> Transcript {
        let mut transcript = nothing(request, seconds);
        if self.dictation.is_some()
            && let Some(hypothesis) = hypothesis(self.tokens, emissions, timed)
        {
            transcript.hypotheses.push(hypothesis);
        }
        transcript
    }
}

/// The transcript of silence.
pub(super) fn nothing(request: &TranscribeRequest, seconds: f32) -> Transcript {
    Transcript { language: request.language, hypotheses: Vec::new(), evidence: None, seconds }
}

/// Samples that are no numbers are silence: a broken device shall not make a network's whole output NaN.
pub(super) fn finite(audio: &[f32]) -> Cow<'_, [f32]> {
    if audio.iter().all(|sample| sample.is_finite()) {
        return Cow::Borrowed(audio);
    }
    Cow::Owned(audio.iter().map(|&sample| if sample.is_finite() { sample } else { 0.0 }).collect())
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

/// The text of emitted tokens with its words; `None` where there is no text.
fn hypothesis(tokens: &Tokens, emissions: &[Emission], timed: bool) -> Option<Hypothesis> {
    let classes: Vec<u32> = emissions.iter().map(|emission| emission.class).collect();
    let characters = tokens.spelled(&classes);
    let text: String = characters.iter().map(|&(character, _)| character).collect();
    let text = text.trim().to_owned();
    if text.is_empty() {
        return None;
    }
    let sure: Option<f32> = emissions.iter().map(|emission| emission.probability).sum();
    let confidence = sure.map(|sum| sum / emissions.len() as f32);
    let words = if timed { words(&characters, emissions) } else { Vec::new() };
    Some(Hypothesis { text, confidence, words })
}

/// Cuts characters (each with the index of the token that it came from) into words: at white space, around every Chinese
/// character, and after every Tibetan tsheg.
fn words(characters: &[(char, usize)], emissions: &[Emission]) -> Vec<TimedWord> {
    const TSHEG: char = '\u{f0b}';
    let mut words: Vec<TimedWord> = Vec::new();
    let mut open = false;
    let mut before = None;
    for &(character, index) in characters {
        let script = Script::of(character);
        let apart =
            script == Script::Han || before.is_some_and(|b| b == TSHEG || Script::of(b) == Script::Han);
        // What follows a Chinese character or a tsheg without being a letter belongs to it: punctuation.
        let joins = open && (!apart || !(character.is_alphanumeric()));
        before = Some(character);
        if character.is_whitespace() {
            open = false;
            continue;
        }
        let Some(&Emission { start_ms, end_ms, probability, .. }) = emissions.get(index) else { continue };
        match words.last_mut() {
            Some(word) if joins => {
                word.text.push(character);
                word.end_ms = word.end_ms.max(end_ms);
                word.confidence = word.confidence.zip(probability).map(|(a, b)| a.min(b));
            }
            _ => {
                words.push(TimedWord { text: character.into(), start_ms, end_ms, confidence: probability });
            }
        }
        open = true;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emission(class: u32, frame: u32) -> Emission {
        Emission { class, start_ms: frame * 40, end_ms: frame * 40 + 40, probability: Some(0.5) }
    }

    #[test]
    fn repetitions_merge_blanks_part_and_the_first_of_equals_wins() {
        let rows = [[0., 1., 1.], [0., 2., 1.], [3., 0., 0.], [0., 1., 0.], [0., 0., 1.], [f32::NAN; 3]];
        let path = greedy(&rows.concat(), 3, 0);
        let stretch = |class, first, last| Stretch { class, first, last };
        assert_eq!(path, [stretch(1, 0, 1), stretch(1, 3, 3), stretch(2, 4, 4)]);
        assert!(greedy(&[], 3, 0).is_empty());
    }

    #[test]
    fn logits_become_log_posteriors_and_times_count_frames() {
        let output = CtcOutput {
            values: vec![5.0, 1.0, 0.0, 0.0, 9.0, 9.5],
            classes: 3,
            blank: 0,
            shift_ms: 60,
            logits: true,
        };
        let (emissions, posteriors) = output.read();
        assert_eq!((emissions[0].class, emissions[0].start_ms, emissions[0].end_ms), (2, 60, 120));
        assert!((emissions[0].probability.unwrap() - 0.622_4).abs() < 1e-3);
        for row in posteriors.chunks(3) {
            assert!((row.iter().map(|value| value.exp()).sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn words_are_chinese_characters_tibetan_syllables_and_what_white_space_parts() {
        let table = "<blk> 0\n▁he 1\nllo 2\n社 3\n保 4\nབོད་ 5\nསྐད 6\n། 7\n▁OK 8\n，9 9\n";
        let tokens = Tokens::parse(table, false).unwrap();
        let classes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        let emissions: Vec<Emission> =
            classes.iter().enumerate().map(|(frame, &class)| emission(class, frame as u32)).collect();
        let hypothesis = hypothesis(&tokens, &emissions, true).unwrap();
        assert_eq!(hypothesis.text, "hello社保བོད་སྐད། OK，9");
        let words: Vec<(&str, u32, u32)> =
            hypothesis.words.iter().map(|word| (word.text.as_str(), word.start_ms, word.end_ms)).collect();
        assert_eq!(
            words,
            [
                ("hello", 0, 80),
                ("社", 80, 120),
                ("保", 120, 160),
                ("བོད་", 160, 200),
                ("སྐད།", 200, 280),
                ("OK，9", 280, 360)
            ]
        );
        assert_eq!(hypothesis.confidence, Some(0.5));
        assert_eq!(hypothesis.words[0].confidence, Some(0.5));
    }

    #[test]
    fn samples_that_are_no_numbers_become_silence() {
        assert_eq!(finite(&[0.5, f32::NAN, f32::INFINITY]).as_ref(), [0.5, 0.0, 0.0]);
        assert!(matches!(finite(&[0.5]), Cow::Borrowed(_)));
    }
}
