//! One call: sound up, sound down, keys, time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conversation::protocol::{
    AudioOut, AudioStart, ClientMessage, Codec, Heard as HeardSound, ServerMessage, Signal, Voice,
};
use conversation::{
    Append, CallEvent, CallHappened, Channel, ClosedBy, ConversationId, ConversationState, EventBody,
    HandoffCommand, Status, StoreError,
};
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use metrics::counter;
use speech::SAMPLE_RATE;
use telephone::{Carrier, Ended, FromCaller, Leg, ToCaller, Transfer};
use tokio::time::Instant;

use super::Hotline;
use super::dialogue::{Dialogue, HandOver, Prompt, Step, Then};
use super::listening::{Listening, Refused};
use super::player::{Of, Player, Ticket};
use super::prompts::{chime, pcm16};
use super::sound::Sound;
use crate::doors::attached::{Connection, Incoming, Opened, Outbox, Outgoing, random_token};
use crate::session::{Refusal, Session, speech};
use crate::telemetry::names;

/// Sound and messages on their way to the conversation: over a second. When full, sound is dropped (the recogniser hears a gap, which is
/// counted) and messages wait.
const TO_CONVERSATION: usize = 64;
/// What the conversation says, on its way to the call. When full, the conversation waits.
const FROM_CONVERSATION: usize = 64;
/// Time is looked at so often.
const TICK: Duration = Duration::from_millis(200);
/// What is to follow an event's words follows them in any case after so long: the voice may have failed.
const WORDS_WITHIN: Duration = Duration::from_secs(4);
/// A leg that does not end after it was hung up is left alone after so long.
const LAST_CALL: Duration = Duration::from_secs(5);

/// Takes a call from its first moment to its last.
pub(super) async fn serve(hotline: Hotline, leg: Leg) {
    let carrier = leg.call.carrier.name();
    counter!(names::CALLS, "carrier" => carrier).increment(1);
    metrics::gauge!(names::CALLS_NOW).increment(1.0);
    match Call::begin(hotline, leg).await {
        Ok(call) => call.run().await,
        Err(refusal) => tracing::error!(code = refusal.code_name(), carrier, "a call could not be taken"),
    }
    metrics::gauge!(names::CALLS_NOW).decrement(1.0);
}

/// Takes a call that we have made, to go on with a conversation; who it is to be given to, if not to the desk.
pub(super) async fn serve_back(
    hotline: Hotline,
    leg: Leg,
    conversation: ConversationId,
    extension: Option<String>,
) {
    metrics::gauge!(names::CALLS_NOW).increment(1.0);
    match Call::go_on(hotline, leg, conversation, extension).await {
        Ok(Some(call)) => call.run().await,
        Ok(None) => {}
        Err(refusal) => tracing::error!(code = refusal.code_name(), "a call back could not go on"),
    }
    metrics::gauge!(names::CALLS_NOW).decrement(1.0);
}

/// What happens when the words of an event have been heard.
struct Following {
    seq: u64,
    audio: Option<u64>,
    steps: Vec<Step>,
    by: Instant,
}

struct Call {
    hotline: Hotline,
    leg: Leg,
    session: Arc<Session>,
    dialogue: Dialogue,
    listening: Listening,
    player: Player,
    sound: Sound,
    to_conversation: mpsc::Sender<Incoming>,
    from_conversation: mpsc::Receiver<Outgoing>,
    begun: Instant,
    /// What has to happen when something has been heard.
    after: BTreeMap<Ticket, Then>,
    following: Vec<Following>,
    /// The sound of the conversation that is arriving.
    arriving: Option<u64>,
    /// A prompt that the caller has spoken into, said again where that was no speech.
    cut: Option<Prompt>,
    playing: Option<Prompt>,
    hung_up: Option<Instant>,
    transferred: bool,
    /// Where the call is given, if not where the configuration says.
    target: Option<String>,
    first: Vec<Step>,
}

impl Call {
    async fn begin(hotline: Hotline, leg: Leg) -> Result<Self, Refusal> {
        let service = &hotline.service;
        let settings = service.configuration.telephone.clone();
        let chosen = leg.call.variables.get("lang").or_else(|| leg.call.variables.get("x-language"));
        let chosen = chosen.and_then(|code| code.parse().ok());
        let by_telephone = |language| match leg.call.carrier {
            Carrier::Sip => settings.transfer.of(language).is_some(),
            _ => settings.transfer.dial_plan,
        };
        let hand_over = HandOver {
            by_telephone: (by_telephone(language::Language::Bo), by_telephone(language::Language::Zh)),
        };
        let mut dialogue = Dialogue::new(settings, hand_over, leg.call.caller.clone(), chosen);
        let token = random_token()?;
        let (session, state) =
            service.conversations.start_call(dialogue.language(), &token, leg.call.id.as_str()).await?;
        tracing::info!(conversation = %state.conversation, call = %leg.call.id, carrier = leg.call.carrier.name(), "a call has begun");
        let first = dialogue.open();
        Self::attach(hotline, leg, dialogue, session, state, first, None)
    }

