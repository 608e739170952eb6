//! From what is to be played to packets.

use std::collections::VecDeque;

use audio_codec::{CodecType, Encoder, create_encoder};
use rtp_types::RtpPacketBuilder;

use super::control;
use super::digits::{Pressed, Pressing};
use super::resample::Resample;
use super::tones;
use crate::leg::{Digit, Rate};
use crate::playout::Playout;
use crate::sdp::{Agreed, Codec, Sent, keys};

/// Keys that wait to be pressed: the rest of a longer list is not pressed.
const KEYS: usize = 64;

/// Makes the packets of one call.
pub(super) struct Sender {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    rate: Rate,
    codec: Codec,
    sent: Sent,
    packet_ms: u32,
    encoder: Box<dyn Encoder>,
    resample: Resample,
    keys: VecDeque<Digit>,
    pressing: Option<Pressing>,
    /// The next packet of sound is the first after a pause (RFC 3551, section 4.1).
    marker: bool,
    packets: u32,
    octets: u32,
}

impl Sender {
    /// For sound at the rate of a leg.
    pub(super) fn new(rate: Rate, agreed: &Agreed) -> Self {
        Self {
            // Random, so that nobody can guess the next packet (RFC 3550, section 5.1).
            ssrc: u32::from_be_bytes(keys::random()),
            // In the lower half: SRTP receivers that miss the first packets must not miss the turn past 65,535 (RFC 3711, section 3.3.1).
            sequence: u16::from_be_bytes(keys::random()) >> 1,
            timestamp: u32::from_be_bytes(keys::random()),
            rate,
            codec: agreed.codec,
            sent: agreed.sent,
            packet_ms: agreed.packet_ms,
            encoder: create_encoder(coder(agreed.codec)),
            resample: Resample::new(rate, agreed.rate()),
            keys: VecDeque::new(),
            pressing: None,
            marker: true,
            packets: 0,
            octets: 0,
        }
    }

    /// After another description, or for a leg at another rate.
    pub(super) fn agree(&mut self, rate: Rate, agreed: &Agreed) {
        if self.codec != agreed.codec {
            self.encoder = create_encoder(coder(agreed.codec));
        }
        if (self.rate, self.codec.rate()) != (rate, agreed.rate()) {
            self.resample = Resample::new(rate, agreed.rate());
        }
        (self.rate, self.codec, self.sent, self.packet_ms) =
            (rate, agreed.codec, agreed.sent, agreed.packet_ms);
    }

    /// Presses keys after those that wait.
    pub(super) fn press(&mut self, digits: Vec<Digit>) {
        let room = KEYS - self.keys.len();
        self.keys.extend(digits.into_iter().take(room));
    }

    /// The packet of a slot, and the cues that were reached. Sound waits while keys are pressed.
    pub(super) fn slot<M>(&mut self, playout: &mut Playout<M>) -> (Vec<u8>, Vec<M>) {
        if self.pressing.is_none() {
            self.pressing = self.keys.pop_front().map(|digit| Pressing::new(digit, self.packet_ms));
        }
        let mut frame = vec![0; self.rate.frame() * self.packet_ms as usize / 20];
        let Some(pressing) = self.pressing else {
            let cues = playout.next_frame(&mut frame);
            return (self.sound(frame), cues);
        };
        self.pressing = pressing.next();
        let packet = match (self.sent.events, pressing.packet()) {
            (Some(payload_type), Pressed::Event(payload, since, first)) => {
                let packet = self.packet(payload_type, first, self.timestamp.wrapping_sub(since), &payload);
                self.skip(1);
                packet
            }
            (None, Pressed::Event(_, since, _)) if pressing.sounding() => {
                tones::make(
                    pressing.digit(),
                    self.rate,
                    since as usize * self.rate.frame() / 160,
                    &mut frame,
                );
                self.sound(frame)
            }
            _ => self.sound(frame),
        };
        (packet, Vec::new())
    }

    /// Slots in which nothing is sent.
    pub(super) const fn skip(&mut self, slots: u32) {
        if slots > 0 {
            self.timestamp = self.timestamp.wrapping_add(slots.wrapping_mul(self.ticks()));
            self.marker = true;
        }
    }

    /// What a report says.
    pub(super) const fn report(&self) -> control::Sent {
        control::Sent {
            ssrc: self.ssrc,
            timestamp: self.timestamp,
            packets: self.packets,
            octets: self.octets,
        }
    }

    const fn ticks(&self) -> u32 {
        self.packet_ms * 8
    }

    fn sound(&mut self, frame: Vec<i16>) -> Vec<u8> {
        let payload = self.encoder.encode(&self.resample.through(frame));
        let marker = std::mem::take(&mut self.marker);
        let packet = self.packet(self.sent.sound, marker, self.timestamp, &payload);
        self.timestamp = self.timestamp.wrapping_add(self.ticks());
        packet
    }

    fn packet(&mut self, payload_type: u8, marker: bool, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let packet = RtpPacketBuilder::<&[u8], &[u8]>::new()
            .payload_type(payload_type)
            .marker_bit(marker)
            .sequence_number(self.sequence)
            .timestamp(timestamp)
            .ssrc(self.ssrc)
            .payload(payload)
            .write_vec_unchecked();
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload.len() as u32);
        packet
    }
}

/// The codec's name in the library.
pub(super) const fn coder(codec: Codec) -> CodecType {
    match codec {
        Codec::Pcma => CodecType::PCMA,
        Codec::Pcmu => CodecType::PCMU,
        Codec::G722 => CodecType::G722,
    }
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;
