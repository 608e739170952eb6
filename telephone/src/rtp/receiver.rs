//! From packets to frames of sound and keys.

use std::collections::VecDeque;
use std::time::Duration;

use audio_codec::{Decoder, create_decoder};
use rtp_types::RtpPacket;

use super::comfort::Comfort;
use super::conceal::Concealer;
use super::digits::Events;
use super::jitter::{Carried, JitterBuffer, Next, Put, Ticks};
use super::resample::Resample;
use super::sender::coder;
use super::sequence::{Arrival, Sequence};
use super::tones::Tones;
use crate::leg::{Digit, Rate};
use crate::sdp::{Agreed, Codec, Format};

/// The longest payload of sound: 240 ms. Longer ones are malformed.
const LONGEST: usize = 1_920;
/// A time stamp farther from the last one than this is another stream's or damaged: 10 s.
const WILD: i64 = 80_000;

/// What has come and gone in a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets of the peer's that could be read.
    pub received: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Packets from strangers, or with a wrong tag.
    pub foreign: u64,
    /// Packets that could not be read, or belong to nothing that was agreed on.
    pub malformed: u64,
    /// Milliseconds of sound that were made up.
    pub concealed_ms: u64,
    /// Packets that were sent.
    pub sent: u64,
    /// Of them, those that went out more than [`Self::LATE`] after their slot.
    pub sent_late: u64,
    /// Milliseconds for which packets wait at present, beyond the mean transit time.
    pub margin_ms: u32,
}

impl Statistics {
    /// How late a packet may go out without counting as late: 5 ms.
    pub const LATE: Duration = Duration::from_millis(5);
}

/// One frame of what the caller says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// 20 ms of sound.
    pub sound: Vec<i16>,
    /// A key that was heard as tones in it.
    pub digit: Option<Digit>,
}

/// Makes frames of sound out of packets. It has no clock and no sockets; times are spans since any moment that stays the same.
pub struct Receiver {
    rate: Rate,
    received: Vec<(u8, Format)>,
    stream: Option<Stream>,
    buffer: JitterBuffer,
    decoder: Option<(Codec, Box<dyn Decoder>, Resample)>,
    ready: VecDeque<i16>,
    concealer: Concealer,
    comfort: Comfort,
    events: Events,
    tones: Option<Tones>,
    level: Level,
    /// Lost in streams before this one.
    lost_before: u64,
    statistics: Statistics,
}

/// One source's packets.
struct Stream {
    ssrc: u32,
    sequence: Sequence,
    stamp: i64,
    /// The last packet that did not fit: when the next one follows it, it is the stream that has begun anew.
    suspect: Option<(u16, u32)>,
}

impl Receiver {
    /// For a leg at this rate.
    pub fn new(rate: Rate, agreed: &Agreed) -> Self {
        let mut receiver = Self {
            rate,
            received: Vec::new(),
            stream: None,
            buffer: JitterBuffer::default(),
            decoder: None,
            ready: VecDeque::new(),
            concealer: Concealer::new(rate),
            comfort: Comfort::new(),
            events: Events::default(),
            tones: None,
            level: Level::default(),
            lost_before: 0,
            statistics: Statistics::default(),
        };
        receiver.agree(agreed);
        receiver
    }

    /// Another description. Keys are listened for in the sound where the peer knows no events.
    pub fn agree(&mut self, agreed: &Agreed) {
        self.received.clone_from(&agreed.received);
        let events = self.received.iter().any(|(_, format)| *format == Format::Events);
        self.tones = (!events).then(|| Tones::new(self.rate));
    }

    /// What has come so far.
    pub fn statistics(&self) -> Statistics {
        let lost = self.lost_before + self.stream.as_ref().map_or(0, |stream| stream.sequence.lost());
        Statistics { lost, margin_ms: self.buffer.margin_ms(), ..self.statistics }
    }

    /// Takes a packet that came at `now`. A key is told at once.
    pub fn packet(&mut self, now: Duration, bytes: &[u8]) -> Option<Digit> {
        let now = ticks(now);
        let Some((packet, format)) = RtpPacket::parse(bytes).ok().and_then(|packet| {
            let format = self.received.iter().find(|(number, _)| *number == packet.payload_type())?.1;
            Some((packet, format))
        }) else {
            self.statistics.malformed += 1;
            return None;
        };
        self.statistics.received += 1;
        let (sequence, stamp) = self.place(&packet)?;
        let payload = packet.payload();
        let carried = match format {
            Format::Sound(_) if payload.is_empty() || payload.len() > LONGEST => {
                self.statistics.malformed += 1;
                return None;
            }
            Format::Sound(_) => Carried::Sound(packet.payload_type(), payload.to_vec()),
            Format::Comfort => Carried::Noise(payload.first().map(|level| level & 0x7F)),
            Format::Events => Carried::Noise(None),
        };
        match self.buffer.put(now, stamp, sequence, carried) {
            Put::Late => self.statistics.late += 1,
            Put::Kept | Put::Twice => {}
        }
        (format == Format::Events).then(|| self.events.take(now, packet.timestamp(), payload)).flatten()
    }

