//! What is heard in place of packets that are lost: waveform substitution after ITU-T G.711, appendix I.
//!
//! The last pitch periods are repeated, one for the first 10 ms, then two, then three; the sound fades from 10 ms on and is silent after
//! 60 ms; what comes afterwards is cross-faded in. Unlike the appendix, nothing is delayed by 3.75 ms: the step between what was heard and
//! the first repetition is not cross-faded but a correction that fades within a quarter of a period.

use crate::leg::Rate;

/// The shortest pitch period, in samples at 8 kHz: 200 Hz.
const SHORTEST: usize = 40;
/// The longest: 66 Hz.
const LONGEST: usize = 120;
/// Samples at 8 kHz that are compared to find the period: 20 ms.
const COMPARED: usize = 160;
/// Samples at 8 kHz in 10 ms.
const STEP: usize = 80;
/// Samples at 8 kHz that are remembered: three periods and a quarter, as in the appendix.
const REMEMBERED: usize = 390;

/// Fills gaps in a stream of sound.
#[derive(Debug)]
pub(super) struct Concealer {
    /// 1 at 8 kHz, 2 at 16 kHz.
    scale: usize,
    heard: Vec<f32>,
    gap: Option<Gap>,
}

/// A gap that is being filled.
#[derive(Debug)]
struct Gap {
    period: usize,
    /// What is repeated in the first, second and third 10 ms: one, two, three periods.
    cycles: [Vec<f32>; 3],
    /// What has to be added to the first sample so that it goes on from the last one heard.
    step: f32,
    /// Samples filled so far.
    filled: usize,
}

impl Concealer {
    /// For sound at that rate.
    pub(super) fn new(rate: Rate) -> Self {
        let scale = rate.frame() / Rate::Narrow.frame();
        Self { scale, heard: vec![0.0; REMEMBERED * scale], gap: None }
    }

    /// Sound that has come; after a gap, its beginning is cross-faded with the filling.
    pub(super) fn heard(&mut self, sound: &mut [i16]) {
        if let Some(mut gap) = self.gap.take() {
            // A quarter of a period and 4 ms for each 10 ms, at most 10 ms (appendix I, section I.2.6).
            let step = STEP * self.scale;
            let fade = (gap.period / 4 + gap.filled * 2 / 5).min(step).min(sound.len());
            for (at, sample) in sound[..fade].iter_mut().enumerate() {
                let share = (at + 1) as f32 / (fade + 1) as f32;
                *sample = (share * f32::from(*sample) + (1.0 - share) * gap.next(self.scale)) as i16;
            }
        }
        self.remember(sound);
    }

    /// Silence or noise that was not lost: the next gap has nothing to go on from.
    pub(super) fn paused(&mut self, sound: &[i16]) {
        self.gap = None;
        self.remember(sound);
    }

    /// Sound for a gap, or for the next part of one.
    pub(super) fn conceal(&mut self, samples: usize) -> Vec<i16> {
        let mut gap = self.gap.take().unwrap_or_else(|| Gap::new(&self.heard, self.scale));
        let filling = (0..samples).map(|_| gap.next(self.scale) as i16).collect();
        self.gap = Some(gap);
        filling
    }

    fn remember(&mut self, sound: &[i16]) {
        let kept = self.heard.len();
        self.heard.extend(sound.iter().map(|sample| f32::from(*sample)));
        self.heard.drain(..self.heard.len() - kept);
    }
}

impl Gap {
    fn new(heard: &[f32], scale: usize) -> Self {
        let period = period(heard, scale);
        let cycles = [1, 2, 3].map(|periods| cycle(heard, period * periods, period / 4));
        let step = heard[heard.len() - 1] - heard[heard.len() - period - 1];
        Self { period, cycles, step, filled: 0 }
    }

    fn next(&mut self, scale: usize) -> f32 {
        let (at, ten) = (self.filled, STEP * scale);
        self.filled += 1;
        let quarter = (self.period / 4).max(1);
        let sample = |number: usize| {
            let cycle = &self.cycles[number];
            cycle[at % cycle.len()]
        };
        let number = (at / ten).min(2);
        // Where one more period comes in, it is faded in over a quarter of one.
        let since = at - number * ten;
        let value = if number > 0 && since < quarter {
            let share = since as f32 / quarter as f32;
            share * sample(number) + (1.0 - share) * sample(number - 1)
        } else {
            sample(number)
        };
        let correction = self.step * (1.0 - (at + 1) as f32 / quarter as f32).max(0.0);
        // 20 % in 10 ms, beginning after the first 10 ms; silence after 60 ms.
        let gain = (1.0 - 0.2 * (at as f32 / ten as f32 - 1.0)).clamp(0.0, 1.0);
        (gain * (value + correction)).clamp(-32_768.0, 32_767.0)
    }
}

/// The last `length` samples, their end faded into what came before their beginning, so that they can be repeated.
fn cycle(heard: &[f32], length: usize, fade: usize) -> Vec<f32> {
    let start = heard.len() - length;
    let mut cycle = heard[start..].to_vec();
    for at in 0..fade.min(start) {
        let share = (at + 1) as f32 / (fade + 1) as f32;
        let to = length - fade + at;
        cycle[to] = (1.0 - share) * cycle[to] + share * heard[start - fade + at];
    }
    cycle
}

/// The pitch period in samples: the lag at which the last 20 ms are most like what came before. The appendix looks at every second sample
/// first, to save time that is no longer scarce; a period that is half a sample off is heard after three repetitions.
fn period(heard: &[f32], scale: usize) -> usize {
    let compared = COMPARED * scale;
    let template = &heard[heard.len() - compared..];
    let likeness = |lag: usize| {
        let before = &heard[heard.len() - compared - lag..heard.len() - lag];
        let product: f32 = template.iter().zip(before).map(|(now, then)| now * then).sum();
        let energy: f32 = before.iter().map(|then| then * then).sum();
        product / (energy + 1.0).sqrt()
    };
    let lags = SHORTEST * scale..=LONGEST * scale;
    let likely = lags.map(|lag| (lag, likeness(lag))).max_by(|a, b| a.1.total_cmp(&b.1));
    likely.map_or(SHORTEST * scale, |(lag, _)| lag)
}

#[cfg(test)]
#[path = "conceal_tests.rs"]
mod tests;
