//! From a dictating model's posteriors to [`Hypothesis`]es: decoding, text, words with times.

use std::collections::HashMap;

use language::Script;

use super::tokens::{Tokens, WORD, is_special};
use crate::{
    Hypothesis,
    decode::{BiasCache, DecodeOptions, Decoded, DecodedToken, LogPosteriors, TimedCharacter, decode, words},
};

/// Writes down what posteriors say, for one transcriber.
#[derive(Debug)]
pub(super) struct Dictation {
    speller: Speller,
    biases: BiasCache,
}

impl Dictation {
    /// Prepares for a vocabulary.
    pub fn new(tokens: &Tokens) -> Self {
        Self { speller: Speller::new(tokens), biases: BiasCache::default() }
    }

    /// The readings of `posteriors` (log-posteriors, `frames × classes`), best first, without empty and repeated texts.
    /// `seconds` is the length of the audio that the frames cover.
    pub fn write(
        &mut self,
        tokens: &Tokens,
        posteriors: &[f32],
        seconds: f32,
        options: &DecodeOptions,
    ) -> Result<Vec<Hypothesis>, String> {
        let matrix = LogPosteriors::new(posteriors, tokens.names().len(), tokens.blank())
            .map_err(|error| error.to_string())?;
        let context = self.biases.graph(&options.bias, |phrase| self.speller.spell(phrase));
        let frame_ms = seconds * 1000.0 / matrix.frames().max(1) as f32;
        let mut readings: Vec<Hypothesis> = Vec::new();
        for decoded in decode(matrix, options, context.as_deref()) {
            let reading = hypothesis(tokens, &decoded, frame_ms);
            // Several sequences of pieces can spell one text.
            match readings.iter_mut().find(|known| known.text == reading.text) {
                Some(known) => {
                    known.confidence = known.confidence.zip(reading.confidence).map(|(a, b)| a + b);
                }
                None if reading.text.is_empty() => {}
                None => readings.push(reading),
            }
        }
        Ok(readings)
    }
}

fn hypothesis(tokens: &Tokens, decoded: &Decoded, frame_ms: f32) -> Hypothesis {
    let characters = tokens.characters_of(&decoded.classes());
    let timed: Vec<TimedCharacter> = characters
        .iter()
        .map(|(character, spelled)| {
            let by: &[DecodedToken] = &decoded.tokens[spelled.clone()];
            let at = |frame: usize| (frame as f32 * frame_ms).round() as u32;
            TimedCharacter {
                character: *character,
                start_ms: by.first().map_or(0, |token| at(token.start)),
                end_ms: by.last().map_or(0, |token| at(token.end)),
                confidence: by.iter().map(|token| token.confidence).reduce(f32::min),
            }
        })
        .collect();
    Hypothesis {
        text: characters.iter().map(|(character, _)| character).collect(),
        confidence: Some(decoded.confidence),
        words: words(&timed),
    }
}

/// Spells phrases in a vocabulary's pieces, by the longest piece that fits. That need not be how the model would cut them, but
/// mostly is; a phrase that the model cuts otherwise is not rewarded, and nothing else goes wrong.
#[derive(Debug)]
struct Speller {
    pieces: HashMap<String, u32>,
    /// Characters of the longest piece.
    longest: usize,
    /// Whether pieces mark where words begin.
    marks_words: bool,
    /// Byte-level BPE: the character that stands for a byte.
    character_of: Option<HashMap<u8, char>>,
}

impl Speller {
    fn new(tokens: &Tokens) -> Self {
        let usable = |(id, name): &(usize, &String)| *id != tokens.blank() && !is_special(name);
        let mut pieces = HashMap::new();
        for (id, name) in tokens.names().iter().enumerate().filter(usable) {
            pieces.entry(name.clone()).or_insert(id as u32);
        }
        Self {
            longest: pieces.keys().map(|name| name.chars().count()).max().unwrap_or(0),
            marks_words: pieces.keys().any(|name| name.starts_with(WORD)),
            character_of: tokens.byte_of().map(|of| of.iter().map(|(&c, &byte)| (byte, c)).collect()),
            pieces,
        }
    }

