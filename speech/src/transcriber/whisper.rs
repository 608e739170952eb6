//! Any ggml Whisper file, through whisper.cpp.
//!
//! `set_abort_callback_safe` of the binding is never used (its trampoline has the wrong type), nor are
//! `set_initial_prompt` and, per utterance, `set_language` (they leak a C string on every call).

mod evidence;
mod header;
mod layout;
mod loops;
mod silence;
mod timing;

use std::{ops::Range, path::Path, sync::Arc};

use language::{Evidence, Language};
use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperError, WhisperState,
};

use self::{
    evidence::{Lending, WhisperEvidence},
    header::Header,
};
use super::{ModelError, clean, short_hash, tokens};
use crate::{
    Capabilities, Hypothesis, SAMPLE_RATE, TranscribeError, TranscribeRequest, Transcriber, Transcript,
    decode::words,
};

/// Whisper hears windows of 30 s; one utterance is one window.
const MAX_SECONDS: f32 = 30.0;

/// Encoder positions per second of audio (20 ms each).
const POSITIONS_PER_SECOND: f32 = 50.0;

/// Positions beyond the audio's end: room for the last word, and for the model to see that it is over.
const MARGIN: i32 = 64;

/// Fewer positions than this make the decoder repeat itself (whisper.cpp issue 1951).
const FEWEST_POSITIONS: i32 = 384;

/// The encoder's own number of positions.
const ALL_POSITIONS: i32 = 1500;

/// whisper.cpp finds no segment in audio under 100 ms; silence up to this many samples is added to short clips.
const SHORTEST: usize = SAMPLE_RATE as usize / 2;

/// Tokens that a second of speech can have at most: six syllables of up to four Tibetan letters, each three bytes. A decoder
/// that writes more is in a loop.
const TOKENS_PER_SECOND: f32 = 72.0;

/// Tokens beyond that, for very short clips.
const SPARE_TOKENS: i32 = 32;

/// A reading is dropped where the model says with more than this probability that nobody speaks...
/// Source: openai/whisper `transcribe.py`, `no_speech_threshold`.
const NO_SPEECH: f32 = 0.6;

/// ...and its tokens have a lower mean logarithm than this. Source: the same, `logprob_threshold`.
const UNSURE: f32 = -1.0;

/// How many tokens of the prompt's words are used: half of the decoder's room for earlier text.
const PROMPT_TOKENS: usize = 110;

/// A loaded Whisper file. Its weights are shared by all transcribers made of it.
#[derive(Clone)]
pub struct WhisperModel {
    context: Arc<WhisperContext>,
    name: String,
}

impl WhisperModel {
    /// Loads a ggml file after looking at its header.
    ///
    /// # Errors
    /// [`ModelError`] where the file is missing, is no ggml Whisper file, hears English only, has an unknown vocabulary
    /// (fine-tunes with added tokens shift all special tokens), or is damaged.
    pub fn load(file: &Path) -> Result<Self, ModelError> {
        if !file.is_file() {
            return Err(ModelError::Missing {
                path: file.to_owned(),
                hint: "give the path of a ggml Whisper file (ggml-*.bin)",
            });
        }
        let header = Header::read(file)?;
        header.check().map_err(|reason| ModelError::unusable(file, reason))?;
        layout::check(file, header.vocabulary).map_err(|reason| ModelError::unusable(file, reason))?;
        // Routes whisper.cpp's own messages to `tracing`; only the first call of a process has an effect.
        whisper_rs::install_logging_hooks();
        // Without flash attention, which on a processor takes twice as long in this version of ggml.
        let parameters = WhisperContextParameters::default();
        let context = WhisperContext::new_with_params(file, parameters).map_err(|_| {
            ModelError::unusable(file, "its tensors are damaged or incomplete; download it again")
        })?;
        let stem = file.file_stem().map_or("whisper".into(), |stem| stem.to_string_lossy());
        let name = format!("whisper:{stem}@{}", short_hash(file)?);
        tracing::info!(engine = name, layers = header.audio_layers, "the speech model is loaded");
        Ok(Self { context: Arc::new(context), name })
    }

