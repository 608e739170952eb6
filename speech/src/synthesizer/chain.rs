//! Several voices as one: for every language in order of preference, the next where one fails.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use language::Language;

use super::check_length;
use crate::{Clip, SpeechRequest, SynthesisError, Synthesizer, codec::resample::Resampler};

/// After so many failures in a row a voice is not asked for a while, so that it costs no time.
const FAILURES: u32 = 3;
/// How long it rests first; twice as long each time that it fails again when asked after a rest.
const FIRST_REST: Duration = Duration::from_secs(15);
/// How long it rests at most.
const LONGEST_REST: Duration = Duration::from_mins(5);
/// Silence between two languages in one sentence, in seconds.
const BREATH: f32 = 0.05;

/// How a voice has fared lately: one for every configured voice, shared by all threads that speak with it.
#[derive(Debug, Default)]
pub struct Health(Mutex<Fared>);

#[derive(Debug, Default)]
struct Fared {
    failures: u32,
    rests: u32,
    until: Option<Instant>,
}

impl Health {
    /// Whether the voice may be asked at this time.
    fn is_ready(&self, now: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).until.is_none_or(|until| until <= now)
    }

    fn spoke(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Fared::default();
    }

    /// Notes a failure; returns how long the voice rests, where it has to.
    fn failed(&self, now: Instant) -> Option<Duration> {
        let mut fared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fared.failures += 1;
        if fared.failures < FAILURES {
            return None;
        }
        let rest = FIRST_REST.saturating_mul(1 << fared.rests.min(8)).min(LONGEST_REST);
        fared.rests += 1;
        // One more failure after the rest is enough for the next.
        fared.failures = FAILURES - 1;
        fared.until = Some(now + rest);
        Some(rest)
    }
}

/// A voice of a chain.
pub struct Link {
    /// What speaks.
    pub voice: Box<dyn Synthesizer>,
    /// How it has fared, shared with the other threads' links to the same voice.
    pub health: Arc<Health>,
}

impl Link {
    /// A voice that nobody else speaks with.
    pub fn new(voice: Box<dyn Synthesizer>) -> Self {
        Self { voice, health: Arc::default() }
    }
}

/// Why a sentence was not spoken by a voice that came earlier in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It failed.
    Failed,
    /// It rests after failing several times in a row.
    Resting,
}

impl Fault {
    /// A word for figures: `failed` or `resting`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Resting => "resting",
        }
    }
}

/// Told of every fault: the voice's name and the language. Called on the thread that speaks.
pub type Watch = Arc<dyn Fn(&str, Language, Fault) + Send + Sync>;

/// Voices in order of preference for each language.
pub struct VoiceChain {
    bo: Vec<Link>,
    zh: Vec<Link>,
    watch: Watch,
    name: String,
    substituted: bool,
}

impl VoiceChain {
    /// Chains voices, the best first. `None` where there is none at all.
    pub fn new(bo: Vec<Link>, zh: Vec<Link>, watch: Watch) -> Option<Self> {
        let first = |links: &[Link]| links.first().map(|link| link.voice.name().to_owned());
        let name = match (first(&bo), first(&zh)) {
            (None, None) => return None,
            (Some(bo), Some(zh)) if bo == zh => bo,
            (bo, zh) => {
                let none = || "none".to_owned();
                format!("bo {} + zh {}", bo.unwrap_or_else(none), zh.unwrap_or_else(none))
            }
        };
        Some(Self { bo, zh, watch, name, substituted: false })
    }

    /// The names of a language's voices, in order.
    pub fn voices(&self, language: Language) -> impl Iterator<Item = &str> {
        let links = match language {
            Language::Bo => &self.bo,
            Language::Zh => &self.zh,
        };
        links.iter().map(|link| link.voice.name())
    }

    const fn links(&mut self, language: Language) -> &mut Vec<Link> {
        match language {
            Language::Bo => &mut self.bo,
            Language::Zh => &mut self.zh,
        }
    }

