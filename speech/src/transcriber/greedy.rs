//! The greedy path of a CTC recogniser with its times: when every token was heard, and words made of tokens.

use super::tokens::Tokens;
use crate::{Hypothesis, TimedWord};

/// A token of the greedy path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Emission {
    pub class: u32,
    /// The first frame it was the best class of.
    pub first: usize,
    /// The frame after the last one.
    pub end: usize,
    /// Natural logarithm of its probability in its first frame.
    pub log: f32,
}

/// A greedy search that can be fed in pieces: the last frame's class is carried over.
#[derive(Clone, Debug)]
pub(super) struct GreedyPath {
    pub emissions: Vec<Emission>,
    previous: usize,
    frames: usize,
    blank: usize,
}

impl GreedyPath {
    pub const fn new(blank: usize) -> Self {
        Self { emissions: Vec::new(), previous: blank, frames: 0, blank }
    }

    /// Goes on with `frames × classes` logarithms, row by row. What is not a number is never the best.
    pub fn extend(&mut self, logs: &[f32], classes: usize) {
        for row in logs.chunks_exact(classes) {
            let mut best = self.blank;
            for (class, &log) in row.iter().enumerate() {
                // A tie is the lower class, as everywhere; the blank, which comes first here, must not win one it should lose.
                if log > row[best] || (log >= row[best] && class < best) {
                    best = class;
                }
            }
            if best != self.blank {
                match self.emissions.last_mut() {
                    Some(last) if best == self.previous => last.end = self.frames + 1,
                    _ => self.emissions.push(Emission {
                        class: best as u32,
                        first: self.frames,
                        end: self.frames + 1,
                        log: row[best],
                    }),
                }
            }
            self.previous = best;
            self.frames += 1;
        }
    }

    pub fn classes(&self) -> Vec<u32> {
        self.emissions.iter().map(|emission| emission.class).collect()
    }

    /// The path as text, with its words' times; `None` where it says nothing. `frame_ms` is the time from one frame to the
    /// next.
    pub fn reading(&self, tokens: &Tokens, frame_ms: f32) -> Option<Hypothesis> {
        let text = text_of(tokens, &self.classes());
        if text.is_empty() {
            return None;
        }
        let confidence = Some(mean_probability(&self.emissions));
        Some(Hypothesis { text, confidence, words: self.words(tokens, frame_ms) })
    }

    fn words(&self, tokens: &Tokens, frame_ms: f32) -> Vec<TimedWord> {
        let ms = |frame: usize| (frame as f32 * frame_ms) as u32;
        let parts = self.emissions.chunk_by(|before, next| !tokens.begins_word(next.class, before.class));
        parts
            .filter_map(|part| {
                let classes: Vec<u32> = part.iter().map(|emission| emission.class).collect();
                let text = text_of(tokens, &classes);
                let (first, last) = (part.first()?, part.last()?);
                let confidence = Some(mean_probability(part));
                let word = TimedWord { text, start_ms: ms(first.first), end_ms: ms(last.end), confidence };
                (!word.text.is_empty()).then_some(word)
            })
            .collect()
    }
}

fn text_of(tokens: &Tokens, classes: &[u32]) -> String {
    tokens.spelled(classes).iter().map(|&(character, _)| character).collect::<String>().trim().to_owned()
}

fn mean_probability(part: &[Emission]) -> f32 {
    part.iter().map(|emission| emission.log.exp().clamp(0.0, 1.0)).sum::<f32>() / part.len().max(1) as f32
}

/// Turns `frames × classes` logits into natural-logarithmic posteriors. `false` where a row has no finite maximum: then
/// the model's output means nothing.
pub(super) fn log_softmax(logits: &mut [f32], classes: usize) -> bool {
    logits.chunks_exact_mut(classes.max(1)).all(|row| {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total = row.iter().map(|&logit| (logit - most).exp()).sum::<f32>().ln();
        for logit in row.iter_mut() {
            *logit = (*logit - most) - total;
        }
        most.is_finite() && total.is_finite()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLANK: usize = 0;

    /// One row per class named, that class being sure.
    fn rows(best: &[usize]) -> Vec<f32> {
        best.iter()
            .flat_map(|&best| (0..5).map(move |class| if class == best { -0.1 } else { -4.0 }))
            .collect()
    }

    fn tokens(names: [&str; 5]) -> Tokens {
        Tokens::of(names.map(str::to_owned).into(), BLANK).unwrap()
    }

    #[test]
    fn a_path_fed_in_pieces_is_the_path_of_the_whole() {
        let logs = rows(&[0, 1, 1, 0, 1, 2, 2, 0, 3, 3]);
        let mut whole = GreedyPath::new(BLANK);
        whole.extend(&logs, 5);
        assert_eq!(whole.classes(), [1, 1, 2, 3]);
        for cut in 0..=10 {
            let mut pieces = GreedyPath::new(BLANK);
            pieces.extend(&logs[..cut * 5], 5);
            pieces.extend(&logs[cut * 5..], 5);
            assert_eq!(pieces.emissions, whole.emissions, "cut after {cut} frames");
        }
        assert_eq!((whole.emissions[2].first, whole.emissions[2].end), (5, 7));
    }

    #[test]
    fn words_have_times_in_both_scripts() {
        let mut path = GreedyPath::new(BLANK);
        path.extend(&rows(&[1, 0, 2, 3, 0, 4]), 5);
        let hanzi = path.reading(&tokens(["<blk>", "社", "保", "▁OK", "ay"]), 20.0).unwrap();
        assert_eq!(hanzi.text, "社保 OKay");
        let words: Vec<(&str, u32, u32)> =
            hanzi.words.iter().map(|word| (word.text.as_str(), word.start_ms, word.end_ms)).collect();
        assert_eq!(words, [("社", 0, 20), ("保", 40, 60), ("OKay", 60, 120)]);
        let tibetan = path.reading(&tokens(["<blk>", "ང", "་", "ཚོ", "།"]), 20.0).unwrap();
        let words: Vec<&str> = tibetan.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!((tibetan.text.as_str(), words), ("ང་ཚོ།", vec!["ང་", "ཚོ།"]));
    }

    #[test]
    fn specials_alone_are_no_reading_and_what_is_no_number_is_never_best() {
        let mut path = GreedyPath::new(BLANK);
        path.extend(&rows(&[1, 0]), 5);
        assert_eq!(path.reading(&tokens(["<blk>", "<unk>", "a", "b", "c"]), 20.0), None);
        let mut path = GreedyPath::new(4);
        path.extend(&[f32::NAN; 10], 5);
        assert!(path.emissions.is_empty());
    }

    #[test]
    fn logits_become_posteriors_and_nonsense_is_noticed() {
        let mut logits = vec![1.0, 2.0, 3.0, 1000.0, 1000.0, -1000.0];
        assert!(log_softmax(&mut logits, 3));
        assert!((logits[..3].iter().map(|log| log.exp()).sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((logits[3] - 0.5_f32.ln()).abs() < 1e-6);
        assert!(!log_softmax(&mut [f32::NAN, 0.0], 2));
        assert!(!log_softmax(&mut [f32::INFINITY, 0.0], 2));
    }
}