    /// A transcriber with its own working memory and `threads` threads, for one model thread. whisper.cpp's threads wait
    /// for each other by spinning: more of them than idle cores makes it slower, not faster.
    ///
    /// # Errors
    /// [`TranscribeError::Engine`] where the memory cannot be had.
    pub fn transcriber(&self, threads: usize) -> Result<WhisperTranscriber, TranscribeError> {
        let state = self.context.create_state().map_err(|e| engine_error(&self.name, e))?;
        let template = |language: Language| {
            let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
            params.set_language(Some(language.code()));
            params.set_n_threads(i32::try_from(threads.max(1)).unwrap_or(1));
            params.set_no_context(true);
            params.set_no_timestamps(true);
            params.set_single_segment(true);
            // No second attempts at a higher temperature: they triple the latency, and the same sound would not give the
            // same words twice. An unlikely reading shows in its confidence.
            params.set_temperature(0.0);
            params.set_temperature_inc(0.0);
            params.set_suppress_blank(true);
            params.set_suppress_nst(true);
            // whisper.cpp 1.8 reads this probability from the wrong row of its logits (what the last utterance left there)
            // whenever the prompt has more than one token, which it always has; `reading` asks for the right one.
            params.set_no_speech_thold(2.0);
            params.set_print_progress(false);
            params.set_print_realtime(false);
            params.set_print_special(false);
            params.set_print_timestamps(false);
            params
        };
        Ok(WhisperTranscriber {
            capabilities: Capabilities {
                languages: Language::ALL.to_vec(),
                dictation: true,
                // Its evidence weighs short lists; a whole knowledge base it cannot cover.
                evidence: false,
                max_seconds: MAX_SECONDS,
            },
            tibetan: template(Language::Bo),
            chinese: template(Language::Zh),
            model: self.clone(),
            state,
            lending: Lending::default(),
            threads: threads.max(1),
        })
    }
}

/// Whisper on one model thread.
pub struct WhisperTranscriber {
    model: WhisperModel,
    state: WhisperState,
    lending: Lending,
    capabilities: Capabilities,
    /// Parameters with the language set once, to be cloned per utterance.
    tibetan: FullParams<'static, 'static>,
    chinese: FullParams<'static, 'static>,
    threads: usize,
}

impl WhisperTranscriber {
    /// The likelier of the service's two languages; no third is ever considered.
    fn detect(&mut self, audio: &[f32]) -> Result<Language, WhisperError> {
        // Only `full` sets the number of encoder positions, which otherwise is the last utterance's. Told to stop after its
        // first 100 ms it computes features, sets the number, and neither encodes nor decodes.
        let mut params = self.chinese.clone();
        params.set_audio_ctx(audio_positions(audio.len()));
        params.set_duration_ms(100);
        self.state.full(params, audio)?;
        let (_, probabilities) = self.state.lang_detect(0, self.threads)?;
        let probability = |language: Language| {
            let id = whisper_rs::get_lang_id(language.code()).and_then(|id| usize::try_from(id).ok());
            id.and_then(|id| probabilities.get(id)).copied().unwrap_or(0.0)
        };
        Ok(if probability(Language::Bo) > probability(Language::Zh) { Language::Bo } else { Language::Zh })
    }

    /// As many of the words as fit, the best last, because the decoder heeds the end of its prompt most.
    fn prompt(&self, words: &[String]) -> Vec<i32> {
        let mut chosen: Vec<Vec<i32>> = Vec::new();
        let mut room = PROMPT_TOKENS;
        for word in words.iter().filter(|word| !word.contains('\0')) {
            let text = format!(" {word}");
            // A token is at least one byte. A smaller limit is not safe: whisper.cpp then returns a negative number that
            // the binding takes for a length.
            let Ok(tokens) = self.model.context.tokenize(&text, text.len() + 1) else { continue };
            // A long one leaves room for shorter ones.
            if tokens.len() > room {
                continue;
            }
            room -= tokens.len();
            chosen.push(tokens);
        }
        chosen.into_iter().rev().flatten().collect()
    }

    fn run(
        &mut self,
        audio: &[f32],
        language: Language,
        request: &TranscribeRequest,
    ) -> Result<(), WhisperError> {
        let prompt = self.prompt(&request.prompt);
        let template = match language {
            Language::Bo => &self.tibetan,
            Language::Zh => &self.chinese,
        };
        let mut params: FullParams<'_, '_> = template.clone();
        params.set_audio_ctx(audio_positions(audio.len()));
        params.set_max_tokens(most_tokens(audio.len()));
        if !prompt.is_empty() {
            params.set_tokens(&prompt);
        }
        self.state.full(params, audio)
    }

