//! Comfort noise (RFC 3389): what is heard while the sender pauses.

/// The loudest noise that is made, in -dBov: louder would be taken for speech.
const LOUDEST: u8 = 40;

/// Makes white noise. The spectrum that RFC 3389 allows for is not followed: who listens here is a recogniser.
#[derive(Debug)]
pub(super) struct Comfort {
    level: Option<u8>,
    state: u32,
}

impl Comfort {
    /// Silence, until a level is set.
    pub(super) const fn new() -> Self {
        Self { level: None, state: 0x9E37_79B9 }
    }

    /// Noise of this level from now on, in -dBov as in the first byte of a comfort noise packet.
    pub(super) fn set(&mut self, level: u8) {
        self.level = Some(level.clamp(LOUDEST, 127));
    }

    /// Silence from now on.
    pub(super) const fn silence(&mut self) {
        self.level = None;
    }

    /// So many samples of it.
    pub(super) fn fill(&mut self, samples: usize) -> Vec<i16> {
        let Some(level) = self.level else { return vec![0; samples] };
        // 0 dBov is the power of a full-scale square wave; even noise between -a and a has a power of a²/3.
        let amplitude = 32_767.0 * 10_f32.powf(-f32::from(level) / 20.0) * 3_f32.sqrt();
        (0..samples).map(|_| (amplitude * self.random()) as i16).collect()
    }

    /// Between -1 and 1: xorshift32 (Marsaglia, 2003). Nothing depends on its being unpredictable.
    fn random(&mut self) -> f32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state as f32 / (u32::MAX / 2) as f32 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_level_that_was_said_and_is_never_loud() {
        let mut comfort = Comfort::new();
        assert_eq!(comfort.fill(160), [0; 160]);
        for (said, heard) in [(50, 50.0), (60, 60.0), (0, 40.0)] {
            comfort.set(said);
            let noise = comfort.fill(8_000);
            let power = noise.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / 8_000.0;
            let level = -10.0 * (power / 32_767_f64.powi(2)).log10();
            assert!((level - heard).abs() < 0.6, "{said}: {level}");
        }
    }
}