    async fn go_on(
        hotline: Hotline,
        leg: Leg,
        conversation: ConversationId,
        extension: Option<String>,
    ) -> Result<Option<Self>, Refusal> {
        let conversations = &hotline.service.conversations;
        let Some((session, state)) = conversations.of(conversation).await? else { return Ok(None) };
        let settings = hotline.service.configuration.telephone.clone();
        let hand_over = HandOver { by_telephone: (false, false) };
        let mut dialogue = Dialogue::new(settings, hand_over, None, Some(state.language));
        let first = dialogue.call_back(extension.is_some());
        Self::attach(hotline, leg, dialogue, session, state, first, extension).map(Some)
    }

    fn attach(
        hotline: Hotline,
        leg: Leg,
        dialogue: Dialogue,
        session: Arc<Session>,
        state: ConversationState,
        first: Vec<Step>,
        target: Option<String>,
    ) -> Result<Self, Refusal> {
        let service = &hotline.service;
        let (to_conversation, incoming) = mpsc::channel(TO_CONVERSATION);
        let (outgoing, from_conversation) = mpsc::channel(FROM_CONVERSATION);
        let (outbox, writer) = Outbox::new(outgoing, service.configuration.limits.outgoing_messages);
        service.tasks.spawn(writer);
        let opened = Opened {
            session: Arc::clone(&session),
            last_seq: state.last_seq,
            state,
            channel: Channel::Telephone,
            any_language: !dialogue.language_known(),
            voice: true,
            audio_out: AudioOut::Pcm16,
            resumed: false,
            place: None,
        };
        service.tasks.spawn(Connection::new(service.clone(), opened, outbox).run(incoming));
        let sound = Sound::new(leg.call.rate).map_err(|error| {
            tracing::error!(%error, "a call's sound cannot be converted");
            Refusal::new(conversation::protocol::ErrorCode::Internal)
        })?;
        Ok(Self {
            player: Player::new(leg.call.rate),
            hotline,
            leg,
            session,
            dialogue,
            listening: Listening::default(),
            sound,
            to_conversation,
            from_conversation,
            begun: Instant::now(),
            after: BTreeMap::new(),
            following: Vec::new(),
            arriving: None,
            cut: None,
            playing: None,
            hung_up: None,
            transferred: false,
            target,
            first,
        })
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    async fn run(mut self) {
        let stopped = self.hotline.service.stopped.clone();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let first = std::mem::take(&mut self.first);
        self.carry_out(first).await;
        let ended = loop {
            tokio::select! {
                biased;
                () = stopped.cancelled() => break Ended::ByUs,
                from = self.leg.from_caller.recv() => match from {
                    Some(FromCaller::Ended(end)) => {
                        tracing::debug!(why = ?end.why, detail = end.detail, "the call has ended");
                        break end.why;
                    }
                    Some(from) => self.caller(from).await,
                    None => break Ended::Lost,
                },
                Some(outgoing) = self.from_conversation.next() => self.outgoing(outgoing).await,
                _ = ticks.tick() => self.tick().await,
            }
            if self.hung_up.is_some_and(|since| since.elapsed() > LAST_CALL) {
                break Ended::ByUs;
            }
            self.feed().await;
        };
        self.end(ended).await;
    }

    /// Hands over what is to be heard, and does what had to wait for it.
    async fn feed(&mut self) {
        for to in self.player.next() {
            if self.leg.to_caller.send(to).await.is_err() {
                break;
            }
        }
        let due = self.player.due();
        self.due(due).await;
        let now = self.now();
        self.dialogue.sounding(self.player.is_busy(), now);
        if !self.player.is_busy() {
            self.playing = None;
        }
    }

    async fn due(&mut self, tickets: Vec<Ticket>) {
        for ticket in tickets {
            match self.after.remove(&ticket) {
                Some(Then::HangUp) => self.hang_up().await,
                Some(Then::HandOver) => self.hand_over().await,
                Some(Then::GoOn) | None => {}
            }
        }
    }

    async fn hang_up(&mut self) {
        self.hung_up.get_or_insert_with(Instant::now);
        drop(self.leg.to_caller.send(ToCaller::HangUp).await);
    }

    async fn hand_over(&mut self) {
        let transfer = &self.hotline.service.configuration.telephone.transfer;
        let usual = transfer.of(self.dialogue.language()).map(str::to_owned);
        let target = self.target.clone().or(usual).unwrap_or_default();
        drop(self.leg.to_caller.send(ToCaller::Transfer { target }).await);
    }

    async fn caller(&mut self, from: FromCaller) {
        let now = self.now();
        match from {
            FromCaller::Sound(samples) => self.heard(&samples).await,
            FromCaller::Digit(digit) => {
                let steps = self.dialogue.digit(digit, now);
                self.carry_out(steps).await;
            }
            FromCaller::Reached(mark) => {
                let due = self.player.reached(mark);
                self.due(due).await;
            }
            FromCaller::Held(held) => self.dialogue.held(held, now),
            FromCaller::Transfer(transfer) => self.transfer(transfer, now).await,
            FromCaller::Flushed { .. } | FromCaller::Ended(_) => {}
        }
    }

    async fn transfer(&mut self, transfer: Transfer, now: Duration) {
        match transfer {
            Transfer::Trying(_) => {}
            Transfer::Done => {
                self.transferred = true;
                self.note(CallHappened::Transferred).await;
            }
            Transfer::Failed(code) => self.note(CallHappened::TransferFailed { code }).await,
        }
        let steps = self.dialogue.transfer(transfer, now);
        self.carry_out(steps).await;
    }

    async fn heard(&mut self, samples: &[i16]) {
        let now = self.now();
        if !self.dialogue.is_over()
            && let Some(id) = self.listening.begin(now)
        {
            let start = AudioStart { id, codec: Codec::Pcm16, sample_rate: SAMPLE_RATE, expect: Vec::new() };
            self.send(ClientMessage::AudioStart(start)).await;
        }
        if !self.listening.takes_sound() {
            return;
        }
        match self.sound.heard(samples) {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => {
                if self.to_conversation.try_send(Incoming::Sound(bytes)).is_err() {
                    counter!(names::CALL_SOUND_DROPPED).increment(1);
                }
            }
            Err(error) => tracing::error!(%error, "what a caller said cannot be converted"),
        }
    }

    async fn send(&mut self, message: ClientMessage) {
        // Only a conversation that is over takes nothing more.
        drop(self.to_conversation.send(Incoming::Message(Ok(message))).await);
    }

    async fn outgoing(&mut self, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Message(message) => self.message(*message).await,
            Outgoing::Sound(bytes) => {
                if let Some(id) = self.arriving {
                    match self.sound.said(pcm16(&bytes)) {
                        Ok(samples) => self.player.push(&samples, Of::Conversation(id)),
                        Err(error) => tracing::error!(%error, "an answer cannot be converted"),
                    }
                }
            }
            // The server stops, or something is very wrong; what waits to be heard is heard.
            Outgoing::Close { .. } => self.carry_out(vec![Step::HangUp]).await,
        }
    }

