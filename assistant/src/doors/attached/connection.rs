//! One client's loop: messages in, turns to the session, events from the store out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::close_code;
use conversation::sounds::Receipts;
use conversation::{
    Append, Channel, ConversationState, Event, EventBody, Interrupted, NodeSignal, Published, QueueFeed,
    Status, Store, StoreError,
    protocol::{AudioOut, ErrorCode, Signal},
};
use futures::{Stream, StreamExt};
use language::Language;
use metrics::counter;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, mpsc},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Incoming, Opened, Service,
    outbox::Outbox,
    playback::{Consequences, Line, Speaker},
    spoken_turn::SpokenTurns,
};
use crate::{
    doors::desk::Typing,
    phrases::{Phrase, say},
    session::{Audience, Input, Refusal, Session, speech},
    telemetry::names,
};

/// Inputs of one client that may wait for their turn. A person does not produce more; a program that does is told to
/// slow down.
const INPUT_QUEUE: usize = 16;
/// Events read from the store at once while catching up.
const PAGE: u32 = 200;
/// How long the last sound of a closed conversation may go on.
const LAST_WORDS: Duration = Duration::from_secs(15);
/// Whoever may still say that a closed matter is not settled, or has come back to say how it was, keeps the connection for so long.
const TO_REOPEN: Duration = Duration::from_mins(5);

/// Whoever writes is told of once in so long: the page says it every two seconds.
const TYPING_PAUSE: Duration = Duration::from_secs(1);

/// What the session tells a client while it works on a turn.
pub(super) struct Teller {
    pub outbox: Outbox,
    language: AtomicU8,
    slow: CancellationToken,
    go_on: Notify,
}

impl Teller {
    fn set_language(&self, language: Language) {
        self.language.store(u8::from(language == Language::Zh), Ordering::Relaxed);
    }

    pub(super) fn language(&self) -> Language {
        if self.language.load(Ordering::Relaxed) == 0 { Language::Bo } else { Language::Zh }
    }
}

impl Audience for Teller {
    fn tell(&self, signal: Signal) {
        self.outbox.signal(signal);
    }

    fn refuse(&self, refusal: Refusal) {
        counter!(names::ERRORS, "code" => refusal.code_name()).increment(1);
        self.outbox.signal(Signal::Error(refusal.signal(Some(self.language()), false)));
    }

    fn slow_down(&self) {
        self.slow.cancel();
    }

    fn go_on(&self) {
        self.go_on.notify_one();
    }
}

/// A connected client.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the client, and none excludes another"
)]
pub struct Connection {
    pub(super) service: Service,
    pub(super) session: Arc<Session>,
    pub(super) state: Arc<ConversationState>,
    pub(super) teller: Arc<Teller>,
    pub(super) turns: SpokenTurns,
    pub(super) speaker: Option<Speaker>,
    pub(super) voice: bool,
    pub(super) channel: Channel,
    /// Nobody knows yet which language the citizen speaks.
    pub(super) any_language: bool,
    slow: bool,
    audio_out: AudioOut,
    last_seq: u64,
    /// The last of an agent's messages that has gone out and is not told of yet.
    delivered: Option<u64>,
    /// The last event that the citizen has seen, as far as they have said on this connection.
    seen: u64,
    /// When they were writing last.
    typed: Option<Instant>,
    resumed: bool,
    /// While it is being opened.
    place: Option<OwnedSemaphorePermit>,
    inputs: mpsc::Sender<Input>,
    unfinished: Arc<AtomicUsize>,
    closing: Option<Closing>,
    queue_position: Option<u32>,
}

/// The conversation is over, and the connection will be.
#[derive(Clone, Copy)]
struct Closing {
    /// Then it ends in any case.
    by: Instant,
    /// The citizen may open the conversation again, or has come back to it; otherwise it ends with the last sound.
    reopenable: bool,
}

/// Whether the loop goes on.
pub(super) enum Flow {
    On,
    Over,
}

impl Connection {
    /// Of whoever has opened a conversation; what comes of it goes out by `outbox`.
    pub fn new(service: Service, opened: Opened, outbox: Outbox) -> Self {
        let teller = Arc::new(Teller {
            outbox,
            language: AtomicU8::new(0),
            slow: CancellationToken::new(),
            go_on: Notify::new(),
        });
        teller.set_language(opened.state.language);
        let (inputs, queue) = mpsc::channel(INPUT_QUEUE);
        let unfinished = Arc::new(AtomicUsize::new(0));
        service.tasks.spawn(work(
            service.clone(),
            Arc::clone(&opened.session),
            Arc::clone(&teller),
            queue,
            Arc::clone(&unfinished),
        ));
        let mut connection = Self {
            turns: SpokenTurns::new(service.ears.clone()),
            service,
            session: opened.session,
            state: Arc::new(opened.state),
            teller,
            speaker: None,
            voice: opened.voice,
            slow: false,
            audio_out: opened.audio_out,
            channel: opened.channel,
            any_language: opened.any_language,
            last_seq: opened.last_seq,
            delivered: None,
            seen: 0,
            typed: None,
            resumed: opened.resumed,
            place: opened.place,
            inputs,
            unfinished,
            closing: None,
            queue_position: None,
        };
        connection.find_voice();
        connection
    }

