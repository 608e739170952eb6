//! Our own descriptions, written.

use sdp_types::{Attribute, Connection, Media, MediaType, Origin, RtpMap, Session, Time, TransportProto};

use super::{Agreed, Direction, Format, Local, Security, Suite, keys};

/// Payload type of telephone events in our offers: dynamic, and what nearly everybody uses.
const EVENTS: u8 = 101;
/// Payload type of comfort noise (RFC 3389).
const COMFORT: u8 = 13;
/// Keys and the hook flash (RFC 4733, section 3.2).
const KEYS: &str = "0-16";
/// Milliseconds of sound that we want in a packet.
const PACKET_MS: u32 = 20;

/// Everything that we speak.
pub(super) fn offer(local: &Local) -> String {
    let mut formats: Vec<(u8, Format)> =
        local.codecs.iter().map(|codec| (codec.payload_type(), Format::Sound(*codec))).collect();
    formats.extend([(EVENTS, Format::Events), (COMFORT, Format::Comfort)]);
    let secure = local.security == Security::Required;
    let transport = if secure { TransportProto::RtpSavp } else { TransportProto::RtpAvp };
    let mut media = audio(local, transport.as_str(), &formats, Direction::BOTH);
    if secure {
        for (tag, suite) in (1..).zip(Suite::ALL) {
            media.add_attribute(keys::line(tag, suite, local.key(suite)));
        }
    }
    text(local, vec![media])
}

/// The answer that takes line `index` of an offer and refuses the others, one line for each of the offer's (RFC 3264, section 6).
pub(super) fn answer(
    offer: &Session,
    index: usize,
    agreed: &Agreed,
    tag: Option<u32>,
    local: &Local,
) -> String {
    let lines = offer.medias.iter().enumerate().map(|(at, theirs)| {
        if at != index {
            return refused(theirs);
        }
        let mut media = audio(local, &theirs.proto, &agreed.received, agreed.direction);
        if let (Some(tag), Some(protection)) = (tag, &agreed.protection) {
            media.add_attribute(keys::line(tag, protection.suite, &protection.ours));
        }
        media
    });
    text(local, lines.collect())
}

fn refused(theirs: &Media) -> Media {
    let mut media = Media::new(MediaType::Audio, 0, TransportProto::RtpAvp, &theirs.fmt);
    media.media.clone_from(&theirs.media);
    media.proto.clone_from(&theirs.proto);
    media
}

fn audio(local: &Local, transport: &str, formats: &[(u8, Format)], direction: Direction) -> Media {
    let numbers: Vec<String> = formats.iter().map(|(number, _)| number.to_string()).collect();
    let mut media = Media::new(
        MediaType::Audio,
        local.address.port(),
        TransportProto::from(transport),
        numbers.join(" "),
    );
    for (number, format) in formats {
        let name = match format {
            Format::Sound(codec) => codec.name(),
            Format::Events => "telephone-event",
            Format::Comfort => "CN",
        };
        media.add_attribute(RtpMap::new(*number, name, 8_000));
        if *format == Format::Events {
            media.add_attribute_with_value("fmtp", format!("{number} {KEYS}"));
        }
    }
    media.add_attribute_with_value("ptime", PACKET_MS);
    media.add_attribute(Attribute::new(match (direction.send, direction.receive) {
        (true, true) => "sendrecv",
        (true, false) => "sendonly",
        (false, true) => "recvonly",
        (false, false) => "inactive",
    }));
    media
}

fn text(local: &Local, medias: Vec<Media>) -> String {
    let ip = local.address.ip();
    let origin = Origin::with_ip_addr(local.session, local.version, ip);
    // RFC 3264, section 5: a session without a name has one hyphen.
    let mut session = Session::new(origin, "-");
    session.set_connection(Connection::from_ip_addr(ip));
    session.add_time(Time::new(0, 0));
    session.add_medias(medias);
    let mut bytes = Vec::new();
    session.write(&mut bytes).expect("memory takes every byte");
    String::from_utf8_lossy(&bytes).into_owned()
}
