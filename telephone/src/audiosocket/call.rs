//! One connection, which is one call.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use uuid::Uuid;

use super::Settings;
use super::codec::{Frame, Sounding, decode, encode_hang_up, encode_sound};
use super::pace::Pace;
use crate::convert::Converter;
use crate::inbox::Inbox;
use crate::leg::{
    Call, CallId, Carrier, Digit, Ended, FromCaller, Leg, LegEnd, TO_CALLER, ToCaller, Transfer,
};
use crate::playout::Playout;

/// How long the first sound is waited for, whose rate and length are ours from then on. Asterisk drops a call after two seconds without
/// sound in either direction, and a caller may be silent.
const FIRST_SOUND: Duration = Duration::from_millis(500);
/// Bytes that are read at once.
const READ: usize = 4 * 1024;
/// How long the other side has to close its half after we have hung up.
const FAREWELL: Duration = Duration::from_secs(1);
/// Asterisk's own error code for: the caller hung up.
const CALLER_LEFT: u8 = 0x01;

/// What stands between pieces of sound.
#[derive(Debug)]
enum Cue {
    Mark(u64),
    Transfer,
    HangUp,
}

/// Reads messages.
struct Reader {
    stream: OwnedReadHalf,
    buffer: BytesMut,
}

impl Reader {
    /// The next message. May be cancelled: what has come stays in the buffer.
    async fn next(&mut self) -> Result<Frame, LegEnd> {
        loop {
            match decode(&mut self.buffer) {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(malformed) => return Err(end(Ended::Fault, malformed.to_string())),
            }
            self.buffer.reserve(READ);
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) => return Err(end(Ended::ByCaller, "the PBX closed the connection".to_owned())),
                Ok(_) => {}
                Err(error) => return Err(end(Ended::Lost, format!("the connection broke: {error}"))),
            }
        }
    }
}

fn end(why: Ended, detail: String) -> LegEnd {
    LegEnd { why, detail }
}

/// Takes a connection from its first message to its end.
pub(super) async fn run(stream: TcpStream, settings: &Settings, legs: mpsc::Sender<Leg>) {
    let deadline = Instant::now() + settings.first_message;
    let (stream, writer) = stream.into_split();
    let mut reader = Reader { stream, buffer: BytesMut::with_capacity(READ) };
    let id = match timeout_at(deadline, reader.next()).await {
        Ok(Ok(Frame::Id(id))) => id,
        Ok(Ok(_)) => return turned_away("its first message was not the call's UUID"),
        Ok(Err(end)) => return turned_away(&end.detail),
        Err(_) => return turned_away("it did not say which call it is"),
    };
    let first = timeout(FIRST_SOUND, first_sound(&mut reader)).await;
    let (earlier, kind) = match first {
        Ok(Ok(first)) => first,
        Ok(Err(end)) => return turned_away(&end.detail),
        Err(_) => (Vec::new(), Sounding::NARROW),
    };
    let (inbox, from_caller) = Inbox::new(Carrier::AudioSocket.name());
    // When full, the hotline waits: the leg plays in real time.
    let (to_caller, commands) = mpsc::channel(TO_CALLER);
    let call = description(id, kind);
    let rate = call.rate;
    let leg = Leg { call, from_caller, to_caller };
    if !matches!(timeout(settings.first_message, legs.send(leg)).await, Ok(Ok(()))) {
        return turned_away("nobody takes calls");
    }
    drop(legs);
    let Some(converter) = Converter::new(kind.hertz(), rate) else {
        return turned_away("its rate cannot be converted");
    };
    let call = Conversation {
        kind,
        converter,
        playout: Playout::new(rate),
        length: Duration::from_millis(20),
        inbox,
        writer,
        unread: settings.unread,
        out: BytesMut::with_capacity(READ),
        leaving: None,
    };
    call.run(reader, commands, earlier, settings.silent).await;
}

fn turned_away(why: &str) {
    metrics::counter!("telephone_calls_refused_total", "carrier" => "audiosocket", "why" => "protocol")
        .increment(1);
    tracing::warn!(why, "an AudioSocket connection was closed");
}

