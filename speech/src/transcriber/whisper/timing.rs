//! When Whisper's words were spoken, as far as the sound tells.
//!
//! Whisper writes without saying when: it is decoded without timestamps, which fine-tuned models have often forgotten. whisper.cpp's
//! `token_timestamps` then cannot be used (version 1.8 takes the missing timestamp tokens for token 0 and gives times of minus
//! a thousand seconds), and its alignment by cross-attention needs a list of attention heads for every model. So this does what
//! `token_timestamps` falls back to: the time in which somebody speaks is shared out among the syllables, and pauses belong to
//! none. The times are estimates: within a phrase they are as good as people speak evenly.

use language::Script;

use crate::{SAMPLE_RATE, decode::TimedCharacter};

/// Samples of a frame whose loudness is looked at: 10 ms.
const FRAME: usize = SAMPLE_RATE as usize / 100;

/// Milliseconds of a frame.
const FRAME_MS: u32 = 10;

/// A frame is voiced where it is so far from the quiet frames to the loud ones (the tenth and the ninetieth of a hundred).
const VOICED: f32 = 0.15;

/// Shorter silences are part of speaking: the closures of stops last up to 150 ms.
const PAUSE_FRAMES: usize = 15;

/// How long a letter or digit of another script than Chinese and Tibetan takes, in syllables: a digit is one, and a syllable of English
/// has about three letters.
const LETTER: f32 = 0.35;

/// The characters of a text, each with how sure the engine is of it, laid onto the sound that they were heard in.
pub(super) fn timed(characters: &[(char, f32)], audio: &[f32]) -> Vec<TimedCharacter> {
    let lengths = lengths(characters);
    let (all, spans) = (lengths.iter().sum::<f32>(), voiced(audio));
    let voiced: u32 = spans.iter().map(|(start, end)| end - start).sum();
    let per_syllable = if all > 0.0 { voiced as f32 / all } else { 0.0 };
    let mut said = 0.0;
    let place = |(&(character, confidence), length): (&(char, f32), f32)| {
        let start_ms = time_of((said * per_syllable).round() as u32, &spans, Edge::Begins);
        said += length;
        let end_ms = time_of((said * per_syllable).round() as u32, &spans, Edge::Ends);
        // What takes no time stands where the next begins.
        TimedCharacter { character, start_ms, end_ms: end_ms.max(start_ms), confidence: Some(confidence) }
    };
    characters.iter().zip(lengths).map(place).collect()
}

/// How long every character takes to say, in syllables; 0 for punctuation and spaces.
fn lengths(characters: &[(char, f32)]) -> Vec<f32> {
    let is_letter = |character: char| {
        Script::of(character) == Script::Tibetan && !matches!(character, '་' | '༌' | '།' | '༎' | '༏' | '༑')
    };
    let mut lengths = Vec::with_capacity(characters.len());
    let mut rest = characters;
    while let Some(&(first, _)) = rest.first() {
        // The letters of a Tibetan syllable share one.
        let letters = rest.iter().take_while(|(character, _)| is_letter(*character)).count();
        let length = match Script::of(first) {
            _ if letters > 0 => 1.0 / letters as f32,
            Script::Han => 1.0,
            _ if first.is_numeric() => 1.0,
            _ if first.is_alphanumeric() => LETTER,
            _ => 0.0,
        };
        let count = letters.max(1);
        lengths.extend(std::iter::repeat_n(length, count));
        rest = &rest[count..];
    }
    lengths
}

/// Where somebody speaks, in milliseconds: at least one span, in order.
fn voiced(audio: &[f32]) -> Vec<(u32, u32)> {
    let loudness: Vec<f32> = audio
        .chunks(FRAME)
        .map(|frame| frame.iter().map(|sample| sample.abs()).sum::<f32>() / frame.len() as f32)
        .collect();
    let mut sorted = loudness.clone();
    sorted.sort_unstable_by(f32::total_cmp);
    let of_hundred = |part: usize| sorted.get(sorted.len() * part / 100).copied().unwrap_or_default();
    let (quiet, loud) = (of_hundred(10), of_hundred(90));
    let threshold = quiet + VOICED * (loud - quiet);
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (frame, _) in loudness.iter().enumerate().filter(|(_, loudness)| **loudness > threshold) {
        match spans.last_mut() {
            Some((_, end)) if frame < *end + PAUSE_FRAMES => *end = frame + 1,
            _ => spans.push((frame, frame + 1)),
        }
    }
    // A sound that is equally loud throughout is all voice.
    if spans.is_empty() {
        spans.push((0, loudness.len()));
    }
    spans.into_iter().map(|(start, end)| (start as u32 * FRAME_MS, end as u32 * FRAME_MS)).collect()
}

