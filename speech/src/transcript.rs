//! The seams: what hears, what speaks, and what they hand over.

use std::{
    any::Any,
    sync::{Arc, atomic::AtomicBool},
};

use language::{Evidence, Language};

use crate::decode::DecodeOptions;

/// A word and its place in the sound. Chinese engines that emit characters give one per character.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimedWord {
    /// As written in [`Hypothesis::text`].
    pub text: String,
    /// Where it begins, in milliseconds from the start of the audio.
    pub start_ms: u32,
    /// Where it ends.
    pub end_ms: u32,
    /// How sure the engine is of it, 0 to 1, uncalibrated; `None` where the engine does not say.
    pub confidence: Option<f32>,
}

/// One reading of an utterance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hypothesis {
    /// The words. Normalised Unicode, no special tokens.
    pub text: String,
    /// How sure the engine is, 0 to 1, uncalibrated; `None` where the engine does not say.
    pub confidence: Option<f32>,
    /// The words with their times, in order; empty where the engine does not say when.
    pub words: Vec<TimedWord>,
}

/// What a recogniser made of one utterance.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The language the engine was told or found; `None` where it does not know.
    pub language: Option<Language>,
    /// Readings, best first. Empty where the engine cannot take dictation or heard no words.
    pub hypotheses: Vec<Hypothesis>,
    /// What the sound supports, for choosing among known questions. `None` where the engine cannot say; it may be able to
    /// weigh short lists only ([`Evidence::covers_all`]).
    pub evidence: Option<Arc<dyn Evidence>>,
    /// Length of the audio that was transcribed, in seconds.
    pub seconds: f32,
}

impl Transcript {
    /// The best reading's text as the engine gave it, empty where there is none.
    pub fn text(&self) -> &str {
        self.hypotheses.first().map_or("", |h| h.text.as_str())
    }

    /// The best reading as people write it: numbers in digits ([`language::numbers::written`]). This is what is shown and
    /// understood; the engine's own words stay in [`Self::hypotheses`], where they fit the times and the evidence.
    pub fn written(&self) -> String {
        language::numbers::written(self.text())
    }
}

/// What an engine can do, so that the house need not ask which engine it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Capabilities {
    /// Languages it can hear.
    pub languages: Vec<Language>,
    /// Whether its text may be shown to people as what they said.
    pub dictation: bool,
    /// Whether its transcripts carry [`Evidence`] that covers a whole knowledge base ([`Evidence::covers_all`]).
    pub evidence: bool,
    /// Longest audio it can take at once, in seconds.
    pub max_seconds: f32,
}

/// What to listen for.
#[derive(Clone, Debug, Default)]
pub struct TranscribeRequest {
    /// Pin the language; `None` lets the engine choose among the two of the service, never a third.
    pub language: Option<Language>,
    /// Words likely to occur (knowledge-base terms), best first; engines without prompts ignore them.
    pub prompt: Vec<String>,
    /// The utterance is not over yet: speed matters more than the last word.
    pub partial: bool,
    /// How posteriors become text, and which phrases to expect; engines that do not decode posteriors ignore it. Partial
    /// transcripts are the greedy path whatever it says.
    pub decoding: DecodeOptions,
}

/// Why an utterance could not be transcribed.
#[derive(Debug, thiserror::Error)]
pub enum TranscribeError {
    /// The audio is longer than [`Capabilities::max_seconds`].
    #[error("the audio is {seconds:.1} s long; this engine takes at most {max:.1} s")]
    TooLong {
        /// Length of the audio.
        seconds: f32,
        /// What the engine takes.
        max: f32,
    },
    /// The engine failed.
    #[error("the {engine} engine failed: {reason}")]
    Engine {
        /// The engine's name.
        engine: String,
        /// What it said.
        reason: String,
    },
}

/// What an engine remembers of an utterance that it hears while it is spoken. Made by [`Transcriber::begin`], understood only by the
/// engine that made it; dropping it forgets the utterance.
pub struct Live {
    pub(crate) state: Box<dyn Any + Send>,
    /// What it was begun with.
    pub(crate) request: TranscribeRequest,
    /// Which engine of a chain made it.
    pub(crate) engine: usize,
}

impl Live {
    pub(crate) fn new(state: impl Any + Send, request: &TranscribeRequest) -> Self {
        Self { state: Box::new(state), request: request.clone(), engine: 0 }
    }

