//! Between a connection and a leg: whatever the dialect, what is sent ahead of time, what is told the hotline, and when a call is over.

use std::collections::VecDeque;
use std::fmt::Display;
use std::time::Duration;

use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::dialect::{Dialect, Fault, Happened, LONGEST, Message};
use super::line::{Act, Line};
use super::recognise::{Handshake, recognise};
use crate::inbox::Inbox;
use crate::leg::{Call, Ended, FromCaller, Leg, LegEnd, TO_CALLER, ToCaller, Transfer};

/// When a dialect may begin without having been told everything.
const IMPATIENT: Duration = Duration::from_secs(1);
/// How often is looked for what may be sent, while there is something: a frame.
const TICK: Duration = Duration::from_millis(20);
/// How long the other side has for its half of the closing handshake.
const FAREWELL: Duration = Duration::from_secs(1);
/// Messages that may come before it is known who calls.
const BEFORE: usize = 100;

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a PBX may take to say who calls.
    pub first_message: Duration,
    /// How long a PBX may send nothing at all before the call counts as lost. All three dialects send sound all the time, also while the
    /// caller is silent.
    pub silent: Duration,
    /// How long the PBX may leave what we send unread before the call counts as lost.
    pub unread: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first_message: Duration::from_secs(5),
            silent: Duration::from_secs(20),
            unread: Duration::from_secs(5),
        }
    }
}

/// A connection that did not become a call; it has been closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCall {
    /// The PBX said something else than who calls.
    #[error("the PBX is not understood: {0}")]
    Fault(#[from] Fault),
    /// It said too little.
    #[error("the PBX did not say who calls within {} s", .0.as_secs())]
    Silent(Duration),
    /// The connection ended.
    #[error("the PBX went away before it said who calls")]
    Gone,
}

/// Takes a call on a connection whose dialect is told by the handshake or the first message.
pub async fn answer<T, R, W>(
    mut connection: T,
    handshake: &Handshake,
    settings: Settings,
) -> Result<Leg, NoCall>
where
    T: Stream<Item = Result<Message, R>> + Sink<Message, Error = W> + Unpin + Send + 'static,
    R: Display + Send + 'static,
    W: Display + Send + 'static,
{
    let begun = Instant::now();
    let first = match timeout(settings.first_message, connection.next()).await {
        Ok(Some(Ok(first))) => first,
        Ok(None | Some(Err(_))) => return Err(NoCall::Gone),
        Err(_) => return refuse(&mut connection, NoCall::Silent(settings.first_message)).await,
    };
    match recognise(handshake, &first) {
        Ok(dialect) => begin(connection, dialect, Some(first), begun, settings).await,
        Err(fault) => refuse(&mut connection, fault.into()).await,
    }
}

/// Takes a call on a connection whose dialect is known.
pub async fn drive<T, R, W>(
    connection: T,
    dialect: Box<dyn Dialect>,
    settings: Settings,
) -> Result<Leg, NoCall>
where
    T: Stream<Item = Result<Message, R>> + Sink<Message, Error = W> + Unpin + Send + 'static,
    R: Display + Send + 'static,
    W: Display + Send + 'static,
{
    begin(connection, dialect, None, Instant::now(), settings).await
}

async fn refuse<T, W>(connection: &mut T, why: NoCall) -> Result<Leg, NoCall>
where
    T: Sink<Message, Error = W> + Unpin,
{
    let farewell = async {
        let _ = connection.send(Message::Close).await;
        connection.close().await
    };
    // Who has gone does not need to be told.
    let _ = timeout(FAREWELL, farewell).await;
    Err(why)
}

