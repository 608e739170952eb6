//! Playing what people have read aloud, sentence by sentence like a synthetic voice, and what agents have said in a conversation. Files are
//! read and encoded on blocking threads.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use conversation::protocol::Codec;
use conversation::{SoundId, Store};
use language::{Language, utterance};
use metrics::counter;
use speech::codec::file::decode;
use speech::{SpeechRequest, SynthesisError, recording};

use super::encode::{self, SOUND_RATE, Sound};
use super::mouths::{Mouths, Sentence};
use crate::clips::Clips;
use crate::session::{Passage, Speech, sentences};
use crate::telemetry::names;

/// The pause at the end of a sentence is as long as so many syllables.
const PAUSE: f32 = 2.0;

/// What people have said, for those who play it.
#[derive(Clone, Debug)]
pub struct Recordings {
    clips: Arc<Clips>,
    store: Arc<dyn Store>,
}

/// A clip that is being played.
#[derive(Debug)]
pub struct Reading {
    samples: Vec<f32>,
    /// Where its sentences end, in samples; one less than there are.
    ends: Vec<usize>,
}

impl Recordings {
    /// Plays these clips, and the sounds that are kept here.
    pub fn new(clips: Arc<Clips>, store: Arc<dyn Store>) -> Self {
        Self { clips, store }
    }

    /// What somebody said in a conversation. `None` where it is gone or cannot be used, which is logged.
    async fn said(&self, id: SoundId) -> Option<Arc<Reading>> {
        let kept = match self.store.sound(id).await {
            Ok(kept) => kept?,
            Err(error) => {
                tracing::error!(%error, "what an agent said cannot be read");
                return None;
            }
        };
        let most = kept.ms as f32 / 1_000.0 + 1.0;
        let decoded = tokio::task::spawn_blocking(move || decode(kept.file, most)).await.ok()?;
        decoded
            .map(|samples| Arc::new(Reading { samples, ends: Vec::new() }))
            .inspect_err(|error| tracing::error!(%error, "what an agent said cannot be played"))
            .ok()
    }

    /// The recording of these words, of which `sentences` are the sentences. `None` where nobody has read them, or where the file
    /// cannot be used, which is logged.
    async fn find(&self, language: Language, text: &str, sentences: &[String]) -> Option<Arc<Reading>> {
        let (clips, text) = (Arc::clone(&self.clips), text.to_owned());
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

/// A sentence that is to be heard.
#[derive(Clone, Debug)]
pub struct Said {
    /// Its words.
    pub text: String,
    /// Their language.
    pub language: Language,
    /// Who read it, and which of the sentences of that reading it is.
    reading: Option<(Arc<Reading>, usize)>,
}

impl Said {
    /// The sentences of what is said, each with the recording of it where there is one. Of clips, only what the assistant itself says; what an
    /// agent spoke is one piece, whatever words stand beside it.
    pub async fn of(speech: &Speech, recordings: Option<&Recordings>) -> Vec<Self> {
        if let (Some(recordings), Some(sound), [passage, ..]) =
            (recordings, speech.sound, speech.passages.as_slice())
            && let Some(reading) = recordings.said(sound).await
        {
            let Passage { text, language } = passage.clone();
            return vec![Self { text, language, reading: Some((reading, 0)) }];
        }
        let mut said = Vec::new();
        for passage in &speech.passages {
            let (texts, language) = (sentences(&passage.text), passage.language);
            let reading = match recordings.filter(|_| speech.keep) {
                Some(recordings) => recordings.find(language, &passage.text, &texts).await,
                None => None,
            };
            said.extend(texts.into_iter().enumerate().map(|(place, text)| {
                let reading = reading.clone().map(|reading| (reading, place));
                Self { text, language, reading }
            }));
        }
        said
    }

    /// Whether a person has read it.
    pub const fn is_read(&self) -> bool {
        self.reading.is_some()
    }

    /// How long the pause at the end of its sound is, in syllables: a voice ends with the last one.
    pub const fn pause_after(&self) -> f32 {
        if self.is_read() { PAUSE } else { 0.0 }
    }

    /// Its sound: as it was read, or else (also where that cannot be played) by the voice.
    ///
    /// # Errors
    /// [`SynthesisError`], also where there is no voice.
    pub async fn sound(
        self,
        mouths: Option<Mouths>,
        rate: f32,
        codec: Codec,
        keep: bool,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Sound, SynthesisError> {
        if let Some((reading, place)) = &self.reading {
            match reading.sound(*place, rate, codec).await {
                Ok(sound) => return Ok(sound),
                Err(error) => {
                    tracing::error!(%error, "a recording cannot be played; the voice speaks instead");
                }
            }
        }
        let none =
            || SynthesisError::Engine { engine: "voice".to_owned(), reason: "there is none".to_owned() };
        let request = SpeechRequest { text: self.text, language: self.language, rate };
        let sentence = Sentence { request, codec, keep, whole: false };
        mouths.ok_or_else(none)?.speak(sentence, cancelled).await
    }
}

impl Reading {
    /// The sound of one of its sentences, counted from 0. `rate` as of a voice: 1.0 is as it was read.
    ///
    /// # Errors
    /// [`SynthesisError`] where the sound cannot be encoded.
    async fn sound(
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
