//! A rendition for people: each stage on a line of its own.

use std::fmt;

use super::rendition::{Rendition, Sound};
use crate::mandarin::PinyinSyllable;

impl Rendition {
    /// What was said otherwise than it is written, for whoever reads along: `300 → 三百 (number)`.
    fn rewritten<'a>(&'a self, text: &'a str) -> impl Iterator<Item = String> + 'a {
        self.forms.iter().map(|form| {
            let written = text.get(form.range.clone()).unwrap_or_default();
            format!("{written} → {} ({})", form.said, form.rule)
        })
    }

    /// Every stage of `text`, of which this is the rendition, in lines: what was said otherwise than written, the spoken
    /// line, its words with their syllables by themselves and beside their neighbours, what the voice is fed with, and
    /// where there was no rule.
    pub fn explain<'a>(&'a self, text: &'a str) -> impl fmt::Display + 'a {
        Explained { rendition: self, text }
    }
}

struct Explained<'a> {
    rendition: &'a Rendition,
    text: &'a str,
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.rendition.rewritten(self.text) {
            writeln!(f, "  form      {line}")?;
        }
        writeln!(f, "  spoken    {}", self.rendition.spoken.trim())?;
        for breath in &self.rendition.breaths {
            let words: Vec<String> = breath.words.iter().map(|w| word(&w.text, &w.sound)).collect();
            writeln!(f, "  words {}  {}", breath.voice, words.join(" | "))?;
        }
        for segment in self.rendition.plan() {
            writeln!(f, "  voice {}  {}", segment.voice, segment.input)?;
        }
        for fall_back in &self.rendition.fall_backs {
            let written = self.text.get(fall_back.range.clone()).unwrap_or_default();
            writeln!(f, "  fall-back {}: {written}", fall_back.kind.name())?;
        }
        Ok(())
    }
}

/// A word with its sound: 你好 nǐ hǎo → ní hǎo, where the neighbours change it.
fn word(text: &str, sound: &Sound) -> String {
    let (alone, spoken) = match sound {
        Sound::Mandarin { alone, spoken } => {
            let marked =
                |all: &[PinyinSyllable]| all.iter().map(PinyinSyllable::marked).collect::<Vec<_>>().join(" ");
            (marked(alone), marked(spoken))
        }
        Sound::Lhasa { alone, spoken } => {
            let ipa = |all: &[crate::tibetan::lhasa::LhasaSyllable]| {
                all.iter().map(|s| s.ipa()).collect::<Vec<_>>().join(".")
            };
            (ipa(alone), ipa(spoken))
        }
    };
    if alone == spoken { format!("{text} {spoken}") } else { format!("{text} {alone} → {spoken}") }
}
