//! The jitter buffer: packets wait so long that nearly all of them are there when they are due.
//!
//! Times are in ticks of the RTP clock, 8,000 a second. Every codec here has one byte for a tick (RFC 3551), so that a packet lasts as
//! many ticks as it has bytes.

use std::collections::BTreeMap;

use super::sequence::Sequence;

/// A moment or a span, in 1/8,000 s.
pub(super) type Ticks = i64;

/// Ticks in a millisecond.
pub(super) const MILLISECOND: Ticks = 8;
/// The shortest and the longest time for which packets wait beyond the mean transit time.
const MARGIN: std::ops::RangeInclusive<Ticks> = 20 * MILLISECOND..=200 * MILLISECOND;
/// After so long without a packet the sender has stopped or the way has changed: the next packet begins anew.
const STARVED: Ticks = 200 * MILLISECOND;
/// So many late packets in a row mean that the way has become longer.
const LATE_IN_A_ROW: u32 = 5;
/// Where the transit time changes by so much at once, the sender's clock has been set anew: begin again.
const JUMP: Ticks = 1_000 * MILLISECOND;
/// The most packets that wait: more than a second of the usual ones.
const PACKETS: usize = 96;

/// How long packets are on their way, relative to each other: algorithm 1 of Ramjee, Kurose, Towsley and Schulzrinne, "Adaptive playout
/// mechanisms for packetized audio applications in wide-area networks" (INFOCOM 1994): a mean `d` and a mean deviation `v`, packets are
/// played `d + 4 v` after they were sent. The paper's memory of 500 packets is 100 here, and grows to it from 16 (the gain of RFC 3550's
/// jitter), since a telephone call's first second counts.
#[derive(Debug)]
struct Transit {
    mean: f64,
    deviation: f64,
    memory: f64,
}

impl Transit {
    const SHORTEST: f64 = 16.0;
    const LONGEST: f64 = 100.0;
    /// Before anything is known: a margin of 40 ms.
    const FIRST_DEVIATION: f64 = 10.0 * MILLISECOND as f64;

    const fn starting(transit: Ticks) -> Self {
        Self { mean: transit as f64, deviation: Self::FIRST_DEVIATION, memory: Self::SHORTEST }
    }

    fn take(&mut self, transit: Ticks) {
        let gain = 1.0 / self.memory;
        self.mean += gain * (transit as f64 - self.mean);
        self.deviation += gain * ((transit as f64 - self.mean).abs() - self.deviation);
        self.memory = (self.memory + 1.0).min(Self::LONGEST);
    }

    fn margin(&self) -> Ticks {
        ((4.0 * self.deviation) as Ticks).clamp(*MARGIN.start(), *MARGIN.end())
    }

    /// How long after its time stamp a packet ought to be played.
    fn playout(&self) -> Ticks {
        self.mean as Ticks + self.margin()
    }
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// Coded sound: the payload type, one byte for a tick.
    Sound(u8, Vec<u8>),
    /// From here on no sound is sent, but noise of this level (in -dBov) or something else.
    Noise(Option<u8>),
}

#[derive(Debug)]
struct Packet {
    sequence: i64,
    carried: Carried,
}

impl Packet {
    fn length(&self) -> Ticks {
        match &self.carried {
            Carried::Sound(_, bytes) => length(bytes),
            Carried::Noise(_) => 0,
        }
    }
}

/// Ticks that coded sound lasts.
fn length(bytes: &[u8]) -> Ticks {
    bytes.len().try_into().unwrap_or(Ticks::MAX)
}

/// What became of a packet that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It waits.
    Kept,
    /// Its time is over.
    Late,
    /// There is one for this time already.
    Twice,
}

/// What is to be heard next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Decode this and leave out the first ticks of it, which come too late or are left out to shorten the delay.
    Sound {
        /// Payload type.
        payload_type: u8,
        /// Coded sound.
        bytes: Vec<u8>,
        /// Ticks to leave out.
        skip: Ticks,
    },
    /// Noise of this level (in -dBov), or as it was, until there is sound again.
    Noise(Option<u8>),
    /// Nothing was sent for so long.
    Pause(Ticks),
    /// What was sent is not here.
    Lost(Ticks),
    /// The delay grows by so much.
    Stretched(Ticks),
}

/// Packets that wait for their time.
#[derive(Debug, Default)]
pub(super) struct JitterBuffer {
    packets: BTreeMap<Ticks, Packet>,
    transit: Option<Transit>,
    /// What is to be heard next, as a time stamp.
    position: Ticks,
    /// Whether [`Self::position`] goes on from what was heard; otherwise it follows the clock.
    playing: bool,
    /// The sender has said that it pauses.
    paused: bool,
    starved: Ticks,
    late_in_a_row: u32,
    /// How much longer nothing new is played, so that the delay grows.
    hold: Ticks,
    /// Whether one packet may be left out in this frame, so that the delay shrinks.
    shrink: bool,
    last: Option<i64>,
    /// Where the sound ended that was heard last: nothing before it is heard any more.
    heard: Option<Ticks>,
}

