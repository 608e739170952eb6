//! Acoustic features, as Kaldi, sherpa-onnx, `FunASR`, `WeNet`, `NeMo` and `TeleSpeech` compute them.
//!
//! Per frame of 25 ms every 10 ms: mean removed → pre-emphasis .97 → window → padded to 512 → power spectrum → mel
//! triangles → logarithm; for MFCCs a discrete cosine transform more. What differs between toolkits is in
//! [`FbankOptions`], one constant for each. No dither and no energy anywhere: dither is noise, and energy is used by none.
//!
//! Sources: kaldi `feature-window.cc`, `mel-computations.cc` and `feature-mfcc.cc`; kaldi-native-fbank, which the tests
//! compare with; sherpa-onnx `offline-stream.cc`; `NeMo` `preprocessing/features.py`; librosa `filters.mel`.

mod mel;
mod online;
mod post;

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex64};

use self::mel::Triangle;
pub use self::{
    mel::MelScale,
    online::OnlineFbank,
    post::{Cmvn, Spread, normalise_per_feature, stack},
};

/// Mel bins per frame of [`Fbank::new`].
pub const BINS: usize = 80;

/// Samples from one frame to the next at 16 kHz: 10 ms.
pub const FRAME_SHIFT: usize = 160;

/// Samples in a frame at 16 kHz: 25 ms.
const FRAME_LENGTH: usize = 400;
const FFT_LENGTH: usize = 512;
const PRE_EMPHASIS: f32 = 0.97;

/// 16-bit full scale: some toolkits train on samples in ±32768.
const FULL_SCALE: f32 = 32_768.0;

/// What a frame is multiplied by before its spectrum is taken. N is the frame's length, i counts from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// (.5 - .5 cos(2πi / (N-1))) to the power .85 (kaldi "povey").
    Povey,
    /// .54 - .46 cos(2πi / (N-1)).
    Hamming,
    /// .5 - .5 cos(2πi / N) (kaldi-native-fbank "hann", which is torch's periodic one).
    HannPeriodic,
    /// .5 - .5 cos(2πi / (N-1)) (torch's with `periodic=False`).
    HannSymmetric,
}

/// Where frames lie and what stands beyond the ends of the audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// Frame t is centred on sample 160 t + 80, (n + 80) / 160 frames; the audio is mirrored at its ends (kaldi
    /// `snip_edges=false`).
    Mirror,
    /// Frame t begins at sample 160 t; only whole frames, 1 + (n - 400) / 160 (kaldi `snip_edges=true`).
    Snip,
    /// Frame t is centred on sample 160 t, n / 160 frames; zeros beyond the ends (`torch.stft` with `center=True` and
    /// `pad_mode="constant"`).
    Zeros,
}

/// What x\[i\] - .97 x\[i-1\] is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreEmphasis {
    /// Every frame by itself, its first sample times .03 (kaldi).
    Frame,
    /// The whole audio, its first sample left as it is (`NeMo`).
    Audio,
}

/// How the logarithm of nothing is avoided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LogFloor {
    /// ln(max(x, value)).
    Max(f32),
    /// ln(x + value).
    Add(f32),
}

/// A discrete cosine transform of the log energies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cepstra {
    /// How many coefficients; at most as many as mel bins.
    pub count: usize,
    /// Coefficient k is multiplied by 1 + Q/2 sin(πk / Q).
    pub lifter: f64,
}

/// What differs between toolkits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FbankOptions {
    /// Samples in [-1, 1] are multiplied by this first.
    pub scale: f32,
    /// The window.
    pub window: Window,
    /// Where frames lie.
    pub edges: Edges,
    /// Whether each frame's mean is taken away.
    pub remove_mean: bool,
    /// What pre-emphasis is taken over.
    pub pre_emphasis: PreEmphasis,
    /// The scale of pitch that the triangles are even on.
    pub mel: MelScale,
    /// How many triangles.
    pub bins: usize,
    /// Where the first triangle begins, in hertz.
    pub low_hz: f64,
    /// Where the last triangle ends, in hertz; at most 8000.
    pub high_hz: f64,
    /// How the logarithm of nothing is avoided.
    pub floor: LogFloor,
    /// MFCCs instead of log energies.
    pub cepstra: Option<Cepstra>,
}

