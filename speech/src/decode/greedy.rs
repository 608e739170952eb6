//! The best class of every frame.

use super::{Decoded, DecodedToken, LogPosteriors, mean_confidence};

/// A run of frames whose best class is the same and no blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    class: u32,
    /// Its first frame.
    start: usize,
    /// The frame after its last one.
    end: usize,
}

/// The greedy path of a CTC network's output: each frame's best class, repetitions merged, blanks dropped. It can be fed in
/// pieces, since the last frame's class is carried over; then it only ever grows.
///
/// Source: Graves et al. 2006, "best path decoding"; sherpa-onnx `offline-ctc-greedy-search-decoder.cc`.
#[derive(Clone, Debug)]
pub(crate) struct GreedyPath {
    runs: Vec<Run>,
    previous: usize,
    frames: usize,
    blank: usize,
}

impl GreedyPath {
    pub const fn new(blank: usize) -> Self {
        Self { runs: Vec::new(), previous: blank, frames: 0, blank }
    }

    /// Goes on with `frames × classes` logits or log-posteriors, row by row. Logits are better not normalised before: that
    /// rounds, and could make two classes equal.
    pub fn extend(&mut self, values: &[f32], classes: usize) {
        for row in values.chunks_exact(classes.max(1)) {
            let best = best(row, self.blank);
            if best != self.blank {
                match self.runs.last_mut() {
                    Some(last) if best == self.previous => last.end = self.frames + 1,
                    _ => self.runs.push(Run { class: best as u32, start: self.frames, end: self.frames + 1 }),
                }
            }
            self.previous = best;
            self.frames += 1;
        }
    }

    /// Whether there was nothing but blanks.
    pub const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub fn classes(&self) -> Vec<u32> {
        self.runs.iter().map(|run| run.class).collect()
    }

    /// The path as a reading of the posteriors that it was found in (all of them).
    pub fn decoded(&self, posteriors: LogPosteriors<'_>) -> Decoded {
        let sum = |frames: std::ops::Range<usize>, class: usize| {
            frames.map(|frame| posteriors.at(frame, class)).sum::<f32>()
        };
        let mut tokens = Vec::with_capacity(self.runs.len());
        let (mut log_probability, mut at) = (0.0, 0);
        for &Run { class, start, end } in &self.runs {
            let of_run = sum(start..end, class as usize);
            log_probability += sum(at..start, self.blank) + of_run;
            at = end;
            let confidence = (of_run / (end - start) as f32).exp();
            tokens.push(DecodedToken { class, start, end, confidence });
        }
        log_probability += sum(at..posteriors.frames(), self.blank);
        let confidence = mean_confidence(&tokens);
        Decoded { tokens, log_probability, bonus: 0.0, confidence }
    }
}

/// The class of the largest number, the first of equals; `otherwise` where nothing compares (NaN, minus infinity).
pub(crate) fn best(row: &[f32], otherwise: usize) -> usize {
    let (mut best, mut most) = (otherwise, f32::NEG_INFINITY);
    for (class, &value) in row.iter().enumerate() {
        if value > most {
            (best, most) = (class, value);
        }
    }
    best
}

/// Logits → natural logarithms of posteriors, row by row in place. The sum is taken in double precision, so that large
/// vocabularies still add up to 1. Rows without a finite maximum become NaN.
pub(crate) fn log_softmax(values: &mut [f32], classes: usize) {
    for row in values.chunks_exact_mut(classes.max(1)) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|&value| f64::from(value - largest).exp()).sum();
        let norm = sum.ln() as f32;
        for value in row {
            // In this order: large logits would swallow the small norm.
            *value = (*value - largest) - norm;
        }
    }
}

/// The greedy path of a whole matrix.
pub(super) fn greedy(posteriors: LogPosteriors<'_>) -> Decoded {
    let mut path = GreedyPath::new(posteriors.blank());
    path.extend(posteriors.values, posteriors.classes());
    path.decoded(posteriors)
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

    fn path(values: &[f32], classes: usize, blank: usize) -> Vec<(u32, usize, usize)> {
        let mut path = GreedyPath::new(blank);
        path.extend(values, classes);
        path.runs.iter().map(|run| (run.class, run.start, run.end)).collect()
    }

    #[test]
    fn repetitions_merge_blanks_part_and_the_first_of_equals_wins() {
        let rows = [[0., 1., 1.], [0., 2., 1.], [3., 0., 0.], [0., 1., 0.], [0., 0., 1.]].concat();
        assert_eq!(path(&rows, 3, BLANK), [(1, 0, 2), (1, 3, 4), (2, 4, 5)]);
        assert!(path(&[], 3, BLANK).is_empty());
        assert!(path(&[0.5; 3], 3, BLANK).is_empty(), "the blank is the first of equals here");
        assert_eq!(path(&[0.5; 3], 3, 2), [(0, 0, 1)], "and the last there");
    }

    #[test]
    fn what_is_no_number_is_never_the_best() {
        for blank in [0, 4] {
            assert!(path(&[f32::NAN; 10], 5, blank).is_empty());
            assert!(path(&[f32::NEG_INFINITY; 10], 5, blank).is_empty());
        }
        assert_eq!(path(&[f32::NAN, -1.0, -2.0], 3, 0), [(1, 0, 1)]);
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
            assert_eq!(pieces.runs, whole.runs, "cut after {cut} frames");
        }
        assert_eq!((whole.runs[2].start, whole.runs[2].end), (5, 7));
    }

    #[test]
    fn a_reading_is_as_probable_as_its_frames() {
        let logs = rows(&[0, 1, 1, 0, 2]);
        let decoded = greedy(LogPosteriors::new(&logs, 5, BLANK).unwrap());
        assert!((decoded.log_probability + 0.5).abs() < 1e-6, "{decoded:?}");
        assert!((decoded.confidence - (-0.1_f32).exp()).abs() < 1e-6, "{decoded:?}");
    }

    #[test]
    fn logits_become_posteriors_and_nonsense_stays_recognisable() {
        let mut logits = vec![1.0, 2.0, 3.0, 1000.0, 1000.0, -1000.0];
        log_softmax(&mut logits, 3);
        assert!((logits[..3].iter().map(|log| log.exp()).sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((logits[3] - 0.5_f32.ln()).abs() < 1e-6);
        for mut nonsense in [[f32::NAN, 0.0], [f32::INFINITY, 0.0], [f32::NEG_INFINITY; 2]] {
            log_softmax(&mut nonsense, 2);
            assert!(nonsense.iter().any(|value| value.is_nan()));
        }
    }
}
