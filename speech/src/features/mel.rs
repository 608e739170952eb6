//! Mel scales and their triangles.

/// A scale of pitch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MelScale {
    /// 1127 ln(1 + f / 700), triangles straight on it, not normalised, the Nyquist bin unused (HTK; kaldi
    /// `mel-computations.cc`).
    Htk,
    /// Even below 1 kHz (3 mel for 200 Hz), logarithmic above (27 mel for a factor of 6.4); triangles straight in hertz
    /// and of equal area (Slaney's Auditory Toolbox; librosa `filters.mel`).
    Slaney,
}

/// Where Slaney's scale turns logarithmic, in hertz and in mel.
const TURN_HZ: f64 = 1000.0;
const TURN_MEL: f64 = 15.0;

impl MelScale {
    /// Hertz → mel.
    pub(super) fn of_hz(self, hz: f64) -> f64 {
        match self {
            Self::Htk => 1127.0 * (1.0 + hz / 700.0).ln(),
            Self::Slaney if hz < TURN_HZ => hz * TURN_MEL / TURN_HZ,
            Self::Slaney => TURN_MEL + (hz / TURN_HZ).ln() * 27.0 / 6.4_f64.ln(),
        }
    }

    /// Mel → hertz.
    fn to_hz(self, mel: f64) -> f64 {
        match self {
            Self::Htk => 700.0 * ((mel / 1127.0).exp() - 1.0),
            Self::Slaney if mel < TURN_MEL => mel * TURN_HZ / TURN_MEL,
            Self::Slaney => TURN_HZ * ((mel - TURN_MEL) * 6.4_f64.ln() / 27.0).exp(),
        }
    }
}

/// One mel triangle: the first spectrum bin it covers and its weights from there on.
pub(super) struct Triangle {
    pub first: usize,
    pub weights: Vec<f32>,
}

/// `bins` triangles between two frequencies over the first half of a spectrum of `fft` points at 16 kHz.
pub(super) fn triangles(
    scale: MelScale,
    bins: usize,
    low_hz: f64,
    high_hz: f64,
    fft: usize,
) -> Vec<Triangle> {
    let (low, high) = (scale.of_hz(low_hz), scale.of_hz(high_hz));
    let step = (high - low) / (bins + 1) as f64;
    let hz = |bin: usize| bin as f64 * f64::from(crate::SAMPLE_RATE) / fft as f64;
    // What the triangles are straight on: mel for HTK, hertz for Slaney, who also uses the Nyquist bin.
    let position: Vec<f64> = match scale {
        MelScale::Htk => (0..fft / 2).map(|bin| scale.of_hz(hz(bin))).collect(),
        MelScale::Slaney => (0..=fft / 2).map(hz).collect(),
    };
    let corner = |index: usize| {
        let mel = low + index as f64 * step;
        if scale == MelScale::Slaney { scale.to_hz(mel) } else { mel }
    };
    (0..bins)
        .map(|index| {
            let (left, centre, right) = (corner(index), corner(index + 1), corner(index + 2));
            let area = if scale == MelScale::Slaney { 2.0 / (right - left) } else { 1.0 };
            let first = position.partition_point(|&p| p <= left);
            let slope = |p: f64| {
                if p <= centre { (p - left) / (centre - left) } else { (right - p) / (right - centre) }
            };
            let weights = position[first..]
                .iter()
                .take_while(|&&p| p < right)
                .map(|&p| (slope(p) * area) as f32)
                .collect();
            Triangle { first, weights }
        })
        .collect()
}
