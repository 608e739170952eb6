//! RTCP (RFC 3550, section 6): sender reports, so that a PBX sees that we are there and how we count. What the peer reports is not read:
//! nothing here would act on it.

use std::time::{Duration, SystemTime};

use rtcp_types::{Compound, RtcpPacketWriterExt as _, Sdes, SdesChunk, SdesItem, SenderReport};

/// The least interval between reports (RFC 3550, section 6.2).
pub(super) const INTERVAL: Duration = Duration::from_secs(5);
/// Seconds from 1900, where NTP begins, to 1970.
const NTP: u64 = 2_208_988_800;

/// What a report says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) ssrc: u32,
    /// The time stamp that a packet would have that is sent now.
    pub(super) timestamp: u32,
    pub(super) packets: u32,
    /// Bytes of payload.
    pub(super) octets: u32,
}

/// A compound packet: a sender report and the canonical name that must go with it; the name is the source's number, which says nothing about
/// who is calling (RFC 7022).
pub(super) fn report(sent: Sent, now: SystemTime) -> Option<Vec<u8>> {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    let report = SenderReport::builder(sent.ssrc)
        .ntp_timestamp(((since.as_secs() + NTP) << 32) | fraction)
        .rtp_timestamp(sent.timestamp)
        .packet_count(sent.packets)
        .octet_count(sent.octets);
    let name = format!("{:08x}", sent.ssrc);
    let chunk = SdesChunk::builder(sent.ssrc).add_item_owned(SdesItem::builder(SdesItem::CNAME, &name));
    let compound = Compound::builder().add_packet(report).add_packet(Sdes::builder().add_chunk(chunk));
    let mut bytes = vec![0; 128];
    let length = compound.write_into(&mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use rtcp_types::Packet;

    use super::*;

    #[test]
    fn a_report_can_be_read_by_others() {
        let sent = Sent { ssrc: 0xABCD_0123, timestamp: 77, packets: 5, octets: 800 };
        let bytes = report(sent, SystemTime::UNIX_EPOCH + Duration::from_millis(1_500)).unwrap();
        let packets: Vec<Packet<'_>> = Compound::parse(&bytes).unwrap().map(Result::unwrap).collect();
        let [Packet::Sr(report), Packet::Sdes(names)] = &packets[..] else { panic!("{packets:?}") };
        assert_eq!((report.ssrc(), report.rtp_timestamp(), report.packet_count()), (0xABCD_0123, 77, 5));
        assert_eq!(report.ntp_timestamp(), ((NTP + 1) << 32) | (1 << 31));
        let chunk = names.chunks().next().unwrap();
        assert_eq!(chunk.items().next().unwrap().value(), b"abcd0123");
    }
}
