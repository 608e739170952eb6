//! What a person read aloud, made ready to be played instead of a synthetic voice: no silence around it, as loud as every
//! other recording, and known by its sentences.

use std::num::NonZero;

use ebur128::{EbuR128, Mode};

use crate::vad::EarshotDetector;
use crate::{SAMPLE_RATE, VoiceActivityDetector};

/// Loudness of every recording, in LUFS of a mono programme.
///
/// Source: EBU R 128 asks for -23 LUFS of broadcasts; telephones and small loudspeakers in the open need more, and the
/// recommendations for speech on mobile devices (AES TD1004, -20 to -16 LUFS) name this middle.
pub const LOUDNESS: f64 = -18.0;
/// No peak between samples is above this, in dB of full scale (EBU R 128: -1 dBTP).
const HIGHEST_PEAK: f64 = -1.0;
/// Left before and after the speech, in seconds: a consonant begins before a detector is sure of it.
const MARGIN: f32 = 0.15;
/// Faded in and out, in seconds, so that a cut is not heard.
const FADE: f32 = 0.01;
/// A detector's probability from which on a frame is speech.
const SPEECH: f32 = 0.5;
/// Frames that are averaged by the detector's neighbours: a click is not speech.
const STEADY: usize = 4;
/// The shortest answer that anybody reads, in seconds of speech.
const SHORTEST: f32 = 0.4;
/// The longest answer that anybody listens to, in seconds.
pub const LONGEST: f32 = 180.0;
/// More than this share of the samples at full scale: it was recorded too loud, and cannot be mended.
const CLIPPED: f64 = 0.002;

/// Why a recording cannot be used. Every message says what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecordingError {
    /// Nobody speaks in it.
    #[error("nobody is heard speaking in it: record it again, nearer to the microphone")]
    NoSpeech,
    /// It is longer than [`LONGEST`].
    #[error(
        "it is {0:.0} s long, and {LONGEST:.0} s are the most: read the short spoken answer, not the whole page"
    )]
    TooLong(f32),
    /// It was recorded too loud.
    #[error(
        "{0:.1} % of it is cut off at full scale: record it again with less gain or farther from the microphone"
    )]
    Clipped(f64),
    /// The loudness could not be measured.
    #[error("its loudness cannot be measured: {0}")]
    Loudness(String),
}

/// A recording that is ready to be played.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// 16 kHz mono in [-1, 1].
    pub samples: Vec<f32>,
    /// What was done to its loudness, in dB.
    pub gain: f64,
    /// Seconds of silence that were taken away at both ends.
    pub trimmed: f32,
}

/// Makes a recording ready: trimmed to the speech in it and brought to [`LOUDNESS`]. `samples` are 16 kHz mono in [-1, 1].
///
/// # Errors
/// [`RecordingError`].
pub fn prepare(samples: &[f32]) -> Result<Recording, RecordingError> {
    let seconds = samples.len() as f32 / SAMPLE_RATE as f32;
    if seconds > LONGEST {
        return Err(RecordingError::TooLong(seconds));
    }
    let full = samples.iter().filter(|sample| sample.abs() >= 0.999).count();
    let clipped = full as f64 / samples.len().max(1) as f64;
    if clipped > CLIPPED {
        return Err(RecordingError::Clipped(clipped * 100.0));
    }
    let (from, to) = speech_in(samples).ok_or(RecordingError::NoSpeech)?;
    let margin = (MARGIN * SAMPLE_RATE as f32) as usize;
    let (from, to) = (from.saturating_sub(margin), samples.len().min(to + margin));
    let mut kept = samples[from..to].to_vec();
    let gain = gain_of(&kept)?;
    let factor = 10_f64.powf(gain / 20.0) as f32;
    for sample in &mut kept {
        *sample *= factor;
    }
    fade(&mut kept);
    Ok(Recording { trimmed: (samples.len() - kept.len()) as f32 / SAMPLE_RATE as f32, samples: kept, gain })
}

/// From where to where somebody speaks, in samples.
fn speech_in(samples: &[f32]) -> Option<(usize, usize)> {
    let mut detector = EarshotDetector::new();
    let frame = detector.frame_samples();
    let heard: Vec<bool> = samples.chunks(frame).map(|frame| detector.probability(frame) >= SPEECH).collect();
    let mut steady =
        heard.windows(STEADY).enumerate().filter(|(_, frames)| frames.iter().all(|heard| *heard));
    let (first, _) = steady.next()?;
    let last = steady.next_back().map_or(first, |(last, _)| last) + STEADY;
    let speaking = heard[first..last].iter().filter(|heard| **heard).count() * frame;
    let enough = speaking as f32 >= SHORTEST * SAMPLE_RATE as f32;
    enough.then(|| (first * frame, samples.len().min(last * frame)))
}

