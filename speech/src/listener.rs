//! One spoken stream: samples in, utterances out.

use crate::{
    SAMPLE_RATE, VoiceActivityDetector,
    endpoint::{Boundary, EndReason, EndpointRules, Endpointer, SpeechSpan},
    levels::{Levels, Meter},
};

/// The shortest time between two partial transcripts, in samples: 300 ms.
const PARTIAL_EVERY: usize = SAMPLE_RATE as usize * 3 / 10;

/// While a pause lasts, it is asked about again so often, in milliseconds.
const ASK_EVERY_MS: u32 = 200;

/// Sound kept while nobody seems to speak, in samples, for a citizen who says "done" after speaking too softly for the
/// detector: 10 s.
const KEPT_WITHOUT_SPEECH: usize = SAMPLE_RATE as usize * 10;

/// What somebody said, or did not say.
#[derive(Clone, Debug, PartialEq)]
pub struct Utterance {
    /// Why it ended.
    pub reason: EndReason,
    /// 16 kHz mono, with a little sound before and after the speech. Empty where nobody spoke; where the client
    /// committed without any speech having been detected, the last seconds all the same.
    pub audio: Vec<f32>,
    /// When the audio begins, in milliseconds since the stream began.
    pub at_ms: u64,
    /// How much of it is speech, in milliseconds; 0 where none was detected.
    pub speech_ms: u32,
    /// How loud it was.
    pub levels: Levels,
    /// Where in the audio the speaker went on, in samples, for an utterance that had ended before at a pause: what lies before it has been
    /// told as an utterance already.
    pub resumed_at: Option<usize>,
    /// For so much longer, in milliseconds, the speaker may go on with it ([`ListenerEvent::SpeechResumed`], or else
    /// [`ListenerEvent::Settled`]); 0: it stands.
    pub listening_ms: u32,
}

/// What the listener noticed.
#[derive(Clone, Debug, PartialEq)]
pub enum ListenerEvent {
    /// Somebody began to speak: time to stop talking to them.
    SpeechStarted {
        /// When, in milliseconds since the stream began.
        at_ms: u64,
    },
    /// The utterance has grown enough for another partial transcript of [`Listener::audio`]. Nothing is lost if the
    /// models are busy and it is left out.
    PartialDue {
        /// Length of the utterance so far, in milliseconds.
        length_ms: u32,
    },
    /// The speaker is silent for a while: whoever can tell from the words whether the question is complete should look, and call
    /// [`Listener::complete`] where it is, or [`Listener::set_begun`] where it surely is not.
    Paused {
        /// Which pause of the stream.
        pause: u64,
    },
    /// The utterance is over. The next one may begin with the next sample.
    Ended(Utterance),
    /// The speaker goes on with the utterance that had ended last ([`EndpointRules::continue_within_ms`]): it is under way again as a whole,
    /// and ends anew.
    SpeechResumed {
        /// Since when, in milliseconds since the stream began.
        at_ms: u64,
    },
    /// Nobody has gone on: the utterance that ended last stands.
    Settled,
}

/// An utterance that has ended and that the speaker may go on with, or has.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Numbers in the stream of the samples one past its speech and one past its end.
    speech_until: u64,
    end: u64,
    /// How much of it is speech, in frames.
    voiced: u64,
}

/// Cuts one stream of 16 kHz audio into utterances.
///
/// Holds at most one utterance ([`EndpointRules::maximum_utterance_ms`]) or ten seconds without speech, whatever is pushed.
/// Not for async threads: the detector computes.
pub struct Listener {
    detector: Box<dyn VoiceActivityDetector>,
    endpointer: Endpointer,
    frame_samples: usize,
    /// Samples that the detector has heard and that are still needed, then those of an unfinished frame.
    buffer: Vec<f32>,
    /// Number in the stream of the buffer's first sample.
    buffer_at: u64,
    /// Number in the stream of the next sample that the detector has not heard.
    heard: u64,
    /// Length of the utterance at the last partial, and how much of it was speech by then.
    partial_at: usize,
    partial_voiced: u64,
    /// Pauses begun since the stream began; whether the present silence is counted, and after how many frames of it to ask (again).
    pauses: u64,
    pausing: bool,
    ask_at: u64,
    judged: bool,
    /// Sound levels of the utterance under way.
    meter: Meter,
    /// The utterance that ended last, while its speaker may go on; its sound is still in the buffer.
    ended: Option<Part>,
    /// For an utterance that was gone on with: its part before, and the stream's sample at which the new part begins.
    resumed: Option<(Part, u64)>,
}

