//! Sound as telephones carry it, and as packets in a file that `sipp` plays.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use audio_codec::{Encoder as _, pcma::PcmaEncoder};
use etherparse::PacketBuilder;
use pcap_file::pcap::{PcapPacket, PcapWriter};
use speech::SAMPLE_RATE;
use speech::codec::resample::Resampler;

use super::Line;

/// Samples per second of G.711.
pub const RATE: u32 = 8_000;
/// Samples in 20 ms of it.
pub const FRAME: usize = 160;

/// 16 kHz samples in [-1, 1] as 8 kHz 16-bit ones, as a telephone's microphone gives them.
///
/// # Errors
/// Never known to happen.
pub fn narrow(samples: &[f32]) -> Result<Vec<i16>> {
    let mut down = Resampler::new(SAMPLE_RATE, RATE)?;
    let mut out = down.push(samples)?;
    out.extend(down.finish()?);
    Ok(out.iter().map(|sample| (sample * 32_767.0) as i16).collect())
}

/// Silence of that length at 8 kHz.
pub fn silence(length: Duration) -> Vec<i16> {
    // Not quite: a telephone's line is never digitally silent.
    let noise = |n: usize| i16::from((n * 7_919 % 13) as u8) - 6;
    (0..(length.as_secs_f64() * f64::from(RATE)) as usize).map(noise).collect()
}

/// Writes samples as A-law RTP packets of 20 ms, as `sipp` plays them, over a line.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_pcap(path: &Path, samples: &[i16], line: &mut Line) -> Result<()> {
    let mut writer = PcapWriter::new(File::create(path).with_context(|| path.display().to_string())?)?;
    let mut encoder = PcmaEncoder::new();
    let mut packets = Vec::new();
    for (n, frame) in samples.chunks_exact(FRAME).enumerate() {
        let mut packet = vec![0x80, 8];
        packet.extend(u16::try_from(n % 65_536)?.to_be_bytes());
        packet.extend(u32::try_from(n * FRAME)?.to_be_bytes());
        packet.extend(0x1234_5678_u32.to_be_bytes());
        packet.extend(encoder.encode(frame));
        if let Some(late) = line.carry() {
            packets.push((Duration::from_millis(n as u64 * 20) + late, packet));
        }
    }
    // Reordering is what a varying delay does.
    packets.sort_by_key(|(at, _)| *at);
    for (at, packet) in packets {
        let builder = PacketBuilder::ethernet2([0; 6], [0; 6])
            .ipv4([127, 0, 0, 1], [127, 0, 0, 1], 64)
            .udp(4_000, 4_002);
        let mut bytes = Vec::with_capacity(builder.size(packet.len()));
        builder.write(&mut bytes, &packet)?;
        writer.write_packet(&PcapPacket::new(at, u32::try_from(bytes.len())?, &bytes))?;
    }
    Ok(())
}