impl JitterBuffer {
    /// Puts a packet in that came at `now`.
    pub(super) fn put(&mut self, now: Ticks, stamp: Ticks, sequence: i64, carried: Carried) -> Put {
        let transit = now - stamp;
        if self.transit.as_ref().is_some_and(|known| (transit - known.mean as Ticks).abs() > JUMP) {
            *self = Self::default();
        }
        let estimate = self.transit.get_or_insert(Transit::starting(transit));
        if matches!(carried, Carried::Sound(..)) {
            estimate.take(transit);
        }
        let packet = Packet { sequence, carried };
        let end = stamp + packet.length();
        if self.heard.is_some_and(|heard| end <= heard) && packet.length() > 0 {
            return Put::Late;
        }
        if self.playing && end <= self.position && packet.length() > 0 {
            self.late_in_a_row += 1;
            if self.late_in_a_row < LATE_IN_A_ROW {
                return Put::Late;
            }
            self.playing = false;
        }
        self.late_in_a_row = 0;
        if !self.playing && transit > estimate.playout() {
            // The way has become longer than was ever allowed for.
            estimate.mean = transit as f64;
            estimate.memory = Transit::SHORTEST;
        }
        if self.packets.contains_key(&stamp) {
            return Put::Twice;
        }
        self.packets.insert(stamp, packet);
        if self.packets.len() > PACKETS {
            self.packets.pop_first();
            return Put::Late;
        }
        Put::Kept
    }

    /// Begins a frame at `now`; `ready` ticks that were taken before are still to be heard. Where what was heard last was quiet, the delay
    /// may change.
    pub(super) fn begin(&mut self, now: Ticks, ready: Ticks, quiet: bool) {
        (self.hold, self.shrink) = (0, false);
        let Some(transit) = &self.transit else { return };
        let ideal = now - transit.playout() + ready;
        if !self.playing {
            self.position = ideal;
            return;
        }
        if self.paused {
            let next = self.packets.first_key_value().map_or(Ticks::MAX, |(stamp, _)| *stamp);
            self.position = ideal.min(next.max(self.position));
            return;
        }
        // Positive: played later than need be.
        let excess = ideal - self.position;
        if quiet && excess < -10 * MILLISECOND {
            self.hold = -excess;
        }
        self.shrink = excess > 200 * MILLISECOND || quiet && excess > 30 * MILLISECOND;
    }

    /// What is to be heard next, at most `wanted` ticks of it unless it is a packet.
    pub(super) fn next(&mut self, wanted: Ticks, sequence: Option<&Sequence>) -> Next {
        if self.hold > 0 {
            let held = self.hold.min(wanted);
            self.hold -= held;
            return Next::Stretched(held);
        }
        while let Some(entry) = self.packets.first_entry() {
            let stamp = *entry.key();
            if stamp > self.position {
                let gap = (stamp - self.position).min(wanted);
                let sent = self.playing && !self.paused && !self.contiguous(sequence);
                self.position += gap;
                return if sent { Next::Lost(gap) } else { Next::Pause(gap) };
            }
            let packet = entry.remove();
            self.last = Some(packet.sequence);
            self.starved = 0;
            match packet.carried {
                Carried::Noise(level) => {
                    (self.paused, self.playing) = (true, true);
                    return Next::Noise(level);
                }
                Carried::Sound(payload_type, bytes) => {
                    if let Some(sound) = self.sound(stamp, payload_type, bytes) {
                        return sound;
                    }
                }
            }
        }
        self.starve(wanted)
    }

    fn sound(&mut self, stamp: Ticks, payload_type: u8, bytes: Vec<u8>) -> Option<Next> {
        let length = length(&bytes);
        if !self.playing {
            // It begins with its beginning, however late.
            self.position = stamp;
        }
        (self.playing, self.paused) = (true, false);
        let mut skip = self.position - stamp;
        if skip >= length {
            return None;
        }
        self.position = stamp + length;
        self.heard = Some(self.position);
        if self.shrink && !self.packets.is_empty() {
            (self.shrink, skip) = (false, length);
        }
        Some(Next::Sound { payload_type, bytes, skip })
    }

    fn starve(&mut self, wanted: Ticks) -> Next {
        self.position += wanted;
        if !self.playing || self.paused {
            return Next::Pause(wanted);
        }
        self.starved += wanted;
        if self.starved >= STARVED {
            (self.playing, self.starved) = (false, 0);
        }
        Next::Lost(wanted)
    }

    /// Whether nothing is missing before the next packet: the sender made a pause.
    fn contiguous(&self, sequence: Option<&Sequence>) -> bool {
        let next = self.packets.first_key_value().map(|(_, packet)| packet.sequence);
        match (self.last, next, sequence) {
            (Some(last), Some(next), Some(sequence)) => next > last && sequence.whole_between(last, next),
            _ => false,
        }
    }

    /// How long packets wait at present, in milliseconds beyond the mean transit time.
    pub(super) fn margin_ms(&self) -> u32 {
        self.transit.as_ref().map_or(0, |transit| (transit.margin() / MILLISECOND) as u32)
    }
}

#[cfg(test)]
#[path = "jitter_tests.rs"]
mod tests;