    async fn message(&mut self, message: ServerMessage) {
        let now = self.now();
        let steps = self.dialogue.message(&message, now);
        match message {
            ServerMessage::Event(event) => {
                let spoken = self.hotline.service.mouths.is_some()
                    && speech(&event.body, self.dialogue.language()).is_some();
                if steps.is_empty() {
                } else if spoken {
                    let by = Instant::now() + WORDS_WITHIN;
                    self.following.push(Following { seq: event.seq, audio: None, steps, by });
                } else {
                    self.carry_out(steps).await;
                }
                self.say_again_what_was_cut(&event.body).await;
            }
            ServerMessage::Signal(signal) => {
                self.carry_out(steps).await;
                self.signal(&signal, now).await;
            }
        }
    }

    /// Noise over the first words must not leave anybody without them.
    async fn say_again_what_was_cut(&mut self, body: &EventBody) {
        match body {
            EventBody::Say(say) if say.act == conversation::SayAct::NotHeard => {
                if let Some(prompt) = self.cut.take() {
                    self.carry_out(vec![Step::Prompt(prompt)]).await;
                }
            }
            EventBody::CitizenMessage(_) => self.cut = None,
            _ => {}
        }
    }

    async fn signal(&mut self, signal: &Signal, now: Duration) {
        if let Some(refused) = self.listening.signal(signal, now) {
            self.not_heard(refused).await;
        }
        match signal {
            Signal::AudioStart { audio_id, seq, .. } => {
                self.arriving = Some(*audio_id);
                for following in self.following.iter_mut().filter(|following| following.seq == *seq) {
                    following.audio = Some(*audio_id);
                    following.by = Instant::now() + Duration::from_mins(5);
                }
            }
            Signal::AudioEnd { audio_id, interrupted, .. } => {
                if self.arriving == Some(*audio_id) {
                    self.arriving = None;
                }
                match self.sound.end() {
                    Ok(rest) if !interrupted => self.player.push(&rest, Of::Conversation(*audio_id)),
                    Ok(_) => self.player.forget_conversation(),
                    Err(error) => tracing::error!(%error, "an answer cannot be converted"),
                }
                self.follow(|following| following.audio == Some(*audio_id)).await;
            }
            Signal::Final { text, seconds, .. } if text.is_empty() && *seconds == 0.0 => {
                // Where nothing else is said about it, what was cut off is said again.
                if !self.player.is_busy()
                    && let Some(prompt) = self.cut.take()
                {
                    self.carry_out(vec![Step::Prompt(prompt)]).await;
                }
            }
            Signal::Draining { .. } => {
                let steps = self.dialogue.drain();
                self.carry_out(steps).await;
            }
            _ => {}
        }
    }

