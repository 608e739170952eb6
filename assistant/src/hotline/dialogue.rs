//! What the hotline does besides answering questions: greets, asks for the language, takes keys, notices silence, keeps whoever waits company,
//! hands the call over, says good-bye. Pure: no clock, no sound, no network.

use std::time::Duration;

use conversation::protocol::{
    ChangeLanguage, Choose, ClientMessage, LeaveQueue, Person, Repeat, RequestCallback, ServerMessage,
    Signal, Voice,
};
use conversation::{Event, EventBody, MessageId, Outcome, SayAct};
use language::Language;
use telephone::{Digit, Transfer};

use crate::config::Telephone;
use crate::phrases::Phrase;

/// "None of these", where a key chooses; "I do not want to wait any more", where somebody waits.
const NEITHER: char = '9';
/// "Call me back instead", while somebody waits.
const CALL_BACK: char = '8';
/// Turns in a row in which nothing could be heard, after which keys are offered.
const NOISY_TURNS: u32 = 3;
/// Before the longest call is over, the caller is told so much earlier.
const WARNING: Duration = Duration::from_mins(1);

/// Words of the hotline itself; they are not in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// What has to happen when it has been heard.
    pub then: Then,
}

/// A phrase in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which.
    pub phrase: Phrase,
    /// In which language.
    pub language: Language,
    /// A value for it: its placeholder and what stands there.
    pub value: Option<(&'static str, String)>,
}

impl Part {
    const fn plain(phrase: Phrase, language: Language) -> Self {
        Self { phrase, language, value: None }
    }
}

/// What follows a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    GoOn,
    /// The call ends.
    HangUp,
    /// The call is given to people.
    HandOver,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Say this.
    Prompt(Prompt),
    /// A gentle sound, so that nobody thinks that the line is dead.
    Chime,
    /// What is being heard stops, and what waits is forgotten.
    Hush,
    /// Send this to the conversation.
    Send(ClientMessage),
    /// End the call, once everything has been heard.
    HangUp,
    /// Do not end it after all.
    Stay,
}

/// Who has the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// The assistant.
    Assistant,
    /// Nobody yet: they wait for a person.
    Queue,
    /// An agent, by text that is spoken.
    Agent,
    /// Nobody any more.
    Over,
}

/// A question back that keys answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    seq: u64,
    choices: u8,
    confirm: bool,
}

/// How the caller can be reached by people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// Whether the call can be given to people on the telephone, for each language: Tibetan, Chinese.
    pub by_telephone: (bool, bool),
}

impl HandOver {
    const fn of(self, language: Language) -> bool {
        match language {
            Language::Bo => self.by_telephone.0,
            Language::Zh => self.by_telephone.1,
        }
    }
}

/// How to go on in a language, by the operator's key for it.
pub fn language_choice(settings: &Telephone, language: Language) -> Part {
    let key = settings.language_key(language).to_string();
    Part { phrase: Phrase::TelephoneLanguage, language, value: Some(("key", key)) }
}

/// Says these, and goes on.
const fn say(parts: Vec<Part>) -> Step {
    Step::Prompt(Prompt { parts, then: Then::GoOn })
}

/// The state of one call.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the call, and none excludes another"
)]
pub struct Dialogue {
    settings: Telephone,
    hand_over: HandOver,
    /// The caller's own number.
    caller: Option<String>,
    language: Language,
    /// The caller has chosen it, or was understood in it.
    language_known: bool,
    who: Who,
    asked: Option<Asked>,
    slow: bool,
    /// Prompts about silence in a row.
    silent: u32,
    unheard: u32,
    /// When the caller was last heard or finished hearing something.
    quiet_since: Duration,
    /// Something is being heard, or will be in a moment.
    busy: bool,
    thinking: bool,
    /// When whoever waits was last told something, and heard a chime.
    told: Duration,
    chimed: Duration,
    place: Option<u32>,
    warned: bool,
    held: bool,
    handing_over: bool,
    /// Why a transfer did not come about, once.
    pub transfer_failed: Option<u16>,
    told_busy: bool,
    told_deaf: bool,
    /// The call is about to end because nobody says anything.
    leaving: bool,
    messages: u64,
}

