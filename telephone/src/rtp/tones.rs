//! Keys as tones in the sound (ITU-T Q.23), for peers that know no events: found by Goertzel's algorithm, made by two sines.

use std::f32::consts::TAU;

use crate::leg::{Digit, Rate};

const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// The weakest tone, as the mean power of a frame relative to a full-scale sine: -30 dB.
const WEAKEST: f32 = 1e-3;
/// The share of a frame's power that the two tones must have: speech has harmonics besides.
const SHARE: f32 = 0.8;
/// How much stronger a tone must be than the others of its group: 6 dB.
const ABOVE: f32 = 4.0;
/// The columns may be weaker than the rows by 8 dB and stronger by 4 dB (ITU-T Q.24); a little more is let pass.
const TWIST: std::ops::RangeInclusive<f32> = 0.1..=4.0;

/// Finds keys in frames of 20 ms.
#[derive(Debug)]
pub(super) struct Tones {
    rate: Rate,
    last: Option<Digit>,
    told: bool,
}

impl Tones {
    /// For sound at that rate.
    pub(super) const fn new(rate: Rate) -> Self {
        Self { rate, last: None, told: false }
    }

    /// Hears a frame. A key is told when two frames in a row have it, which every tone of 60 ms does, and told again after a frame without it.
    pub(super) fn hear(&mut self, frame: &[i16]) -> Option<Digit> {
        let found = self.find(frame);
        if found != self.last {
            (self.last, self.told) = (found, false);
            return None;
        }
        let told = std::mem::replace(&mut self.told, true);
        found.filter(|_| !told)
    }

    fn find(&self, frame: &[i16]) -> Option<Digit> {
        let samples = frame.len() as f32;
        let power = frame.iter().map(|sample| (f32::from(*sample) / 32_768.0).powi(2)).sum::<f32>() / samples;
        if power < WEAKEST / 2.0 {
            return None;
        }
        let (row, low) = strongest(ROWS.map(|hertz| self.power(frame, hertz)))?;
        let (column, high) = strongest(COLUMNS.map(|hertz| self.power(frame, hertz)))?;
        let fits = low + high >= SHARE * power && TWIST.contains(&(high / low));
        fits.then(|| Digit::new(KEYS[row][column])).flatten()
    }

    /// The mean power at a frequency: Goertzel, "An algorithm for the evaluation of finite trigonometric series" (1958).
    fn power(&self, frame: &[i16], hertz: f32) -> f32 {
        let step = 2.0 * (TAU * hertz / self.rate.hertz() as f32).cos();
        let (mut before, mut last) = (0.0_f32, 0.0_f32);
        for sample in frame {
            let now = f32::from(*sample) / 32_768.0 + step * last - before;
            (before, last) = (last, now);
        }
        let energy = before * before + last * last - step * before * last;
        2.0 * energy / (frame.len() as f32).powi(2)
    }
}

fn strongest(powers: [f32; 4]) -> Option<(usize, f32)> {
    let (at, power) = powers.into_iter().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let alone = powers.iter().enumerate().all(|(other, weaker)| other == at || *weaker * ABOVE < power);
    alone.then_some((at, power))
}

/// Adds the tone of a key to a frame, `start` samples after its beginning; each of its two sines has an amplitude of -10 dB of full scale.
pub(super) fn make(digit: Digit, rate: Rate, start: usize, frame: &mut [i16]) {
    let place = KEYS
        .iter()
        .enumerate()
        .find_map(|(row, keys)| Some((row, keys.iter().position(|key| *key == digit.key())?)));
    let Some((row, column)) = place else { return };
    for (at, sample) in frame.iter_mut().enumerate() {
        let turn = TAU * (start + at) as f32 / rate.hertz() as f32;
        *sample = (10_000.0 * ((turn * ROWS[row]).sin() + (turn * COLUMNS[column]).sin())) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_is_made_is_found_once_at_both_rates() {
        for rate in [Rate::Narrow, Rate::Wide] {
            let mut tones = Tones::new(rate);
            for digit in "1234567890*#ABCD".chars().filter_map(Digit::new) {
                let mut found = Vec::new();
                // Not aligned with frames: 70 ms in the middle of 140.
                let mut sound = vec![0; rate.frame() * 7];
                let (from, to) = (rate.frame() * 7 / 4, rate.frame() * 21 / 4);
                make(digit, rate, 0, &mut sound[from..to]);
                for frame in sound.chunks(rate.frame()) {
                    found.extend(tones.hear(frame));
                }
                assert_eq!(found, [digit]);
            }
        }
    }

    #[test]
    fn a_single_tone_noise_and_two_tones_of_one_group_are_no_keys() {
        let mut tones = Tones::new(Rate::Narrow);
        let sine = |hertz: f32, at: usize| (10_000.0 * (TAU * hertz * at as f32 / 8_000.0).sin()) as i16;
        let mut state = 1_u32;
        let sounds: [Vec<i16>; 4] = [
            (0..1_600).map(|at| sine(697.0, at)).collect(),
            (0..1_600).map(|at| sine(697.0, at) + sine(852.0, at)).collect(),
            (0..1_600).map(|at| sine(697.0, at) + sine(1_209.0, at) + sine(2_000.0, at)).collect(),
            (0..16_000)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 16) as i16
                })
                .collect(),
        ];
        for sound in sounds {
            assert!(sound.chunks(160).all(|frame| tones.hear(frame).is_none()));
        }
    }
}