    pub(super) fn outbox(&self) -> &Outbox {
        &self.teller.outbox
    }

    /// Serves the client until it leaves, is taken over, or the server stops.
    pub async fn run(mut self, mut stream: impl Stream<Item = Incoming> + Unpin) {
        let now = self.service.conversations.now();
        let taken_over = self.session.take_over(now);
        let store = Arc::clone(self.service.conversations.store());
        tell_other_nodes(
            Arc::clone(&store),
            NodeSignal::CitizenAttached { conversation: self.session.id, at: now },
        );
        // Subscribed before catching up, so that nothing falls between.
        let mut feed = store.subscribe(self.session.id);
        let mut queue = store.subscribe_queue();
        let mut typing = self.service.typing.listen();
        if self.catch_up(false).await.is_err() {
            self.outbox().close(close_code::ERROR, "internal");
            return;
        }
        if self.resumed {
            self.push(Input::Resumed);
        }
        if self.state.status() == Status::Closed && self.closing.is_none() {
            // Nobody comes back to what is over without something to say about it.
            self.closing = Some(Closing { by: Instant::now() + TO_REOPEN, reopenable: true });
        }
        self.tell_position().await;
        self.place = None;
        let (gone, draining, stopped) =
            (self.outbox().gone().clone(), self.service.draining.clone(), self.service.stopped.clone());
        let teller = Arc::clone(&self.teller);
        let idle = self.service.configuration.limits.idle;
        let mut deadline = Instant::now() + idle;
        let (mut drained, mut told) = (false, Instant::now());
        loop {
            let flow = tokio::select! {
                biased;
                () = gone.cancelled() => Flow::Over,
                () = stopped.cancelled() => { self.outbox().close(close_code::RESTART, "restart"); Flow::Over }
                () = taken_over.cancelled() => self.taken_over(),
                () = draining.cancelled(), if !drained => {
                    drained = true;
                    self.tell_draining();
                    Flow::On
                }
                published = feed.next() => self.published(published).await,
                () = teller.go_on.notified() => { self.resume_sound(); Flow::On }
                event = self.turns.event() => { self.heard(event).await; Flow::On }
                Some(who) = typing.next() => {
                    if who == Typing::Agent(self.session.id) {
                        self.outbox().signal(Signal::AgentTyping);
                    }
                    Flow::On
                }
                changed = changed_since(&mut *queue, told), if self.state.status().waits() => {
                    told = Instant::now();
                    self.tell_position().await;
                    if changed { Flow::On } else { Flow::Over }
                }
                incoming = stream.next() => {
                    deadline = Instant::now() + idle;
                    self.incoming(incoming.unwrap_or(Incoming::Gone)).await
                }
                () = sleep_until(deadline) => { self.outbox().close_done(); Flow::Over }
                () = tick(self.closing.is_some() || drained) => self.wait_for_the_last(drained),
            };
            if matches!(flow, Flow::Over) {
                break;
            }
        }
    }

    /// Sends every event after the last one that the client has seen. `live`: they are spoken too.
    async fn catch_up(&mut self, live: bool) -> Result<(), ()> {
        loop {
            let events =
                self.service.conversations.store().events_after(self.session.id, self.last_seq, PAGE).await;
            let events = events.map_err(|error| tracing::error!(%error, "events could not be read"))?;
            let last = events.len() < PAGE as usize;
            for event in &events {
                self.deliver(event, live);
            }
            if last {
                self.tell_delivered();
                return Ok(());
            }
        }
    }

    async fn published(&mut self, published: Result<Option<Published>, conversation::Lagged>) -> Flow {
        match published {
            Ok(Some(published)) => {
                // A hole means that something was committed before the subscription; the log has it.
                let complete = published.events.first().is_some_and(|first| first.seq <= self.last_seq + 1);
                // Other nodes' commits may come after later ones of this node.
                if published.state.last_seq >= self.state.last_seq {
                    self.state = published.state;
                    self.teller.set_language(self.state.language);
                }
                if !self.state.status().waits() {
                    // Whoever waits again is told their place again, be it the same.
                    self.queue_position = None;
                }
                if complete {
                    for event in published.events.iter() {
                        self.deliver(event, true);
                    }
                    self.tell_delivered();
                } else if self.catch_up(true).await.is_err() {
                    return Flow::Over;
                }
                Flow::On
            }
            Err(_) if self.catch_up(true).await.is_ok() => {
                if let Ok(Some(state)) =
                    self.service.conversations.store().conversation(self.session.id).await
                {
                    self.teller.set_language(state.language);
                    self.state = Arc::new(state);
                }
                Flow::On
            }
            Ok(None) | Err(_) => {
                self.outbox().close(close_code::RESTART, "restart");
                Flow::Over
            }
        }
    }