impl Dialogue {
    /// A call that begins, in the language that the PBX says the caller has chosen already, if it does.
    pub fn new(
        settings: Telephone,
        hand_over: HandOver,
        caller: Option<String>,
        chosen: Option<Language>,
    ) -> Self {
        let language = chosen.unwrap_or(settings.default_language);
        Self {
            settings,
            hand_over,
            caller,
            language,
            language_known: chosen.is_some(),
            who: Who::Assistant,
            asked: None,
            slow: false,
            silent: 0,
            unheard: 0,
            quiet_since: Duration::ZERO,
            busy: false,
            thinking: false,
            told: Duration::ZERO,
            chimed: Duration::ZERO,
            place: None,
            warned: false,
            held: false,
            handing_over: false,
            transfer_failed: None,
            told_busy: false,
            leaving: false,
            told_deaf: false,
            messages: 0,
        }
    }

    /// The conversation's language.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// Whether the caller has chosen a language or was understood in one.
    pub const fn language_known(&self) -> bool {
        self.language_known
    }

    /// Whether the caller wants to be spoken to slowly.
    pub const fn is_slow(&self) -> bool {
        self.slow
    }

    /// Whether the conversation is over.
    pub fn is_over(&self) -> bool {
        self.who == Who::Over
    }

    /// The next id of a message of this call.
    pub fn message_id(&mut self) -> MessageId {
        self.messages += 1;
        // Counted within the call, which is the conversation's only source of messages.
        MessageId::try_from(format!("call-{}", self.messages)).expect("a short text is an id")
    }

    /// The first words: who speaks, what is kept, how to choose a language.
    pub fn open(&mut self) -> Vec<Step> {
        let first = self.language;
        let languages = if self.language_known { vec![first] } else { vec![first, first.other()] };
        let mut parts: Vec<Part> =
            languages.iter().map(|language| Part::plain(Phrase::TelephoneNotice, *language)).collect();
        if self.language_known {
            parts.push(Part::plain(Phrase::TelephoneAsk, first));
        } else {
            parts.extend(languages.iter().map(|language| language_choice(&self.settings, *language)));
        }
        vec![say(parts)]
    }

    /// The first words to whoever is called back; the call goes to the agent's telephone then, or the agent writes.
    pub fn call_back(&mut self, to_telephone: bool) -> Vec<Step> {
        self.who = Who::Agent;
        self.handing_over = to_telephone;
        let then = if to_telephone { Then::HandOver } else { Then::GoOn };
        vec![self.last(Phrase::TelephoneCallingBack, then)]
    }

    fn phrase(&self, phrase: Phrase) -> Step {
        say(vec![Part::plain(phrase, self.language)])
    }

    fn last(&self, phrase: Phrase, then: Then) -> Step {
        Step::Prompt(Prompt { parts: vec![Part::plain(phrase, self.language)], then })
    }

    /// A key was pressed.
    pub fn digit(&mut self, digit: Digit, now: Duration) -> Vec<Step> {
        if self.stays() {
            let steps = self.digit(digit, now);
            return [Step::Stay].into_iter().chain(steps).collect();
        }
        if self.who == Who::Over || self.handing_over {
            return Vec::new();
        }
        self.heard_from(now);
        let key = digit.key();
        if !self.language_known
            && let Some(language) = self.settings.language_of(key)
        {
            return self.choose_language(language);
        }
        match (key, self.who) {
            ('0', Who::Assistant) => {
                let id = self.message_id();
                vec![Step::Hush, Step::Send(ClientMessage::Person(Person { id }))]
            }
            ('#', _) => self.again(),
            ('*', _) => {
                self.slow = !self.slow;
                let voice = ClientMessage::Voice(Voice { voice: true, slow: self.slow });
                [Step::Send(voice)].into_iter().chain(self.again()).collect()
            }
            (CALL_BACK, Who::Queue) => match self.caller.clone() {
                Some(number) => {
                    let id = self.message_id();
                    let wish = RequestCallback { id, number, from: None, until: None };
                    vec![Step::Hush, Step::Send(ClientMessage::Callback(wish))]
                }
                None => vec![Step::Hush, self.phrase(Phrase::TelephoneNoCaller)],
            },
            (NEITHER, Who::Queue) => {
                let id = self.message_id();
                vec![Step::Hush, Step::Send(ClientMessage::LeaveQueue(LeaveQueue { id }))]
            }
            (key, Who::Assistant) => self.choose(key),
            _ => Vec::new(),
        }
    }