impl FbankOptions {
    /// icefall's models, as sherpa-onnx feeds them (its `FeatureExtractorConfig`).
    pub const ICEFALL: Self = Self {
        scale: 1.0,
        window: Window::Povey,
        edges: Edges::Mirror,
        remove_mean: true,
        pre_emphasis: PreEmphasis::Frame,
        mel: MelScale::Htk,
        bins: BINS,
        low_hz: 20.0,
        high_hz: 7600.0,
        floor: LogFloor::Max(f32::EPSILON),
        cepstra: None,
    };

    /// `SenseVoice` and Paraformer (`FunASR`'s `WavFrontend` without its dither).
    pub const FUNASR: Self = Self { window: Window::Hamming, ..Self::WENET };

    /// `WeNet`, as its recipes train (`compute_fbank`, dither 0 as in its decoding).
    pub const WENET: Self = Self { scale: FULL_SCALE, edges: Edges::Snip, high_hz: 8000.0, ..Self::ICEFALL };

    /// `WeNet`'s models as sherpa-onnx feeds them, less its random dither.
    pub const WENET_SHERPA: Self = Self { scale: FULL_SCALE, ..Self::ICEFALL };

    /// `NeMo`, as its recipes train (`FilterbankFeatures`).
    pub const NEMO: Self = Self {
        window: Window::HannSymmetric,
        edges: Edges::Zeros,
        pre_emphasis: PreEmphasis::Audio,
        ..Self::NEMO_SHERPA
    };

    /// `NeMo`'s models as sherpa-onnx feeds them.
    pub const NEMO_SHERPA: Self = Self {
        window: Window::HannPeriodic,
        remove_mean: false,
        mel: MelScale::Slaney,
        low_hz: 0.0,
        high_hz: 8000.0,
        // 2⁻²⁴: `log_zero_guard_value`.
        floor: LogFloor::Add(1.0 / 16_777_216.0),
        ..Self::ICEFALL
    };

    /// `TeleSpeech`: kaldi's `mfcc_hires.conf`.
    pub const TELESPEECH: Self = Self {
        scale: FULL_SCALE,
        edges: Edges::Snip,
        bins: 40,
        low_hz: 40.0,
        high_hz: 7800.0,
        cepstra: Some(Cepstra { count: 40, lifter: 22.0 }),
        ..Self::ICEFALL
    };
}

/// Computes features; keeps its plan and buffers, so keep one per model thread.
pub struct Fbank {
    options: FbankOptions,
    fft: Arc<dyn RealToComplex<f64>>,
    window: Vec<f32>,
    triangles: Vec<Triangle>,
    /// Rows of the cosine transform, times the lifter; empty for log energies.
    cosines: Vec<Vec<f32>>,
    frame: Vec<f32>,
    padded: Vec<f64>,
    spectrum: Vec<Complex64>,
    scratch: Vec<Complex64>,
    power: Vec<f32>,
    energies: Vec<f32>,
}

impl Fbank {
    /// Plans the transform and the filter bank of [`FbankOptions::ICEFALL`].
    pub fn new() -> Self {
        Self::with(&FbankOptions::ICEFALL)
    }

