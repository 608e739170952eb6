//! When somebody begins to speak and when they have finished.
//!
//! [`EndpointRules`] are the durations an operator may set per channel; [`Endpointer`] applies them to one speech
//! probability per frame. No audio, no clock: time is counted in frames.

use serde::{Deserialize, Serialize};

use crate::SAMPLE_RATE;

/// The longest utterance that can be configured, in milliseconds: what the recognisers take.
pub const LONGEST_UTTERANCE_MS: u32 = 60_000;

/// Where a judge is asked at pauses, silence has to be long anyway before it decides: then it is at least this many times the speaker's longest
/// pause so far, instead of [`EndpointRules::slow_speaker_factor`] times.
const JUDGED_SLOW_FACTOR: f32 = 1.1;

/// Voiced stretches shorter than this inside a pause are clicks and do not prolong it.
const CLICK_MS: u32 = 48;

/// When an utterance begins and ends on one channel. Durations are milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EndpointRules {
    /// Speech probability from which a frame counts as speech while nobody is speaking.
    pub start_threshold: f32,
    /// Speech probability from which a frame counts as speech while somebody is speaking: lower, so that faint endings
    /// of words are not taken for silence.
    pub stop_threshold: f32,
    /// How much speech it takes to believe that somebody is speaking.
    pub speech_to_start_ms: u32,
    /// Sound kept from before the first speech.
    pub pre_roll_ms: u32,
    /// Sound kept after the last speech.
    pub post_roll_ms: u32,
    /// The utterance is over after this much silence.
    pub silence_after_speech_ms: u32,
    /// An utterance with less speech than this is short: an "um", or the first word of somebody who is thinking.
    pub short_speech_ms: u32,
    /// The silence that ends a short utterance.
    pub silence_after_short_ms: u32,
    /// Slow speakers and people who read out numbers pause inside utterances: once somebody has paused, the silence that
    /// ends the utterance is at least this many times their longest pause so far …
    pub slow_speaker_factor: f32,
    /// … but never longer than this.
    pub longest_silence_ms: u32,
    /// Where the words tell whether a question is complete: ask after this much silence …
    pub ask_after_ms: u32,
    /// … and, as long as that is not certain, end the utterance only after this much.
    pub silence_when_unsure_ms: u32,
    /// Where the words are the beginning of a known question: end the utterance only after this much, since the rest of it is to be expected.
    pub silence_when_begun_ms: u32,
    /// Who goes on speaking within this time, counted from the last sound of an utterance that a pause ended, goes on with that utterance;
    /// 0: never. Only what is longer than the silences that end utterances has any effect.
    pub continue_within_ms: u32,
    /// … unless the answer to it had been heard for longer than this by then: that is long enough to react to it, so whoever speaks
    /// interrupts it.
    pub heard_to_interrupt_ms: u32,
    /// The utterance is cut off after this much time, speech or not. At most [`LONGEST_UTTERANCE_MS`].
    pub maximum_utterance_ms: u32,
    /// Give up waiting for somebody to speak after this much time; 0 waits for ever.
    pub no_speech_at_all_ms: u32,
}

impl EndpointRules {
    /// For the portal: a person with a screen before them.
    pub const fn portal() -> Self {
        Self {
            start_threshold: 0.5,
            stop_threshold: 0.35,
            speech_to_start_ms: 96,
            pre_roll_ms: 320,
            post_roll_ms: 240,
            silence_after_speech_ms: 850,
            short_speech_ms: 500,
            silence_after_short_ms: 1_200,
            slow_speaker_factor: 1.6,
            longest_silence_ms: 1_800,
            ask_after_ms: 400,
            silence_when_unsure_ms: 1_250,
            silence_when_begun_ms: 1_800,
            continue_within_ms: 2_000,
            heard_to_interrupt_ms: 600,
            maximum_utterance_ms: 30_000,
            no_speech_at_all_ms: 10_000,
        }
    }

    /// For the telephone, where one turn follows the other and whoever is at the line notices silence.
    pub const fn telephone() -> Self {
        Self { no_speech_at_all_ms: 0, silence_after_speech_ms: 900, ..Self::portal() }
    }

