//! WAV files of 16-bit mono samples.

use std::io;

use super::pcm16;

/// The classic header (Microsoft's Multimedia Programming Interface and Data Specifications 1.0).
const HEADER: usize = 44;

/// Mono samples in [-1, 1] as a WAV file.
///
/// # Errors
/// Where they are longer than the format can say (4 GiB).
pub fn encode(samples: &[f32], sample_rate: u32) -> io::Result<Vec<u8>> {
    let data = pcm16::encode(samples);
    let length = u32::try_from(data.len()).map_err(|_| io::Error::other("too long for a WAV file"))?;
    let mut bytes = Vec::with_capacity(HEADER + data.len());
    bytes.extend(b"RIFF");
    bytes.extend((36 + length).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(sample_rate.to_le_bytes());
    bytes.extend((sample_rate * 2).to_le_bytes());
    bytes.extend(2_u16.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(data);
    Ok(bytes)
}

/// The samples of a file that [`encode`] wrote.
///
/// # Errors
/// Where it is none.
pub fn decode(bytes: &[u8]) -> io::Result<Vec<f32>> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "not a WAV file of ours");
    let (header, data) = bytes.split_at_checked(HEADER).ok_or_else(broken)?;
    if !header.starts_with(b"RIFF") || &header[36..40] != b"data" {
        return Err(broken());
    }
    pcm16::decode(data).map_err(|_| broken())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_written_file_reads_back_as_it_was() {
        let samples: Vec<f32> = (0..1_600).map(|i| (i as f32 / 100.0).sin() * 0.5).collect();
        let bytes = super::encode(&samples, 16_000).unwrap();
        let close = |read: &[f32]| {
            read.len() == samples.len() && read.iter().zip(&samples).all(|(a, b)| (a - b).abs() < 1e-3)
        };
        assert!(close(&super::decode(&bytes).unwrap()));
        assert!(close(&crate::codec::file::decode(bytes.clone(), 1.0).unwrap()), "and by others");
        assert!(super::decode(&bytes[..40]).is_err());
        assert!(super::decode(&[0; 60]).is_err());
    }
}
