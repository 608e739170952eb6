//! Signed 16-bit little-endian samples, the plainest form on the wire.

use super::CodecError;

/// What a sample of 1.0 would be.
const SCALE: f32 = 32_768.0;

/// Bytes → samples in [-1, 1).
///
/// # Errors
/// [`CodecError::OddPcm`] where half a sample is missing.
pub fn decode(bytes: &[u8]) -> Result<Vec<f32>, CodecError> {
    let (samples, []) = bytes.as_chunks::<2>() else {
        return Err(CodecError::OddPcm { bytes: bytes.len() });
    };
    Ok(samples.iter().map(|sample| f32::from(i16::from_le_bytes(*sample)) / SCALE).collect())
}

/// Samples → bytes; what lies outside [-1, 1] is clipped, NaN is silence.
pub fn encode(samples: &[f32]) -> Vec<u8> {
    // A cast from float saturates and turns NaN into 0.
    samples.iter().flat_map(|sample| ((sample * SCALE).round() as i16).to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_survives_the_way_there_and_back() {
        let all: Vec<u8> = (i16::MIN..=i16::MAX).flat_map(i16::to_le_bytes).collect();
        assert_eq!(encode(&decode(&all).unwrap()), all);
    }

    #[test]
    fn loud_and_impossible_samples_are_clipped_and_half_samples_refused() {
        assert_eq!(decode(&encode(&[2.0, -2.0, f32::NAN])).unwrap(), [32_767.0 / SCALE, -1.0, 0.0]);
        assert_eq!(decode(&[1, 2, 3]), Err(CodecError::OddPcm { bytes: 3 }));
        assert_eq!(decode(&[]).unwrap(), Vec::<f32>::new());
    }
}
