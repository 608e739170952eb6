//! The first message of a connection: a new conversation or one that goes on.

use std::{net::IpAddr, time::Duration};

use axum::extract::ws::close_code;
use conversation::{
    Channel, Token,
    protocol::{ClientMessage, ErrorCode, Limits, Resume, Signal, Start, VERSION, Welcome},
};
use futures::{Sink, Stream, StreamExt};
use metrics::gauge;

use super::super::{
    attached::{Connection, Incoming, Opened, Outbox, Outgoing, Service, Unreadable, random_token},
    limits::TooFast,
};
use crate::{
    phrases::{Phrase, say},
    session::Refusal,
    telemetry::names,
};

/// A client that has not said within this time what it wants is closed.
const PATIENCE: Duration = Duration::from_secs(15);
/// So many messages may come before `start` or `resume`.
const ATTEMPTS: u32 = 8;
/// "Try again later" (RFC 6455 registry).
const TRY_AGAIN: u16 = 1013;

/// Serves one client from its first message to its last.
pub(super) async fn serve(
    portal: Service,
    address: IpAddr,
    sink: impl Sink<Outgoing> + Send + Unpin + 'static,
    mut stream: impl Stream<Item = Incoming> + Unpin,
) {
    let (outbox, writer) = Outbox::new(sink, portal.configuration.limits.outgoing_messages);
    let writer = portal.tasks.spawn(writer);
    let connections = gauge!(names::CONNECTIONS);
    connections.increment(1.0);
    match portal.limits.open(address) {
        None => {
            refuse(&outbox, &Refusal::new(ErrorCode::TooMany), true);
            outbox.close(TRY_AGAIN, "too many conversations");
        }
        Some(place) => {
            if let Some(opened) = open(&portal, address, &outbox, &mut stream).await {
                Connection::new(portal.clone(), opened, outbox.clone()).run(stream).await;
            }
            drop(place);
        }
    }
    connections.decrement(1.0);
    // The writer ends after the close message or with the last clone of the way out; it is not waited for longer than
    // it takes a reachable client to receive what is on its way.
    drop(outbox);
    drop(tokio::time::timeout(Duration::from_secs(2), writer).await);
}

/// Tells why something is not done, in both languages: nobody has said yet which one they speak.
fn refuse(outbox: &Outbox, refusal: &Refusal, fatal: bool) {
    metrics::counter!(names::ERRORS, "code" => refusal.code_name()).increment(1);
    outbox.signal(Signal::Error(refusal.signal(None, fatal)));
}

/// Waits for `start` or `resume`. `None`: the connection is over, and the client has been told why.
async fn open(
    portal: &Service,
    address: IpAddr,
    outbox: &Outbox,
    stream: &mut (impl Stream<Item = Incoming> + Unpin),
) -> Option<Opened> {
    for _ in 0..ATTEMPTS {
        let message = tokio::select! {
            () = portal.draining.cancelled() => {
                outbox.close(close_code::RESTART, "restart");
                return None;
            }
            message = tokio::time::timeout(PATIENCE, first_message(stream)) => message.unwrap_or(First::Nothing),
        };
        let said = match message {
            First::Said(said) => said,
            First::Unreadable(why) => {
                why.close(None, outbox);
                return None;
            }
            First::Nothing => {
                outbox.close(close_code::POLICY, "nothing was said");
                return None;
            }
        };
        let refusal = match said {
            Ok(message @ (ClientMessage::Start(_) | ClientMessage::Resume(_))) => {
                return match enter(portal, address, &message, outbox).await {
                    Ok(opened) => Some(opened),
                    Err(refusal) => {
                        refuse(outbox, &refusal, true);
                        let later = matches!(
                            refusal.code,
                            ErrorCode::TooFast | ErrorCode::Busy | ErrorCode::Unavailable
                        );
                        outbox.close(if later { TRY_AGAIN } else { close_code::POLICY }, "refused");
                        None
                    }
                };
            }
            Ok(ClientMessage::Ping(ping)) => {
                outbox.signal(Signal::Pong { n: ping.n });
                continue;
            }
            Ok(other) => Refusal::new(ErrorCode::WrongOrder).about(other.id().cloned()),
            Err(refusal) => refusal,
        };
        refuse(outbox, &refusal, false);
    }
    outbox.close(close_code::POLICY, "no conversation was opened");
    None
}