impl Listener {
    /// Begins a stream.
    pub fn new(detector: Box<dyn VoiceActivityDetector>, rules: EndpointRules) -> Self {
        let frame_samples = detector.frame_samples().max(1);
        Self {
            detector,
            endpointer: Endpointer::new(rules, frame_samples),
            frame_samples,
            buffer: Vec::new(),
            buffer_at: 0,
            heard: 0,
            partial_at: 0,
            partial_voiced: 0,
            pauses: 0,
            pausing: false,
            ask_at: 0,
            judged: false,
            meter: Meter::default(),
            ended: None,
            resumed: None,
        }
    }

    /// Somebody can tell from the words whether a question is complete: pauses are told ([`ListenerEvent::Paused`]), and silence alone
    /// ends an utterance only after [`EndpointRules::silence_when_unsure_ms`].
    pub const fn set_judged(&mut self, judged: bool) {
        self.judged = judged;
        self.endpointer.set_judged(judged);
    }

    /// What was said before that pause is complete: the utterance ends, unless the speaker has gone on since.
    pub fn complete(&mut self, pause: u64) -> Option<Utterance> {
        if !self.pausing || self.pauses != pause {
            return None;
        }
        let (now, speech) = (self.endpointer.now(), self.endpointer.speech()?);
        let until = self.heard - (now - speech.until) * self.frame_samples as u64;
        self.endpointer.restart();
        let end = until + samples(self.endpointer.rules().post_roll_ms);
        Some(self.cut(EndReason::Complete, Some(speech), end))
    }

    /// What was said before that pause is, or is not, the beginning of a known question: then the rest is waited for longer
    /// ([`EndpointRules::silence_when_begun_ms`]).
    pub fn set_begun(&mut self, pause: u64, begun: bool) {
        if self.pausing && self.pauses == pause {
            self.endpointer.set_begun(begun);
        }
    }

    /// Takes samples in [-1, 1], as many as there are; returns what they brought about, in order.
    pub fn push(&mut self, samples: &[f32]) -> Vec<ListenerEvent> {
        let mut events = Vec::new();
        let mut rest = samples;
        while !rest.is_empty() {
            let unheard = (self.stream_end() - self.heard) as usize;
            let (taken, left) = rest.split_at(rest.len().min(self.frame_samples - unheard));
            self.buffer.extend_from_slice(taken);
            rest = left;
            if unheard + taken.len() == self.frame_samples {
                self.hear(&mut events);
            }
        }
        events
    }

    /// The citizen says that they have finished: the utterance ends at once, with all sound up to now.
    pub fn commit(&mut self) -> Utterance {
        self.settle();
        let speech = self.endpointer.restart();
        if speech.is_none() {
            self.drop_before(self.stream_end().saturating_sub(KEPT_WITHOUT_SPEECH as u64));
        }
        self.end(EndReason::Committed, speech)
    }

    /// Forgets the utterance under way: the citizen cancelled it.
    pub fn cancel(&mut self) {
        self.endpointer.restart();
        self.settle();
        self.drop_before(self.stream_end());
        self.meter = Meter::default();
        self.begin();
    }

    /// The utterance under way, up to now; empty while nobody speaks.
    pub fn audio(&self) -> &[f32] {
        if self.is_speaking() { &self.buffer } else { &[] }
    }

    /// Whether somebody is speaking.
    pub fn is_speaking(&self) -> bool {
        self.endpointer.speech().is_some()
    }

    /// Whether an utterance has ended that its speaker may still go on with.
    pub const fn is_waiting_for_more(&self) -> bool {
        self.ended.is_some()
    }

    /// Nobody is expected to go on any more: the utterance that ended last stands.
    pub fn settle(&mut self) {
        if let Some(part) = self.ended.take() {
            self.drop_before(part.end.min(self.stream_end()));
            self.meter = Meter::default();
        }
    }

