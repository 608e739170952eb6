//! Between the rate of a codec and the rate of a leg, which differ where a later description changes the codec.

use audio_codec::BoxedResampler;

use crate::leg::Rate;

/// Changes the rate of a stream, or leaves it as it is.
pub(super) struct Resample(Option<BoxedResampler>);

impl Resample {
    /// From one rate to another.
    pub(super) fn new(from: Rate, to: Rate) -> Self {
        let differ = from != to;
        // It fails for rates of zero alone.
        Self(differ.then(|| BoxedResampler::new(from.hertz() as usize, to.hertz() as usize).ok()).flatten())
    }

    /// The next part of the stream.
    pub(super) fn through(&mut self, sound: Vec<i16>) -> Vec<i16> {
        match &mut self.0 {
            Some(resampler) => resampler.resample(&sound),
            None => sound,
        }
    }
}
