//! Questions asked by voices that training never heard: the `held_out` list of `training/voices.json`.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, ensure};
use language::Language;
use serde::Deserialize;
use speech::synthesizer::{EspeakSettings, EspeakVoice};
use speech::{Clip, SAMPLE_RATE, SpeechRequest, Synthesizer};

use crate::material::workspace;

#[derive(Deserialize)]
struct Lists {
    held_out: Vec<Range>,
}

/// One variant of espeak-ng's voice with the ranges in which it may speak.
#[derive(Clone, Debug, Deserialize)]
struct Range {
    variant: String,
    pitch: [u8; 2],
    rate: [u16; 2],
}

/// The held-out voices.
pub struct HeldOutVoices {
    ranges: Vec<Range>,
    data: PathBuf,
}

impl HeldOutVoices {
    /// Reads the list.
    ///
    /// # Errors
    /// Where the list is missing or names no voice.
    pub fn load() -> Result<Self> {
        let path = workspace().join("training/voices.json");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let lists: Lists = serde_json::from_str(&text)?;
        ensure!(!lists.held_out.is_empty(), "{} names no held-out voice", path.display());
        Ok(Self { ranges: lists.held_out, data: workspace().join("target/tmp/espeak") })
    }

    /// The text as 16 kHz samples in [-1, 1], by the voice that belongs to this number: numbers run through the variants and, inside a variant's range, through
    /// pitches and speeds, so that the same number always sounds the same.
    ///
    /// # Errors
    /// Where espeak-ng is missing or cannot say the text.
    pub fn say(&self, number: usize, text: &str, language: Language) -> Result<Vec<f32>> {
        let range = &self.ranges[number % self.ranges.len()];
        let step = (number / self.ranges.len()) as u32;
        let within =
            |[low, high]: [u16; 2], stride: u32| low + (step * stride % u32::from(high - low + 1)) as u16;
        let settings = EspeakSettings {
            variant: Some(range.variant.clone()),
            pitch: within(range.pitch.map(u16::from), 7) as u8,
            words_per_minute: within(range.rate, 13),
            ..EspeakSettings::default()
        };
        let mut voice = EspeakVoice::new(settings, &self.data)?;
        let request = SpeechRequest { text: text.to_owned(), language, rate: 1.0 };
        let clip = voice.synthesize(&request, &AtomicBool::new(false))?;
        to_house_rate(clip)
    }
}

/// Resamples to the house's 16 kHz.
///
/// # Errors
/// Where the clip's rate is not one that can be converted.
pub fn to_house_rate(clip: Clip) -> Result<Vec<f32>> {
    if clip.sample_rate == SAMPLE_RATE {
        return Ok(clip.samples);
    }
    let mut resampler = speech::codec::resample::Resampler::new(clip.sample_rate, SAMPLE_RATE)?;
    let mut samples = resampler.push(&clip.samples)?;
    samples.extend(resampler.finish()?);
    Ok(samples)
}

/// Samples in [-1, 1] as 16-bit integers.
pub fn pcm16(samples: &[f32]) -> Vec<i16> {
    samples.iter().map(|s| (s.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16).collect()
}

/// The same sound with silence before and after it, in seconds.
pub fn between_silences(samples: &[f32], before: f32, after: f32) -> Vec<f32> {
    let silence = |seconds: f32| std::iter::repeat_n(0.0_f32, (seconds * SAMPLE_RATE as f32) as usize);
    silence(before).chain(samples.iter().copied()).chain(silence(after)).collect()
}
