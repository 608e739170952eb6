//! Keys as events (RFC 4733): payloads of 4 bytes, event, end bit and volume, duration.

use std::collections::VecDeque;

use super::jitter::{MILLISECOND, Ticks};
use crate::leg::Digit;

/// Events that are remembered: repeated and reordered packets come within a second.
const REMEMBERED: usize = 8;
/// An event that goes on under another time stamp comes within so long; a key that is pressed anew does not. Keys are held longer than 255
/// segments allow (RFC 4733, section 2.5.1.3), and there are gateways that raise the time stamp with every packet.
const CONTINUED: Ticks = 40 * MILLISECOND;
/// Power of the tone in the volume field, in -dBm0.
const VOLUME: u8 = 10;

/// Events as they come in.
#[derive(Debug, Default)]
pub(super) struct Events {
    recent: VecDeque<Event>,
}

#[derive(Debug)]
struct Event {
    stamp: u32,
    number: u8,
    ended: bool,
    last: Ticks,
}

impl Events {
    /// Takes an event's packet. A key is told with the first packet of its event that comes, whichever that is: at once where nothing is lost,
    /// and where only one of the three end packets comes, still once. How long it is held does not matter to a menu.
    pub(super) fn take(&mut self, now: Ticks, stamp: u32, payload: &[u8]) -> Option<Digit> {
        let [number, flags, _, _, ..] = *payload else { return None };
        let digit = Digit::from_event(number)?;
        let ended = flags & 0x80 != 0;
        if let Some(known) =
            self.recent.iter_mut().find(|event| event.stamp == stamp && event.number == number)
        {
            known.ended |= ended;
            known.last = now;
            return None;
        }
        let goes_on = self
            .recent
            .back()
            .is_some_and(|event| event.number == number && !event.ended && now - event.last < CONTINUED);
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(Event { stamp, number, ended, last: now });
        (!goes_on).then_some(digit)
    }
}

/// A key that is being pressed by us.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pressing {
    digit: Digit,
    slot: u32,
    /// Slots of the tone: 100 ms.
    tone: u32,
    /// Slots after it: 60 ms, of which two repeat the end.
    rest: u32,
    /// Ticks in a slot.
    ticks: u32,
}

/// What goes out in a slot while a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    /// An event: its payload, ticks since its beginning, whether it is the first packet.
    Event([u8; 4], u32, bool),
    /// Nothing of the key: silence.
    Rest,
}

impl Pressing {
    /// Longer than the 40 ms and the 40 ms that receivers must accept (ITU-T Q.24), with room for packets of 60 ms.
    pub(super) const fn new(digit: Digit, packet_ms: u32) -> Self {
        let rest = 60_u32.div_ceil(packet_ms);
        let rest = if rest < 3 { 3 } else { rest };
        Self { digit, slot: 0, tone: 100_u32.div_ceil(packet_ms), rest, ticks: packet_ms * 8 }
    }

    /// Which key.
    pub(super) const fn digit(&self) -> Digit {
        self.digit
    }

    /// Whether the tone sounds in this slot.
    pub(super) const fn sounding(&self) -> bool {
        self.slot < self.tone
    }

    /// What goes out in this slot; three packets have the end bit (RFC 4733, section 2.5.1.4).
    pub(super) const fn packet(&self) -> Pressed {
        if self.slot >= self.tone + 2 {
            return Pressed::Rest;
        }
        let slots = if self.slot < self.tone { self.slot + 1 } else { self.tone };
        let [high, low] = ((slots * self.ticks) as u16).to_be_bytes();
        let end = if self.slot + 1 >= self.tone { 0x80 } else { 0 };
        let payload = [self.digit.event(), end | VOLUME, high, low];
        Pressed::Event(payload, self.slot * self.ticks, self.slot == 0)
    }

    /// The next slot; `None` when the key is done.
    pub(super) const fn next(self) -> Option<Self> {
        if self.slot + 1 >= self.tone + self.rest { None } else { Some(Self { slot: self.slot + 1, ..self }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digit(key: char) -> Digit {
        Digit::new(key).unwrap()
    }

    #[test]
    fn an_event_is_told_once_however_many_of_its_packets_come() {
        let five = digit('5');
        let packets: Vec<[u8; 4]> = {
            let mut pressing = Some(Pressing::new(five, 20));
            let mut packets = Vec::new();
            while let Some(now) = pressing {
                if let Pressed::Event(payload, ..) = now.packet() {
                    packets.push(payload);
                }
                pressing = now.next();
            }
            packets
        };
        assert_eq!(packets.len(), 7);
        assert_eq!(packets.iter().filter(|payload| payload[1] & 0x80 != 0).count(), 3, "three ends");
        assert_eq!(packets[0], [5, VOLUME, 0, 160]);
        assert_eq!(packets[6], [5, 0x80 | VOLUME, 3, 32], "800 ticks");
        for lost in 0..=0x7F_u32 {
            let mut events = Events::default();
            let mut told = Vec::new();
            for (at, payload) in packets.iter().enumerate().filter(|(at, _)| lost & (1 << at) == 0) {
                told.extend(events.take(at as Ticks * 160, 1_000, payload));
            }
            assert_eq!(told.len(), usize::from(lost != 0x7F), "{lost:b}");
        }
    }

    #[test]
    fn a_key_that_is_pressed_twice_is_told_twice() {
        let mut events = Events::default();
        let start = [7, 10, 0, 160];
        assert!(events.take(0, 0, &start).is_some());
        // Every end of the first was lost.
        assert!(events.take(160 * MILLISECOND, 1_280, &start).is_some());
        // A gateway that raises the time stamp with every packet.
        assert!(events.take(180 * MILLISECOND, 1_440, &start).is_none());
        assert!(events.take(200 * MILLISECOND, 1_600, &[7, 0x8A, 1, 0]).is_none());
        assert!(events.take(220 * MILLISECOND, 1_760, &start).is_some());
    }

    #[test]
    fn what_is_no_key_is_no_key() {
        let mut events = Events::default();
        assert_eq!(events.take(0, 0, &[16, 0, 0, 0]), None);
        assert_eq!(events.take(0, 0, &[1, 0, 0]), None);
        assert_eq!(events.take(0, 0, &[]), None);
    }
}
