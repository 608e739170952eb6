//! Words and sentences with their times.

use std::ops::Range;

use language::Script;

use crate::TimedWord;

/// A written character and its place in the sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimedCharacter {
    /// The character.
    pub character: char,
    /// Where it begins, in milliseconds from the start of the audio.
    pub start_ms: u32,
    /// Where it ends.
    pub end_ms: u32,
    /// How sure the engine is of it, 0 to 1; `None` where it does not say.
    pub confidence: Option<f32>,
}

/// A sentence and its place in the sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedSentence {
    /// As written, its closing signs included.
    pub text: String,
    /// Where its first word begins, in milliseconds from the start of the audio.
    pub start_ms: u32,
    /// Where its last word ends.
    pub end_ms: u32,
    /// Its words among those of the reading.
    pub words: Range<usize>,
}

/// What a character is to the words around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A word of its own.
    Alone,
    /// Goes on with characters of the same kind.
    Letter(Script),
    /// Between words.
    Between,
}

/// What a character is to the words around it.
pub(crate) fn part(character: char) -> Part {
    match Script::of(character) {
        Script::Han => Part::Alone,
        // The tsheg, breaking or not, divides syllables.
        Script::Tibetan if matches!(character, '་' | '༌') => Part::Between,
        script @ Script::Tibetan => Part::Letter(script),
        script if character.is_alphanumeric() || matches!(character, '\'' | '’') => Part::Letter(script),
        _ => Part::Between,
    }
}

/// The words of a row of characters: Chinese by the character, Tibetan by the syllable (it ends at the tsheg), everything
/// else at spaces and signs. A word's text holds neither tsheg nor space nor punctuation; it is as sure as its least sure
/// character.
pub fn words(characters: &[TimedCharacter]) -> Vec<TimedWord> {
    let mut out: Vec<TimedWord> = Vec::new();
    let mut open: Option<Part> = None;
    for &TimedCharacter { character, start_ms, end_ms, confidence } in characters {
        let part = part(character);
        match part {
            Part::Letter(_) if open == Some(part) => {
                if let Some(word) = out.last_mut() {
                    word.text.push(character);
                    word.end_ms = word.end_ms.max(end_ms);
                    word.confidence = word.confidence.zip(confidence).map(|(a, b)| a.min(b));
                }
            }
            Part::Letter(_) | Part::Alone => {
                out.push(TimedWord { text: character.to_string(), start_ms, end_ms, confidence });
            }
            Part::Between => {}
        }
        open = Some(part);
    }
    out
}

/// Whether a sentence ends with this character.
const fn ends_sentence(character: char) -> bool {
    matches!(character, '。' | '！' | '？' | '!' | '?' | '；' | ';' | '།' | '༎' | '༏' | '༑')
}

/// What still belongs to a sentence that has ended: a second shad, closing quotes and brackets.
const fn closes(character: char) -> bool {
    ends_sentence(character) || matches!(character, '”' | '’' | '」' | '』' | '）' | ')' | '"')
}

/// The sentences of a reading: its `text` at 。！？； and the shad, with the times of its `words` (which stand in the text in
/// this order). A reading without words has no sentences, since nothing says when.
pub fn sentences(text: &str, words: &[TimedWord]) -> Vec<TimedSentence> {
    let mut out = Vec::new();
    // The words with where they end in the text; what is not found there has no place in a sentence.
    let mut at = 0;
    let mut ends: Vec<Option<usize>> = Vec::with_capacity(words.len());
    for word in words {
        let found = text[at..].find(&word.text).map(|start| at + start + word.text.len());
        at = found.unwrap_or(at);
        ends.push(found);
    }
    let (mut start, mut first) = (0, 0);
    let mut characters = text.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        let next = characters.peek().copied();
        let end = index + character.len_utf8();
        let over = closes(character)
            && text[start..end].contains(ends_sentence)
            && next.is_none_or(|(_, next)| !closes(next));
        if !over && next.is_some() {
            continue;
        }
        let count = ends[first..].iter().take_while(|place| place.is_none_or(|place| place <= end)).count();
        let said = &words[first..first + count];
        if let (Some(begin), Some(last)) = (said.first(), said.last()) {
            out.push(TimedSentence {
                text: text[start..end].trim().to_owned(),
                start_ms: begin.start_ms,
                end_ms: last.end_ms,
                words: first..first + count,
            });
        }
        (start, first) = (end, first + count);
    }
    out
}
