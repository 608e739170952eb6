//! Between the leg's samples and the conversation's: 16-bit at 8 or 16 kHz there, PCM16 at 16 kHz here, as streams.

use bytes::Bytes;
use speech::codec::CodecError;
use speech::codec::resample::Resampler;
use telephone::Rate;

use crate::workers::encode::SOUND_RATE;

/// Both directions of one call.
pub struct Sound {
    up: Option<Resampler>,
    down: Option<Resampler>,
    rate: Rate,
}

impl Sound {
    /// For a leg of that rate.
    ///
    /// # Errors
    /// [`CodecError`]: never known to happen for these rates.
    pub fn new(rate: Rate) -> Result<Self, CodecError> {
        let same = rate.hertz() == SOUND_RATE;
        let up = (!same).then(|| Resampler::new(rate.hertz(), SOUND_RATE)).transpose()?;
        let down = (!same).then(|| Resampler::new(SOUND_RATE, rate.hertz())).transpose()?;
        Ok(Self { up, down, rate })
    }

    /// What the caller said, for the conversation.
    ///
    /// # Errors
    /// [`CodecError`].
    pub fn heard(&mut self, samples: &[i16]) -> Result<Bytes, CodecError> {
        Ok(match &mut self.up {
            None => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>().into(),
            Some(up) => speech::codec::pcm16::encode(&up.push(&floats(samples))?).into(),
        })
    }

    /// What the conversation says, for the caller.
    ///
    /// # Errors
    /// [`CodecError`].
    pub fn said(&mut self, samples: Vec<i16>) -> Result<Vec<i16>, CodecError> {
        match &mut self.down {
            None => Ok(samples),
            Some(down) => Ok(down.push(&floats(&samples))?.iter().map(|sample| integer(*sample)).collect()),
        }
    }

    /// Words by themselves, for the caller.
    ///
    /// # Errors
    /// [`CodecError`].
    pub fn whole(&self, samples: Vec<i16>) -> Result<Vec<i16>, CodecError> {
        if self.rate.hertz() == SOUND_RATE {
            return Ok(samples);
        }
        let mut down = Resampler::new(SOUND_RATE, self.rate.hertz())?;
        let mut out = down.push(&floats(&samples))?;
        out.extend(down.finish()?);
        Ok(out.iter().map(|sample| integer(*sample)).collect())
    }

    /// The end of a sound of the conversation: the rest of it.
    ///
    /// # Errors
    /// [`CodecError`].
    pub fn end(&mut self) -> Result<Vec<i16>, CodecError> {
        match &mut self.down {
            None => Ok(Vec::new()),
            Some(down) => Ok(down.finish()?.iter().map(|sample| integer(*sample)).collect()),
        }
    }
}

fn floats(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect()
}

fn integer(sample: f32) -> i16 {
    (sample * 32_768.0).clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
}