/// Reads up to the first sound.
async fn first_sound(reader: &mut Reader) -> Result<(Vec<Frame>, Sounding), LegEnd> {
    /// Nobody presses more keys within [`FIRST_SOUND`].
    const EARLIER: usize = 64;
    let mut earlier = Vec::new();
    while earlier.len() < EARLIER {
        let frame = reader.next().await?;
        let kind = if let Frame::Sound { kind, .. } = &frame { Some(*kind) } else { None };
        earlier.push(frame);
        if let Some(kind) = kind {
            return Ok((earlier, kind));
        }
    }
    Err(end(Ended::Fault, "it sends no sound".to_owned()))
}

fn description(id: Uuid, kind: Sounding) -> Call {
    Call {
        // A hyphenated UUID is 36 visible characters.
        id: id.to_string().parse().unwrap_or_else(|_| CallId::generate()),
        carrier: Carrier::AudioSocket,
        caller: None,
        called: None,
        rate: Converter::rate(kind.hertz()),
        variables: BTreeMap::new(),
    }
}

struct Conversation {
    /// What the PBX sends, and so what it gets.
    kind: Sounding,
    converter: Converter,
    playout: Playout<Cue>,
    /// Of a frame, as the PBX sends them: it is what the caller's telephone has asked for.
    length: Duration,
    inbox: Inbox,
    writer: OwnedWriteHalf,
    unread: Duration,
    out: BytesMut,
    /// How the call ends with the next slot, when the caller has heard what was to be said.
    leaving: Option<LegEnd>,
}

impl Conversation {
    async fn run(
        mut self,
        mut reader: Reader,
        mut commands: mpsc::Receiver<ToCaller>,
        earlier: Vec<Frame>,
        silent: Duration,
    ) {
        for frame in earlier {
            if let Err(end) = self.heard(frame) {
                return self.inbox.end(end).await;
            }
        }
        let mut pace = Pace::new(Instant::now(), self.length);
        let mut last = Instant::now();
        let end = loop {
            tokio::select! {
                frame = reader.next() => {
                    last = Instant::now();
                    if let Err(end) = frame.and_then(|frame| self.heard(frame)) {
                        break end;
                    }
                }
                command = commands.recv(), if !self.playout.is_full() => match command {
                    Some(command) => self.command(command),
                    None => break end(Ended::ByUs, "the hotline let go of the call".to_owned()),
                },
                () = sleep_until(pace.due()) => {
                    if let Some(end) = self.leaving.take() {
                        break end;
                    }
                    if let Err(end) = self.send_frame().await {
                        break end;
                    }
                    pace.sent(Instant::now(), self.length);
                }
                () = self.inbox.room() => {}
                () = sleep_until(last + silent) => {
                    break end(Ended::Lost, format!("the PBX has sent nothing for {} s", silent.as_secs()));
                }
            }
        };
        self.leave(reader, end).await;
    }

    /// What came from the PBX; how the call ends where it does.
    fn heard(&mut self, frame: Frame) -> Result<(), LegEnd> {
        match frame {
            Frame::Sound { kind, samples } => self.sound(kind, samples)?,
            // A key that telephones do not have is left out.
            Frame::Digit(key) => {
                if let Some(digit) = Digit::new(key) {
                    self.inbox.tell(FromCaller::Digit(digit));
                }
            }
            Frame::HangUp => return Err(end(Ended::ByCaller, "AudioSocket 0x00".to_owned())),
            Frame::Failed(Some(CALLER_LEFT)) => {
                return Err(end(Ended::ByCaller, "AudioSocket 0xff: the caller hung up".to_owned()));
            }
            Frame::Failed(code) => {
                let code = code.map_or("none".to_owned(), |code| format!("{code:#04x}"));
                return Err(end(Ended::Fault, format!("AudioSocket 0xff: an error over there, code {code}")));
            }
            // The id is said once; a second one changes nothing.
            Frame::Id(_) | Frame::Ignored(_) => {}
        }
        Ok(())
    }

