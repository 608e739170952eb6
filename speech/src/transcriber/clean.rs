//! What an engine is given of a clip, so that no clip can confuse one.

use std::borrow::Cow;

/// The smallest step of 16-bit sound. A clip that never leaves (-`STEP`, `STEP`) is digital silence, whatever it was before.
const STEP: f32 = 1.0 / 32_768.0;

/// The samples of a clip that can be transcribed, as [`usable`] makes them. `None` where there is nothing to hear: an empty
/// clip or digital silence, over which some recognisers write made-up text.
pub(super) fn audible(audio: &[f32]) -> Option<Cow<'_, [f32]>> {
    is_audible(audio).then(|| usable(audio))
}

/// Whether there is something to hear.
pub(super) fn is_audible(audio: &[f32]) -> bool {
    audio.iter().any(|&sample| usable_sample(sample).abs() >= STEP)
}

/// Samples as engines may be given them: what is not finite counts as 0, what is louder than ±1 as ±1. A broken device shall
/// not make a network's whole output NaN.
pub(super) fn usable(audio: &[f32]) -> Cow<'_, [f32]> {
    // NaN is never in a range.
    if audio.iter().all(|sample| (-1.0..=1.0).contains(sample)) {
        return Cow::Borrowed(audio);
    }
    audio.iter().map(|&sample| usable_sample(sample)).collect()
}

const fn usable_sample(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_passed_on_as_it_is() {
        assert!(matches!(audible(&[0.0, 0.5, -1.0]), Some(Cow::Borrowed([0.0, 0.5, -1.0]))));
        assert!(matches!(usable(&[0.0; 2]), Cow::Borrowed([0.0, 0.0])));
    }

    #[test]
    fn what_is_no_number_is_silence_and_what_is_too_loud_is_cut() {
        let clip = [f32::NAN, 0.5, f32::INFINITY, -7.0];
        assert_eq!(audible(&clip).unwrap().as_ref(), [0.0, 0.5, 0.0, -1.0]);
    }

    #[test]
    fn there_is_nothing_to_hear_in_digital_silence() {
        for clip in [vec![], vec![0.0; 16_000], vec![f32::NAN; 9], vec![1e-5; 400]] {
            assert!(audible(&clip).is_none(), "{:?}", &clip[..clip.len().min(3)]);
        }
        assert!(audible(&[0.0, 2.0 * STEP]).is_some());
    }
}
