//! What texts are found by: units, words and sounds. All of these work on mixed text; scripts tell the languages apart.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;

use crate::numbers::{self, CanonicalNumber};
use crate::script::{self, Run, Script};
use crate::{chinese, tibetan};

/// The smallest unit that text is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Bytes of the text. Units of one loan-word syllable share its range.
    pub range: Range<usize>,
    /// The search key: never shown.
    pub key: String,
    /// [`Script::Han`] for a character, [`Script::Tibetan`] for a syllable, [`Script::Latin`] for a word,
    /// [`Script::Digit`] for a number (also one in words).
    pub script: Script,
}

/// A stretch of text of one kind, numbers in words taken out.
enum Stretch {
    Run(Script, Range<usize>),
    Number(CanonicalNumber),
}

fn stretches(text: &str) -> Vec<Stretch> {
    let runs = script::runs(text);
    let mut out = Vec::with_capacity(runs.len());
    let mut numbers = numbers::canonical_in(text, &runs).into_iter().peekable();
    // A number may end in a later run than it began (3.5万).
    let mut at = 0;
    for run in runs {
        while let Some(number) = numbers.next_if(|n| n.range.start < run.range.end) {
            if number.range.start > at {
                out.push(Stretch::Run(run.script, at..number.range.start));
            }
            at = number.range.end;
            out.push(Stretch::Number(number));
        }
        if at < run.range.end {
            out.push(Stretch::Run(run.script, at..run.range.end));
            at = run.range.end;
        }
    }
    out
}

/// The units of a text: Chinese characters, Tibetan syllables without affixes, Latin words, numbers.
pub fn syllables(text: &str) -> Vec<Unit> {
    // A unit has three bytes at least, unless it is Latin or a number.
    let mut out = Vec::with_capacity(text.len() / 3);
    for stretch in stretches(text) {
        let (script, range) = match stretch {
            Stretch::Number(n) => {
                out.push(Unit { range: n.range, key: n.digits, script: Script::Digit });
                continue;
            }
            Stretch::Run(script, range) => (script, range),
        };
        let start = range.start;
        let slice = &text[range.clone()];
        match script {
            Script::Han => {
                out.extend(slice.char_indices().zip(chinese::fold(slice)).map(|((at, c), folded)| Unit {
                    range: start + at..start + at + c.len_utf8(),
                    key: folded.to_string(),
                    script,
                }));
            }
            Script::Tibetan => {
                for syllable in tibetan::syllables(slice) {
                    let range = start + syllable.range.start..start + syllable.range.end;
                    let keys = tibetan::search_keys(&syllable.text);
                    out.extend(keys.into_iter().map(|key| Unit { range: range.clone(), key, script }));
                }
            }
            Script::Latin => out.push(Unit { range, key: latin_key(slice), script }),
            Script::Digit | Script::Other => {}
        }
    }
    out
}

fn latin_key(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    word.nfkc().collect::<String>().to_lowercase()
}

/// The words of a text: Chinese words (long ones followed by the shorter ones in them), Tibetan syllables without
/// affixes, Latin words, numbers.
pub fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for stretch in stretches(text) {
        match stretch {
            Stretch::Number(n) => out.push(n.digits),
            Stretch::Run(Script::Han, range) => out.extend(chinese::words(&text[range])),
            Stretch::Run(Script::Tibetan, range) => {
                let syllables = tibetan::syllables(&text[range]);
                out.extend(syllables.iter().flat_map(|s| tibetan::search_keys(&s.text)));
            }
            Stretch::Run(Script::Latin, range) => out.push(latin_key(&text[range])),
            Stretch::Run(..) => {}
        }
    }
    out
}

/// Cuts a text into segments that follow each other without gaps: Chinese words, Tibetan syllables, Latin words, numbers
/// (also in words), and what lies between them (tsheg, punctuation, white space, other scripts).
pub fn segments(text: &str) -> Vec<Run> {
    let mut out = Vec::new();
    for stretch in stretches(text) {
        let (script, range) = match stretch {
            Stretch::Number(n) => (Script::Digit, n.range),
            Stretch::Run(script, range) => (script, range),
        };
        let start = range.start;
        let mut push = |from: usize, to: usize| {
            if from < to {
                out.push(Run { script, range: start + from..start + to });
            }
        };
        let slice = &text[range.clone()];
        let mut at = 0;
        match script {
            Script::Han => {
                // Words are found in simplified characters, of which each has the bytes of its own.
                for word in chinese::cut(&chinese::simplified(slice)) {
                    push(word.start, word.end);
                }
                at = slice.len();
            }
            Script::Tibetan => {
                for syllable in tibetan::syllables(slice) {
                    push(at, syllable.range.start);
                    push(syllable.range.start, syllable.range.end);
                    at = syllable.range.end;
                }
            }
            Script::Latin | Script::Digit | Script::Other => {}
        }
        push(at, slice.len());
    }
    out
}

/// One search key for a whole text: equal for texts that differ in spelling variants, punctuation and spacing only.
pub fn search_key(text: &str) -> String {
    let keys: Vec<String> = syllables(text).into_iter().map(|u| u.key).collect();
    keys.join(" ")
}