    /// Checks that the rules make sense together.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn validate(&self) -> Result<(), String> {
        let probability = |value: f32| (0.0..=1.0).contains(&value);
        if !probability(self.start_threshold) || !probability(self.stop_threshold) {
            return Err("start_threshold and stop_threshold are probabilities between 0 and 1".into());
        }
        if self.stop_threshold > self.start_threshold {
            return Err(
                "stop_threshold must not be above start_threshold, or speech ends before it begins".into()
            );
        }
        if !(1_000..=LONGEST_UTTERANCE_MS).contains(&self.maximum_utterance_ms) {
            return Err(format!("maximum_utterance_ms must lie between 1000 and {LONGEST_UTTERANCE_MS}"));
        }
        if self.silence_after_speech_ms < 200 || self.silence_after_short_ms < 200 {
            return Err("silences under 200 ms would end utterances between two words".into());
        }
        if self.longest_silence_ms < self.silence_after_speech_ms {
            return Err("longest_silence_ms must not be below silence_after_speech_ms".into());
        }
        if self.ask_after_ms < 200 || self.silence_when_unsure_ms < self.ask_after_ms {
            return Err("ask_after_ms is at least 200, and silence_when_unsure_ms not below it".into());
        }
        if self.silence_when_begun_ms < self.silence_when_unsure_ms {
            return Err("silence_when_begun_ms must not be below silence_when_unsure_ms".into());
        }
        if self.continue_within_ms > 5_000 || self.heard_to_interrupt_ms > 5_000 {
            return Err("continue_within_ms and heard_to_interrupt_ms are at most 5000".into());
        }
        if !(1.0..=4.0).contains(&self.slow_speaker_factor) {
            return Err("slow_speaker_factor must lie between 1 and 4".into());
        }
        if self.pre_roll_ms > 2_000 || self.post_roll_ms > 2_000 || self.speech_to_start_ms > 1_000 {
            return Err(
                "pre_roll_ms and post_roll_ms are at most 2000, speech_to_start_ms at most 1000".into()
            );
        }
        Ok(())
    }
}

impl Default for EndpointRules {
    fn default() -> Self {
        Self::portal()
    }
}

/// Why an utterance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The speaker fell silent.
    Silence,
    /// It became too long.
    MaximumUtterance,
    /// Nobody spoke at all.
    NoSpeech,
    /// The citizen or the client said that it is over.
    Committed,
    /// The speaker paused, and what they had said was a whole question.
    Complete,
}

/// What a frame brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// Somebody is speaking since the beginning of frame `since`.
    Started {
        /// Frame number.
        since: u64,
    },
    /// The utterance is over.
    Ended {
        /// Why: never [`EndReason::Committed`] or [`EndReason::Complete`], of which frames know nothing.
        reason: EndReason,
        /// Where in it there was speech; `None` where nobody spoke.
        speech: Option<SpeechSpan>,
    },
}

/// Where in the stream somebody spoke, in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeechSpan {
    /// The first frame of speech.
    pub since: u64,
    /// One past the last frame of speech.
    pub until: u64,
    /// How many of the frames between are speech.
    pub voiced: u64,
}

/// An utterance under way, in frames.
#[derive(Clone, Copy, Debug)]
struct Speaking {
    span: SpeechSpan,
    longest_pause: u64,
    /// Consecutive frames of speech up to now.
    run: u64,
}

/// Applies [`EndpointRules`] to a stream of frame probabilities.
#[derive(Clone, Debug)]
pub struct Endpointer {
    rules: EndpointRules,
    frame_samples: usize,
    now: u64,
    /// First frame of the turn: where waiting for speech began.
    waiting_since: u64,
    /// While nobody is speaking: speech less silence, in frames, and where that began.
    gathered: u64,
    gathered_since: u64,
    speaking: Option<Speaking>,
    /// Somebody is asked whether what was said is complete.
    judged: bool,
    /// One past the last frame of speech of a question that is known to have only begun.
    begun_until: Option<u64>,
}

impl Endpointer {
    /// Begins a turn with frames of `frame_samples` samples at 16 kHz.
    pub fn new(rules: EndpointRules, frame_samples: usize) -> Self {
        Self {
            rules,
            frame_samples: frame_samples.max(1),
            now: 0,
            waiting_since: 0,
            gathered: 0,
            gathered_since: 0,
            speaking: None,
            judged: false,
            begun_until: None,
        }
    }

    /// What was said so far is known to be the beginning of a question, or not any more: silence ends it only after
    /// [`EndpointRules::silence_when_begun_ms`], unless more is said before.
    pub fn set_begun(&mut self, begun: bool) {
        self.begun_until = self.speech().filter(|_| begun).map(|span| span.until);
    }

    /// Whether somebody is asked at pauses what the words say about the end: then silence alone ends an utterance only after
    /// [`EndpointRules::silence_when_unsure_ms`].
    pub const fn set_judged(&mut self, judged: bool) {
        self.judged = judged;
    }

