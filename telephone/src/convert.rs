//! Between the rate of what the PBX sends and the two rates of a [`crate::Leg`].

use audio_codec::BoxedResampler;

use crate::leg::Rate;

/// Both directions of one call.
pub(crate) struct Converter {
    /// To the leg's rate, and from it; `None` where the rates are the same.
    resamplers: Option<(BoxedResampler, BoxedResampler)>,
}

impl Converter {
    /// Rates that can be converted: those of Asterisk's signed linear formats, and 64 kHz of jambonz.
    pub(crate) const RATES: [u32; 10] =
        [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 64_000, 96_000, 192_000];

    /// The rate of a leg whose caller's side sends `hertz` samples per second.
    pub(crate) const fn rate(hertz: u32) -> Rate {
        if hertz < 12_000 { Rate::Narrow } else { Rate::Wide }
    }

    /// `None` for a rate that is none of [`Self::RATES`].
    pub(crate) fn new(hertz: u32, leg: Rate) -> Option<Self> {
        if !Self::RATES.contains(&hertz) {
            return None;
        }
        let (outside, inside) = (hertz as usize, leg.hertz() as usize);
        let resamplers = if outside == inside {
            None
        } else {
            Some((BoxedResampler::new(outside, inside).ok()?, BoxedResampler::new(inside, outside).ok()?))
        };
        Some(Self { resamplers })
    }

    /// From the PBX, at the leg's rate.
    pub(crate) fn inward(&mut self, sound: Vec<i16>) -> Vec<i16> {
        match &mut self.resamplers {
            Some((inward, _)) => inward.resample(&sound),
            None => sound,
        }
    }

    /// From the leg, at the PBX's rate.
    pub(crate) fn outward(&mut self, sound: &[i16]) -> Vec<i16> {
        match &mut self.resamplers {
            Some((_, outward)) => outward.resample(sound),
            None => sound.to_vec(),
        }
    }
}

impl std::fmt::Debug for Converter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Converter").finish_non_exhaustive()
    }
}

/// 16-bit samples, least significant byte first; an odd byte at the end is left out.
pub(crate) fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks::<2>().0.iter().copied().map(i16::from_le_bytes).collect()
}

/// The bytes of 16-bit samples, least significant byte first.
pub(crate) fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_20_ms_stays_one_at_every_rate() {
        for hertz in Converter::RATES {
            let leg = Converter::rate(hertz);
            let mut converter = Converter::new(hertz, leg).unwrap();
            for _ in 0..10 {
                assert_eq!(converter.inward(vec![0; hertz as usize / 50]).len(), leg.frame(), "{hertz}");
                assert_eq!(converter.outward(&vec![0; leg.frame()]).len(), hertz as usize / 50, "{hertz}");
            }
        }
        assert!(Converter::new(11_025, Rate::Wide).is_none());
    }

    #[test]
    fn a_tone_is_the_same_tone_at_another_rate() {
        let tone = |hertz: u32| -> Vec<i16> {
            let step = 2.0 * std::f32::consts::PI * 440.0 / hertz as f32;
            (0..hertz).map(|at| (8_000.0 * (step * at as f32).sin()) as i16).collect()
        };
        let crossings = |sound: &[i16]| sound.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
        let mut heard = Converter::new(12_000, Rate::Wide).unwrap().inward(tone(12_000));
        // The filter rings a little where the tone begins.
        heard.drain(..160);
        assert!((434..=437).contains(&crossings(&heard)), "{}", crossings(&heard));
        let energy = |sound: &[i16]| {
            sound.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / sound.len() as f64
        };
        assert!((energy(&heard) / energy(&tone(16_000)) - 1.0).abs() < 0.05);
    }
}
