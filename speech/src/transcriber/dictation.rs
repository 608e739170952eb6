//! From a dictating model's posteriors to [`Hypothesis`]es: decoding, text, words with times.

use language::Script;

use super::{
    reading::{CtcOutput, Emission},
    tokens::Tokens,
};
use crate::{
    Hypothesis,
    decode::{BiasCache, Context, DecodeOptions, TimedCharacter, decode, words},
    evidence::Pieces,
};

/// Writes down what posteriors say, for one transcriber.
#[derive(Debug)]
pub(super) struct Dictation {
    /// Spells expected phrases. A phrase that the model would cut into other pieces is not rewarded, and nothing else goes
    /// wrong.
    pieces: Pieces,
    /// What is expected in every utterance.
    standing: BiasCache,
    /// What is expected in single ones: small, but the same in each of an utterance's transcripts.
    utterances: BiasCache,
}

impl Dictation {
    /// Prepares for a vocabulary.
    pub fn new(tokens: &Tokens) -> Self {
        Self { pieces: tokens.pieces(), standing: BiasCache::default(), utterances: BiasCache::default() }
    }

    /// The readings of an output, best first, without empty and repeated texts.
    ///
    /// # Errors
    /// Where the posteriors do not make whole frames.
    pub fn write(
        &mut self,
        tokens: &Tokens,
        output: &CtcOutput,
        options: &DecodeOptions,
    ) -> Result<Vec<Hypothesis>, String> {
        let matrix = output.matrix()?;
        let all = if options.is_greedy() {
            vec![output.path().decoded(matrix)]
        } else {
            let spell = |phrase: &str| spell(&self.pieces, phrase);
            let standing = self.standing.graph(&options.bias, spell);
            let utterance = self.utterances.graph(&options.expected, spell);
            decode(matrix, options, Context::new(standing.as_deref(), utterance.as_deref()))
        };
        let mut readings: Vec<Hypothesis> = Vec::new();
        for decoded in all {
            let of = |token| Emission::of(token, output.frame_ms());
            let emissions: Vec<Emission> = decoded.tokens.iter().map(of).collect();
            let Some(reading) = hypothesis(tokens, &emissions, true, Some(decoded.confidence)) else {
                continue;
            };
            // Several sequences of pieces can spell one text.
            match readings.iter_mut().find(|known| known.text == reading.text) {
                Some(known) => {
                    known.confidence = known.confidence.zip(reading.confidence).map(|(a, b)| a + b);
                }
                None => readings.push(reading),
            }
        }
        Ok(readings)
    }
}

/// The text of emitted tokens, with its words where they are `timed`; `None` where there is no text.
pub(super) fn hypothesis(
    tokens: &Tokens,
    emissions: &[Emission],
    timed: bool,
    confidence: Option<f32>,
) -> Option<Hypothesis> {
    let classes: Vec<u32> = emissions.iter().map(|emission| emission.class).collect();
    let characters = tokens.spelled(&classes);
    if characters.is_empty() {
        return None;
    }
    let text = characters.iter().map(|(character, _)| character).collect();
    let place = |(character, from): &(char, std::ops::Range<usize>)| {
        let by = &emissions[from.clone()];
        let least =
            by.iter().map(|emission| emission.probability).reduce(|a, b| a.zip(b).map(|(a, b)| a.min(b)));
        TimedCharacter {
            character: *character,
            start_ms: by.first().map_or(0, |emission| emission.start_ms),
            end_ms: by.last().map_or(0, |emission| emission.end_ms),
            confidence: least.flatten(),
        }
    };
    let words = if timed { words(&characters.iter().map(place).collect::<Vec<_>>()) } else { Vec::new() };
    Some(Hypothesis { text, confidence, words })
}

