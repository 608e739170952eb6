//! Which of a few texts a Whisper model finds likeliest: forced scoring, as [`Evidence`].
//!
//! The encoder has run when the utterance was transcribed. For every text of a short list the decoder is then made to
//! write it, token by token, and the logarithms of what it gave each token, the end of text included, are averaged. Texts
//! that begin alike share their beginning. (Whisper as a scorer of given texts: the paper "Robust Speech Recognition
//! via Large-Scale Weak Supervision", section 2.3, has the decoder's format.)

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError, TryLockError},
    time::{Duration, Instant},
};

use language::{Evidence, FormBatch, Language};
use whisper_rs::{WhisperError, WhisperState};

use super::WhisperModel;

/// Longer lists are not scored at all: what is cheap for CTC costs a decoder's step per token here.
const SHORTLIST: usize = 8;

/// So many decoder steps at most for one list; a Tibetan letter takes up to three.
const STEPS: usize = 400;

/// Texts of more tokens are not scored: they would fill the decoder's room, and nobody says them in one breath.
const LONGEST: usize = 200;

/// So long at most, on the thread that asks.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A text that can no longer win, and is so many nats less likely than the best one already, is not scored to its end.
const HOPELESS: f32 = 25.0;

/// States lent to the evidence of past utterances, per transcriber: tens of megabytes each for a small model, hundreds for
/// a large one. The newest utterances have them.
const LENT: usize = 2;

/// A state that holds an utterance, until the transcriber wants it back.
type Slot = Arc<Mutex<Option<WhisperState>>>;

/// The states that a transcriber has lent, the oldest first.
#[derive(Default)]
pub(super) struct Lending {
    lent: VecDeque<Slot>,
}

impl Lending {
    /// Exchanges `state`, which has just heard an utterance, for one that is free: made by `make` while few are lent, else
    /// taken back, from evidence that nobody holds any more or else from the oldest. `None`, with `state` as it was,
    /// where none can be had at once.
    pub fn exchange(
        &mut self,
        state: &mut WhisperState,
        make: impl FnOnce() -> Option<WhisperState>,
    ) -> Option<Slot> {
        let free = if self.lent.len() < LENT { make()? } else { self.take_back()? };
        let slot = Arc::new(Mutex::new(Some(std::mem::replace(state, free))));
        self.lent.push_back(Arc::clone(&slot));
        Some(slot)
    }

    fn take_back(&mut self) -> Option<WhisperState> {
        let forgotten = self.lent.iter().position(|slot| Arc::strong_count(slot) == 1);
        let at = forgotten.unwrap_or(0);
        let state = match self.lent.get(at)?.try_lock() {
            Ok(mut slot) => slot.take(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take(),
            // Somebody is asking it right now; hearing does not wait for that.
            Err(TryLockError::WouldBlock) => return None,
        };
        self.lent.remove(at);
        state
    }
}

/// A Whisper model's decoder over one utterance.
pub(super) struct WhisperEvidence {
    pub model: WhisperModel,
    pub slot: Slot,
    pub language: Language,
    /// Whether the model began its own reading of the utterance with a space.
    pub spaced: bool,
    pub threads: usize,
    pub seconds: f32,
}

impl WhisperEvidence {
    /// A form's tokens with the end of text; `None` for one without words or with too many.
    fn tokens(&self, text: &str) -> Option<Vec<i32>> {
        // Whether a question mark is written says nothing about which words were said.
        let words = text.trim_matches(|c: char| !c.is_alphanumeric() && !is_tibetan_sign(c));
        if words.is_empty() || words.contains('\0') {
            return None;
        }
        let written = if self.spaced { format!(" {words}") } else { words.to_owned() };
        let mut tokens = self.model.context.tokenize(&written, written.len() + 1).ok()?;
        if tokens.is_empty() || tokens.len() > LONGEST {
            return None;
        }
        tokens.push(self.model.context.token_eot());
        Some(tokens)
    }

    fn scores(&self, state: &mut WhisperState, texts: &[Option<Vec<i32>>]) -> Result<Vec<f32>, Stopped> {
        let context = &self.model.context;
        let language = whisper_rs::get_lang_id(self.language.code()).ok_or(Stopped)?;
        let start = [context.token_sot(), context.token_lang(language), context.token_transcribe()];
        state.decode(&start, 0, self.threads)?;
        let mut search = Search {
            state,
            texts,
            scores: vec![f32::NEG_INFINITY; texts.len()],
            best: None,
            steps: STEPS,
            until: Instant::now() + PATIENCE,
            threads: self.threads,
            before: start.len(),
        };
        // The binding hands out the logits of a call's first token, so all but the prompt goes in one by one.
        search.step(context.token_not(), 0)?;
        let open = (0..texts.len()).filter(|&text| texts[text].is_some()).map(|text| (text, 0.0)).collect();
        search.descend(0, open)?;
        Ok(search.scores)
    }
}

impl Evidence for WhisperEvidence {
    /// As [`Evidence::weigh`] for a list short enough; longer ones are `-inf` throughout.
    fn whole(&self, batch: &FormBatch) -> Vec<f32> {
        self.weigh(batch).unwrap_or_else(|| vec![f32::NEG_INFINITY; batch.len()])
    }