    /// Milliseconds of audio pushed since the stream began.
    pub fn elapsed_ms(&self) -> u64 {
        milliseconds(self.stream_end())
    }

    /// Number in the stream of the next sample to be pushed.
    fn stream_end(&self) -> u64 {
        self.buffer_at + self.buffer.len() as u64
    }

    /// Number in the stream of the first sample of a frame of this turn.
    fn sample_of(&self, frame: u64) -> u64 {
        // Counted from now, because a commit or a cancellation may have dropped part of a frame before this turn.
        self.heard - (self.endpointer.now() - frame) * self.frame_samples as u64
    }

    /// The detector hears the last frame of the buffer.
    fn hear(&mut self, events: &mut Vec<ListenerEvent>) {
        let frame = &self.buffer[self.buffer.len() - self.frame_samples..];
        let probability = self.detector.probability(frame);
        self.meter.hear(frame, probability);
        self.heard += self.frame_samples as u64;
        match self.endpointer.frame(probability) {
            Some(Boundary::Started { since }) => self.started(since, events),
            // Whoever has not gone on was not asked to speak.
            Some(Boundary::Ended { reason: EndReason::NoSpeech, .. }) if self.ended.is_some() => {
                self.settle();
                events.push(ListenerEvent::Settled);
            }
            Some(Boundary::Ended { reason, speech }) => {
                events.push(ListenerEvent::Ended(self.end(reason, speech)));
            }
            None => match self.endpointer.speech() {
                // The endpointer counts from where the speaker went on.
                Some(_) if self.resumed.is_some() && self.buffer.len() as u64 >= self.longest() => {
                    let speech = self.endpointer.restart();
                    events.push(ListenerEvent::Ended(self.end(EndReason::MaximumUtterance, speech)));
                }
                Some(speech) => {
                    events.extend(self.partial(speech));
                    events.extend(self.pause());
                }
                None if self.ended.is_some_and(|part| self.has_not_gone_on(part)) => {
                    self.settle();
                    events.push(ListenerEvent::Settled);
                }
                None if self.ended.is_some() => {}
                // Twice as much may pile up, so that the buffer is not moved with every frame.
                None if self.buffer.len() > 2 * KEPT_WITHOUT_SPEECH => {
                    self.drop_before(self.heard - KEPT_WITHOUT_SPEECH as u64);
                }
                None => {}
            },
        }
    }

    /// Somebody speaks since that frame: a new utterance, or the last one once more.
    fn started(&mut self, since: u64, events: &mut Vec<ListenerEvent>) {
        let started = self.sample_of(since);
        let part =
            self.ended.filter(|part| started < part.speech_until + self.window() && self.has_room_for_more());
        if let Some(part) = part {
            self.ended = None;
            let from = started.saturating_sub(samples(self.endpointer.rules().pre_roll_ms)).max(part.end);
            self.resumed = Some((part, from));
            self.partial_at = self.buffer.len();
            events.push(ListenerEvent::SpeechResumed { at_ms: milliseconds(started) });
            return;
        }
        if self.ended.is_some() {
            self.settle();
            events.push(ListenerEvent::Settled);
        }
        self.drop_before(started.saturating_sub(samples(self.endpointer.rules().pre_roll_ms)));
        events.push(ListenerEvent::SpeechStarted { at_ms: milliseconds(started) });
    }

    fn window(&self) -> u64 {
        samples(self.endpointer.rules().continue_within_ms)
    }

    fn longest(&self) -> u64 {
        samples(self.endpointer.rules().maximum_utterance_ms)
    }

    fn has_room_for_more(&self) -> bool {
        (self.buffer.len() as u64) < self.longest()
    }

    /// Whether the time is over in which the speaker may go on; what may become a word gets time to become one.
    fn has_not_gone_on(&self, part: Part) -> bool {
        let word = 2 * samples(self.endpointer.rules().speech_to_start_ms);
        self.heard >= part.speech_until + self.window() + word
    }