    /// A phrase's classes; `None` where some character of it is in no piece. Punctuation is not said, and left out; so is the
    /// tsheg where the vocabulary has none.
    fn spell(&self, phrase: &str) -> Option<Vec<u32>> {
        let said = |c: char| c.is_alphanumeric() || matches!(Script::of(c), Script::Tibetan) || c == '\'';
        let mut classes = Vec::new();
        for word in phrase.split(|c| !said(c)).filter(|word| !word.is_empty()) {
            let spelled = self.word(word).or_else(|| {
                let syllables = word.split(['་', '༌']).filter(|syllable| !syllable.is_empty());
                syllables
                    .map(|syllable| self.word(syllable))
                    .collect::<Option<Vec<_>>>()
                    .map(|all| all.concat())
            });
            classes.extend(spelled?);
        }
        Some(classes)
    }

    fn word(&self, word: &str) -> Option<Vec<u32>> {
        let latin = word.starts_with(|c: char| c.is_ascii_alphanumeric());
        let pieces: String = match &self.character_of {
            Some(character_of) => word.bytes().map(|byte| character_of.get(&byte)).collect::<Option<_>>()?,
            None => word.to_owned(),
        };
        let marked = format!("{WORD}{pieces}");
        // Where words are marked, what is written with spaces begins with a mark; hanzi and Tibetan hardly ever do.
        let ways = if self.marks_words && latin { [&marked, &pieces] } else { [&pieces, &marked] };
        ways.into_iter().find_map(|way| self.cut(way))
    }

    fn cut(&self, word: &str) -> Option<Vec<u32>> {
        let characters: Vec<char> = word.chars().collect();
        let mut classes = Vec::new();
        let mut at = 0;
        while at < characters.len() {
            let most = self.longest.min(characters.len() - at);
            let (length, class) = (1..=most).rev().find_map(|length| {
                let piece: String = characters[at..at + length].iter().collect();
                self.pieces.get(&piece).map(|&class| (length, class))
            })?;
            classes.push(class);
            at += length;
        }
        Some(classes)
    }
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
        let written = Dictation::new(&tokens)
            .write(&tokens, &rows(7, &frames), 0.4, &DecodeOptions::default())
            .unwrap();
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
        let mut dictation = Dictation::new(&tokens);
        let plain = DecodeOptions { beam: 8, nbest: 2, ..DecodeOptions::default() };
        let first = |dictation: &mut Dictation, options: &DecodeOptions| {
            dictation.write(&tokens, &matrix, 0.12, options).unwrap().remove(0).text
        };
        assert_eq!(first(&mut dictation, &plain), "设保");
        let bias = Bias::new([BiasPhrase { text: "社保".to_owned(), weight: 0.5 }]);
        let biased = DecodeOptions { bias: Arc::new(bias), ..plain };
        assert_eq!(first(&mut dictation, &biased), "社保");
    }

    #[test]
    fn phrases_are_spelled_in_characters_pieces_and_bytes() {
        let characters = tokens("<blk> 0\n社 1\n保 2\n卡 3\n");
        assert_eq!(Speller::new(&characters).spell("社 保卡"), Some(vec![1, 2, 3]));
        assert_eq!(Speller::new(&characters).spell("“社保”卡？"), Some(vec![1, 2, 3]));
        assert_eq!(Speller::new(&characters).spell("社会"), None);
        let syllables = tokens("<blk> 0\nབོད 1\nཡིག 2\n");
        assert_eq!(Speller::new(&syllables).spell("བོད་ཡིག་།"), Some(vec![1, 2]));
        let letters = tokens("<blk> 0\nབ 1\nོ 2\nད 3\n་ 4\n");
        assert_eq!(Speller::new(&letters).spell("བོད་"), Some(vec![1, 2, 3, 4]));
        let pieces = tokens("<blk> 0\n▁op 1\nen 2\n▁社 3\n保卡 4\n保 5\no 6\n");
        assert_eq!(Speller::new(&pieces).spell("open"), Some(vec![1, 2]));
        assert_eq!(Speller::new(&pieces).spell("社保卡"), Some(vec![3, 4]), "the longest piece that fits");
        let byte_level = Tokens::parse("<blk> 0\nƌ 1\n", true).unwrap();
        assert_eq!(Speller::new(&byte_level).spell("社"), None);
    }
}