async fn enter(
    portal: &Service,
    address: IpAddr,
    message: &ClientMessage,
    outbox: &Outbox,
) -> Result<Opened, Refusal> {
    let too_fast = |wait: TooFast| Refusal::new(ErrorCode::TooFast).retry_after(wait.retry_after);
    portal.limits.start(address).map_err(too_fast)?;
    let place = portal.at_work.place().await;
    let opened = match message {
        ClientMessage::Start(start) => begin(portal, start, outbox).await,
        ClientMessage::Resume(resume) => take_up(portal, resume, outbox).await,
        _ => Err(Refusal::new(ErrorCode::WrongOrder)),
    }?;
    Ok(Opened { place, ..opened })
}

/// What comes first from a client.
enum First {
    Said(Result<ClientMessage, Refusal>),
    Unreadable(Unreadable),
    Nothing,
}

async fn first_message(stream: &mut (impl Stream<Item = Incoming> + Unpin)) -> First {
    match stream.next().await {
        Some(Incoming::Message(said)) => {
            First::Said(said.map_err(|error| Refusal::new(error.code()).about(error.id().cloned())))
        }
        Some(Incoming::Sound(_)) => First::Said(Err(Refusal::new(ErrorCode::WrongOrder))),
        Some(Incoming::Unreadable(why)) => First::Unreadable(why),
        Some(Incoming::Gone) | None => First::Nothing,
    }
}

async fn begin(portal: &Service, start: &Start, outbox: &Outbox) -> Result<Opened, Refusal> {
    let token = random_token()?;
    let (session, state) = portal.conversations.start(start, &token).await?;
    tracing::info!(conversation = %state.conversation, language = %state.language, voice = start.voice, "a conversation has begun");
    let limits = &portal.configuration.limits;
    outbox.signal(Signal::Welcome(Welcome {
        conversation: state.conversation,
        token: token.reveal(),
        protocol: VERSION,
        limits: Limits {
            text_characters: u32::try_from(limits.text_characters).unwrap_or(u32::MAX),
            audio_seconds: limits.audio_seconds,
        },
        dictation: portal.ears.as_ref().and_then(|e| e.dictation(state.language)).unwrap_or(false),
        notice: say(Phrase::Notice, state.language).to_owned(),
    }));
    let (voice, audio_out) = (start.voice, start.audio_out);
    Ok(Opened {
        session,
        state,
        channel: Channel::Portal,
        any_language: false,
        last_seq: 0,
        voice,
        audio_out,
        resumed: false,
        place: None,
    })
}

async fn take_up(portal: &Service, resume: &Resume, outbox: &Outbox) -> Result<Opened, Refusal> {
    let bad = || Refusal::new(ErrorCode::BadToken);
    let token: Token = resume.token.parse().map_err(|_| bad())?;
    let (session, state) = portal.conversations.resume(&token).await?.ok_or_else(bad)?;
    let quiet = portal.conversations.now().since(state.last_at);
    let waits = state.handoff.ticket().is_some();
    if quiet > portal.configuration.store.resume_for && !waits {
        return Err(bad());
    }
    if resume.last_seq > state.last_seq {
        return Err(Refusal::new(ErrorCode::BadMessage));
    }
    tracing::info!(conversation = %state.conversation, "a conversation is taken up again");
    outbox.signal(Signal::Resumed {
        conversation: state.conversation,
        last_seq: state.last_seq,
        language: state.language,
    });
    let (voice, audio_out) = (resume.voice, resume.audio_out);
    Ok(Opened {
        session,
        state,
        channel: Channel::Portal,
        any_language: false,
        last_seq: resume.last_seq,
        voice,
        audio_out,
        resumed: true,
        place: None,
    })
}