/// Which side of a pause is meant where a word ends or begins at one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Begins,
    Ends,
}

/// The time at which so many milliseconds of voice have gone by.
fn time_of(mut voiced: u32, spans: &[(u32, u32)], edge: Edge) -> u32 {
    for &(start, end) in spans {
        let length = end - start;
        if voiced < length || (voiced == length && edge == Edge::Ends) {
            return start + voiced;
        }
        voiced -= length;
    }
    spans.last().map_or(0, |&(_, end)| end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::words;

    /// A tone of so many milliseconds, or silence.
    fn sound(parts: &[(bool, usize)]) -> Vec<f32> {
        let part = |&(loud, ms): &(bool, usize)| {
            (0..ms * 16).map(move |i| if loud { 0.3 * (i as f32 * 0.2).sin() } else { 0.0 })
        };
        parts.iter().flat_map(part).collect()
    }

    fn times(text: &str, audio: &[f32]) -> Vec<(String, u32, u32)> {
        let characters: Vec<(char, f32)> = text.chars().map(|character| (character, 0.5)).collect();
        let words = words(&timed(&characters, audio));
        words.into_iter().map(|word| (word.text, word.start_ms, word.end_ms)).collect()
    }

    #[test]
    fn syllables_share_the_time_in_which_somebody_speaks_and_pauses_belong_to_none() {
        let audio = sound(&[(false, 200), (true, 400), (false, 600), (true, 400), (false, 300)]);
        let expected = |words: [&str; 4]| {
            let times = [(200, 400), (400, 600), (1200, 1400), (1400, 1600)];
            words.iter().zip(times).map(|(word, (a, b))| ((*word).to_owned(), a, b)).collect::<Vec<_>>()
        };
        assert_eq!(times("办社，保卡。", &audio), expected(["办", "社", "保", "卡"]));
        assert_eq!(times("བོད་སྐད། ཡོད་པས་", &audio), expected(["བོད", "སྐད", "ཡོད", "པས"]));
    }

    #[test]
    fn digits_are_syllables_and_letters_a_third_of_one() {
        let audio = sound(&[(true, 2_700)]);
        let times = times("办12 wifi", &audio);
        let long: Vec<u32> = times.iter().map(|(_, start, end)| end - start).collect();
        assert!(long[1] > long[0] && long[2] > long[0] && long[1].abs_diff(2 * long[0]) < 10, "{times:?}");
    }

    #[test]
    fn whatever_the_sound_and_the_text_are_times_are_in_order_and_within_it() {
        let noise = |i: usize| (i as f32 * 12.9898).sin() * 0.1;
        let clips =
            [Vec::new(), vec![0.0; 100], vec![0.0; 8_000], vec![0.5; 8_000], (0..9_000).map(noise).collect()];
        for audio in clips {
            for text in ["", "。", "社", "社保卡，ཁ་གསབ་ wifi 12", " ་་ "] {
                let characters: Vec<(char, f32)> = text.chars().map(|character| (character, 0.5)).collect();
                let timed = timed(&characters, &audio);
                assert_eq!(timed.len(), characters.len());
                assert!(timed.iter().all(|c| c.start_ms <= c.end_ms));
                assert!(
                    timed.iter().all(|c| c.end_ms as usize <= audio.len().div_ceil(FRAME) * 10),
                    "{timed:?}"
                );
                assert!(timed.windows(2).all(|pair| pair[0].start_ms <= pair[1].start_ms), "{timed:?}");
            }
        }
    }
}
