//! The sound of the hotline's own words, made ahead where they do not change, and the chime that whoever waits hears.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use conversation::protocol::{Codec, SoundSource};
use language::Language;
use parking_lot::Mutex;

use super::dialogue::{Part, Prompt, language_choice};
use crate::config::Telephone;
use crate::phrases::{Phrase, say, say_with};
use crate::session::{Passage, Speech};
use crate::workers::encode::SOUND_RATE;
use crate::workers::mouths::Mouths;
use crate::workers::recordings::{Recordings, Said};

/// Whoever calls is not left in silence for longer than this because a voice is slow.
const PATIENCE: Duration = Duration::from_secs(4);
/// Between two phrases.
const PAUSE_MS: u32 = 250;

/// What callers hear besides answers.
pub const FIXED: &[Phrase] = &[
    Phrase::TelephoneNotice,
    Phrase::TelephoneAsk,
    Phrase::TelephoneKeys,
    Phrase::TelephoneSilence,
    Phrase::TelephoneSilenceKeys,
    Phrase::TelephoneNobody,
    Phrase::TelephoneNoise,
    Phrase::TelephoneWaiting,
    Phrase::TelephoneLongest,
    Phrase::TelephoneOver,
    Phrase::TelephoneTransferring,
    Phrase::TelephoneTransferFailed,
    Phrase::TelephoneNoCaller,
    Phrase::TelephoneDeaf,
    Phrase::TelephoneLineBusy,
    Phrase::TelephoneDraining,
    Phrase::TelephoneCallingBack,
];

type Key = (String, Language, u32);
type Samples = Arc<[i16]>;

/// Makes and keeps them.
#[derive(Clone)]
pub struct Prompts {
    mouths: Option<Mouths>,
    recordings: Option<Recordings>,
    kept: Arc<Mutex<HashMap<Key, Samples>>>,
    slow_rate: f32,
}

impl Prompts {
    /// Spoken by these.
    pub fn new(mouths: Option<Mouths>, recordings: Option<Recordings>, slow_rate: f32) -> Self {
        Self { mouths, recordings, kept: Arc::default(), slow_rate }
    }

    /// Makes those that do not change, in both languages, so that nobody waits for them.
    pub async fn prepare(&self, settings: &Telephone) {
        for language in Language::ALL {
            let fixed = FIXED.iter().map(|phrase| Part { phrase: *phrase, language, value: None });
            let choice = language_choice(settings, language);
            for part in std::iter::once(choice).chain(fixed) {
                drop(self.part(&part, false).await);
            }
        }
    }

    /// 16,000 samples a second; empty where there is no voice.
    pub async fn sound(&self, prompt: &Prompt, slow: bool) -> Vec<i16> {
        let mut samples: Vec<i16> = Vec::new();
        for part in &prompt.parts {
            if !samples.is_empty() {
                samples.resize(samples.len() + (SOUND_RATE * PAUSE_MS / 1_000) as usize, 0);
            }
            match tokio::time::timeout(PATIENCE, self.part(part, slow)).await {
                Ok(Some(part)) => samples.extend_from_slice(&part),
                Ok(None) => {}
                Err(_) => tracing::warn!(phrase = part.phrase.key(), "the voice is too slow for a prompt"),
            }
        }
        samples
    }

    async fn part(&self, part: &Part, slow: bool) -> Option<Samples> {
        let text = match &part.value {
            None => say(part.phrase, part.language).to_owned(),
            Some((name, value)) => say_with(part.phrase, part.language, &[(name, value)]),
        };
        let rate = if slow { self.slow_rate } else { 1.0 };
        let key = (text, part.language, (rate * 100.0) as u32);
        if let Some(kept) = self.kept.lock().get(&key) {
            return Some(Arc::clone(kept));
        }
        let passages = vec![Passage { text: key.0.clone(), language: part.language }];
        let speech = Speech { passages, source: SoundSource::Synthetic, keep: true, sound: None };
        let mut samples = Vec::new();
        for sentence in Said::of(&speech, self.recordings.as_ref()).await {
            let sound = sentence.sound(self.mouths.clone(), rate, Codec::Pcm16, true, Arc::default()).await;
            match sound {
                Ok(sound) => samples.extend(sound.pieces.iter().flat_map(|piece| pcm16(&piece.bytes))),
                Err(speech::SynthesisError::Nothing) => {}
                Err(error) => {
                    tracing::error!(%error, "a prompt cannot be spoken");
                    return None;
                }
            }
        }
        let samples: Samples = samples.into();
        // Places in the queue are few; whatever else varies does not either.
        self.kept.lock().insert(key, Arc::clone(&samples));
        Some(samples)
    }
}

/// Little-endian 16-bit samples.
pub fn pcm16(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}

/// Two soft notes, a fifth apart, that die away: 16,000 samples a second.
pub fn chime() -> Vec<i16> {
    const NOTES: [(f32, f32); 2] = [(523.25, 0.0), (783.99, 0.18)];
    const SECONDS: f32 = 1.1;
    let rate = SOUND_RATE as f32;
    let sample = |n: usize| {
        let t = n as f32 / rate;
        let note = |(hertz, from): (f32, f32)| {
            let since = t - from;
            if since < 0.0 {
                return 0.0;
            }
            // A soft attack, so that it does not click.
            let attack = (since / 0.02).min(1.0);
            attack * (-4.0 * since).exp() * (std::f32::consts::TAU * hertz * since).sin()
        };
        // Well below speech (-18 LUFS): it is to reassure, not to wake.
        (NOTES.into_iter().map(note).sum::<f32>() * 0.06 * f32::from(i16::MAX)) as i16
    };
    (0..(rate * SECONDS) as usize).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chime_is_soft_and_ends_in_silence() {
        let chime = chime();
        let loudest = chime.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(loudest.is_some_and(|loudest| (1_000..6_000).contains(&loudest)), "{loudest:?}");
        assert!(chime[chime.len() - 100..].iter().all(|sample| sample.abs() < 200));
    }
}
