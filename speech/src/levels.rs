//! How loud an utterance was: what to tell a citizen whose question was not understood because of the sound.

/// Speech quieter than this, in dB below full scale, is hard for any recogniser: a telephone held at arm's length.
const QUIET_DBFS: f32 = -50.0;

/// From this share of samples at full scale on, speech is distorted.
const CLIPPED_SHARE: f32 = 0.01;

/// A sample from this size on counts as cut off.
const FULL_SCALE: f32 = 0.985;

/// Speech that stands out from its surroundings by less than this, in dB.
const NOISY_DB: f32 = 6.0;

/// Frames with at least this speech probability count as speech, with at most [`SILENCE`] as surroundings.
const SPEECH: f32 = 0.6;
const SILENCE: f32 = 0.15;

/// Frames that are needed of either kind before a level is believed: some 200 ms.
const ENOUGH: u32 = 12;

/// What was wrong with the sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Complaint {
    /// Too faint.
    TooQuiet,
    /// Distorted.
    TooLoud,
    /// Hardly louder than what is around.
    TooNoisy,
}

/// Sound levels of an utterance. Decibels are relative to a full-scale square wave; `None` where too little was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Levels {
    /// Of the speech.
    pub speech_dbfs: Option<f32>,
    /// Of everything between and before it.
    pub noise_dbfs: Option<f32>,
    /// Share of the samples that are at full scale, 0 to 1.
    pub clipped: f32,
}

impl Levels {
    /// What most likely kept a recogniser from understanding; `None` where the sound was fine.
    pub fn complaint(&self) -> Option<Complaint> {
        if self.clipped >= CLIPPED_SHARE {
            return Some(Complaint::TooLoud);
        }
        let speech = self.speech_dbfs?;
        if speech < QUIET_DBFS {
            return Some(Complaint::TooQuiet);
        }
        self.noise_dbfs.filter(|noise| speech - noise < NOISY_DB).map(|_| Complaint::TooNoisy)
    }
}

/// Gathers [`Levels`] frame by frame.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    speech: Power,
    noise: Power,
    samples: u64,
    clipped: u64,
}

#[derive(Debug, Default)]
struct Power {
    sum: f64,
    frames: u32,
}

impl Power {
    fn add(&mut self, power: f64) {
        self.sum += power;
        self.frames += 1;
    }

    fn dbfs(&self) -> Option<f32> {
        let mean = self.sum / f64::from(self.frames.max(1));
        (self.frames >= ENOUGH).then(|| (10.0 * mean.max(1e-12).log10()) as f32)
    }
}

impl Meter {
    /// Takes a frame with the detector's probability that it is speech.
    pub(crate) fn hear(&mut self, frame: &[f32], probability: f32) {
        let power =
            frame.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / frame.len().max(1) as f64;
        if probability >= SPEECH {
            self.speech.add(power);
            self.samples += frame.len() as u64;
            self.clipped += frame.iter().filter(|sample| sample.abs() >= FULL_SCALE).count() as u64;
        } else if probability <= SILENCE {
            self.noise.add(power);
        }
    }

    /// The levels so far.
    pub(crate) fn levels(&self) -> Levels {
        let Self { speech, noise, samples, clipped } = self;
        let clipped = if *samples > 0 { *clipped as f32 / *samples as f32 } else { 0.0 };
        Levels { speech_dbfs: speech.dbfs(), noise_dbfs: noise.dbfs(), clipped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utterance(speech: f32, noise: f32) -> Levels {
        let mut meter = Meter::default();
        for _ in 0..40 {
            meter.hear(&[noise; 256], 0.0);
            meter.hear(&[speech; 256], 0.9);
        }
        meter.levels()
    }

    #[test]
    fn each_fault_of_the_sound_is_named_and_good_sound_is_not_complained_of() {
        assert_eq!(utterance(0.1, 0.001).complaint(), None);
        assert_eq!(utterance(0.002, 0.0001).complaint(), Some(Complaint::TooQuiet));
        assert_eq!(utterance(1.0, 0.001).complaint(), Some(Complaint::TooLoud));
        assert_eq!(utterance(0.1, 0.08).complaint(), Some(Complaint::TooNoisy));
        assert_eq!(Levels::default().complaint(), None, "nothing is known");
        assert!((utterance(0.1, 0.001).speech_dbfs.unwrap_or_default() + 20.0).abs() < 0.1);
    }
}
