use std::f32::consts::TAU;

use proptest::prelude::*;

use super::*;

fn tone(rate: Rate, hertz: f32, from: usize, samples: usize) -> Vec<i16> {
    (from..from + samples)
        .map(|at| (8_000.0 * (TAU * hertz * at as f32 / rate.hertz() as f32).sin()) as i16)
        .collect()
}

fn power(sound: &[i16]) -> f32 {
    sound.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / sound.len() as f32
}

#[test]
fn a_lost_packet_of_a_tone_is_hardly_heard() {
    for rate in [Rate::Narrow, Rate::Wide] {
        for hertz in [80.0, 123.0, 150.0, 190.0, 440.0] {
            let frame = rate.frame();
            let mut concealer = Concealer::new(rate);
            let mut before = tone(rate, hertz, 0, frame * 5);
            concealer.heard(&mut before);
            let made = concealer.conceal(frame);
            let lost = tone(rate, hertz, frame * 5, frame);
            let error: Vec<i16> =
                made.iter().zip(&lost).map(|(made, lost)| made.saturating_sub(*lost)).collect();
            // The second half has faded to 80 %.
            let ratio = power(&lost) / power(&error);
            assert!(ratio > 10.0, "{hertz} Hz at {rate:?}: {ratio}");
            let mut after = tone(rate, hertz, frame * 6, frame);
            let real = after.clone();
            concealer.heard(&mut after);
            assert_eq!(after[frame / 2..], real[frame / 2..], "after 10 ms it is as it came");
            let joint = (made[frame - 1] - after[0]).unsigned_abs();
            let steepest = (8_000.0 * TAU * hertz / rate.hertz() as f32) as u16 + 1;
            assert!(joint < 3 * steepest + 400, "{hertz} Hz at {rate:?}: a step of {joint}");
        }
    }
}

#[test]
fn the_first_sample_goes_on_from_the_last_one_heard() {
    // Noise has no period: the step would be any size.
    let mut state = 7_u32;
    let mut noise: Vec<i16> = (0..1_600)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 18) as i16
        })
        .collect();
    let mut concealer = Concealer::new(Rate::Narrow);
    concealer.heard(&mut noise);
    let period = Gap::new(&concealer.heard, 1).period;
    let repeated = f32::from(noise[1_600 - period]) - f32::from(noise[1_600 - period - 1]);
    let made = concealer.conceal(160);
    let step = f32::from(made[0]) - f32::from(noise[1_599]);
    assert!((step - repeated).abs() < 0.15 * f32::from(i16::MAX), "{step} {repeated}");
}

#[test]
fn a_long_gap_fades_to_silence_within_60_ms() {
    let mut concealer = Concealer::new(Rate::Narrow);
    concealer.heard(&mut tone(Rate::Narrow, 150.0, 0, 800));
    let powers: Vec<f32> = (0..8).map(|_| power(&concealer.conceal(80))).collect();
    assert!(powers.windows(2).all(|pair| pair[1] <= pair[0] * 1.3), "{powers:?}");
    assert!(powers[0] > 2e7 && powers[3] < powers[0] / 2.0, "{powers:?}");
    assert_eq!(&powers[6..], [0.0, 0.0]);
}

proptest! {
    #[test]
    fn any_sound_and_any_gaps_give_as_many_samples_as_are_wanted(
        parts in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<i16>(), 0..400)), 0..20),
        wide in any::<bool>(),
    ) {
        let mut concealer = Concealer::new(if wide { Rate::Wide } else { Rate::Narrow });
        for (lost, mut sound) in parts {
            if lost {
                prop_assert_eq!(concealer.conceal(sound.len()).len(), sound.len());
            } else {
                concealer.heard(&mut sound);
            }
        }
    }
}
