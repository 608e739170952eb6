//! What is done to features before a network takes them: stacking, and normalisation by stored or measured statistics.

/// "Low frame rate": every row becomes `window` neighbouring frames, centred, every `shift` frames; indices beyond the
/// ends are clamped. `frames × bins` → ceil(frames / shift) × (window · bins).
///
/// Source: `FunASR` `apply_lfr`; sherpa-onnx `lfr.cc`. Pundak and Sainath 2016, "Lower Frame Rate Neural Network Acoustic
/// Models".
pub fn stack(features: &[f32], bins: usize, window: usize, shift: usize) -> Vec<f32> {
    if bins == 0 || window == 0 || shift == 0 || features.len() < bins {
        return Vec::new();
    }
    let frames = features.len() / bins;
    let rows = frames.div_ceil(shift);
    let mut stacked = Vec::with_capacity(rows * window * bins);
    for row in 0..rows {
        for offset in 0..window {
            let frame = (row * shift + offset).saturating_sub((window - 1) / 2).min(frames - 1);
            stacked.extend_from_slice(&features[frame * bins..(frame + 1) * bins]);
        }
    }
    stacked
}

/// Cepstral mean and variance normalisation by statistics that come with a model: (x + `neg_mean`) · `inv_stddev`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cmvn {
    neg_mean: Vec<f32>,
    inv_stddev: Vec<f32>,
}

impl Cmvn {
    /// The statistics of one row. `None` where the two lengths differ, are zero, or a number is not finite.
    pub fn new(neg_mean: Vec<f32>, inv_stddev: Vec<f32>) -> Option<Self> {
        let sound = !neg_mean.is_empty()
            && neg_mean.len() == inv_stddev.len()
            && neg_mean.iter().chain(&inv_stddev).all(|value| value.is_finite());
        sound.then_some(Self { neg_mean, inv_stddev })
    }

    /// Numbers per row.
    pub fn width(&self) -> usize {
        self.neg_mean.len()
    }

    /// Normalises rows in place. An incomplete last row is left as it is.
    pub fn apply(&self, features: &mut [f32]) {
        for row in features.chunks_exact_mut(self.width()) {
            for ((value, shift), scale) in row.iter_mut().zip(&self.neg_mean).zip(&self.inv_stddev) {
                *value = (*value + shift) * scale;
            }
        }
    }
}

/// What the sum of squares is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// The number of frames (sherpa-onnx).
    Population,
    /// One less (`NeMo`, whose `torch.std` is unbiased).
    Sample,
}

/// Every feature of an utterance less its mean over time, divided by its standard deviation plus 10⁻⁵.
///
/// Source: `NeMo` `normalize_batch` (`per_feature`); sherpa-onnx `NemoNormalizePerFeature`.
pub fn normalise_per_feature(features: &mut [f32], bins: usize, spread: Spread) {
    if bins == 0 || features.len() < bins {
        return;
    }
    let frames = features.len() / bins;
    let divisor = match spread {
        Spread::Population => frames,
        Spread::Sample => frames.saturating_sub(1).max(1),
    } as f64;
    for bin in 0..bins {
        let column = || features.iter().skip(bin).step_by(bins).map(|&value| f64::from(value));
        let mean = column().sum::<f64>() / frames as f64;
        let variance = column().map(|value| (value - mean) * (value - mean)).sum::<f64>() / divisor;
        let scale = 1.0 / (variance.sqrt() + 1e-5);
        for value in features.iter_mut().skip(bin).step_by(bins) {
            *value = ((f64::from(*value) - mean) * scale) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacking_clamps_at_both_ends_and_rounds_the_number_of_rows_up() {
        let frames: Vec<f32> = (0..8).map(|frame| frame as f32).collect();
        let rows = stack(&frames, 1, 7, 6);
        assert_eq!(rows, [0., 0., 0., 0., 1., 2., 3., 3., 4., 5., 6., 7., 7., 7.]);
        assert_eq!(stack(&frames[..1], 1, 7, 6), [0.0; 7]);
        assert!(stack(&[], 1, 7, 6).is_empty() && stack(&frames, 0, 7, 6).is_empty());
    }

    #[test]
    fn stored_statistics_are_added_and_multiplied_and_must_make_sense() {
        let cmvn = Cmvn::new(vec![-1.0, 2.0], vec![2.0, 0.5]).unwrap();
        let mut rows = [1.0, 0.0, 3.0, 2.0, 9.0];
        cmvn.apply(&mut rows);
        let expected = [0.0, 1.0, 4.0, 2.0, 9.0];
        assert!(rows.iter().zip(expected).all(|(value, wanted)| (value - wanted).abs() < 1e-6), "{rows:?}");
        assert!(Cmvn::new(vec![1.0], vec![]).is_none() && Cmvn::new(vec![f32::NAN], vec![1.0]).is_none());
    }

    #[test]
    fn measured_statistics_give_mean_zero_and_spread_one_and_constants_become_zero() {
        let mut features = vec![1.0, 5.0, 3.0, 5.0, 5.0, 5.0];
        normalise_per_feature(&mut features, 2, Spread::Population);
        let root = 1.5_f32.sqrt();
        for (value, expected) in features.iter().zip([-root, 0.0, 0.0, 0.0, root, 0.0]) {
            assert!((value - expected).abs() < 1e-4, "{features:?}");
        }
        let mut features = vec![1.0, 3.0];
        normalise_per_feature(&mut features, 1, Spread::Sample);
        assert!((features[1] - 0.5_f32.sqrt()).abs() < 1e-4, "{features:?}");
        let mut one = vec![4.0];
        normalise_per_feature(&mut one, 1, Spread::Sample);
        assert_eq!(one, [0.0]);
    }
}
