//! What a client's messages make happen.

use conversation::{
    Status,
    protocol::{ClientMessage, ErrorCode, Rate, RequestCallback, Signal, Text},
};

use super::{
    Incoming,
    connection::{Connection, Flow},
};
use crate::session::{Audience, Input, Refusal};

impl Connection {
    /// Takes what has come.
    pub(super) async fn incoming(&mut self, incoming: Incoming) -> Flow {
        match incoming {
            Incoming::Message(Ok(message)) => self.client_message(message).await,
            Incoming::Message(Err(error)) => {
                // Rubbish counts too, or it could be sent for ever.
                if self.within_rate(None) {
                    self.teller.refuse(Refusal::new(error.code()).about(error.id().cloned()));
                }
                Flow::On
            }
            Incoming::Sound(bytes) => {
                self.sound(bytes).await;
                Flow::On
            }
            Incoming::Unreadable(why) => {
                why.close(Some(self.state.language), self.outbox());
                Flow::Over
            }
            Incoming::Gone => Flow::Over,
        }
    }

    async fn client_message(&mut self, message: ClientMessage) -> Flow {
        match message {
            ClientMessage::Ping(ping) => self.outbox().signal(Signal::Pong { n: ping.n }),
            ClientMessage::Voice(voice) => self.set_voice(voice.voice, voice.slow),
            ClientMessage::Heard(heard) => {
                if let Some(speaker) = &self.speaker {
                    speaker.heard(heard.audio_id, heard.ms);
                }
            }
            ClientMessage::Typing(typing) => self.is_typing(typing.draft),
            ClientMessage::Seen(seen) => self.has_seen(seen.seq),
            ClientMessage::Cancel(cancel) => match cancel.id {
                Some(id) => self.cancel_turn(&id),
                None => self.stop_sound(),
            },
            ClientMessage::Commit(commit) => self.commit_turn(commit.id),
            ClientMessage::Start(_) | ClientMessage::Resume(_) => {
                self.teller.refuse(Refusal::new(ErrorCode::WrongOrder));
            }
            durable => {
                if self.within_rate(durable.id().cloned()) && self.is_open(&durable) {
                    self.durable(durable).await;
                }
            }
        }
        Flow::On
    }

    async fn durable(&mut self, message: ClientMessage) {
        // Whoever does something else has finished speaking.
        self.turns.stop_listening();
        match message {
            ClientMessage::Text(Text { id, text }) => self.text(id, text),
            ClientMessage::AudioStart(start) => self.begin_turn(start).await,
            ClientMessage::Choose(choose) => {
                self.stop_sound();
                self.push(Input::Choose {
                    id: choose.id,
                    clarify_seq: choose.clarify_seq,
                    choice: choose.choice,
                });
            }
            ClientMessage::Person(person) => self.push(Input::Person(person.id)),
            ClientMessage::LeaveQueue(leave) => self.push(Input::LeaveQueue(leave.id)),
            ClientMessage::Callback(wish) => {
                let RequestCallback { id, number, from, until } = wish;
                self.push(Input::Callback { id, number, from, until });
            }
            ClientMessage::Reopen(reopen) => self.push(Input::Reopen(reopen.id)),
            ClientMessage::Language(change) => self.push(Input::Language(change.id, change.language)),
            ClientMessage::Repeat(repeat) => {
                self.stop_sound();
                self.push(Input::Repeat(repeat.id));
            }
            ClientMessage::Rate(rate) => {
                let Rate { id, seq, helpful } = rate;
                self.push(Input::Rate { id, seq, helpful });
            }
            ClientMessage::Close(close) => self.push(Input::Close(close.id)),
            // Dealt with before.
            ClientMessage::Start(_)
            | ClientMessage::Resume(_)
            | ClientMessage::Commit(_)
            | ClientMessage::Cancel(_)
            | ClientMessage::Voice(_)
            | ClientMessage::Heard(_)
            | ClientMessage::Typing(_)
            | ClientMessage::Seen(_)
            | ClientMessage::Ping(_) => {}
        }
    }

    fn text(&mut self, id: conversation::MessageId, text: String) {
        if text.chars().count() > self.service.configuration.limits.text_characters {
            self.teller.refuse(Refusal::new(ErrorCode::TextTooLong).about(Some(id)));
        } else if text.trim().is_empty() {
            self.teller.refuse(Refusal::new(ErrorCode::BadMessage).about(Some(id)));
        } else {
            // Whoever types does not listen any more.
            self.stop_sound();
            self.push(Input::Text { id, text });
        }
    }

    /// Goes on with what was interrupted last; whether there was anything.
    pub(super) fn resume_sound(&self) -> bool {
        self.speaker.as_ref().is_some_and(super::playback::Speaker::resume)
    }

    /// Stops what is being spoken.
    pub(super) fn stop_sound(&self) {
        if let Some(speaker) = &self.speaker {
            speaker.stop();
        }
    }

    fn within_rate(&self, id: Option<conversation::MessageId>) -> bool {
        match self.service.limits.message(self.session.id) {
            Ok(()) => true,
            Err(wait) => {
                self.teller.refuse(Refusal::new(ErrorCode::TooFast).retry_after(wait.retry_after).about(id));
                false
            }
        }
    }

    /// A conversation that is over takes nothing new, and neither does a server that is about to restart. What was
    /// accepted before is still acknowledged by the session, so repetitions of old messages pass.
    fn is_open(&self, message: &ClientMessage) -> bool {
        if self.service.draining.is_cancelled() {
            let refusal = Refusal::new(ErrorCode::Unavailable).saying(crate::phrases::Phrase::Draining);
            self.teller.refuse(refusal.about(message.id().cloned()));
            return false;
        }
        if self.state.status() == Status::Closed && matches!(message, ClientMessage::AudioStart(_)) {
            self.teller.refuse(Refusal::new(ErrorCode::Closed).about(message.id().cloned()));
            return false;
        }
        true
    }
}
