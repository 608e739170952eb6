//! Playing what people have read aloud, sentence by sentence like a synthetic voice. Files are read and encoded on blocking
//! threads.

use std::sync::Arc;

use conversation::protocol::Codec;
use language::{Language, utterance};
use metrics::counter;
use speech::{SynthesisError, recording};

use super::encode::{self, SOUND_RATE, Sound};
use crate::clips::Clips;
use crate::telemetry::names;

/// The pause at the end of a sentence is as long as so many syllables.
const PAUSE: f32 = 2.0;

/// The clips, for those who play them.
#[derive(Clone, Debug)]
pub struct Recordings(Arc<Clips>);

/// A clip that is being played.
#[derive(Debug)]
pub struct Reading {
    samples: Vec<f32>,
    /// Where its sentences end, in samples; one less than there are.
    ends: Vec<usize>,
}

impl Recordings {
    /// Plays these.
    pub fn new(clips: Arc<Clips>) -> Self {
        Self(clips)
    }

    /// The recording of these words, of which `sentences` are the sentences. `None` where nobody has read them, or where the file
    /// cannot be used, which is logged.
    pub async fn find(&self, language: Language, text: &str, sentences: &[String]) -> Option<Arc<Reading>> {
        let (clips, text) = (Arc::clone(&self.0), text.to_owned());
        // How long a sentence is said to be follows from its syllables.
        let lengths: Vec<f32> = sentences
            .iter()
            .map(|sentence| {
                let slots = utterance::read(sentence, language);
                slots.iter().map(|slot| slot.choices[0].len() as f32).sum::<f32>() + PAUSE
            })
            .collect();
        let load = move || {
            let clip = clips.find(language, &text)?;
            match clips.samples(&clip) {
                Ok(samples) => {
                    let ends = recording::sentence_ends(&samples, &lengths);
                    Some(Arc::new(Reading { samples, ends }))
                }
                Err(error) => {
                    tracing::error!(clip = clip.id, %error, "a recording cannot be played; the voice speaks instead");
                    None
                }
            }
        };
        tokio::task::spawn_blocking(load).await.ok().flatten()
    }
}

impl Reading {
    /// The sound of one of its sentences, counted from 0. `rate` as of a voice: 1.0 is as it was read.
    ///
    /// # Errors
    /// [`SynthesisError`] where the sound cannot be encoded.
    pub async fn sound(
        self: &Arc<Self>,
        sentence: usize,
        rate: f32,
        codec: Codec,
    ) -> Result<Sound, SynthesisError> {
        let reading = Arc::clone(self);
        let encode = move || {
            let samples = recording::at_rate(reading.sentence(sentence), rate);
            encode::sound(encode::to_pcm16(&samples, SOUND_RATE)?, codec)
        };
        let failed = |error: tokio::task::JoinError| SynthesisError::Engine {
            engine: "recording".to_owned(),
            reason: error.to_string(),
        };
        let sound = tokio::task::spawn_blocking(encode).await.map_err(failed)??;
        counter!(names::SENTENCES, "source" => "recorded").increment(1);
        Ok(sound)
    }

    fn sentence(&self, sentence: usize) -> &[f32] {
        let from = sentence.checked_sub(1).map_or(0, |before| self.end(before));
        self.samples.get(from..self.end(sentence)).unwrap_or_default()
    }

    fn end(&self, sentence: usize) -> usize {
        self.ends.get(sentence).copied().unwrap_or(self.samples.len())
    }
}
