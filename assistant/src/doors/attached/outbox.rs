//! What goes out to one client: messages first, sound after them, both bounded.
//!
//! Messages (events, signals, errors) must arrive or the connection ends: when their queue is full the client reads too
//! slowly and is disconnected; it can resume and gets every event again. Sound waits for room instead, and what has not
//! left when the citizen interrupts is thrown away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::close_code;
use bytes::Bytes;
use conversation::{
    Event,
    protocol::{ServerMessage, Signal},
};
use futures::{Sink, SinkExt};
use metrics::counter;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Outgoing;
use crate::telemetry::names;

/// Sound messages on their way: 3 s of Opus packets. When full, playback waits.
const SOUND_QUEUE: usize = 150;
/// A client that does not take one message for so long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(15);

/// A piece of sound, or a message that must keep its place among the sound.
enum Sound {
    Samples(Bytes),
    Signal(Signal),
}

/// The way out to one client. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    messages: mpsc::Sender<Outgoing>,
    sound: mpsc::Sender<(u64, Sound)>,
    /// Sound of an older generation than this is not sent any more.
    generation: Arc<AtomicU64>,
    gone: CancellationToken,
}

impl Outbox {
    /// The way out through `sink`, and the task that walks it, to be spawned. The task ends after a close message, when
    /// all clones are dropped, or when the client is gone.
    pub fn new(
        sink: impl Sink<Outgoing> + Send + Unpin + 'static,
        capacity: usize,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (messages, message_queue) = mpsc::channel(capacity);
        let (sound, sound_queue) = mpsc::channel(SOUND_QUEUE);
        let outbox = Self { messages, sound, generation: Arc::default(), gone: CancellationToken::new() };
        let writer = Writer {
            sink,
            messages: message_queue,
            sound: sound_queue,
            generation: Arc::clone(&outbox.generation),
            gone: outbox.gone.clone(),
        };
        (outbox, writer.run())
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.push(Outgoing::Message(Box::new(signal.into())));
    }

    /// Sends an event as the citizen may see it.
    pub fn event(&self, event: &Event) {
        self.push(Outgoing::Message(Box::new(ServerMessage::event_for_citizen(event))));
    }

    fn push(&self, message: Outgoing) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.messages.try_send(message) {
            counter!(names::SLOW_CLIENTS).increment(1);
            tracing::info!("a client reads too slowly and is disconnected; it can resume");
            self.gone.cancel();
        }
    }

    /// Sends a close message; nothing is sent after it.
    pub fn close(&self, code: u16, reason: &'static str) {
        self.push(Outgoing::Close { code, reason });
    }

    /// Ends the connection as done.
    pub fn close_done(&self) {
        self.close(close_code::NORMAL, "done");
    }

    /// Cancelled when the client cannot be reached any more.
    pub fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    /// A fresh generation of sound; older sound that has not left is thrown away.
    pub fn interrupt_sound(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The present generation.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Sends a piece of sound, when there is room.
    pub async fn sound(&self, generation: u64, samples: Bytes) {
        // An error means that the client is gone, which the connection notices by itself.
        drop(self.sound.send((generation, Sound::Samples(samples))).await);
    }

    /// Sends a signal that keeps its place among the sound.
    pub async fn sound_signal(&self, generation: u64, signal: Signal) {
        drop(self.sound.send((generation, Sound::Signal(signal))).await);
    }
}

struct Writer<S> {
    sink: S,
    messages: mpsc::Receiver<Outgoing>,
    sound: mpsc::Receiver<(u64, Sound)>,
    generation: Arc<AtomicU64>,
    gone: CancellationToken,
}

impl<S: Sink<Outgoing> + Send + Unpin> Writer<S> {
    async fn run(mut self) {
        // Whatever ends this task ends the connection.
        let _gone = self.gone.clone().drop_guard();
        loop {
            let message = tokio::select! {
                biased;
                () = self.gone.cancelled() => break,
                message = self.messages.recv() => match message {
                    Some(message) => message,
                    None => break,
                },
                Some((generation, sound)) = self.sound.recv() => {
                    if generation != self.generation.load(Ordering::Acquire) {
                        continue;
                    }
                    match sound {
                        Sound::Samples(samples) => Outgoing::Sound(samples),
                        Sound::Signal(signal) => Outgoing::Message(Box::new(signal.into())),
                    }
                }
            };
            let last = matches!(message, Outgoing::Close { .. });
            match tokio::time::timeout(SEND_TIMEOUT, self.sink.send(message)).await {
                Ok(Ok(())) if !last => {}
                _ => break,
            }
        }
    }
}