    /// Sends one event, once, and speaks it where that is wanted.
    fn deliver(&mut self, event: &Event, live: bool) {
        if event.seq <= self.last_seq {
            return;
        }
        self.last_seq = event.seq;
        self.outbox().event(event);
        if live {
            self.say(event);
        }
        if let (EventBody::Withdrawn(_), Some(speaker)) = (&event.body, &self.speaker) {
            speaker.forget();
        }
        match &event.body {
            EventBody::Answer(_) | EventBody::Clarify(_) | EventBody::LanguageChanged(_) => {
                self.any_language = false;
            }
            EventBody::AgentMessage(_) => {
                self.delivered = Some(event.seq);
            }
            EventBody::Closed(closed) => {
                let reopenable = closed.by.is_reopenable();
                let by = Instant::now() + if reopenable { TO_REOPEN } else { LAST_WORDS };
                self.closing = Some(Closing { by, reopenable });
            }
            EventBody::Reopened(_) => self.closing = None,
            _ => {}
        }
    }

    /// What an agent wrote has gone out. Told once after all that has come together: whoever comes back has a whole conversation to catch up on,
    /// and where the matter is over nobody waits to know.
    fn tell_delivered(&mut self) {
        let Some(seq) = self.delivered.take() else { return };
        self.service.typing.tell(Typing::Delivered(self.session.id, seq));
        if self.state.status().is_with_a_person() {
            self.note(Receipts { delivered: seq, seen: 0 });
        }
    }

    /// What was written to the citizen has been on their screen.
    pub(super) fn has_seen(&mut self, seq: u64) {
        // Never more than it was sent.
        if seq <= self.seen || seq > self.last_seq {
            return;
        }
        self.seen = seq;
        self.service.typing.tell(Typing::Seen(self.session.id, seq));
        self.note(Receipts { delivered: seq, seen: seq });
    }

    /// Notes how far the citizen has come; a busy store misses one, and the next tells more.
    fn note(&self, receipts: Receipts) {
        let (store, id) = (Arc::clone(self.service.conversations.store()), self.session.id);
        self.service.tasks.spawn(async move {
            if let Err(error) = store.note_receipts(id, receipts).await {
                tracing::debug!(%error, "a receipt was not noted");
            }
        });
    }

    /// The citizen is writing to a person, who is told so, and shown what may answer it before it is sent.
    pub(super) fn is_typing(&mut self, draft: String) {
        let now = Instant::now();
        if !self.state.status().is_with_a_person() || self.typed.is_some_and(|then| now < then + TYPING_PAUSE)
        {
            return;
        }
        self.typed = Some(now);
        let (id, typing) = (self.session.id, self.service.typing.clone());
        typing.tell(Typing::Citizen(id));
        if draft.trim().is_empty() {
            return;
        }
        let (conversations, language) = (self.service.conversations.clone(), self.state.language);
        self.service.tasks.spawn(async move {
            if let Some(entries) = conversations.foresee(draft, language).await {
                typing.tell(Typing::Foreseen(id, entries.into()));
            }
        });
    }

    fn say(&mut self, event: &Event) {
        if !self.voice {
            return;
        }
        let (Some(speaker), Some(speech)) = (&self.speaker, speech(&event.body, self.state.language)) else {
            return;
        };
        let slow = self.slow || self.teller.slow.is_cancelled();
        let rate = if slow { self.service.configuration.voice.slow_rate } else { 1.0 };
        let line = Line { seq: event.seq, speech, rate, asked_at: self.turns.take_end_of_speech(), from: 0 };
        // The citizen has gone on before the answer to their beginning was there: nobody speaks into their words.
        if self.turns.has_gone_on() {
            speaker.hold(Line { asked_at: None, ..line });
        } else {
            speaker.say(line);
        }
    }

    /// Begins to speak where the client wants that and there is a voice.
    pub(super) fn find_voice(&mut self) {
        let Some(codec) = self.audio_out.codec().filter(|_| self.voice) else { return };
        if self.speaker.is_some() {
            return;
        }
        let unavailable = || Refusal::new(ErrorCode::Unavailable).saying(Phrase::ErrorUnavailableVoice);
        let Some(mouths) = self.service.mouths.clone() else {
            self.teller.refuse(unavailable());
            return;
        };
        let teller = Arc::clone(&self.teller);
        let consequences = Consequences {
            failed: Box::new(move || teller.refuse(unavailable())),
            interrupted: self.note_interruptions(),
        };
        let (speaker, task) =
            Speaker::new(mouths, self.service.recordings.clone(), self.outbox().clone(), codec, consequences);
        self.service.tasks.spawn(task);
        self.speaker = Some(speaker);
    }

