//! From one sample rate to another, as a stream.

use rubato::{
    Fft, FixedSync, Indexing, Resampler as _,
    audioadapter_buffers::{SizeError, direct::SequentialSlice},
};

use super::CodecError;

/// Rates that sound files and telephones have.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// Converts a mono stream to another rate. The delay of the filter is cut off at the beginning and made up for at the
/// end, so that the whole has the right length and nothing is shifted.
pub struct Resampler {
    /// `None` where both rates are equal.
    filter: Option<Fft<f32>>,
    from: u32,
    to: u32,
    /// Input that does not fill a block yet.
    pending: Vec<f32>,
    block: Vec<f32>,
    /// Samples still to be cut off at the beginning.
    delay: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// A converter from `from` to `to` hertz.
    ///
    /// # Errors
    /// [`CodecError::Rate`] for rates under 4 kHz or over 384 kHz.
    pub fn new(from: u32, to: u32) -> Result<Self, CodecError> {
        if let Some(&hertz) = [from, to].iter().find(|rate| !RATES.contains(rate)) {
            return Err(CodecError::Rate { hertz });
        }
        let mut resampler = Self {
            filter: None,
            from,
            to,
            pending: Vec::new(),
            block: Vec::new(),
            delay: 0,
            taken: 0,
            given: 0,
        };
        if from != to {
            let filter = Fft::new(from as usize, to as usize, block_length(from, to), 1, FixedSync::Both);
            let filter = filter.map_err(|e| CodecError::Library { reason: e.to_string() })?;
            resampler.block = vec![0.0; filter.output_frames_max()];
            resampler.delay = filter.output_delay();
            resampler.filter = Some(filter);
        }
        Ok(resampler)
    }

    /// Adds samples; returns what can be told already.
    ///
    /// # Errors
    /// [`CodecError::Library`]: never known to happen.
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<f32>, CodecError> {
        self.taken += samples.len() as u64;
        let Some(needed) = self.filter.as_ref().map(rubato::Resampler::input_frames_next) else {
            return Ok(samples.to_vec());
        };
        self.pending.extend_from_slice(samples);
        let pending = std::mem::take(&mut self.pending);
        let mut output =
            Vec::with_capacity(pending.len() * self.to as usize / self.from as usize + self.block.len());
        let blocks = pending.chunks_exact(needed);
        self.pending.extend_from_slice(blocks.remainder());
        for block in blocks {
            self.convert(block, &mut output)?;
        }
        self.given += output.len() as u64;
        Ok(output)
    }

    /// The rest of the stream; afterwards a new stream may begin.
    ///
    /// # Errors
    /// [`CodecError::Library`]: never known to happen.
    pub fn finish(&mut self) -> Result<Vec<f32>, CodecError> {
        let Some(delay) = self.filter.as_ref().map(rubato::Resampler::output_delay) else {
            return Ok(Vec::new());
        };
        let expected = (self.taken * u64::from(self.to)).div_ceil(u64::from(self.from));
        let missing = usize::try_from(expected.saturating_sub(self.given)).unwrap_or(0);
        let mut output = Vec::new();
        let mut rest = std::mem::take(&mut self.pending);
        while output.len() < missing {
            self.convert(&rest, &mut output)?;
            rest.clear();
        }
        output.truncate(missing);
        if let Some(filter) = self.filter.as_mut() {
            filter.reset();
        }
        (self.delay, self.taken, self.given) = (delay, 0, 0);
        Ok(output)
    }

    /// Converts one block, which may be shorter than a whole one only at the end of the stream.
    fn convert(&mut self, block: &[f32], output: &mut Vec<f32>) -> Result<(), CodecError> {
        let Some(filter) = self.filter.as_mut() else { return Ok(()) };
        let size = |e: SizeError| CodecError::Library { reason: e.to_string() };
        let indexing = Indexing::new().partial_len(block.len());
        let input = SequentialSlice::new(block, 1, block.len()).map_err(size)?;
        let room = self.block.len();
        let mut into = SequentialSlice::new_mut(&mut self.block, 1, room).map_err(size)?;
        let (_, made) = filter
            .process_into_buffer(&input, &mut into, Some(&indexing))
            .map_err(|e| CodecError::Library { reason: e.to_string() })?;
        let cut = self.delay.min(made);
        self.delay -= cut;
        output.extend_from_slice(&self.block[cut..made]);
        Ok(())
    }
}

/// Input samples per block: about 20 ms, which is a delay of 10 ms and steep enough a filter for speech. Even, because the
/// delay is half a block, and half a sample of it could not be cut off.
fn block_length(from: u32, to: u32) -> usize {
    let (mut a, mut b) = (from, to);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let smallest = from / a;
    let count = (from / 50).div_ceil(smallest);
    (smallest * if smallest % 2 == 1 { count.next_multiple_of(2) } else { count }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hertz: f32, seconds: f32) -> Vec<f32> {
        let count = (rate as f32 * seconds) as usize;
        (0..count).map(|i| (std::f32::consts::TAU * hertz * i as f32 / rate as f32).sin() * 0.5).collect()
    }

    fn convert(samples: &[f32], from: u32, chunk: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(from, 16_000).unwrap();
        let mut output = Vec::new();
        for chunk in samples.chunks(chunk) {
            output.extend(resampler.push(chunk).unwrap());
        }
        output.extend(resampler.finish().unwrap());
        output
    }

    #[test]
    fn a_tone_keeps_its_pitch_place_and_length_from_every_common_rate() {
        let wanted = tone(16_000, 440.0, 1.0);
        for rate in [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000] {
            let heard = convert(&tone(rate, 440.0, 1.0), rate, 333);
            assert_eq!(heard.len(), 16_000, "{rate} Hz");
            let worst = heard
                .iter()
                .zip(&wanted)
                .skip(800)
                .take(14_400)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(worst < 0.01, "{rate} Hz: {worst}");
        }
    }

    #[test]
    fn chunk_sizes_do_not_matter_and_a_converter_can_be_used_again() {
        let sound = tone(48_000, 1000.0, 0.5);
        assert_eq!(convert(&sound, 48_000, 1), convert(&sound, 48_000, 24_000));
        let mut resampler = Resampler::new(48_000, 16_000).unwrap();
        let mut once = || [resampler.push(&sound).unwrap(), resampler.finish().unwrap()].concat();
        assert_eq!(once(), once());
    }

    #[test]
    fn what_sixteen_kilohertz_cannot_hold_is_filtered_out_instead_of_folded_back() {
        let heard = convert(&tone(48_000, 11_000.0, 0.5), 48_000, 960);
        let loudest = heard[800..7200].iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
        assert!(loudest < 0.005, "{loudest}");
    }

    #[test]
    fn short_and_empty_clips_have_the_right_length_and_absurd_rates_are_refused() {
        assert_eq!(convert(&[], 8_000, 10).len(), 0);
        assert_eq!(convert(&[0.1; 3], 8_000, 10).len(), 6);
        assert!(matches!(Resampler::new(0, 16_000), Err(CodecError::Rate { hertz: 0 })));
        assert!(matches!(Resampler::new(16_000, 4_000_000), Err(CodecError::Rate { .. })));
    }
}