    async fn follow(&mut self, now: impl Fn(&Following) -> bool) {
        let (due, later) = std::mem::take(&mut self.following).into_iter().partition(now);
        self.following = later;
        let due: Vec<Following> = due;
        for following in due {
            self.carry_out(following.steps).await;
        }
    }

    async fn not_heard(&mut self, refused: Refused) {
        let steps = match refused {
            Refused::Busy => self.dialogue.line_is_busy(self.begun.elapsed()),
            Refused::Deaf => self.dialogue.is_deaf(self.begun.elapsed()),
        };
        self.carry_out(steps).await;
    }

    async fn tick(&mut self) {
        let now = self.now();
        let moment = Instant::now();
        self.follow(|following| following.by <= moment).await;
        let steps = self.dialogue.tick(now);
        self.carry_out(steps).await;
    }

    async fn carry_out(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Prompt(prompt) => self.prompt(prompt).await,
                Step::Chime => self.push_whole(chime()),
                Step::Hush => self.hush().await,
                Step::Send(message) => self.send(message).await,
                Step::HangUp => self.later(Then::HangUp),
                Step::Stay => self.after.retain(|_, then| *then != Then::HangUp),
            }
        }
    }

    fn later(&mut self, then: Then) {
        let ticket = self.player.ticket();
        self.after.insert(ticket, then);
    }

    async fn prompt(&mut self, prompt: Prompt) {
        let samples = self.hotline.prompts.sound(&prompt, self.dialogue.is_slow()).await;
        self.push_whole(samples);
        if prompt.then != Then::GoOn {
            self.later(prompt.then);
        }
        self.playing = Some(prompt);
    }

    fn push_whole(&mut self, samples: Vec<i16>) {
        match self.sound.whole(samples) {
            Ok(samples) => self.player.push(&samples, Of::Prompt),
            Err(error) => tracing::error!(%error, "a prompt cannot be converted"),
        }
    }

    /// Silence, at once. What had to follow what is not heard now follows all the same.
    async fn hush(&mut self) {
        let flushed = self.player.flush();
        if let Some(prompt) = self.playing.take().filter(|prompt| prompt.then == Then::GoOn) {
            self.cut = Some(prompt);
        }
        if flushed.anything {
            drop(self.leg.to_caller.send(ToCaller::Flush).await);
        }
        if let Some((audio_id, ms)) = flushed.heard {
            self.send(ClientMessage::Heard(HeardSound { audio_id, ms })).await;
        }
        let after = std::mem::take(&mut self.after);
        for then in after.into_values() {
            self.later(then);
        }
    }

    /// The log's last words about the call, and what becomes of the conversation.
    async fn end(mut self, ended: Ended) {
        self.send(ClientMessage::Voice(Voice { voice: false, slow: false })).await;
        let store = Arc::clone(self.hotline.service.conversations.store());
        if self.transferred {
            return;
        }
        let happened = match ended {
            Ended::ByCaller => CallHappened::HungUp,
            Ended::ByUs => CallHappened::Ended,
            Ended::Transferred => CallHappened::Transferred,
            Ended::Lost | Ended::Fault => CallHappened::Lost,
            Ended::NotAnswered => CallHappened::NotAnswered,
        };
        let given_away = happened == CallHappened::Transferred;
        self.note(happened).await;
        let status = match store.conversation(self.session.id).await {
            Ok(Some(state)) => state.status(),
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "what becomes of a call's conversation is not in its log");
                return;
            }
        };
        let command = match status {
            Status::Bot => HandoffCommand::Close { by: ClosedBy::Citizen },
            Status::Queued | Status::Offered if !given_away => HandoffCommand::Abandon,
            _ => return,
        };
        match store.append(Append::to(self.session.id).then(command)).await {
            Ok(_) | Err(StoreError::NotFound(_) | StoreError::Closed | StoreError::Handoff(_)) => {}
            Err(error) => tracing::error!(%error, "the end of a call is not in its log"),
        }
    }

    async fn note(&self, happened: CallHappened) {
        let append = Append::to(self.session.id).event(EventBody::Call(CallEvent { happened }));
        match self.hotline.service.conversations.store().append(append).await {
            // It has ended or was erased meanwhile.
            Ok(_) | Err(StoreError::NotFound(_) | StoreError::Closed) => {}
            Err(error) => tracing::warn!(%error, "what happened to a call is not in its log"),
        }
    }
}
