//! Log-mel filter-bank features, as Kaldi and sherpa-onnx compute them for icefall models.
//!
//! Per frame: mean removed → pre-emphasis .97 → "povey" window → padded to 512 → power spectrum → HTK-mel triangles →
//! `ln(max(x, 1.19e-7))`. No dither, no energy. Frames are 25 ms every 10 ms, centred (`snip_edges = false`), the edges
//! reflected; 80 bins over 20–7600 Hz; samples in [-1, 1].
//!
//! Sources: kaldi `feature-window.cc` and `mel-computations.cc`; sherpa-onnx's `FeatureExtractorConfig`.

mod online;

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex32};

pub use online::OnlineFbank;

/// Mel bins per frame.
pub const BINS: usize = 80;

/// Samples from one frame to the next at 16 kHz: 10 ms.
pub const FRAME_SHIFT: usize = 160;

/// Samples in a frame at 16 kHz: 25 ms.
const FRAME_LENGTH: usize = 400;
const FFT_LENGTH: usize = 512;
const PRE_EMPHASIS: f32 = 0.97;
const LOW_HZ: f64 = 20.0;
const HIGH_HZ: f64 = 7600.0;

/// One mel triangle: the first spectrum bin it covers and its weights from there on.
struct Triangle {
    first: usize,
    weights: Vec<f32>,
}

/// Computes features; keeps its plan and buffers, so keep one per model thread.
pub struct Fbank {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    triangles: Vec<Triangle>,
    frame: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
    power: Vec<f32>,
}

impl Fbank {
    /// Plans the transform and the filter bank.
    pub fn new() -> Self {
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(FFT_LENGTH);
        Self {
            window: povey_window(),
            triangles: triangles(),
            frame: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; FFT_LENGTH / 2 + 1],
            fft,
        }
    }

    /// How many frames [`Self::compute`] makes of `samples` samples.
    pub const fn frames(samples: usize) -> usize {
        (samples + FRAME_SHIFT / 2) / FRAME_SHIFT
    }

    /// 16 kHz mono samples in [-1, 1] → `frames × 80` log-mel energies, row by row. Empty for fewer than 80 samples.
    pub fn compute(&mut self, samples: &[f32]) -> Vec<f32> {
        let frames = Self::frames(samples.len());
        let mut features = Vec::with_capacity(frames * BINS);
        for frame in 0..frames {
            self.load(samples, frame);
            self.transform();
            for triangle in &self.triangles {
                let energy: f32 =
                    triangle.weights.iter().zip(&self.power[triangle.first..]).map(|(w, p)| w * p).sum();
                features.push(energy.max(f32::EPSILON).ln());
            }
        }
        features
    }

    /// Cuts one centred frame out, with the mean removed, pre-emphasised and windowed, padded with zeros.
    fn load(&mut self, samples: &[f32], frame: usize) {
        let first = (frame * FRAME_SHIFT + FRAME_SHIFT / 2).cast_signed() - (FRAME_LENGTH / 2).cast_signed();
        let cut = &mut self.frame[..FRAME_LENGTH];
        match usize::try_from(first).ok().and_then(|first| samples.get(first..first + FRAME_LENGTH)) {
            Some(inside) => cut.copy_from_slice(inside),
            None => {
                for (offset, sample) in cut.iter_mut().enumerate() {
                    *sample = samples[reflect(first + offset.cast_signed(), samples.len())];
                }
            }
        }
        let mean = cut.iter().sum::<f32>() / FRAME_LENGTH as f32;
        let mut previous = cut[0] - mean;
        for (sample, weight) in cut.iter_mut().zip(&self.window) {
            let centred = *sample - mean;
            *sample = (centred - PRE_EMPHASIS * previous) * weight;
            previous = centred;
        }
        self.frame[FRAME_LENGTH..].fill(0.0);
    }

    fn transform(&mut self) {
        // All three buffers were made by this plan, so their lengths cannot be wrong, which is the only error there is.
        let done = self.fft.process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch);
        debug_assert!(done.is_ok(), "the transform's buffers have the wrong length");
        for (power, bin) in self.power.iter_mut().zip(&self.spectrum) {
            *power = bin.norm_sqr();
        }
    }
}

