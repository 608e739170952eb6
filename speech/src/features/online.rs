//! Features of a stream: the same numbers as for the whole, as soon as their samples are there.

use super::{BINS, FRAME_SHIFT, Fbank};

/// Samples after a frame's nominal beginning (`frame · FRAME_SHIFT`) that it looks at: centred, 80 - 200 + 400.
const REACH: usize = 280;

/// Frames of a slice whose left edge would be reflected although the stream goes on there.
const SPOILT: usize = 1;

/// Feature extraction over a stream. Holds less than 50 ms of sound between calls.
#[derive(Clone, Debug, Default)]
pub struct OnlineFbank {
    /// Samples from frame `self.from` on.
    samples: Vec<f32>,
    /// The frame with which `samples` begins.
    from: usize,
    /// The next frame to be computed.
    next: usize,
}

impl OnlineFbank {
    /// Takes samples (16 kHz mono in [-1, 1]) and appends the frames that they complete, 80 values each.
    pub fn push(&mut self, fbank: &mut Fbank, samples: &[f32], features: &mut Vec<f32>) {
        self.samples.extend_from_slice(samples);
        // Frame `from + k` of the stream is frame `k` of the slice, complete when the slice holds all it looks at.
        let complete = self.from + (self.samples.len() + FRAME_SHIFT).saturating_sub(REACH) / FRAME_SHIFT;
        if complete <= self.next {
            return;
        }
        let end = (complete - 1 - self.from) * FRAME_SHIFT + REACH;
        let slice = fbank.compute(&self.samples[..end]);
        features.extend_from_slice(&slice[(self.next - self.from) * BINS..(complete - self.from) * BINS]);
        self.next = complete;
        let keep_from = complete.saturating_sub(SPOILT);
        self.samples.drain(..(keep_from - self.from) * FRAME_SHIFT);
        self.from = keep_from;
    }

    /// The stream is over: appends the last frames, whose right edge is reflected.
    pub fn finish(self, fbank: &mut Fbank, features: &mut Vec<f32>) {
        let slice = fbank.compute(&self.samples);
        features.extend_from_slice(slice.get((self.next - self.from) * BINS..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stream_gives_what_the_whole_gives(cuts in prop::collection::vec(0_usize..700, 0..12)) {
            let length: usize = cuts.iter().sum();
            let samples: Vec<f32> = (0..length).map(|i| (i as f32 * 0.05).sin() * (i as f32 * 0.003).cos()).collect();
            let mut fbank = Fbank::new();
            let (mut online, mut got) = (OnlineFbank::default(), Vec::new());
            let mut at = 0;
            for cut in cuts {
                online.push(&mut fbank, &samples[at..at + cut], &mut got);
                at += cut;
            }
            online.finish(&mut fbank, &mut got);
            prop_assert_eq!(got, fbank.compute(&samples));
        }
    }
}