/// Reads until it is known who calls.
async fn begin<T, R, W>(
    mut connection: T,
    mut dialect: Box<dyn Dialect>,
    mut first: Option<Message>,
    begun: Instant,
    settings: Settings,
) -> Result<Leg, NoCall>
where
    T: Stream<Item = Result<Message, R>> + Sink<Message, Error = W> + Unpin + Send + 'static,
    R: Display + Send + 'static,
    W: Display + Send + 'static,
{
    let mut impatient = Some(begun + IMPATIENT);
    for _ in 0..BEFORE {
        let deadline = impatient.unwrap_or(begun + settings.first_message);
        let happened = match first.take() {
            Some(message) => read(dialect.as_mut(), message),
            None => match timeout_at(deadline, connection.next()).await {
                Ok(Some(Ok(message))) => read(dialect.as_mut(), message),
                Ok(None | Some(Err(_))) => return Err(NoCall::Gone),
                Err(_) if impatient.take().is_some() => Ok(dialect.waited()),
                Err(_) => return refuse(&mut connection, NoCall::Silent(settings.first_message)).await,
            },
        };
        let mut happened: VecDeque<Happened> = match happened {
            Ok(happened) => happened.into(),
            Err(fault) => return refuse(&mut connection, fault.into()).await,
        };
        match happened.pop_front() {
            Some(Happened::Began(call)) => return Ok(run(connection, dialect, call, happened, settings)),
            Some(Happened::Ended(_)) => return refuse(&mut connection, NoCall::Gone).await,
            _ => {}
        }
    }
    refuse(&mut connection, Fault::new("it sends much, and not who calls").into()).await
}

fn read(dialect: &mut dyn Dialect, message: Message) -> Result<Vec<Happened>, Fault> {
    let length = match &message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
        Message::Close => 0,
    };
    if length > LONGEST {
        return Err(Fault::new(format!("a message of {length} bytes; at most {LONGEST} are read")));
    }
    match message {
        Message::Text(text) => dialect.text(&text),
        Message::Binary(bytes) => dialect.binary(&bytes),
        Message::Close => Ok(vec![Happened::Ended(LegEnd {
            why: Ended::ByCaller,
            detail: "the PBX closed the connection".to_owned(),
        })]),
    }
}

fn run<T, R, W>(
    connection: T,
    dialect: Box<dyn Dialect>,
    call: Call,
    earlier: VecDeque<Happened>,
    settings: Settings,
) -> Leg
where
    T: Stream<Item = Result<Message, R>> + Sink<Message, Error = W> + Unpin + Send + 'static,
    R: Display + Send + 'static,
    W: Display + Send + 'static,
{
    let (inbox, from_caller) = Inbox::new(call.carrier.name());
    // When full, the hotline waits: sound is sent little more than in real time.
    let (to_caller, commands) = mpsc::channel(TO_CALLER);
    let line = Line::new(call.rate, Instant::now());
    let conversation = Conversation { connection, dialect, line, inbox, settings, taken_leave: false };
    tokio::spawn(conversation.run(commands, earlier));
    Leg { call, from_caller, to_caller }
}

struct Conversation<T> {
    connection: T,
    dialect: Box<dyn Dialect>,
    line: Line,
    inbox: Inbox,
    settings: Settings,
    /// The dialect's own good-bye has been sent.
    taken_leave: bool,
}

fn end(why: Ended, detail: impl Into<String>) -> LegEnd {
    LegEnd { why, detail: detail.into() }
}