    /// The frame that is due at `now`. Call it every 20 ms.
    pub fn frame(&mut self, now: Duration) -> Heard {
        let length = self.rate.frame();
        let ready = Ticks::try_from(self.ready.len() / self.samples(1)).unwrap_or(0);
        self.buffer.begin(ticks(now), ready, self.level.quiet());
        while self.ready.len() < length {
            let missing = (length - self.ready.len()).div_ceil(self.samples(1));
            let wanted = Ticks::try_from(missing).unwrap_or(1);
            let sequence = self.stream.as_ref().map(|stream| &stream.sequence);
            match self.buffer.next(wanted, sequence) {
                Next::Sound { payload_type, bytes, skip } => self.decode(payload_type, &bytes, skip),
                Next::Noise(level) => {
                    if let Some(level) = level {
                        self.comfort.set(level);
                    }
                }
                Next::Pause(ticks) => {
                    let noise = self.comfort.fill(self.samples(ticks));
                    self.concealer.paused(&noise);
                    self.ready.extend(noise);
                }
                Next::Lost(ticks) => {
                    self.statistics.concealed_ms += (ticks / 8) as u64;
                    let made = self.concealer.conceal(self.samples(ticks));
                    self.ready.extend(made);
                }
                Next::Stretched(ticks) => {
                    let made = self.concealer.conceal(self.samples(ticks));
                    self.ready.extend(made);
                }
            }
        }
        let sound: Vec<i16> = self.ready.drain(..length).collect();
        self.level.take(&sound);
        let digit = self.tones.as_mut().and_then(|tones| tones.hear(&sound));
        Heard { sound, digit }
    }

    /// Where a packet stands in its stream: its number and its time stamp, both counted on. `None` where it has come before or does not fit.
    fn place(&mut self, packet: &RtpPacket<'_>) -> Option<(i64, i64)> {
        let (number, stamp) = (packet.sequence_number(), packet.timestamp());
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.ssrc == packet.ssrc()) else {
            return Some(self.restart(packet));
        };
        let ahead = i64::from(stamp.wrapping_sub(stream.stamp as u32).cast_signed());
        let arrival = if ahead.abs() > WILD { Arrival::Wild } else { stream.sequence.take(number) };
        match arrival {
            Arrival::New(number) => {
                stream.suspect = None;
                // The highest one is kept, so that what comes late is counted from where the stream is.
                let stamp = stream.stamp + ahead;
                stream.stamp = stream.stamp.max(stamp);
                Some((number, stamp))
            }
            Arrival::Duplicate => {
                self.statistics.duplicate += 1;
                None
            }
            Arrival::Wild => {
                let follows = stream.suspect.is_some_and(|(before, then)| {
                    number == before.wrapping_add(1) && stamp.wrapping_sub(then) < WILD as u32
                });
                stream.suspect = Some((number, stamp));
                if follows {
                    return Some(self.restart(packet));
                }
                self.statistics.malformed += 1;
                None
            }
        }
    }

    /// A stream begins: what waits of the one before is thrown away.
    fn restart(&mut self, packet: &RtpPacket<'_>) -> (i64, i64) {
        let (number, stamp) = (packet.sequence_number(), i64::from(packet.timestamp()));
        if let Some(before) = &self.stream {
            self.lost_before += before.sequence.lost();
        }
        self.stream =
            Some(Stream { ssrc: packet.ssrc(), sequence: Sequence::starting(number), stamp, suspect: None });
        self.buffer = JitterBuffer::default();
        self.comfort.silence();
        (number.into(), stamp)
    }

    fn decode(&mut self, payload_type: u8, bytes: &[u8], skip: Ticks) {
        let format = self.received.iter().find(|(number, _)| *number == payload_type);
        // A description may have taken the format away while the packet waited.
        let Some((_, Format::Sound(codec))) = format else { return };
        if self.decoder.as_ref().is_none_or(|(known, ..)| known != codec) {
            let resample = Resample::new(codec.rate(), self.rate);
            self.decoder = Some((*codec, create_decoder(coder(*codec)), resample));
        }
        let Some((_, decoder, resample)) = &mut self.decoder else { return };
        let mut sound = resample.through(decoder.decode(bytes));
        sound.drain(..(skip as usize * self.rate.hertz() as usize / 8_000).min(sound.len()));
        if !sound.is_empty() {
            self.concealer.heard(&mut sound);
            self.ready.extend(sound);
        }
    }

    /// Samples in so many ticks.
    fn samples(&self, ticks: Ticks) -> usize {
        ticks as usize * self.rate.hertz() as usize / 8_000
    }
}

fn ticks(time: Duration) -> Ticks {
    i64::try_from(time.as_micros() * 8 / 1_000).unwrap_or(i64::MAX / 2)
}

/// How loud a caller is, to find the moments in which the delay may change unheard.
#[derive(Debug, Default)]
struct Level {
    now: f32,
    loudest: f32,
}

impl Level {
    /// Power of -50 dB of full scale: nothing is louder than it that matters.
    const SILENCE: f32 = 1e-5;
    /// Speech is 20 dB above what is between it.
    const BETWEEN: f32 = 0.01;
    /// The loudest is forgotten by half within about 1.4 s.
    const FORGET: f32 = 0.99;

    fn take(&mut self, frame: &[i16]) {
        let sum: f32 = frame.iter().map(|sample| (f32::from(*sample) / 32_768.0).powi(2)).sum();
        self.now = sum / frame.len() as f32;
        self.loudest = (self.loudest * Self::FORGET).max(self.now);
    }

    fn quiet(&self) -> bool {
        self.now < Self::SILENCE || self.now < self.loudest * Self::BETWEEN
    }
}

#[cfg(test)]
#[path = "receiver_tests.rs"]
pub(super) mod tests;