    /// Plans the transform and the filter bank of these options.
    pub fn with(options: &FbankOptions) -> Self {
        // In double precision, like kaldi-native-fbank: in single precision the quiet bins beside a loud tone would be
        // rounding noise.
        let fft = RealFftPlanner::<f64>::new().plan_fft_forward(FFT_LENGTH);
        Self {
            options: *options,
            window: window(options.window),
            triangles: mel::triangles(options.mel, options.bins, options.low_hz, options.high_hz, FFT_LENGTH),
            cosines: options.cepstra.map_or_else(Vec::new, |cepstra| cosines(cepstra, options.bins)),
            frame: vec![0.0; FRAME_LENGTH],
            padded: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; FFT_LENGTH / 2 + 1],
            energies: vec![0.0; options.bins],
            fft,
        }
    }

    /// How many frames [`Self::compute`] makes of `samples` samples with the options of [`Self::new`].
    pub const fn frames(samples: usize) -> usize {
        (samples + FRAME_SHIFT / 2) / FRAME_SHIFT
    }

    /// How many frames [`Self::compute`] makes of `samples` samples.
    pub const fn frame_count(&self, samples: usize) -> usize {
        match self.options.edges {
            Edges::Mirror => Self::frames(samples),
            Edges::Snip if samples < FRAME_LENGTH => 0,
            Edges::Snip => 1 + (samples - FRAME_LENGTH) / FRAME_SHIFT,
            Edges::Zeros => samples / FRAME_SHIFT,
        }
    }

    /// Numbers per frame.
    pub fn width(&self) -> usize {
        self.options.cepstra.map_or(self.options.bins, |cepstra| cepstra.count)
    }

    /// 16 kHz mono samples in [-1, 1] → [`Self::frame_count`] rows of [`Self::width`] features. Empty where the audio is
    /// shorter than one frame needs.
    pub fn compute(&mut self, samples: &[f32]) -> Vec<f32> {
        let frames = self.frame_count(samples.len());
        let mut features = Vec::with_capacity(frames * self.width());
        for frame in 0..frames {
            self.load(samples, frame);
            self.transform();
            for (energy, triangle) in self.energies.iter_mut().zip(&self.triangles) {
                let sum: f32 =
                    triangle.weights.iter().zip(&self.power[triangle.first..]).map(|(w, p)| w * p).sum();
                *energy = match self.options.floor {
                    LogFloor::Max(floor) => sum.max(floor).ln(),
                    LogFloor::Add(guard) => (sum + guard).ln(),
                };
            }
            if self.cosines.is_empty() {
                features.extend_from_slice(&self.energies);
            } else {
                let energies = &self.energies;
                let coefficient = |row: &Vec<f32>| row.iter().zip(energies).map(|(c, e)| c * e).sum::<f32>();
                features.extend(self.cosines.iter().map(coefficient));
            }
        }
        features
    }

    /// Cuts one frame out, with the mean removed, pre-emphasised and windowed, padded with zeros.
    fn load(&mut self, samples: &[f32], frame: usize) {
        let begin = (frame * FRAME_SHIFT).cast_signed();
        let half = (FRAME_LENGTH / 2).cast_signed();
        let first = match self.options.edges {
            Edges::Mirror => begin + (FRAME_SHIFT / 2).cast_signed() - half,
            Edges::Snip => begin,
            Edges::Zeros => begin - half,
        };
        for (offset, sample) in self.frame.iter_mut().enumerate() {
            let index = first + offset.cast_signed();
            let at = |index: isize| match self.options.edges {
                Edges::Zeros => {
                    usize::try_from(index).ok().and_then(|i| samples.get(i)).copied().unwrap_or(0.0)
                }
                Edges::Mirror | Edges::Snip => samples[reflect(index, samples.len())],
            };
            *sample = at(index) * self.options.scale;
            if self.options.pre_emphasis == PreEmphasis::Audio && index.cast_unsigned() < samples.len() {
                *sample -= PRE_EMPHASIS * self.options.scale * at(index - 1);
            }
        }
        if self.options.remove_mean {
            let mean = self.frame.iter().sum::<f32>() / FRAME_LENGTH as f32;
            self.frame.iter_mut().for_each(|sample| *sample -= mean);
        }
        if self.options.pre_emphasis == PreEmphasis::Frame {
            let mut previous = self.frame[0];
            for sample in &mut self.frame {
                let own = *sample;
                *sample = own - PRE_EMPHASIS * previous;
                previous = own;
            }
        }
        for ((padded, sample), weight) in self.padded.iter_mut().zip(&self.frame).zip(&self.window) {
            *padded = f64::from(sample * weight);
        }
        self.padded[FRAME_LENGTH..].fill(0.0);
    }

    fn transform(&mut self) {
        // All three buffers were made by this plan, so their lengths cannot be wrong, which is the only error there is.
        let done = self.fft.process_with_scratch(&mut self.padded, &mut self.spectrum, &mut self.scratch);
        debug_assert!(done.is_ok(), "the transform's buffers have the wrong length");
        for (power, bin) in self.power.iter_mut().zip(&self.spectrum) {
            *power = bin.norm_sqr() as f32;
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

fn window(kind: Window) -> Vec<f32> {
    let period = match kind {
        Window::HannPeriodic => FRAME_LENGTH,
        Window::Povey | Window::Hamming | Window::HannSymmetric => FRAME_LENGTH - 1,
    };
    (0..FRAME_LENGTH)
        .map(|i| {
            let cosine = (std::f64::consts::TAU * i as f64 / period as f64).cos();
            let weight = match kind {
                Window::Povey => (0.5 - 0.5 * cosine).powf(0.85),
                Window::Hamming => 0.54 - 0.46 * cosine,
                Window::HannPeriodic | Window::HannSymmetric => 0.5 - 0.5 * cosine,
            };
            weight as f32
        })
        .collect()
}

/// The orthonormal type-II cosine transform (kaldi `ComputeDctMatrix`), each row times its lifter coefficient (kaldi
/// `ComputeLifterCoeffs`).
fn cosines(cepstra: Cepstra, bins: usize) -> Vec<Vec<f32>> {
    use std::f64::consts::PI;
    (0..cepstra.count)
        .map(|k| {
            let norm = (if k == 0 { 1.0 } else { 2.0 } / bins as f64).sqrt();
            let lifter = 1.0 + 0.5 * cepstra.lifter * (PI * k as f64 / cepstra.lifter).sin();
            (0..bins)
                .map(|n| (norm * lifter * (PI / bins as f64 * (n as f64 + 0.5) * k as f64).cos()) as f32)
                .collect()
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
    fn every_front_end_takes_clips_of_any_length() {
        use FbankOptions as O;
        for options in
            [O::ICEFALL, O::FUNASR, O::WENET, O::WENET_SHERPA, O::NEMO, O::NEMO_SHERPA, O::TELESPEECH]
        {
            let mut fbank = Fbank::with(&options);
            for length in [0, 1, 79, 80, 159, 160, 399, 400, 560, 1601] {
                let features = fbank.compute(&vec![0.25; length]);
                assert_eq!(features.len(), fbank.frame_count(length) * fbank.width(), "{options:?} {length}");
                assert!(features.iter().all(|value| value.is_finite()), "{options:?} {length}");
            }
        }
    }

    #[test]
    fn a_tone_is_loudest_in_the_bin_whose_triangle_holds_it() {
        let tone: Vec<f32> =
            (0..16_000).map(|i| (std::f32::consts::TAU * 1000.0 * i as f32 / 16_000.0).sin() * 0.5).collect();
        let mel = |hz| MelScale::Htk.of_hz(hz);
        let features = Fbank::new().compute(&tone);
        let frame = &features[50 * BINS..51 * BINS];
        let loudest = (0..BINS).max_by(|&a, &b| frame[a].total_cmp(&frame[b])).unwrap();
        let step = (mel(7600.0) - mel(20.0)) / (BINS + 1) as f64;
        let expected = ((mel(1000.0) - mel(20.0)) / step - 1.0).round() as usize;
        assert_eq!(loudest, expected);
    }
}