impl Default for Fbank {
    fn default() -> Self {
        Self::new()
    }
}

/// Kaldi's reflection at the edges: -1 → 0, -2 → 1, n → n-1; repeated for clips shorter than half a frame.
fn reflect(index: isize, length: usize) -> usize {
    let length = length.cast_signed();
    let mut index = index;
    while index < 0 || index >= length {
        index = if index < 0 { -index - 1 } else { 2 * length - 1 - index };
    }
    index.cast_unsigned()
}

/// A Hann window to the power .85 (kaldi `feature-window.cc`, "povey").
fn povey_window() -> Vec<f32> {
    (0..FRAME_LENGTH)
        .map(|i| {
            let turn = std::f64::consts::TAU * i as f64 / (FRAME_LENGTH - 1) as f64;
            (0.5 - 0.5 * turn.cos()).powf(0.85) as f32
        })
        .collect()
}

/// HTK mel in Kaldi's natural-logarithm form.
fn mel(hz: f64) -> f64 {
    1127.0 * (1.0 + hz / 700.0).ln()
}

/// Triangles that are linear in mel, not normalised; the Nyquist bin is unused (kaldi `mel-computations.cc`).
fn triangles() -> Vec<Triangle> {
    let (low, high) = (mel(LOW_HZ), mel(HIGH_HZ));
    let step = (high - low) / (BINS + 1) as f64;
    let bin_mel: Vec<f64> = (0..FFT_LENGTH / 2)
        .map(|bin| mel(bin as f64 * f64::from(crate::SAMPLE_RATE) / FFT_LENGTH as f64))
        .collect();
    (0..BINS)
        .map(|index| {
            let left = low + index as f64 * step;
            let (centre, right) = (left + step, left + 2.0 * step);
            let first = bin_mel.partition_point(|&m| m <= left);
            let weights = bin_mel[first..]
                .iter()
                .take_while(|&&m| m < right)
                .map(|&m| if m <= centre { (m - left) / step } else { (right - m) / step })
                .map(|weight| weight as f32)
                .collect();
            Triangle { first, weights }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_sound_gives_a_hundred_frames_of_eighty_bins() {
        let features = Fbank::new().compute(&vec![0.1; 16_000]);
        assert_eq!(features.len(), 100 * BINS);
        assert_eq!(Fbank::frames(16_000), 100);
    }

    #[test]
    fn digital_silence_is_the_floor_and_not_minus_infinity() {
        let features = Fbank::new().compute(&[0.0; 1600]);
        let floor = f32::EPSILON.ln();
        assert!(features.iter().all(|&value| (value - floor).abs() < 1e-6));
    }

    #[test]
    fn a_clip_shorter_than_one_frame_is_reflected_and_an_empty_one_gives_nothing() {
        let mut fbank = Fbank::new();
        assert_eq!(fbank.compute(&[]), Vec::<f32>::new());
        assert_eq!(fbank.compute(&[0.5; 79]), Vec::<f32>::new());
        let clip: Vec<f32> = (0..90).map(|i| (i as f32 * 0.3).sin()).collect();
        let features = fbank.compute(&clip);
        assert_eq!(features.len(), BINS);
        assert!(features.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_tone_is_loudest_in_the_bin_whose_triangle_holds_it() {
        let tone: Vec<f32> =
            (0..16_000).map(|i| (std::f32::consts::TAU * 1000.0 * i as f32 / 16_000.0).sin() * 0.5).collect();
        let features = Fbank::new().compute(&tone);
        let frame = &features[50 * BINS..51 * BINS];
        let loudest = (0..BINS).max_by(|&a, &b| frame[a].total_cmp(&frame[b])).unwrap();
        let step = (mel(HIGH_HZ) - mel(LOW_HZ)) / (BINS + 1) as f64;
        let expected = ((mel(1000.0) - mel(LOW_HZ)) / step - 1.0).round() as usize;
        assert_eq!(loudest, expected);
    }
}