    fn sound(&mut self, kind: Sounding, samples: Vec<i16>) -> Result<(), LegEnd> {
        if kind != self.kind {
            // The PBX goes on in another format; the leg keeps its rate.
            let Some(converter) = Converter::new(kind.hertz(), self.playout.rate()) else {
                return Err(end(Ended::Fault, format!("sound of {} Hz cannot be converted", kind.hertz())));
            };
            (self.kind, self.converter) = (kind, converter);
        }
        if let Some(length) = telephone_frame(samples.len(), kind.hertz()) {
            self.length = length;
        }
        let sound = self.converter.inward(samples);
        if !sound.is_empty() {
            self.inbox.tell(FromCaller::Sound(sound));
        }
        Ok(())
    }

    fn command(&mut self, command: ToCaller) {
        match command {
            ToCaller::Sound(sound) => self.playout.push(&sound),
            ToCaller::Mark(mark) => self.playout.mark(Cue::Mark(mark)),
            ToCaller::Flush => {
                let flushed = self.playout.flush();
                for cue in flushed.cues {
                    // Who has decided to leave leaves, only sooner.
                    if !matches!(cue, Cue::Mark(_)) {
                        self.playout.mark(cue);
                    }
                }
                self.inbox.tell(FromCaller::Flushed { played_ms: flushed.played_ms });
            }
            ToCaller::Digits(_) => {
                // Asterisk drops a call that sends it 0x03.
                tracing::warn!("keys cannot be pressed over AudioSocket; they are left out");
            }
            ToCaller::Transfer { .. } => self.playout.mark(Cue::Transfer),
            ToCaller::HangUp => self.playout.mark(Cue::HangUp),
        }
    }

    /// Sends what is next: sound, or silence, which keeps the caller's trunk open and the two seconds of Asterisk from running out.
    async fn send_frame(&mut self) -> Result<(), LegEnd> {
        let rate = u64::from(self.playout.rate().hertz());
        let mut frame = vec![0; (rate * self.length.as_millis() as u64 / 1_000) as usize];
        let reached = self.playout.next_frame(&mut frame);
        let outward = self.converter.outward(&frame);
        encode_sound(self.kind, &outward, &mut self.out);
        self.write().await?;
        for cue in reached {
            match cue {
                Cue::Mark(mark) => self.inbox.tell(FromCaller::Reached(mark)),
                Cue::Transfer => {
                    self.inbox.tell(FromCaller::Transfer(Transfer::Done));
                    self.leaving = Some(end(Ended::Transferred, "given back to the dial plan".to_owned()));
                }
                Cue::HangUp => {
                    self.leaving.get_or_insert_with(|| end(Ended::ByUs, "AudioSocket 0x00".to_owned()));
                }
            }
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<(), LegEnd> {
        let written = timeout(self.unread, self.writer.write_all_buf(&mut self.out)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(end(Ended::Lost, format!("the connection broke: {error}"))),
            Err(_) => Err(end(Ended::Lost, "the PBX does not read what we send".to_owned())),
        }
    }

    /// Says good-bye where the other side is still there.
    async fn leave(mut self, mut reader: Reader, end: LegEnd) {
        if matches!(end.why, Ended::ByUs | Ended::Transferred) {
            encode_hang_up(&mut self.out);
            if self.write().await.is_ok() && self.writer.shutdown().await.is_ok() {
                // A socket that is closed while sound still comes is reset, and 0x00 might not arrive.
                let drained = timeout(FAREWELL, async { while reader.next().await.is_ok() {} }).await;
                tracing::debug!(closed = drained.is_ok(), "an AudioSocket call was hung up");
            }
        }
        self.inbox.end(end).await;
    }
}

/// The length of a frame of that many samples, where it is one that telephones send: 10 to 60 ms in steps of 10.
fn telephone_frame(samples: usize, hertz: u32) -> Option<Duration> {
    let scaled = samples as u64 * 1_000;
    let milliseconds = scaled / u64::from(hertz);
    let fits = scaled.is_multiple_of(u64::from(hertz))
        && milliseconds.is_multiple_of(10)
        && (10..=60).contains(&milliseconds);
    fits.then(|| Duration::from_millis(milliseconds))
}
