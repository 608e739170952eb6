//! Writing WAV files.

use std::{fs, io, path::Path};

use speech::codec::pcm16;

/// Writes mono samples in [-1, 1] as 16-bit PCM (the classic 44-byte header; Microsoft's Multimedia Programming
/// Interface and Data Specifications 1.0).
pub(super) fn write(path: &Path, samples: &[f32], sample_rate: u32) -> io::Result<()> {
    let data = pcm16::encode(samples);
    let length = u32::try_from(data.len()).map_err(|_| io::Error::other("too long for a WAV file"))?;
    let mut bytes = Vec::with_capacity(44 + data.len());
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
    fs::write(path, bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_written_file_reads_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wav");
        let samples: Vec<f32> = (0..1_600).map(|i| (i as f32 / 100.0).sin() * 0.5).collect();
        super::write(&path, &samples, 16_000).unwrap();
        let read = speech::codec::file::decode_path(&path, 1.0).unwrap();
        assert_eq!(read.len(), samples.len());
        assert!(read.iter().zip(&samples).all(|(a, b)| (a - b).abs() < 1e-3));
    }
}