    fn choose_language(&mut self, language: Language) -> Vec<Step> {
        self.language_known = true;
        self.language = language;
        let id = self.message_id();
        let change = ClientMessage::Language(ChangeLanguage { id, language });
        vec![Step::Hush, Step::Send(change), self.phrase(Phrase::TelephoneAsk)]
    }

    fn again(&mut self) -> Vec<Step> {
        if self.who == Who::Queue {
            return [Step::Hush].into_iter().chain(self.waiting_words()).collect();
        }
        let id = self.message_id();
        vec![Step::Hush, Step::Send(ClientMessage::Repeat(Repeat { id }))]
    }

    /// A key answers a question back; where none is open, it does nothing that could surprise.
    fn choose(&mut self, key: char) -> Vec<Step> {
        let Some(asked) = self.asked else {
            return vec![Step::Hush, self.phrase(Phrase::TelephoneKeys)];
        };
        let choice = match (key.to_digit(10), asked.confirm) {
            (Some(1), true) => 1,
            (Some(2), true) => 0,
            (Some(number), false) if (1..=u32::from(asked.choices)).contains(&number) => number as u8,
            _ if key == NEITHER => 0,
            _ => return vec![Step::Hush, self.phrase(Phrase::TelephoneKeys)],
        };
        let id = self.message_id();
        vec![Step::Hush, Step::Send(ClientMessage::Choose(Choose { id, clarify_seq: asked.seq, choice }))]
    }

    /// The caller was put on hold by their PBX, or is back.
    pub fn held(&mut self, held: bool, now: Duration) {
        self.held = held;
        self.heard_from(now);
    }

    /// The conversation says something.
    pub fn message(&mut self, message: &ServerMessage, now: Duration) -> Vec<Step> {
        match message {
            ServerMessage::Event(event) => self.event(event, now),
            ServerMessage::Signal(signal) => self.signal(signal, now),
        }
    }