/// What brings it to [`LOUDNESS`] without a peak above [`HIGHEST_PEAK`], in dB.
fn gain_of(samples: &[f32]) -> Result<f64, RecordingError> {
    let broken = |error: ebur128::Error| RecordingError::Loudness(error.to_string());
    let mut meter = EbuR128::new(1, SAMPLE_RATE, Mode::I | Mode::TRUE_PEAK).map_err(broken)?;
    meter.add_frames_f32(samples).map_err(broken)?;
    let mut loudness = meter.loudness_global().map_err(broken)?;
    if !loudness.is_finite() {
        // Less than one block of 400 ms: the loudest moment counts.
        let mut meter = EbuR128::new(1, SAMPLE_RATE, Mode::M).map_err(broken)?;
        meter.add_frames_f32(samples).map_err(broken)?;
        meter.add_frames_f32(&vec![0.0; SAMPLE_RATE as usize / 2]).map_err(broken)?;
        loudness = meter.loudness_momentary().map_err(broken)?;
    }
    let peak = 20.0 * meter.true_peak(0).map_err(broken)?.max(1e-6).log10();
    if !loudness.is_finite() {
        return Err(RecordingError::NoSpeech);
    }
    Ok((LOUDNESS - loudness).min(HIGHEST_PEAK - peak))
}

fn fade(samples: &mut [f32]) {
    let length = ((FADE * SAMPLE_RATE as f32) as usize).min(samples.len() / 2).max(1);
    for i in 0..length.min(samples.len()) {
        let factor = i as f32 / length as f32;
        samples[i] *= factor;
        let last = samples.len() - 1 - i;
        samples[last] *= factor;
    }
}

/// How far from its expected place a pause is taken for the end of a sentence, as a share of the whole.
const REACH: f32 = 0.12;
/// Energy is looked at in pieces of so many seconds.
const WINDOW: f32 = 0.02;

/// Where the sentences of a recording end, for marks and for going on from one: for `lengths` (how long each is said to be, in
/// any unit) all ends but the last, in samples, in order. Each is in the deepest pause near the place that the lengths say; where
/// there is no pause, at that place. An estimate: the words are not aligned.
pub fn sentence_ends(samples: &[f32], lengths: &[f32]) -> Vec<usize> {
    let total: f32 = lengths.iter().sum();
    if lengths.len() < 2 || total <= 0.0 {
        return Vec::new();
    }
    let window = (WINDOW * SAMPLE_RATE as f32) as usize;
    let energy: Vec<f32> = samples
        .chunks(window)
        .map(|piece| piece.iter().map(|s| s * s).sum::<f32>() / piece.len() as f32)
        .collect();
    let smooth = smoothed(&energy);
    let mut ends = Vec::with_capacity(lengths.len() - 1);
    let (mut said, mut least) = (0.0, 0);
    for length in &lengths[..lengths.len() - 1] {
        said += length;
        let expected = said / total * smooth.len() as f32;
        let reach = REACH * smooth.len() as f32;
        let from = (((expected - reach).max(0.0)) as usize).max(least);
        let to = ((expected + reach) as usize + 1).min(smooth.len());
        let quietest = (from..to).min_by(|a, b| {
            // Among equally quiet places the nearest.
            let far = |at: usize| (at as f32 - expected).abs() / reach.max(1.0);
            let cost = |at: usize| smooth[at].max(1e-7).log10() + far(at);
            cost(*a).total_cmp(&cost(*b))
        });
        let end = quietest.unwrap_or_else(|| (expected as usize).max(least).min(smooth.len()));
        least = end + 1;
        ends.push((end * window + window / 2).min(samples.len()));
    }
    ends
}

/// Over some 100 ms: a pause between sentences is longer than the closure of a stop.
fn smoothed(energy: &[f32]) -> Vec<f32> {
    (0..energy.len())
        .map(|i| {
            let around = &energy[i.saturating_sub(2)..energy.len().min(i + 3)];
            around.iter().sum::<f32>() / around.len() as f32
        })
        .collect()
}