    /// How long the speaker has been silent, in frames; `None` while they speak, and where nobody does.
    pub fn silence(&self) -> Option<u64> {
        let speaking = self.speaking.filter(|speaking| speaking.run == 0)?;
        Some(self.now - speaking.span.until)
    }

    /// The rules in force.
    pub const fn rules(&self) -> &EndpointRules {
        &self.rules
    }

    /// Frames seen so far; the number of the next one.
    pub const fn now(&self) -> u64 {
        self.now
    }

    /// The speech of the utterance under way; `None` while nobody speaks.
    pub fn speech(&self) -> Option<SpeechSpan> {
        self.speaking.map(|speaking| speaking.span)
    }

    /// Ends the turn, whatever its state; the next frame begins a new one. Returns what speech there was.
    pub fn restart(&mut self) -> Option<SpeechSpan> {
        self.gathered = 0;
        self.waiting_since = self.now;
        self.speaking.take().map(|speaking| speaking.span)
    }

    /// Takes the next frame's speech probability. After an end the next frame begins a new turn.
    pub fn frame(&mut self, probability: f32) -> Option<Boundary> {
        let frame = self.now;
        self.now += 1;
        let ended = if let Some(speaking) = self.speaking.take() {
            self.follow(probability, speaking)
        } else if let Some(since) = self.wait(frame, probability) {
            return Some(Boundary::Started { since });
        } else {
            self.given_up().then_some(EndReason::NoSpeech)
        };
        ended.map(|reason| Boundary::Ended { reason, speech: self.restart() })
    }

    fn frames(&self, milliseconds: u32) -> u64 {
        let samples = u64::from(milliseconds) * u64::from(SAMPLE_RATE) / 1000;
        samples.div_ceil(self.frame_samples as u64)
    }

    /// Nobody is speaking yet. Returns the first frame of speech as soon as there is enough of it.
    fn wait(&mut self, frame: u64, probability: f32) -> Option<u64> {
        if probability >= self.rules.start_threshold {
            if self.gathered == 0 {
                self.gathered_since = frame;
            }
            self.gathered += 1;
        } else {
            self.gathered = self.gathered.saturating_sub(1);
        }
        if self.gathered < self.frames(self.rules.speech_to_start_ms).max(1) {
            return None;
        }
        let span = SpeechSpan { since: self.gathered_since, until: self.now, voiced: self.gathered };
        self.speaking = Some(Speaking { span, longest_pause: 0, run: self.gathered });
        Some(span.since)
    }

    /// Whether the turn has gone by without speech; not in the middle of what may become a word.
    fn given_up(&self) -> bool {
        let patience = self.frames(self.rules.no_speech_at_all_ms);
        patience > 0 && self.gathered == 0 && self.now - self.waiting_since >= patience
    }

    /// Somebody is speaking. Returns why the utterance is over, if it is.
    fn follow(&mut self, probability: f32, mut speaking: Speaking) -> Option<EndReason> {
        if probability >= self.rules.stop_threshold {
            speaking.run += 1;
            speaking.span.voiced += 1;
            if speaking.run >= self.frames(CLICK_MS) {
                let resumed = self.now - speaking.run;
                let pause = resumed.saturating_sub(speaking.span.until);
                speaking.longest_pause = speaking.longest_pause.max(pause);
                speaking.span.until = self.now;
            }
        } else {
            speaking.run = 0;
        }
        self.speaking = Some(speaking);
        if self.now - speaking.span.since >= self.frames(self.rules.maximum_utterance_ms) {
            return Some(EndReason::MaximumUtterance);
        }
        let silence = self.now - speaking.span.until;
        (speaking.run == 0 && silence >= self.silence_that_ends(&speaking)).then_some(EndReason::Silence)
    }

    /// How many frames of silence end the utterance now.
    fn silence_that_ends(&self, speaking: &Speaking) -> u64 {
        let rules = &self.rules;
        let short = speaking.span.voiced < self.frames(rules.short_speech_ms);
        let begun = self.begun_until == Some(speaking.span.until);
        let usual = if self.judged && begun {
            rules.silence_when_begun_ms
        } else if self.judged {
            rules.silence_when_unsure_ms
        } else if short {
            rules.silence_after_short_ms
        } else {
            rules.silence_after_speech_ms
        };
        let base = self.frames(usual);
        let factor = if self.judged { JUDGED_SLOW_FACTOR } else { rules.slow_speaker_factor };
        let slow = (speaking.longest_pause as f32 * factor) as u64;
        base.max(slow.min(self.frames(rules.longest_silence_ms)))
    }
}

#[cfg(test)]
mod tests;