    fn signal(&mut self, signal: &Signal, now: Duration) -> Vec<Step> {
        match signal {
            Signal::SpeechStarted { .. } | Signal::SpeechResumed { .. } => {
                self.heard_from(now);
                self.thinking = true;
                if self.stays() { vec![Step::Stay, Step::Hush] } else { vec![Step::Hush] }
            }
            // Nothing was said after all: what comes of it, if anything, is an event.
            Signal::Final { text, seconds, .. } if text.is_empty() && *seconds == 0.0 => {
                self.thinking = false;
                Vec::new()
            }
            Signal::AudioStart { .. } => {
                self.busy = true;
                Vec::new()
            }
            Signal::Queue { position, .. } => {
                self.place = Some(*position);
                Vec::new()
            }
            Signal::Error(_) => {
                self.thinking = false;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn event(&mut self, event: &Event, now: Duration) -> Vec<Step> {
        self.thinking = false;
        match &event.body {
            EventBody::LanguageChanged(changed) => {
                (self.language, self.language_known) = (changed.language, true);
            }
            EventBody::CitizenMessage(_) => self.asked = None,
            EventBody::Answer(_) => (self.language_known, self.unheard) = (true, 0),
            EventBody::Clarify(clarify) => {
                (self.language_known, self.unheard) = (true, 0);
                let choices = u8::try_from(clarify.choices.len()).unwrap_or(u8::MAX);
                self.asked = Some(Asked { seq: event.seq, choices, confirm: clarify.confirm });
            }
            EventBody::Say(say) => return self.said(say.act),
            EventBody::Escalated(_) | EventBody::Reopened(_) => return self.escalated(now),
            EventBody::EscalationCancelled(_) => {
                // Who asks for a person again later may find one at the telephone then.
                (self.who, self.transfer_failed) = (Who::Assistant, None);
            }
            EventBody::AgentLeft(left) => return self.left(left.outcome, now),
            EventBody::AgentJoined(_) => self.who = Who::Agent,
            EventBody::CallbackRequested(_) => {
                // They need not wait on the line for it.
                self.who = Who::Over;
                return vec![Step::HangUp];
            }
            EventBody::Closed(_) => {
                self.who = Who::Over;
                return vec![Step::HangUp];
            }
            _ => {}
        }
        Vec::new()
    }

    fn said(&mut self, act: SayAct) -> Vec<Step> {
        match act {
            SayAct::NotHeard => {
                self.unheard += 1;
                if self.unheard >= NOISY_TURNS {
                    self.unheard = 0;
                    return vec![self.phrase(Phrase::TelephoneNoise)];
                }
            }
            // Perhaps they speak the other language.
            SayAct::NotUnderstood if !self.language_known => {
                return vec![say(vec![language_choice(&self.settings, self.language.other())])];
            }
            SayAct::Goodbye => {
                self.who = Who::Over;
                return vec![Step::HangUp];
            }
            _ => self.unheard = 0,
        }
        Vec::new()
    }

    fn escalated(&mut self, now: Duration) -> Vec<Step> {
        (self.who, self.asked) = (Who::Queue, None);
        (self.told, self.chimed) = (now, now);
        if self.hand_over.of(self.language) && self.transfer_failed.is_none() {
            self.handing_over = true;
            return vec![self.last(Phrase::TelephoneTransferring, Then::HandOver)];
        }
        vec![self.phrase(Phrase::TelephoneWaiting)]
    }

    /// The agent is gone; whoever is not back with the assistant waits.
    fn left(&mut self, outcome: Outcome, now: Duration) -> Vec<Step> {
        match outcome {
            Outcome::Returned => self.who = Who::Assistant,
            // `closed` follows.
            Outcome::Resolved => {}
            Outcome::Requeued | Outcome::Lost | Outcome::Transferred | Outcome::Reassigned => {
                self.who = Who::Queue;
                (self.told, self.chimed) = (now, now);
            }
        }
        Vec::new()
    }

    /// A transfer goes on. The caller is back with us where it failed.
    pub fn transfer(&mut self, transfer: Transfer, now: Duration) -> Vec<Step> {
        match transfer {
            Transfer::Trying(_) => Vec::new(),
            Transfer::Done => {
                self.who = Who::Over;
                Vec::new()
            }
            Transfer::Failed(code) => {
                (self.handing_over, self.transfer_failed) = (false, Some(code));
                (self.told, self.quiet_since) = (now, now);
                vec![self.phrase(Phrase::TelephoneTransferFailed)]
            }
        }
    }

    /// The server is about to restart.
    pub fn drain(&mut self) -> Vec<Step> {
        if self.who == Who::Over || self.handing_over {
            return Vec::new();
        }
        self.say_good_bye(Phrase::TelephoneDraining)
    }

    /// All places for voice conversations are taken: whoever calls is told so, once, and heard as soon as there is one.
    pub fn line_is_busy(&mut self, now: Duration) -> Vec<Step> {
        self.heard_from(now);
        if std::mem::replace(&mut self.told_busy, true) {
            return Vec::new();
        }
        vec![self.phrase(Phrase::TelephoneLineBusy)]
    }

    /// Nobody can be heard: keys work still.
    pub fn is_deaf(&mut self, now: Duration) -> Vec<Step> {
        self.heard_from(now);
        if std::mem::replace(&mut self.told_deaf, true) {
            return Vec::new();
        }
        vec![self.phrase(Phrase::TelephoneDeaf)]
    }

    /// Everything that was to be heard has been heard, or (`true`) something is being heard.
    pub fn sounding(&mut self, busy: bool, now: Duration) {
        if self.busy && !busy {
            self.quiet_since = now;
        }
        self.busy = busy;
    }

    fn heard_from(&mut self, now: Duration) {
        (self.silent, self.quiet_since) = (0, now);
    }

    /// Time has passed. To be called a few times a second.
    pub fn tick(&mut self, now: Duration) -> Vec<Step> {
        if self.who == Who::Over || self.handing_over {
            return Vec::new();
        }
        if self.who != Who::Agent
            && let Some(steps) = self.too_long(now)
        {
            return steps;
        }
        match self.who {
            Who::Assistant => self.silence(now),
            Who::Queue => self.company(now),
            Who::Agent | Who::Over => Vec::new(),
        }
    }

    /// The longest call is nearly or quite over.
    fn too_long(&mut self, now: Duration) -> Option<Vec<Step>> {
        // Who waits for a person may wait.
        if self.who == Who::Queue {
            return None;
        }
        if now >= self.settings.longest_call {
            return Some(self.say_good_bye(Phrase::TelephoneOver));
        }
        if now + WARNING >= self.settings.longest_call && !self.warned && !self.busy {
            self.warned = true;
            return Some(vec![self.phrase(Phrase::TelephoneLongest)]);
        }
        None
    }

    /// Whoever was said good-bye to for their silence is there after all; whether that is so.
    fn stays(&mut self) -> bool {
        let stays = std::mem::take(&mut self.leaving);
        if stays {
            self.who = Who::Assistant;
        }
        stays
    }

    fn say_good_bye(&mut self, phrase: Phrase) -> Vec<Step> {
        self.who = Who::Over;
        vec![Step::Hush, self.last(phrase, Then::HangUp)]
    }

    fn silence(&mut self, now: Duration) -> Vec<Step> {
        let quiet = now.saturating_sub(self.quiet_since);
        if self.busy || self.thinking || self.held || quiet < self.settings.silence {
            return Vec::new();
        }
        self.quiet_since = now;
        self.silent += 1;
        match self.silent {
            1 if self.language_known => vec![self.phrase(Phrase::TelephoneSilence)],
            1 => {
                let other = self.language.other();
                vec![say(vec![
                    language_choice(&self.settings, self.language),
                    language_choice(&self.settings, other),
                ])]
            }
            2 => vec![self.phrase(Phrase::TelephoneSilenceKeys)],
            _ => {
                self.leaving = true;
                self.say_good_bye(Phrase::TelephoneNobody)
            }
        }
    }

    /// Whoever waits hears every few seconds that the line lives, and from time to time where they stand.
    fn company(&mut self, now: Duration) -> Vec<Step> {
        if self.busy || self.thinking || self.held {
            return Vec::new();
        }
        if now.saturating_sub(self.told) >= self.settings.tell_every {
            (self.told, self.chimed) = (now, now);
            return self.waiting_words();
        }
        if now.saturating_sub(self.chimed) >= self.settings.chime_every {
            self.chimed = now;
            return vec![Step::Chime];
        }
        Vec::new()
    }

    fn waiting_words(&mut self) -> Vec<Step> {
        let before = self.place.map(|place| place.saturating_sub(1)).filter(|before| *before > 0);
        let mut parts = Vec::new();
        if let Some(before) = before {
            let value = Some(("count", before.to_string()));
            parts.push(Part { phrase: Phrase::TelephonePlace, language: self.language, value });
        }
        parts.push(Part::plain(Phrase::TelephoneWaiting, self.language));
        vec![say(parts)]
    }
}

#[cfg(test)]
mod tests;