    /// Whether another partial transcript is worth its while.
    fn partial(&mut self, speech: SpeechSpan) -> Option<ListenerEvent> {
        let length = self.buffer.len();
        let grown = length.saturating_sub(self.partial_at) >= PARTIAL_EVERY;
        let said = (speech.voiced - self.partial_voiced) as usize * self.frame_samples >= PARTIAL_EVERY / 2;
        (grown && said).then(|| {
            (self.partial_at, self.partial_voiced) = (length, speech.voiced);
            ListenerEvent::PartialDue { length_ms: milliseconds(length as u64) as u32 }
        })
    }

    /// Counts pauses, and asks about them.
    fn pause(&mut self) -> Option<ListenerEvent> {
        let Some(silence) = self.endpointer.silence().filter(|_| self.judged) else {
            self.pausing = false;
            return None;
        };
        let frames = |milliseconds: u32| samples(milliseconds) / self.frame_samples as u64;
        if !self.pausing {
            self.pausing = true;
            self.pauses += 1;
            self.ask_at = frames(self.endpointer.rules().ask_after_ms);
        }
        (silence >= self.ask_at).then(|| {
            self.ask_at = silence + frames(ASK_EVERY_MS);
            ListenerEvent::Paused { pause: self.pauses }
        })
    }

    /// Takes the utterance out of the buffer. What follows its last sound stays, as the next one's beginning.
    fn end(&mut self, reason: EndReason, speech: Option<SpeechSpan>) -> Utterance {
        let end = match (reason, speech) {
            (EndReason::NoSpeech, _) => self.buffer_at,
            (EndReason::Silence, Some(speech)) => {
                self.sample_of(speech.until) + samples(self.endpointer.rules().post_roll_ms)
            }
            _ => self.stream_end(),
        };
        self.cut(reason, speech, end)
    }

    /// Takes everything up to that sample of the stream out of the buffer, as an utterance; its sound stays while the speaker may go on.
    fn cut(&mut self, reason: EndReason, speech: Option<SpeechSpan>, end: u64) -> Utterance {
        let resumed = self.resumed.take();
        let at_ms = milliseconds(self.buffer_at);
        let length = ((end - self.buffer_at) as usize).min(self.buffer.len());
        let audio = self.buffer[..length].to_vec();
        let voiced = speech.map_or(0, |speech| speech.voiced) + resumed.map_or(0, |(part, _)| part.voiced);
        let levels = self.meter.levels();
        let at_a_pause = matches!(reason, EndReason::Silence | EndReason::Complete);
        let part = speech.filter(|_| at_a_pause).map(|speech| {
            let until = self.sample_of(speech.until);
            Part { speech_until: until, end: until + samples(self.endpointer.rules().post_roll_ms), voiced }
        });
        let part =
            part.filter(|part| self.heard < part.speech_until + self.window() && self.has_room_for_more());
        let left = part.map_or(0, |part| part.speech_until + self.window() - self.heard);
        self.ended = part;
        if part.is_none() {
            self.drop_before(end.min(self.stream_end()));
            self.meter = Meter::default();
        }
        let resumed_at = resumed.map(|(_, from)| (from.saturating_sub(self.buffer_at) as usize).min(length));
        self.begin();
        Utterance {
            reason,
            audio,
            at_ms,
            speech_ms: milliseconds(voiced * self.frame_samples as u64) as u32,
            levels,
            resumed_at,
            listening_ms: milliseconds(left) as u32,
        }
    }

    /// A new turn begins with the next sample.
    fn begin(&mut self) {
        self.heard = self.stream_end();
        (self.partial_at, self.partial_voiced) = (0, 0);
        self.pausing = false;
    }

    /// Drops what lies before that sample of the stream.
    fn drop_before(&mut self, sample: u64) {
        let dropped = (sample.saturating_sub(self.buffer_at) as usize).min(self.buffer.len());
        self.buffer.drain(..dropped);
        self.buffer_at += dropped as u64;
    }
}

fn milliseconds(samples: u64) -> u64 {
    samples * 1000 / u64::from(SAMPLE_RATE)
}

fn samples(milliseconds: u32) -> u64 {
    u64::from(milliseconds) * u64::from(SAMPLE_RATE) / 1000
}

#[cfg(test)]
mod tests;
