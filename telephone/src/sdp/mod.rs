//! Session descriptions (RFC 8866) in offers and answers (RFC 3264): which codec, where to, and by which keys.
//!
//! One audio stream per call. Every other media line is refused with port 0; DTLS, ICE, bundling and multiplexed RTCP are not spoken, and a
//! peer that offers them beside plain RTP falls back to it, because the answer does not name them.

mod described;
pub(crate) mod keys;
mod written;

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::leg::Rate;
use described::Described;
pub use keys::{MasterKey, Protection, Suite};

/// How sound is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// G.711 A-law: 8 kHz, 64 kbit/s.
    Pcma,
    /// G.711 µ-law: 8 kHz, 64 kbit/s.
    Pcmu,
    /// G.722: 16 kHz, 64 kbit/s.
    G722,
}

impl Codec {
    /// Samples per second of its sound. Its RTP clock is 8,000 in every case (for G.722 by RFC 3551, section 4.5.2).
    pub const fn rate(self) -> Rate {
        match self {
            Self::Pcma | Self::Pcmu => Rate::Narrow,
            Self::G722 => Rate::Wide,
        }
    }

    /// Its static payload type (RFC 3551, table 4).
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
        }
    }

    /// Its encoding name (RFC 3551).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
            Self::G722 => "G722",
        }
    }
}

/// What a payload type carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Sound.
    Sound(Codec),
    /// Keys and tones (RFC 4733).
    Events,
    /// Comfort noise (RFC 3389).
    Comfort,
}

/// Who sends, from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// We send sound, the peer listens.
    pub send: bool,
    /// The peer sends sound.
    pub receive: bool,
}

impl Direction {
    /// Both.
    pub const BOTH: Self = Self { send: true, receive: true };
}

/// Whether sound is protected by SRTP, with keys in the description (RFC 4568). They are secret only where the signalling is (TLS).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Never: `RTP/SAVP` is refused, keys are ignored.
    Never,
    /// Where the peer offers it; our own offers are plain.
    #[default]
    Offered,
    /// Always: plain RTP is refused, our own offers are `RTP/SAVP`.
    Required,
}

/// Our side of a call. One per call, so that its id and keys stay the same in every later description.
#[derive(Clone, Debug)]
pub struct Local {
    /// Where we receive RTP, as the peer can reach it.
    pub address: SocketAddr,
    /// What we speak, preferred first.
    pub codecs: Vec<Codec>,
    /// Whether our order of codecs wins over the offerer's.
    pub ours_first: bool,
    /// Whether sound is protected.
    pub security: Security,
    /// The id of the session in `o=`.
    pub session: u64,
    /// The version of the description in `o=`: to be raised by one whenever it differs from the one before (RFC 3264, section 8).
    pub version: u64,
    /// Our keys, one for each [`Suite`], in the order of [`Suite::ALL`].
    pub keys: [MasterKey; 2],
}

impl Local {
    /// G.722, A-law, µ-law in the offerer's order, protected where that is offered; a new session with new keys.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            codecs: vec![Codec::G722, Codec::Pcma, Codec::Pcmu],
            ours_first: false,
            security: Security::default(),
            // 62 bits: `o=` is a number that many read as a signed one.
            session: u64::from_be_bytes(keys::random()) >> 2,
            version: 1,
            keys: [MasterKey::generate(), MasterKey::generate()],
        }
    }

    fn key(&self, suite: Suite) -> &MasterKey {
        match suite {
            Suite::Tag80 => &self.keys[0],
            Suite::Tag32 => &self.keys[1],
        }
    }
}

/// Payload types of what we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Sound.
    pub sound: u8,
    /// Keys; `None` where the peer takes none as events.
    pub events: Option<u8>,
}

/// What two sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Where the peer says that it receives RTP; an unspecified address where it is on hold in the old way (RFC 3264, section 8.4).
    pub remote: SocketAddr,
    /// What we send.
    pub codec: Codec,
    /// By which payload types we send.
    pub sent: Sent,
    /// What the peer may send, by payload types.
    pub received: Vec<(u8, Format)>,
    /// Milliseconds of sound in a packet of ours: a multiple of ten, 10 to 60, 20 unless the peer wants something else.
    pub packet_ms: u32,
    /// Who sends.
    pub direction: Direction,
    /// The keys where sound is protected.
    pub protection: Option<Protection>,
}

impl Agreed {
    /// Samples per second of what we send.
    pub const fn rate(&self) -> Rate {
        self.codec.rate()
    }

    /// Whether the peer has put us on hold: it does not listen to us.
    pub const fn held(&self) -> bool {
        !self.direction.send
    }
}