/// The same words slower (`rate` below 1) or faster, at the same pitch.
pub fn at_rate(samples: &[f32], rate: f32) -> Vec<f32> {
    const ONE: NonZero<u16> = NonZero::new(1).unwrap();
    const RATE: NonZero<u32> = NonZero::new(SAMPLE_RATE).unwrap();
    if (rate - 1.0).abs() < 0.01 || samples.is_empty() {
        return samples.to_vec();
    }
    let stretched = wsola::stretch(samples, RATE, ONE, rate.clamp(0.4, 2.5));
    // It refuses only what the clamp excludes.
    stretched.unwrap_or_else(|_| samples.to_vec())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use language::Language;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::resample::Resampler;
    use crate::synthesizer::{EspeakSettings, EspeakVoice};
    use crate::{SpeechRequest, Synthesizer as _};

    /// Words at 16 kHz; `None` where espeak-ng is not installed.
    fn spoken(text: &str, language: Language) -> Option<Vec<f32>> {
        let folder = tempfile::tempdir().unwrap();
        let mut voice = match EspeakVoice::new(EspeakSettings::default(), folder.path()) {
            Ok(voice) => voice,
            Err(error) => {
                println!("skipped: {error}");
                return None;
            }
        };
        let request = SpeechRequest { text: text.to_owned(), language, rate: 1.0 };
        let clip = voice.synthesize(&request, &AtomicBool::new(false)).unwrap();
        let mut resampler = Resampler::new(clip.sample_rate, SAMPLE_RATE).unwrap();
        let mut samples = resampler.push(&clip.samples).unwrap();
        samples.extend(resampler.finish().unwrap());
        Some(samples)
    }

    fn silence(seconds: f32) -> Vec<f32> {
        vec![0.0; (seconds * SAMPLE_RATE as f32) as usize]
    }

    fn loudness(samples: &[f32]) -> f64 {
        let mut meter = EbuR128::new(1, SAMPLE_RATE, Mode::I).unwrap();
        meter.add_frames_f32(samples).unwrap();
        meter.loudness_global().unwrap()
    }

    #[test]
    fn quiet_and_loud_readings_come_out_alike_and_without_the_silence_around_them() {
        for (text, language) in
            [("请带上身份证和户口本去派出所办理。", Language::Zh), ("ཐོབ་ཐང་ལག་ཁྱེར་བརྗེ་དགོས་རེད།", Language::Bo)]
        {
            let Some(words) = spoken(text, language) else { return };
            for factor in [0.05, 1.0] {
                let read: Vec<f32> = words.iter().map(|s| s * factor).collect();
                let around = [silence(2.0), read, silence(1.5)].concat();
                let ready = prepare(&around).unwrap();
                let seconds = ready.samples.len() as f32 / SAMPLE_RATE as f32;
                let of_words = words.len() as f32 / SAMPLE_RATE as f32;
                assert!(
                    (of_words - 0.6..=of_words + 0.4).contains(&seconds),
                    "{text}: {seconds} of {of_words}"
                );
                assert!(
                    (loudness(&ready.samples) - LOUDNESS).abs() < 1.0,
                    "{text}: {}",
                    loudness(&ready.samples)
                );
                let peak = ready.samples.iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
                assert!(peak <= 0.9, "{peak}");
            }
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_a_remedy() {
        assert_eq!(prepare(&[]), Err(RecordingError::NoSpeech));
        assert_eq!(prepare(&silence(3.0)), Err(RecordingError::NoSpeech));
        let hum: Vec<f32> =
            (0..48_000).map(|i| (i as f32 * 50.0 * std::f32::consts::TAU / 16_000.0).sin() * 0.3).collect();
        assert_eq!(prepare(&hum), Err(RecordingError::NoSpeech));
        assert!(matches!(prepare(&silence(181.0)), Err(RecordingError::TooLong(_))));
        let square: Vec<f32> = (0..16_000).map(|i| if i / 40 % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let error = prepare(&square).unwrap_err();
        assert!(error.to_string().contains("less gain"), "{error}");
    }

    #[test]
    fn sentences_end_in_the_pauses_of_the_reader() {
        let texts = ["请带上身份证。", "到户籍所在地的派出所办理，不收费用。", "十个工作日后领取。"];
        let mut whole = Vec::new();
        let mut pauses = Vec::new();
        for text in texts {
            let Some(words) = spoken(text, Language::Zh) else { return };
            whole.extend(words);
            let from = whole.len();
            whole.extend(silence(0.35));
            pauses.push(from..whole.len());
        }
        let lengths: Vec<f32> = texts.iter().map(|text| text.chars().count() as f32).collect();
        let ends = sentence_ends(&whole, &lengths);
        assert_eq!(ends.len(), 2);
        // espeak-ng ends every sentence with a silence of its own.
        for (end, pause) in ends.iter().zip(&pauses) {
            let around = pause.start.saturating_sub(8_000)..pause.end;
            assert!(around.contains(end), "{end} is not in {around:?}");
        }
    }

    #[test]
    fn slower_is_longer_and_as_high() {
        let tone: Vec<f32> =
            (0..32_000).map(|i| (i as f32 * 200.0 * std::f32::consts::TAU / 16_000.0).sin() * 0.5).collect();
        let slow = at_rate(&tone, 0.8);
        let ratio = slow.len() as f32 / tone.len() as f32;
        assert!((1.2..1.3).contains(&ratio), "{ratio}");
        let crossings = |s: &[f32]| s.windows(2).filter(|p| p[0] <= 0.0 && p[1] > 0.0).count() as f32;
        let pitch = crossings(&slow) / slow.len() as f32 * 16_000.0;
        assert!((190.0..210.0).contains(&pitch), "{pitch} Hz");
        assert_eq!(at_rate(&tone, 1.0), tone);
    }

    proptest! {
        #[test]
        fn ends_of_sentences_are_in_order_and_inside(
            samples in proptest::collection::vec(-1.0_f32..1.0, 0..20_000),
            lengths in proptest::collection::vec(0.0_f32..50.0, 0..12),
        ) {
            let ends = sentence_ends(&samples, &lengths);
            prop_assert!(ends.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(ends.iter().all(|end| *end <= samples.len()));
        }
    }
}
