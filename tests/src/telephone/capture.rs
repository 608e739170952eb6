//! What goes over the loopback, with the kernel's times, by `tcpdump`.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_file::pcap::PcapReader;
use rtp_types::RtpPacket;

/// A running `tcpdump`.
pub struct Capture {
    child: Child,
    file: PathBuf,
}

/// A UDP datagram.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// When the kernel saw it, since 1970.
    pub at: Duration,
    /// From where.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
    /// What.
    pub payload: Vec<u8>,
}

/// One direction of one call's sound.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// When each packet was seen, its RTP timestamp, and its payload, in the order seen.
    pub packets: Vec<(Duration, u32, Vec<u8>)>,
}

impl Capture {
    /// Begins to look at UDP on the loopback.
    ///
    /// # Errors
    /// Where `tcpdump` is missing or may not.
    pub fn start(file: &Path, filter: &str) -> Result<Self> {
        let child = Command::new("tcpdump")
            // Written at once, in nanoseconds, with room for bursts; as root, who owns the file's folder.
            .args(["-i", "lo", "-n", "-U", "-B", "65536", "-s", "0", "-Z", "root", "-w"])
            .arg(file)
            .arg(filter)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("tcpdump cannot be run")?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::fs::metadata(file).map_or(0, |file| file.len()) == 0 {
            ensure!(Instant::now() < deadline, "tcpdump writes nothing: is this root?");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { child, file: file.to_owned() })
    }

    /// Stops, and reads what was seen.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn stop(mut self) -> Result<Vec<Datagram>> {
        std::thread::sleep(Duration::from_millis(300));
        Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        let mut reader = PcapReader::new(File::open(&self.file)?)?;
        let mut seen = Vec::new();
        while let Some(packet) = reader.next_packet() {
            // The last one may be cut off.
            let Ok(packet) = packet else { break };
            seen.extend(datagram(packet.timestamp, &packet.data));
        }
        Ok(seen)
    }
}

fn datagram(at: Duration, bytes: &[u8]) -> Option<Datagram> {
    let packet = SlicedPacket::from_ethernet(bytes).ok()?;
    let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Udp(udp))) = (packet.net, packet.transport) else {
        return None;
    };
    let header = ip.header();
    Some(Datagram {
        at,
        from: (header.source_addr(), udp.source_port()).into(),
        to: (header.destination_addr(), udp.destination_port()).into(),
        payload: udp.payload().to_vec(),
    })
}

/// The sound among it, by where from and where to. Only payload types of sound count: 0, 8, 9.
pub fn rtp_streams(seen: &[Datagram]) -> BTreeMap<(SocketAddr, SocketAddr), Stream> {
    let mut streams: BTreeMap<_, Stream> = BTreeMap::new();
    for datagram in seen {
        let Ok(packet) = RtpPacket::parse(&datagram.payload) else { continue };
        if ![0, 8, 9].contains(&packet.payload_type()) {
            continue;
        }
        let stream = streams.entry((datagram.from, datagram.to)).or_default();
        stream.packets.push((datagram.at, packet.timestamp(), packet.payload().to_vec()));
    }
    streams
}

impl Stream {
    /// By how many milliseconds each packet missed its slot: the moment that its timestamp says, counted from the stream's own middle.
    pub fn lateness_ms(&self) -> Vec<f64> {
        let Some((first, base, _)) = self.packets.first() else { return Vec::new() };
        let mut off: Vec<f64> = self
            .packets
            .iter()
            .map(|(at, timestamp, _)| {
                let due = f64::from(timestamp.wrapping_sub(*base)) / 8.0;
                (at.as_secs_f64() - first.as_secs_f64()) * 1_000.0 - due
            })
            .collect();
        let mut sorted = off.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted[sorted.len() / 2];
        for ms in &mut off {
            *ms -= middle;
        }
        off
    }

    /// How loud each packet of A-law is: the root mean square of its samples.
    pub fn loudness(&self) -> Vec<(Duration, f64)> {
        use audio_codec::{Decoder as _, pcma::PcmaDecoder};
        let mut decoder = PcmaDecoder::new();
        let rms = |samples: &[i16]| {
            let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            (sum / samples.len().max(1) as f64).sqrt()
        };
        self.packets.iter().map(|(at, _, payload)| (*at, rms(&decoder.decode(payload)))).collect()
    }

    /// Its samples, packet after packet.
    pub fn samples(&self) -> Vec<i16> {
        use audio_codec::{Decoder as _, pcma::PcmaDecoder};
        let mut decoder = PcmaDecoder::new();
        self.packets.iter().flat_map(|(_, _, payload)| decoder.decode(payload)).collect()
    }
}