    /// `-inf` throughout: a decoder has no notion of "somewhere".
    fn anywhere(&self, batch: &FormBatch) -> Vec<f32> {
        vec![f32::NEG_INFINITY; batch.len()]
    }

    fn seconds(&self) -> f32 {
        self.seconds
    }

    fn covers_all(&self) -> bool {
        false
    }

    fn weigh(&self, shortlist: &FormBatch) -> Option<Vec<f32>> {
        if shortlist.len() > SHORTLIST {
            return None;
        }
        let texts: Vec<Option<Vec<i32>>> =
            shortlist.forms().iter().map(|form| self.tokens(&form.text)).collect();
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        self.scores(slot.as_mut()?, &texts).ok()
    }
}

/// Sizes only: what was said does not belong into logs.
impl fmt::Debug for WhisperEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhisperEvidence").field("seconds", &self.seconds).finish_non_exhaustive()
    }
}

/// Signs that end or part Tibetan syllables: part of the word, though no letters.
fn is_tibetan_sign(c: char) -> bool {
    ('\u{f00}'..='\u{fff}').contains(&c)
}

/// Scoring ran out of steps or time, or the engine failed: then no text's score means anything beside the others'.
struct Stopped;

impl From<WhisperError> for Stopped {
    fn from(error: WhisperError) -> Self {
        tracing::warn!(%error, "a short list was not weighed");
        Self
    }
}

/// A walk through all texts at once, along their common beginnings, the likelier continuation first.
struct Search<'a> {
    state: &'a mut WhisperState,
    texts: &'a [Option<Vec<i32>>],
    scores: Vec<f32>,
    /// Sum and mean of the text with the best mean of those scored to their end.
    best: Option<(f32, f32)>,
    steps: usize,
    until: Instant,
    threads: usize,
    /// Tokens before the first one that is written.
    before: usize,
}

impl Search<'_> {
    /// Feeds one token after `depth` others (those beyond are forgotten).
    fn step(&mut self, token: i32, depth: usize) -> Result<(), Stopped> {
        self.steps = self.steps.checked_sub(1).ok_or(Stopped)?;
        if Instant::now() > self.until {
            return Err(Stopped);
        }
        Ok(self.state.decode(&[token], self.before + depth, self.threads)?)
    }

    /// Goes on with the texts (and the sum of their logarithms so far) that agree in their first `depth` tokens, which the
    /// decoder has just been fed.
    fn descend(&mut self, depth: usize, open: Vec<(usize, f32)>) -> Result<(), Stopped> {
        let logits = self.state.get_logits()?;
        let total = log_sum_exp(logits);
        // The texts by their next token, with the sum that it leads to.
        let mut ways: Vec<(i32, Vec<(usize, f32)>)> = Vec::new();
        for (text, sum) in open {
            let Some(&token) = self.texts[text].as_ref().and_then(|tokens| tokens.get(depth)) else {
                continue;
            };
            let logit = usize::try_from(token).ok().and_then(|token| logits.get(token)).copied();
            let sum = sum + logit.unwrap_or(f32::NEG_INFINITY) - total;
            match ways.iter_mut().find(|way| way.0 == token) {
                Some(way) => way.1.push((text, sum)),
                None => ways.push((token, vec![(text, sum)])),
            }
        }
        ways.sort_by(|a, b| b.1[0].1.total_cmp(&a.1[0].1));
        for (token, texts) in ways {
            let mut open = Vec::with_capacity(texts.len());
            for (text, sum) in texts {
                let length = self.texts[text].as_ref().map_or(1, Vec::len);
                // What is not scored to its end stands at the mean so far, which is no more than it could still reach.
                self.scores[text] = sum / (depth + 1) as f32;
                let reachable = sum / length as f32;
                let hopeless = |(best, mean)| reachable < mean && sum < best - HOPELESS;
                if depth + 1 == length {
                    if self.best.is_none_or(|(_, mean)| mean < reachable) {
                        self.best = Some((sum, reachable));
                    }
                } else if !self.best.is_some_and(hopeless) {
                    open.push((text, sum));
                }
            }
            if !open.is_empty() {
                self.step(token, depth + 1)?;
                self.descend(depth + 1, open)?;
            }
        }
        Ok(())
    }
}

/// ln Σ exp, without overflow.
pub(super) fn log_sum_exp(logits: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - most).exp()).sum();
    most + sum.ln() as f32
}
