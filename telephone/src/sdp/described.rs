//! An audio line of a peer's description, read.

use std::net::{IpAddr, SocketAddr};

use sdp_types::{AttributeError, Crypto, Media, RtpMap, Session, TransportProto};

use super::keys::{self, MasterKey, Suite};
use super::{Codec, Direction, Format, NoMedia};

/// Formats and keys of one line that are looked at: a peer that lists more is not heard out.
const LIMIT: usize = 64;

/// Parses a whole description.
pub(super) fn parse(text: &str) -> Result<Session, NoMedia> {
    Session::parse(text.as_bytes()).map_err(|error| NoMedia::Malformed(error.to_string()))
}

/// An audio line, as far as it concerns us.
#[derive(Debug)]
pub(super) struct Described {
    /// Where the peer receives.
    pub(super) remote: SocketAddr,
    /// Its formats that we know, in its order.
    pub(super) formats: Vec<(u8, Format)>,
    /// Milliseconds of sound that it wants in a packet.
    pub(super) packet_ms: u32,
    /// Who sends, from our side.
    pub(super) direction: Direction,
    /// Whether the transport is SRTP.
    pub(super) secure: bool,
    /// Its keys that we can use: tag, suite, key.
    pub(super) keys: Vec<(u32, Suite, MasterKey)>,
}

impl Described {
    /// Reads one. [`NoMedia::NoAudio`] where it is none of ours: no audio, refused, or another transport.
    pub(super) fn new(session: &Session, media: &Media) -> Result<Self, NoMedia> {
        let secure = match media.parse_transport_proto() {
            TransportProto::RtpAvp | TransportProto::RtpAvpf => false,
            TransportProto::RtpSavp | TransportProto::RtpSavpf => true,
            _ => return Err(NoMedia::NoAudio),
        };
        if !media.media.eq_ignore_ascii_case("audio") || media.port == 0 {
            return Err(NoMedia::NoAudio);
        }
        let connection =
            media.connections.first().or(session.connection.as_ref()).ok_or(NoMedia::NoAddress)?;
        let ip = connection.try_address().map_err(|_| NoMedia::NoAddress)?.ip;
        if ip.is_multicast() {
            return Err(NoMedia::NoAddress);
        }
        Ok(Self {
            remote: SocketAddr::new(ip, media.port),
            formats: formats(media),
            packet_ms: packet_ms(media),
            direction: direction(session, media, ip),
            secure,
            keys: media
                .attributes_typed::<Crypto>()
                .take(LIMIT)
                .filter_map(|line| keys::usable(&line.ok()?))
                .collect(),
        })
    }

    /// Its codecs that we know, in its order.
    pub(super) fn sounds(&self) -> impl Iterator<Item = (u8, Codec)> {
        self.formats.iter().filter_map(|(payload_type, format)| match format {
            Format::Sound(codec) => Some((*payload_type, *codec)),
            _ => None,
        })
    }

    /// The payload type of a format.
    pub(super) fn format(&self, wanted: Format) -> Option<u8> {
        self.formats.iter().find(|(_, format)| *format == wanted).map(|(payload_type, _)| *payload_type)
    }

    /// The first key that fits.
    pub(super) fn protection(
        &self,
        fits: impl Fn(Suite, u32) -> bool,
    ) -> Result<(u32, Suite, &MasterKey), NoMedia> {
        let key = self.keys.iter().find(|(tag, suite, _)| fits(*suite, *tag));
        key.map(|(tag, suite, key)| (*tag, *suite, key)).ok_or(NoMedia::Security(
            "SRTP needs an a=crypto line with AES_CM_128_HMAC_SHA1_80 or _32, one inline key without MKI, and no session parameters",
        ))
    }
}

/// The formats of a line that we know, each payload type and each format once.
fn formats(media: &Media) -> Vec<(u8, Format)> {
    let maps: Vec<Result<RtpMap, AttributeError>> = media.attributes_typed().take(LIMIT).collect();
    let mut known: Vec<(u8, Format)> = Vec::new();
    for number in media.fmt.split_ascii_whitespace().take(LIMIT).filter_map(|text| text.parse::<u8>().ok()) {
        let map = maps.iter().flatten().find(|map| map.payload_type == number);
        let format = map.map_or_else(|| unnamed(number), named);
        if let Some(format) = format
            && !known.iter().any(|(taken, same)| *taken == number || *same == format)
        {
            known.push((number, format));
        }
    }
    known
}

/// A static payload type (RFC 3551, table 4).
const fn unnamed(number: u8) -> Option<Format> {
    match number {
        0 => Some(Format::Sound(Codec::Pcmu)),
        8 => Some(Format::Sound(Codec::Pcma)),
        9 => Some(Format::Sound(Codec::G722)),
        13 => Some(Format::Comfort),
        _ => None,
    }
}

/// What an `a=rtpmap` names.
fn named(map: &RtpMap) -> Option<Format> {
    let is = |name: &str| map.encoding_name.eq_ignore_ascii_case(name);
    if map.payload_type > 127 || map.encoding_params.as_deref().is_some_and(|channels| channels != "1") {
        return None;
    }
    match map.clock_rate {
        8_000 if is("PCMA") => Some(Format::Sound(Codec::Pcma)),
        8_000 if is("PCMU") => Some(Format::Sound(Codec::Pcmu)),
        // 16,000 is wrong (RFC 3551, section 4.5.2) and seen; the RTP clock runs at 8,000 all the same.
        8_000 | 16_000 if is("G722") => Some(Format::Sound(Codec::G722)),
        8_000 if is("telephone-event") => Some(Format::Events),
        8_000 if is("CN") => Some(Format::Comfort),
        _ => None,
    }
}

/// `a=ptime`, not more than `a=maxptime`, in whole tens of milliseconds.
fn packet_ms(media: &Media) -> u32 {
    let number = |name: &str| media.get_first_attribute_value(name).flatten()?.trim().parse::<u32>().ok();
    let wanted = number("ptime").unwrap_or(20).min(number("maxptime").unwrap_or(u32::MAX));
    (wanted / 10 * 10).clamp(10, 60)
}

/// Who sends, from our side: the peer's attribute turned round, on the line or on the session.
fn direction(session: &Session, media: &Media, ip: IpAddr) -> Direction {
    let of = |name: &str| match name {
        "sendrecv" => Some(Direction::BOTH),
        "sendonly" => Some(Direction { send: false, receive: true }),
        "recvonly" => Some(Direction { send: true, receive: false }),
        "inactive" => Some(Direction { send: false, receive: false }),
        _ => None,
    };
    let on = |attributes: &[sdp_types::Attribute]| {
        attributes.iter().find_map(|attribute| of(attribute.attribute.to_ascii_lowercase().as_str()))
    };
    let said = on(&media.attributes).or_else(|| on(&session.attributes)).unwrap_or(Direction::BOTH);
    // The old way of holding (RFC 3264, section 8.4).
    Direction { send: said.send && !ip.is_unspecified(), ..said }
}