    /// What is asked for when the utterance is over, or while it goes on.
    pub(crate) fn request_now(&self, over: bool) -> TranscribeRequest {
        TranscribeRequest { partial: !over, ..self.request.clone() }
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// Turns audio into a [`Transcript`]. One per model thread.
///
/// An engine with limited context also hears utterances while they are spoken: [`Self::begin`], [`Self::hear`] as sound comes in, and
/// [`Self::conclude`] at the end, which then is quick. All others are given whole utterances.
pub trait Transcriber: Send {
    /// A short name for logs and events, with the model's hash where there is a model.
    fn name(&self) -> &str;
    /// What it can do.
    fn capabilities(&self) -> &Capabilities;
    /// Transcribes mono 16 kHz `f32` audio in [-1, 1].
    ///
    /// # Errors
    /// [`TranscribeError`] where the audio is too long or the engine fails; never for silence, which is an empty transcript.
    fn transcribe(
        &mut self,
        audio: &[f32],
        request: &TranscribeRequest,
    ) -> Result<Transcript, TranscribeError>;

    /// Begins an utterance that is heard while it is spoken; `None` where the engine hears only whole ones. The request holds
    /// for all its transcripts, except that [`Self::conclude`] says whether they are partial.
    fn begin(&mut self, request: &TranscribeRequest) -> Option<Live> {
        let _ = request;
        None
    }

    /// Hears more of some utterances, mono 16 kHz `f32` each. Together they are cheaper than one by one.
    ///
    /// # Errors
    /// [`TranscribeError::Engine`] where the engine fails or did not make one of them; all of them are then spoilt.
    fn hear(&mut self, more: &mut [(&mut Live, &[f32])]) -> Result<(), TranscribeError> {
        if more.is_empty() { Ok(()) } else { Err(foreign(self.name())) }
    }

    /// The transcript as far as the utterance has been heard: with `over`, as if it ended here; otherwise only what later sound cannot change.
    /// The utterance may go on afterwards.
    ///
    /// # Errors
    /// As [`Self::hear`].
    fn conclude(&mut self, live: &Live, over: bool) -> Result<Transcript, TranscribeError> {
        let _ = (live, over);
        Err(foreign(self.name()))
    }
}

/// An utterance was given to an engine that did not make it.
pub(crate) fn foreign(engine: &str) -> TranscribeError {
    TranscribeError::Engine { engine: engine.to_owned(), reason: "it never began this utterance".to_owned() }
}

/// Tells speech from everything else. One per stream: it keeps state.
pub trait VoiceActivityDetector: Send {
    /// Samples per call at 16 kHz.
    fn frame_samples(&self) -> usize;
    /// Probability of speech, 0 to 1, in this frame of exactly [`Self::frame_samples`] samples.
    fn probability(&mut self, frame: &[f32]) -> f32;
    /// Forgets the past, for a new stream.
    fn reset(&mut self);
}

/// One sentence to be spoken.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeechRequest {
    /// The sentence as written; the synthesizer reads out numbers itself.
    pub text: String,
    /// The language of the surrounding conversation.
    pub language: Language,
    /// Speed: 1.0 as the voice was made, 0.75 for "slower, please".
    pub rate: f32,
}

/// A piece of sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Mono samples in [-1, 1].
    pub samples: Vec<f32>,
    /// Hertz.
    pub sample_rate: u32,
}

/// Why a sentence could not be spoken.
#[derive(Debug, thiserror::Error)]
pub enum SynthesisError {
    /// Somebody interrupted.
    #[error("synthesis was cancelled")]
    Cancelled,
    /// There is nothing to say in it.
    #[error("there is nothing to say in this text")]
    Nothing,
    /// The engine failed.
    #[error("the {engine} voice failed: {reason}")]
    Engine {
        /// The engine's name.
        engine: String,
        /// What it said.
        reason: String,
    },
}

/// Turns one sentence into sound. One per model thread.
pub trait Synthesizer: Send {
    /// A name that changes whenever the sound would (engine, voice, version): part of the cache key.
    fn name(&self) -> &str;
    /// Speaks one sentence. Looks at `cancelled` often enough to stop within 100 ms.
    ///
    /// # Errors
    /// [`SynthesisError`].
    fn synthesize(&mut self, request: &SpeechRequest, cancelled: &AtomicBool)
    -> Result<Clip, SynthesisError>;

    /// Whether it says words of the other language inside a sentence too. [`VoiceChain`](crate::synthesizer::chain::VoiceChain)
    /// has them said by another voice where not.
    fn mixes(&self) -> bool {
        true
    }

    /// Whether the last sentence was spoken by another voice than the one that [`Self::name`] names, so that its sound must
    /// not be kept under that name.
    fn substituted(&self) -> bool {
        false
    }
}