/// Why there is no sound between two sides: 488 Not Acceptable Here (400 where the description is [`Self::Malformed`]).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMedia {
    /// It cannot be read.
    #[error("the session description cannot be read: {0}")]
    Malformed(String),
    /// No audio line over RTP that is not refused.
    #[error("the session description has no audio over RTP/AVP or RTP/SAVP; offer one (without DTLS)")]
    NoAudio,
    /// No codec in common.
    #[error("no codec in common; offer one of G722, PCMA and PCMU at 8000")]
    NoCodec,
    /// No address to send to.
    #[error("the session description has no `c=` line with an IP address of the kind that we listen on")]
    NoAddress,
    /// SRTP is required and there are no usable keys, or it was offered and is switched off.
    #[error("{0}")]
    Security(&'static str),
}

/// Answers an offer.
pub fn answer(offer: &str, local: &Local) -> Result<(Agreed, String), NoMedia> {
    let session = described::parse(offer)?;
    let mut why = NoMedia::NoAudio;
    let mut best: Option<(usize, Agreed, Option<u32>)> = None;
    for (index, media) in session.medias.iter().enumerate() {
        match Described::new(&session, media).and_then(|theirs| choose(&theirs, local)) {
            // Some offer the same stream twice, plain and protected: the first one that is protected is taken.
            Ok((agreed, tag)) => {
                let better = best
                    .as_ref()
                    .is_none_or(|(_, held, _)| held.protection.is_none() && agreed.protection.is_some());
                if better {
                    best = Some((index, agreed, tag));
                }
            }
            Err(NoMedia::NoAudio) => {}
            Err(reason) => why = reason,
        }
    }
    let (index, agreed, tag) = best.ok_or(why)?;
    let text = written::answer(&session, index, &agreed, tag, local);
    Ok((agreed, text))
}

/// An offer of everything that we speak.
pub fn offer(local: &Local) -> String {
    written::offer(local)
}

/// What the peer's answer to our own offer settles.
pub fn accept(our_offer: &str, answer: &str, local: &Local) -> Result<Agreed, NoMedia> {
    let (ours, theirs) = (described::parse(our_offer)?, described::parse(answer)?);
    let (Some(our_media), Some(their_media)) = (ours.medias.first(), theirs.medias.first()) else {
        return Err(NoMedia::NoAudio);
    };
    let offered = Described::new(&ours, our_media)?;
    let answered = Described::new(&theirs, their_media)?;
    let (payload_type, codec) = answered
        .sounds()
        .find(|(_, codec)| offered.sounds().any(|(_, known)| known == *codec))
        .ok_or(NoMedia::NoCodec)?;
    let protection = match (offered.secure, answered.secure) {
        (true, true) => {
            let (_, suite, key) = answered.protection(|suite, tag| {
                offered.keys.iter().any(|(known, name, _)| *known == tag && *name == suite)
            })?;
            Some(Protection { suite, ours: local.key(suite).clone(), theirs: key.clone() })
        }
        (false, false) => None,
        _ => return Err(NoMedia::Security("the answer's transport is not the one that was offered")),
    };
    Ok(Agreed {
        remote: answered.remote,
        codec,
        sent: Sent { sound: payload_type, events: answered.format(Format::Events) },
        // What the peer sends has our numbers; it may use everything in its answer, and some use everything in our offer.
        received: offered.formats.clone(),
        packet_ms: answered.packet_ms,
        direction: answered.direction,
        protection,
    })
}

/// What we say to an audio line, with the tag of the key that was taken.
fn choose(theirs: &Described, local: &Local) -> Result<(Agreed, Option<u32>), NoMedia> {
    if theirs.remote.is_ipv4() != local.address.is_ipv4() {
        return Err(NoMedia::NoAddress);
    }
    let keyed = match local.security {
        Security::Never if theirs.secure => {
            return Err(NoMedia::Security("SRTP was offered and is switched off here; offer RTP/AVP"));
        }
        Security::Never => None,
        Security::Offered if !theirs.secure => theirs.protection(|_, _| true).ok(),
        Security::Offered | Security::Required => Some(theirs.protection(|_, _| true)?),
    };
    let sounds = || theirs.sounds().filter(|(_, codec)| local.codecs.contains(codec));
    let (payload_type, codec) = if local.ours_first {
        local.codecs.iter().find_map(|codec| sounds().find(|(_, offered)| offered == codec))
    } else {
        sounds().next()
    }
    .ok_or(NoMedia::NoCodec)?;
    let mut received = vec![(payload_type, Format::Sound(codec))];
    received.extend(theirs.formats.iter().filter(|(_, format)| !matches!(format, Format::Sound(_))));
    let agreed = Agreed {
        remote: theirs.remote,
        codec,
        sent: Sent { sound: payload_type, events: theirs.format(Format::Events) },
        received,
        packet_ms: theirs.packet_ms,
        direction: theirs.direction,
        protection: keyed.map(|(_, suite, key)| Protection {
            suite,
            ours: local.key(suite).clone(),
            theirs: key.clone(),
        }),
    };
    Ok((agreed, keyed.map(|(tag, ..)| tag)))
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
