//! A PBX at the other end of a connection in memory.

#![allow(dead_code, reason = "not every test needs everything")]

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{Sink, SinkExt as _, Stream, StreamExt as _};
use telephone::sockets::{Handshake, Message, NoCall, Settings, answer};
use telephone::{Ended, FromCaller, Leg, LegEnd, ToCaller};
use tokio::time::timeout;

/// Our end: what a WebSocket library would give the driver.
pub struct Connection {
    incoming: mpsc::UnboundedReceiver<Result<Message, &'static str>>,
    outgoing: mpsc::Sender<Message>,
}

impl Stream for Connection {
    type Item = Result<Message, &'static str>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming.poll_next_unpin(context)
    }
}

impl Sink<Message> for Connection {
    type Error = mpsc::SendError;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.outgoing.poll_ready_unpin(context)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        self.outgoing.start_send_unpin(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // An in-memory channel has nothing to flush; its own flush would wait until the test has read everything.
        let _ = (&mut self, context);
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.outgoing.poll_close_unpin(context)
    }
}

/// The PBX.
pub struct Pbx {
    to_us: mpsc::UnboundedSender<Result<Message, &'static str>>,
    pub from_us: mpsc::Receiver<Message>,
}

/// A connection that holds so many messages that the PBX has not read.
pub fn connection(unread: usize) -> (Pbx, Connection) {
    let (to_us, incoming) = mpsc::unbounded();
    let (outgoing, from_us) = mpsc::channel(unread);
    (Pbx { to_us, from_us }, Connection { incoming, outgoing })
}

impl Pbx {
    pub fn send(&self, message: Message) {
        self.to_us.unbounded_send(Ok(message)).expect("we listen");
    }

    pub fn text(&self, text: &str) {
        self.to_us.unbounded_send(Ok(Message::Text(text.to_owned()))).expect("we listen");
    }

    pub fn binary(&self, length: usize) {
        self.to_us.unbounded_send(Ok(Message::Binary(Bytes::from(vec![1; length])))).expect("we listen");
    }

    pub fn close(&self) {
        self.to_us.unbounded_send(Ok(Message::Close)).expect("we listen");
    }

    /// The network goes away.
    pub fn vanish(&self) {
        self.to_us.unbounded_send(Err("reset by peer")).expect("we listen");
    }

    pub async fn next(&mut self) -> Option<Message> {
        timeout(Duration::from_secs(10), self.from_us.next()).await.expect("in time")
    }

    /// The next text, and how many bytes of sound came before it.
    pub async fn next_text(&mut self) -> (usize, String) {
        let mut sound = 0;
        loop {
            match self.next().await.expect("a message") {
                Message::Binary(bytes) => sound += bytes.len(),
                Message::Text(text) => return (sound, text),
                Message::Close => panic!("closed"),
            }
        }
    }

    /// Everything that comes within that time.
    pub async fn within(&mut self, time: Duration) -> Vec<Message> {
        let mut messages = Vec::new();
        let all = async {
            while let Some(message) = self.from_us.next().await {
                messages.push(message);
            }
        };
        let _ = timeout(time, all).await;
        messages
    }
}

/// What is waited for in tests.
pub fn settings() -> Settings {
    Settings {
        first_message: Duration::from_millis(1_500),
        silent: Duration::from_secs(4),
        unread: Duration::from_millis(500),
    }
}

/// How a PBX comes with that subprotocol and query.
pub fn handshake(subprotocol: &str, query: &[(&str, &str)]) -> Handshake {
    Handshake {
        subprotocol: (!subprotocol.is_empty()).then(|| subprotocol.to_owned()),
        query: query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

/// A call, once these texts have been sent.
pub async fn call(handshake: &Handshake, texts: &[&str]) -> (Pbx, Leg) {
    let (pbx, connection) = connection(10_000);
    for text in texts {
        pbx.text(text);
    }
    let leg = answer(connection, handshake, settings()).await.expect("a call");
    (pbx, leg)
}

/// Why there is no call after these texts.
pub async fn no_call(handshake: &Handshake, texts: &[&str]) -> NoCall {
    let (pbx, connection) = connection(10_000);
    for text in texts {
        pbx.text(text);
    }
    let answered = answer(connection, handshake, settings()).await;
    drop(pbx);
    answered.expect_err("no call")
}

pub async fn say(leg: &Leg, command: ToCaller) {
    leg.to_caller.send(command).await.expect("the call goes on");
}

pub async fn next(leg: &mut Leg) -> FromCaller {
    timeout(Duration::from_secs(10), leg.from_caller.recv()).await.expect("in time").expect("a message")
}

/// What is not sound.
pub async fn event(leg: &mut Leg) -> FromCaller {
    loop {
        let message = next(leg).await;
        if !matches!(message, FromCaller::Sound(_)) {
            return message;
        }
    }
}

/// How the call ended; nothing but sound came before.
pub async fn ended(leg: &mut Leg) -> LegEnd {
    match event(leg).await {
        FromCaller::Ended(end) => {
            assert!(leg.from_caller.recv().await.is_none(), "it is the last message");
            end
        }
        other => panic!("{other:?}"),
    }
}

pub async fn why(leg: &mut Leg) -> Ended {
    ended(leg).await.why
}

pub fn text(json: &serde_json::Value) -> Message {
    Message::Text(json.to_string())
}