    /// What was written over the audio: the text of all segments with its words, the mean probability of its tokens, and
    /// whether it began with a space. `None` where nothing was said, or nothing but what Whisper makes up.
    fn reading(&mut self, audio: &[f32]) -> Result<Option<(Hypothesis, bool)>, WhisperError> {
        let mut bytes: Vec<(u8, usize)> = Vec::new();
        let mut probabilities: Vec<f32> = Vec::new();
        let mut logarithm = 0.0;
        let first_special = self.model.context.token_eot();
        for segment in self.state.as_iter() {
            for token in (0..segment.n_tokens()).filter_map(|index| segment.get_token(index)) {
                if token.token_id() < first_special {
                    bytes.extend(token.to_bytes()?.iter().map(|&byte| (byte, probabilities.len())));
                    probabilities.push(token.token_probability());
                    logarithm += token.token_data().plog;
                }
            }
        }
        // A letter is several tokens: it is as sure as the least sure of them, and a limit may have cut it in two.
        let least = |by: Range<usize>| probabilities[by].iter().copied().fold(1.0, f32::min);
        let characters: Vec<(char, f32)> = tokens::characters(&bytes)
            .into_iter()
            .filter(|(character, _)| *character != char::REPLACEMENT_CHARACTER)
            .map(|(character, by)| (character, least(by)))
            .collect();
        let spaced = characters.first().is_some_and(|(character, _)| *character == ' ');
        let characters = loops::cut(&characters);
        let text: String = characters.iter().map(|(character, _)| character).collect();
        if text.is_empty() || silence::is_hallucination(&text) {
            return Ok(None);
        }
        let count = probabilities.len() as f32;
        if logarithm / count <= UNSURE && self.no_speech()? > NO_SPEECH {
            return Ok(None);
        }
        let confidence = Some(probabilities.iter().sum::<f32>() / count);
        let words = words(&timing::timed(&characters, audio));
        Ok(Some((Hypothesis { text, confidence, words }, spaced)))
    }

    /// How sure the model is that nobody speaks in what it has just encoded, 0 to 1: the probability of its token for that
    /// right after the start of a transcript.
    fn no_speech(&mut self) -> Result<f32, WhisperError> {
        let context = &self.model.context;
        self.state.decode(&[context.token_sot()], 0, self.threads)?;
        let logits = self.state.get_logits()?;
        let silent = usize::try_from(context.token_nosp()).ok().and_then(|token| logits.get(token));
        Ok(silent.map_or(0.0, |logit| (logit - evidence::log_sum_exp(logits)).exp()))
    }

    /// Hands the state, with the utterance in it, to evidence, where there is another to go on with.
    fn lend(&mut self, language: Language, spaced: bool, seconds: f32) -> Option<WhisperEvidence> {
        let make = || self.model.context.create_state().ok();
        let slot = self.lending.exchange(&mut self.state, make)?;
        Some(WhisperEvidence {
            model: self.model.clone(),
            slot,
            language,
            spaced,
            threads: self.threads,
            seconds,
        })
    }
}

impl Transcriber for WhisperTranscriber {
    fn name(&self) -> &str {
        &self.model.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn transcribe(
        &mut self,
        audio: &[f32],
        request: &TranscribeRequest,
    ) -> Result<Transcript, TranscribeError> {
        let seconds = audio.len() as f32 / SAMPLE_RATE as f32;
        if seconds > MAX_SECONDS {
            return Err(TranscribeError::TooLong { seconds, max: MAX_SECONDS });
        }
        let mut transcript =
            Transcript { language: request.language, hypotheses: Vec::new(), evidence: None, seconds };
        let Some(audio) = clean::audible(audio) else { return Ok(transcript) };
        let mut audio = audio;
        if audio.len() < SHORTEST {
            audio.to_mut().resize(SHORTEST, 0.0);
        }
        let failed = |name: &str, e| engine_error(name, e);
        let language = match request.language {
            Some(language) => language,
            None => self.detect(&audio).map_err(|e| failed(&self.model.name, e))?,
        };
        self.run(&audio, language, request).map_err(|e| failed(&self.model.name, e))?;
        transcript.language = Some(language);
        if let Some((reading, spaced)) = self.reading(&audio).map_err(|e| failed(&self.model.name, e))? {
            transcript.hypotheses.push(reading);
            if !request.partial {
                let evidence = self.lend(language, spaced, seconds);
                transcript.evidence = evidence.map(|evidence| Arc::new(evidence) as Arc<dyn Evidence>);
            }
        }
        Ok(transcript)
    }
}

fn engine_error(name: &str, error: WhisperError) -> TranscribeError {
    TranscribeError::Engine { engine: name.to_owned(), reason: error.to_string() }
}

/// Encoder positions for that many samples: the shorter, the faster, but never less than the audio needs, because what
/// lies beyond is lost.
fn audio_positions(samples: usize) -> i32 {
    let needed = (samples as f32 / SAMPLE_RATE as f32 * POSITIONS_PER_SECOND).ceil() as i32 + MARGIN;
    needed.clamp(FEWEST_POSITIONS, ALL_POSITIONS)
}

/// The most tokens that so many samples of speech can have.
fn most_tokens(samples: usize) -> i32 {
    (samples as f32 / SAMPLE_RATE as f32 * TOKENS_PER_SECOND) as i32 + SPARE_TOKENS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_utterance_gets_the_positions_it_needs_and_no_more_than_there_are() {
        assert_eq!(audio_positions(1), FEWEST_POSITIONS);
        assert_eq!(audio_positions(10 * 16_000), 564);
        assert_eq!(audio_positions(30 * 16_000), ALL_POSITIONS);
    }
}
