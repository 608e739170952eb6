//! What lies between a mouth and us: telephones, weak links, rooms and noise.

use anyhow::{Context, Result};
use realfft::RealFftPlanner;
use speech::{
    SAMPLE_RATE,
    codec::{
        file,
        opus::{OpusDecoder, OpusEncoder},
        resample::Resampler,
    },
};

use crate::material;

/// Through 8 kHz and G.711 A-law, as a telephone network carries it.
pub(super) fn telephone(samples: &[f32]) -> Result<Vec<f32>> {
    let narrow: Vec<f32> = converted(samples, SAMPLE_RATE, 8_000)?.into_iter().map(a_law).collect();
    converted(&narrow, 8_000, SAMPLE_RATE)
}

/// One sample through A-law and back: logarithmic above 1/A, in eight bits (ITU-T G.711, in its continuous form).
fn a_law(sample: f32) -> f32 {
    const A: f32 = 87.6;
    let top = 1.0 + A.ln();
    let size = sample.abs().min(1.0);
    let squeezed = if size < 1.0 / A { A * size / top } else { (1.0 + (A * size).ln()) / top };
    let stepped = ((squeezed * 128.0).floor() + 0.5) / 128.0;
    let opened = if stepped < 1.0 / top { stepped * top / A } else { (stepped * top - 1.0).exp() / A };
    opened.copysign(sample)
}

fn converted(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>> {
    let mut resampler = Resampler::new(from, to)?;
    let mut out = resampler.push(samples)?;
    out.extend(resampler.finish()?);
    Ok(out)
}

/// Through Opus at 16 kbit/s, the portal's weak-link default.
pub(super) fn weak_link(samples: &[f32]) -> Result<Vec<f32>> {
    let mut decoder = OpusDecoder::new()?;
    let mut out = Vec::with_capacity(samples.len());
    for packet in opus_packets(samples)? {
        out.extend_from_slice(decoder.decode(&packet)?);
    }
    Ok(out)
}

/// 20 ms Opus packets at 16 kbit/s.
pub(super) fn opus_packets(samples: &[f32]) -> Result<Vec<Vec<u8>>> {
    let mut encoder = OpusEncoder::new(SAMPLE_RATE, 16_000)?;
    let mut packets = encoder.push(samples)?;
    packets.extend(encoder.finish()?);
    Ok(packets)
}

/// Rooms and noises of the measurement data.
pub(super) struct Surroundings {
    rooms: Vec<Vec<f32>>,
    noises: Vec<Vec<f32>>,
}

impl Surroundings {
    /// `None`, with a printed message, where the data is not here.
    pub(super) fn load() -> Result<Option<Self>> {
        let Some(folder) = material::data("noise_rir") else { return Ok(None) };
        let load = |name: String| file::decode_path(&folder.join(&name), 60.0).context(name);
        Ok(Some(Self {
            rooms: (1..=4).map(|n| load(format!("rir{n}.wav"))).collect::<Result<_>>()?,
            noises: (1..=5).map(|n| load(format!("noise{n}.wav"))).collect::<Result<_>>()?,
        }))
    }

    /// The speech in room number `number`, with a noise `snr_db` below it.
    pub(super) fn around(&self, samples: &[f32], number: usize, snr_db: f32) -> Vec<f32> {
        let mut wet = convolve(samples, &self.rooms[number % self.rooms.len()]);
        wet.truncate(samples.len());
        let noise = &self.noises[number / self.rooms.len() % self.noises.len()];
        let power = |s: &[f32]| s.iter().map(|x| x * x).sum::<f32>() / s.len().max(1) as f32;
        let start = number * 7919 % noise.len();
        let piece: Vec<f32> = noise.iter().cycle().skip(start).take(wet.len()).copied().collect();
        let gain = (power(&wet) / power(&piece).max(1e-12) / 10_f32.powf(snr_db / 10.0)).sqrt();
        let peak = wet.iter().fold(0.0_f32, |peak, x| peak.max(x.abs())).max(1e-6);
        wet.iter().zip(&piece).map(|(x, n)| (x + gain * n) * (0.5 / peak)).collect()
    }
}

fn convolve(signal: &[f32], response: &[f32]) -> Vec<f32> {
    let size = (signal.len() + response.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, backward) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let spectrum = |samples: &[f32]| {
        let mut input = samples.to_vec();
        input.resize(size, 0.0);
        let mut output = forward.make_output_vec();
        // The buffers are the plan's own sizes, the only thing that can be wrong.
        let _ = forward.process(&mut input, &mut output);
        output
    };
    let (mut one, two) = (spectrum(signal), spectrum(response));
    for (a, b) in one.iter_mut().zip(two) {
        *a *= b / size as f32;
    }
    let mut out = backward.make_output_vec();
    let _ = backward.process(&mut one, &mut out);
    out
}