impl<T, R, W> Conversation<T>
where
    T: Stream<Item = Result<Message, R>> + Sink<Message, Error = W> + Unpin + Send + 'static,
    R: Display + Send + 'static,
    W: Display + Send + 'static,
{
    async fn run(mut self, commands: mpsc::Receiver<ToCaller>, earlier: VecDeque<Happened>) {
        let mut earlier = earlier.into_iter();
        let end = match earlier.try_for_each(|happened| self.happened(happened)) {
            Ok(()) => self.converse(commands).await,
            Err(end) => end,
        };
        self.leave(&end).await;
        self.inbox.end(end).await;
    }

    /// Until it ends.
    async fn converse(&mut self, mut commands: mpsc::Receiver<ToCaller>) -> LegEnd {
        let mut last = Instant::now();
        loop {
            let now = Instant::now();
            let tick = now + TICK;
            let done = tokio::select! {
                message = self.connection.next() => {
                    last = Instant::now();
                    self.came(message)
                }
                command = commands.recv(), if !self.line.is_full() => match command {
                    Some(command) => self.command(command).await,
                    None => Err(end(Ended::ByUs, "the hotline let go of the call")),
                },
                () = sleep_until(tick), if self.line.is_busy() => Ok(()),
                () = self.inbox.room() => Ok(()),
                () = sleep_until(last + self.settings.silent) => {
                    Err(end(Ended::Lost, format!("the PBX has sent nothing for {} s", self.settings.silent.as_secs())))
                }
            };
            if let Err(end) = done {
                return end;
            }
            if let Err(end) = self.advance().await {
                return end;
            }
        }
    }

    fn came(&mut self, message: Option<Result<Message, R>>) -> Result<(), LegEnd> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(end(Ended::Lost, format!("the connection broke: {error}"))),
            None => return Err(end(Ended::Lost, "the connection broke")),
        };
        let happened = read(self.dialect.as_mut(), message).map_err(|fault| end(Ended::Fault, fault.0))?;
        happened.into_iter().try_for_each(|happened| self.happened(happened))
    }

    fn happened(&mut self, happened: Happened) -> Result<(), LegEnd> {
        match happened {
            Happened::Began(_) => {}
            Happened::Sound(sound) => self.inbox.tell(FromCaller::Sound(sound)),
            Happened::Digit(digit) => self.inbox.tell(FromCaller::Digit(digit)),
            Happened::Reached(mark) => {
                for mark in self.line.reached(mark, Instant::now()) {
                    self.inbox.tell(FromCaller::Reached(mark));
                }
            }
            Happened::Full(full) => self.line.set_full(full),
            Happened::Ended(end) => return Err(end),
        }
        Ok(())
    }

    async fn command(&mut self, command: ToCaller) -> Result<(), LegEnd> {
        if !matches!(command, ToCaller::Flush) {
            self.line.push(command, Instant::now());
            return Ok(());
        }
        let (played_ms, with_pbx) = self.line.flush(Instant::now());
        if with_pbx {
            let messages = self.dialect.flush();
            self.send(messages).await?;
            // A PBX whose queue is empty need not say that it has room again.
            self.line.set_full(false);
        }
        self.inbox.tell(FromCaller::Flushed { played_ms });
        Ok(())
    }

    /// Sends what may be sent.
    async fn advance(&mut self) -> Result<(), LegEnd> {
        let now = Instant::now();
        for mark in self.line.overdue(now) {
            self.inbox.tell(FromCaller::Reached(mark));
        }
        while let Some(act) = self.line.next(now) {
            let messages = match act {
                Act::Play(sound) => self.dialect.play(&sound),
                Act::Mark(mark) => self.dialect.mark(mark),
                Act::Press(digits) => {
                    if !self.dialect.press(&digits) {
                        tracing::warn!("keys cannot be pressed over this connection; they are left out");
                    }
                    continue;
                }
                Act::Transfer(target) => {
                    let messages = self.dialect.transfer(&target);
                    self.taken_leave = true;
                    self.send(messages).await?;
                    self.inbox.tell(FromCaller::Transfer(Transfer::Done));
                    return Err(end(Ended::Transferred, "given back to the dial plan"));
                }
                Act::HangUp => {
                    let messages = self.dialect.hang_up();
                    self.taken_leave = true;
                    self.send(messages).await?;
                    return Err(end(Ended::ByUs, "hung up"));
                }
            };
            self.send(messages).await?;
        }
        Ok(())
    }

    async fn send(&mut self, messages: Vec<Message>) -> Result<(), LegEnd> {
        let connection = &mut self.connection;
        let sending = async {
            for message in messages {
                connection.feed(message).await?;
            }
            connection.flush().await
        };
        match timeout(self.settings.unread, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(end(Ended::Lost, format!("the connection broke: {error}"))),
            Err(_) => Err(end(Ended::Lost, "the PBX does not read what we send")),
        }
    }

    /// Closes the connection, politely where the other side is still there.
    async fn leave(&mut self, end: &LegEnd) {
        let messages = match end.why {
            Ended::ByUs if !self.taken_leave => self.dialect.hang_up(),
            Ended::Fault => vec![Message::Close],
            _ => Vec::new(),
        };
        let connection = &mut self.connection;
        let farewell = async {
            for message in messages {
                connection.feed(message).await?;
            }
            connection.close().await
        };
        let closed = timeout(FAREWELL, farewell).await;
        // Until the other side has closed too: what is closed while sound still comes may be reset before the last messages were read.
        if matches!(closed, Ok(Ok(()))) && !matches!(end.why, Ended::Lost) {
            let drained = async { while let Some(Ok(_)) = self.connection.next().await {} };
            let _ = timeout(FAREWELL, drained).await;
        }
    }
}