    /// Keeps in the log how far an answer was heard.
    fn note_interruptions(&self) -> Box<dyn Fn(Interrupted) + Send + Sync> {
        let (store, tasks) = (Arc::clone(self.service.conversations.store()), self.service.tasks.clone());
        let conversation = self.session.id;
        Box::new(move |interrupted| {
            let append = Append::to(conversation).event(EventBody::Interrupted(interrupted));
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                match store.append(append).await {
                    // It was erased or has ended meanwhile.
                    Ok(_) | Err(StoreError::NotFound(_) | StoreError::Closed) => {}
                    Err(error) => tracing::warn!(%error, "how far an answer was heard is not in its log"),
                }
            });
        })
    }

    pub(super) fn set_voice(&mut self, voice: bool, slow: bool) {
        (self.voice, self.slow) = (voice, slow);
        if voice {
            self.find_voice();
        } else if let Some(speaker) = self.speaker.take() {
            speaker.stop();
        }
    }

    /// Hands an input to the session. Refused where too many wait already.
    pub(super) fn push(&self, input: Input) {
        let id = input.id().cloned();
        self.unfinished.fetch_add(1, Ordering::AcqRel);
        if self.inputs.try_send(input).is_err() {
            self.unfinished.fetch_sub(1, Ordering::AcqRel);
            let wait = Duration::from_secs(1);
            self.teller.refuse(Refusal::new(ErrorCode::TooFast).retry_after(wait).about(id));
        }
    }

    async fn tell_position(&mut self) {
        if !self.state.status().waits() {
            self.queue_position = None;
            return;
        }
        let position =
            self.service.conversations.store().queue_position(self.session.id).await.ok().flatten();
        if let Some(position) = position.filter(|p| self.queue_position != Some(*p)) {
            self.queue_position = Some(position);
            self.outbox().signal(Signal::Queue { position, wait_minutes: None });
        }
    }

    fn taken_over(&self) -> Flow {
        let refusal = Refusal::new(ErrorCode::Closed).saying(Phrase::TakenOver);
        self.outbox().signal(Signal::Error(refusal.signal(Some(self.state.language), true)));
        self.outbox().close(close_code::POLICY, "taken over");
        Flow::Over
    }

    fn tell_draining(&self) {
        let text = say(Phrase::Draining, self.state.language).to_owned();
        self.outbox().signal(Signal::Draining { text });
    }

    /// While closing or draining: ends the connection when there is nothing left to finish.
    fn wait_for_the_last(&self, drained: bool) -> Flow {
        let working = self.unfinished.load(Ordering::Acquire) > 0;
        if drained && !working && !self.turns.is_speaking() {
            self.outbox().close(close_code::RESTART, "restart");
            return Flow::Over;
        }
        let sounding = self.speaker.as_ref().is_some_and(Speaker::is_playing);
        let over = |closing: Closing| Instant::now() > closing.by || !(sounding || closing.reopenable);
        if self.closing.is_some_and(over) {
            self.outbox().close_done();
            return Flow::Over;
        }
        Flow::On
    }
}

/// Whoever waits is told their place at most so often: in a long queue every change concerns everybody.
const PLACE_EVERY: Duration = Duration::from_millis(250);

/// Waits for a change of the queue, and for a moment after the place was told last; `false` once there is no queue any more.
async fn changed_since(queue: &mut dyn QueueFeed, told: Instant) -> bool {
    sleep_until(told + PLACE_EVERY).await;
    queue.changed().await
}

/// Ticks ten times a second while something is to be waited for.
async fn tick(needed: bool) {
    if needed {
        tokio::time::sleep(Duration::from_millis(100)).await;
    } else {
        std::future::pending::<()>().await;
    }
}

/// Works on a client's inputs in order; goes on to the end of the queue when the client has left.
async fn work(
    service: Service,
    session: Arc<Session>,
    teller: Arc<Teller>,
    mut queue: mpsc::Receiver<Input>,
    unfinished: Arc<AtomicUsize>,
) {
    while let Some(input) = queue.recv().await {
        let turn = async {
            let _place = service.at_work.place().await;
            service.conversations.take(&session, input, teller.as_ref()).await;
        };
        tokio::select! {
            () = service.stopped.cancelled() => return,
            () = turn => {}
        }
        unfinished.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Nobody waits for it: only an old connection at another node would notice if it failed.
fn tell_other_nodes(store: Arc<dyn Store>, signal: NodeSignal) {
    tokio::spawn(async move {
        if let Err(error) = store.signal(signal).await {
            tracing::debug!(%error, "other nodes were not told of a connection");
        }
    });
}
