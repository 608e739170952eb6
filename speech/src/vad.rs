//! Voice activity by the `earshot` library: pure Rust, its weights inside.

use earshot::Detector;

use crate::VoiceActivityDetector;

/// What `earshot` takes at once: 16 ms at 16 kHz.
const FRAME: usize = 256;

/// [`VoiceActivityDetector`] on `earshot`. One per stream.
pub struct EarshotDetector {
    detector: Box<Detector>,
    frame: [f32; FRAME],
}

impl EarshotDetector {
    /// A detector that has heard nothing yet.
    pub fn new() -> Self {
        Self { detector: Box::default(), frame: [0.0; FRAME] }
    }
}

impl Default for EarshotDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl VoiceActivityDetector for EarshotDetector {
    fn frame_samples(&self) -> usize {
        FRAME
    }

    fn probability(&mut self, frame: &[f32]) -> f32 {
        // The library answers -1 for another length and wants nothing outside [-1, 1].
        self.frame.fill(0.0);
        for (ours, theirs) in self.frame.iter_mut().zip(frame) {
            *ours = if theirs.is_nan() { 0.0 } else { theirs.clamp(-1.0, 1.0) };
        }
        self.detector.predict_f32(&self.frame).clamp(0.0, 1.0)
    }

    fn reset(&mut self) {
        self.detector.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_hum_and_impossible_samples_are_not_speech() {
        let mut detector = EarshotDetector::new();
        let hum: Vec<f32> =
            (0..16_000).map(|i| (std::f32::consts::TAU * 50.0 * i as f32 / 16_000.0).sin() * 0.1).collect();
        let silence = vec![0.0; 16_000];
        let impossible = vec![f32::NAN; 16_000];
        for (name, sound) in [("silence", silence), ("hum", hum), ("impossible", impossible)] {
            detector.reset();
            let frames = sound.len() / FRAME;
            let sum: f32 = sound.chunks_exact(FRAME).map(|frame| detector.probability(frame)).sum();
            let mean = sum / frames as f32;
            assert!(mean < 0.2, "{name}: {mean}");
        }
    }
}