    /// The first voice in order that can. `whole` is false for a piece that is in one language already.
    fn speak(
        &mut self,
        request: &SpeechRequest,
        whole: bool,
        cancelled: &AtomicBool,
    ) -> Result<Clip, SynthesisError> {
        let mut last = None;
        for number in 0..self.links(request.language).len() {
            let link = &self.links(request.language)[number];
            let (name, health) = (link.voice.name().to_owned(), Arc::clone(&link.health));
            if !health.is_ready(Instant::now()) {
                (self.watch)(&name, request.language, Fault::Resting);
                let reason = "it rests after failing several times in a row".to_owned();
                last.get_or_insert(SynthesisError::Engine { engine: name, reason });
                self.substituted = true;
                continue;
            }
            match self.with(number, request, whole, cancelled) {
                Ok(clip) => {
                    health.spoke();
                    return Ok(clip);
                }
                Err((SynthesisError::Cancelled, _)) => return Err(SynthesisError::Cancelled),
                // Not its fault; the next one may know how to say it.
                Err((SynthesisError::Nothing, _)) => last = last.or(Some(SynthesisError::Nothing)),
                Err((error, false)) => last = Some(error),
                Err((error, true)) => {
                    (self.watch)(&name, request.language, Fault::Failed);
                    let rest = health.failed(Instant::now()).map(|rest| rest.as_secs());
                    tracing::error!(voice = name, %error, rests_seconds = rest, "a voice failed; the next one speaks");
                    last = Some(error);
                }
            }
            self.substituted = true;
        }
        Err(last.unwrap_or_else(|| SynthesisError::Engine {
            engine: "voice".to_owned(),
            reason: format!("no voice speaks {}", request.language),
        }))
    }

    /// A sentence by one voice of its language. What is in the other language, where the voice does not speak that, is said by
    /// that language's own voices. An error comes with whether it is this voice's own.
    fn with(
        &mut self,
        number: usize,
        request: &SpeechRequest,
        whole: bool,
        cancelled: &AtomicBool,
    ) -> Result<Clip, (SynthesisError, bool)> {
        let link = &mut self.links(request.language)[number];
        if link.voice.mixes() || !whole {
            return link.voice.synthesize(request, cancelled).map_err(|error| (error, true));
        }
        let mut said: Option<Clip> = None;
        for (language, text) in by_language(&request.text, request.language) {
            let piece = SpeechRequest { text, language, rate: request.rate };
            let own = language == request.language;
            let spoken = if own {
                self.links(language)[number].voice.synthesize(&piece, cancelled)
            } else {
                self.speak(&piece, false, cancelled)
            };
            match spoken {
                Ok(clip) => join(&mut said, clip).map_err(|error| (error, own))?,
                Err(SynthesisError::Nothing) => {}
                Err(error) => return Err((error, own)),
            }
        }
        said.ok_or((SynthesisError::Nothing, true))
    }
}

/// A text in pieces of one language each, numbers in words, in order; nothing of it is lost but what has no sound.
fn by_language(text: &str, language: Language) -> Vec<(Language, String)> {
    let text = language::spoken_text(text, language);
    let mut pieces: Vec<(Language, usize)> = Vec::new();
    for segment in language::speech_plan(&text, language) {
        if pieces.last().is_none_or(|(last, _)| *last != segment.voice) {
            pieces.push((segment.voice, if pieces.is_empty() { 0 } else { segment.range.start }));
        }
    }
    let ends: Vec<usize> = pieces.iter().skip(1).map(|(_, start)| *start).chain([text.len()]).collect();
    pieces.into_iter().zip(ends).map(|((voice, start), end)| (voice, text[start..end].to_owned())).collect()
}

/// Appends a clip after a breath, at the rate of the first.
fn join(whole: &mut Option<Clip>, clip: Clip) -> Result<(), SynthesisError> {
    let Some(before) = whole else {
        *whole = Some(clip);
        return Ok(());
    };
    let cannot = |error: crate::codec::CodecError| SynthesisError::Engine {
        engine: "voice".to_owned(),
        reason: error.to_string(),
    };
    let mut resampler = Resampler::new(clip.sample_rate, before.sample_rate).map_err(cannot)?;
    before.samples.extend(std::iter::repeat_n(0.0, (BREATH * before.sample_rate as f32) as usize));
    before.samples.extend(resampler.push(&clip.samples).map_err(cannot)?);
    before.samples.extend(resampler.finish().map_err(cannot)?);
    Ok(())
}

impl Synthesizer for VoiceChain {
    fn name(&self) -> &str {
        &self.name
    }

    fn synthesize(
        &mut self,
        request: &SpeechRequest,
        cancelled: &AtomicBool,
    ) -> Result<Clip, SynthesisError> {
        self.substituted = false;
        check_length(&request.text)?;
        if cancelled.load(Ordering::Relaxed) {
            return Err(SynthesisError::Cancelled);
        }
        self.speak(request, true, cancelled)
    }

    fn substituted(&self) -> bool {
        self.substituted
    }
}

#[cfg(test)]
mod tests;