/// An expected phrase in a vocabulary's pieces; `None` where they cannot spell it. Punctuation is not said, and left out even
/// where the vocabulary has it.
fn spell(pieces: &Pieces, phrase: &str) -> Option<Vec<u32>> {
    let said = |c: char| c.is_alphanumeric() || Script::of(c) == Script::Tibetan || c == '\'';
    pieces.spell(&phrase.replace(|c| !said(c), " "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::decode::{Bias, BiasPhrase};

    fn tokens(table: &str) -> Tokens {
        Tokens::parse(table, false).unwrap()
    }

    /// Ln-posteriors with these classes likely: one row per frame, the rest shared evenly.
    fn rows(classes: usize, frames: &[&[(usize, f32)]]) -> Vec<f32> {
        frames
            .iter()
            .flat_map(|frame| {
                let rest = 1.0 - frame.iter().map(|(_, p)| p).sum::<f32>();
                let mut row = vec![(rest / (classes - frame.len()) as f32).ln(); classes];
                for (class, probability) in *frame {
                    row[*class] = probability.ln();
                }
                row
            })
            .collect()
    }

    #[test]
    fn a_reading_has_text_words_and_times() {
        let tokens = tokens("<blk> 0\n社 1\n保 2\n▁OK 3\nཁ 4\n་ 5\nང 6\n");
        let sharp = |class| [(class, 0.97_f32)];
        let frames = [0, 1, 1, 2, 0, 3, 4, 5, 6, 0].map(sharp);
        let frames: Vec<&[(usize, f32)]> = frames.iter().map(<[_; 1]>::as_slice).collect();
        let output = CtcOutput::of(&tokens, 40.0, rows(7, &frames), false).unwrap();
        let written = Dictation::new(&tokens).write(&tokens, &output, &DecodeOptions::default()).unwrap();
        let [reading] = written.as_slice() else { panic!("{written:?}") };
        assert_eq!(reading.text, "社保 OKཁ་ང");
        let times: Vec<(&str, u32, u32)> =
            reading.words.iter().map(|word| (word.text.as_str(), word.start_ms, word.end_ms)).collect();
        assert_eq!(
            times,
            [("社", 40, 120), ("保", 120, 160), ("OK", 200, 240), ("ཁ", 240, 280), ("ང", 320, 360)]
        );
        assert!(reading.confidence.unwrap() > 0.9);
        assert!(reading.words.iter().all(|word| word.confidence.unwrap() > 0.9));
    }

    #[test]
    fn an_expected_phrase_wins_over_one_that_sounds_a_little_better() {
        let tokens = tokens("<blk> 0\n社 1\n设 2\n保 3\n");
        let matrix = rows(4, &[&[(2, 0.55), (1, 0.4)], &[(3, 0.9)], &[(0, 0.9)]]);
        let output = CtcOutput::of(&tokens, 40.0, matrix, false).unwrap();
        let mut dictation = Dictation::new(&tokens);
        let plain = DecodeOptions { beam: 8, nbest: 2, ..DecodeOptions::default() };
        let first = |dictation: &mut Dictation, options: &DecodeOptions| {
            dictation.write(&tokens, &output, options).unwrap().remove(0).text
        };
        assert_eq!(first(&mut dictation, &plain), "设保");
        let bias = Bias::new([BiasPhrase { text: "社保".to_owned(), weight: 0.5 }]);
        let biased = DecodeOptions { bias: Arc::new(bias), ..plain };
        assert_eq!(first(&mut dictation, &biased), "社保");
    }

    #[test]
    fn words_are_chinese_characters_tibetan_syllables_and_what_stands_between_signs() {
        let table = "<blk> 0\n▁he 1\nllo 2\n社 3\n保 4\nབོད་ 5\nསྐད 6\n། 7\n▁OK 8\n，9 9\n";
        let tokens = tokens(table);
        let emission = |(frame, class)| {
            let start_ms = frame as u32 * 40;
            Emission { class, start_ms, end_ms: start_ms + 40, probability: Some(0.5) }
        };
        let emissions: Vec<Emission> = (1..=9).enumerate().map(emission).collect();
        let timed = hypothesis(&tokens, &emissions, true, None).unwrap();
        assert_eq!(timed.text, "hello社保བོད་སྐད། OK，9");
        let words: Vec<(&str, u32, u32)> =
            timed.words.iter().map(|word| (word.text.as_str(), word.start_ms, word.end_ms)).collect();
        assert_eq!(
            words,
            [
                ("hello", 0, 80),
                ("社", 80, 120),
                ("保", 120, 160),
                ("བོད", 160, 200),
                ("སྐད", 200, 240),
                ("OK", 280, 320),
                ("9", 320, 360)
            ]
        );
        assert_eq!((timed.confidence, timed.words[0].confidence), (None, Some(0.5)));
        let untimed = hypothesis(&tokens, &emissions, false, Some(0.7)).unwrap();
        assert_eq!((untimed.text, untimed.confidence, untimed.words), (timed.text, Some(0.7), Vec::new()));
        assert_eq!(hypothesis(&tokens, &[], true, None), None);
    }

    #[test]
    fn specials_alone_are_no_reading() {
        let tokens = tokens("<blk> 0\n<unk> 1\n▁ 2\na 3\n");
        let output = CtcOutput::of(&tokens, 40.0, rows(4, &[&[(1, 0.9)], &[(2, 0.9)]]), false).unwrap();
        for beam in [1, 4] {
            let options = DecodeOptions { beam, ..DecodeOptions::default() };
            assert_eq!(Dictation::new(&tokens).write(&tokens, &output, &options), Ok(Vec::new()));
        }
    }

    #[test]
    fn phrases_are_spelled_in_characters_pieces_and_bytes() {
        let spell = |tokens: &Tokens, phrase: &str| spell(&tokens.pieces(), phrase);
        let characters = tokens("<blk> 0\n社 1\n保 2\n卡 3\n？ 4\n");
        assert_eq!(spell(&characters, "社 保卡"), Some(vec![1, 2, 3]));
        assert_eq!(spell(&characters, "“社保”卡？"), Some(vec![1, 2, 3]));
        assert_eq!(spell(&characters, "社会"), None);
        let syllables = tokens("<blk> 0\nབོད 1\nཡིག 2\n");
        assert_eq!(spell(&syllables, "བོད་ཡིག་།"), Some(vec![1, 2]));
        let letters = tokens("<blk> 0\nབ 1\nོ 2\nད 3\n་ 4\n");
        assert_eq!(spell(&letters, "བོད་"), Some(vec![1, 2, 3, 4]));
        let pieces = tokens("<blk> 0\n▁op 1\nen 2\n▁社 3\n保卡 4\n保 5\no 6\n");
        assert_eq!(spell(&pieces, "open"), Some(vec![1, 2]));
        assert_eq!(spell(&pieces, "社保卡"), Some(vec![3, 4]), "the longest piece that fits");
        let byte_level = Tokens::parse("<blk> 0\nƌ 1\n", true).unwrap();
        assert_eq!(spell(&byte_level, "社"), None);
    }
}
