//! From the spoken line to words with sounds, and to what the voice is fed with.

use std::ops::Range;

use super::fall_back::{FallBack, FallBackKind};
use super::line::{Form, Line};
use super::{Segment, SpeechPlan, forms, mnemonics};
use crate::Language;
use crate::mandarin::{self, PinyinSyllable, Spelled};
use crate::script::{self, Script};
use crate::tibetan::lhasa::{self, LhasaSyllable, Style};
use crate::tibetan::{self, Parts};
use crate::utterance::letter_name;

/// A text as it is read aloud, with every stage on the way there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendition {
    /// The text in words.
    pub spoken: String,
    /// What became words on the way, in order.
    pub forms: Vec<Form>,
    /// What is said without a pause, by one voice, in order.
    pub breaths: Vec<Breath>,
    /// Where there was no rule, in order of the text.
    pub fall_backs: Vec<FallBack>,
}

/// Words that one voice says without a pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breath {
    /// Whose words they are.
    pub voice: Language,
    /// The words; at least one.
    pub words: Vec<Word>,
}

/// A word of the spoken line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As it stands in the spoken line.
    pub text: String,
    /// Bytes of the original text that it says.
    pub range: Range<usize>,
    /// Its syllables.
    pub sound: Sound,
}

/// Syllables by themselves, and as they are spoken beside their neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sound {
    /// Mandarin: as in a dictionary, and after tone sandhi; as many of both.
    Mandarin {
        /// With the tones of a dictionary.
        alone: Vec<PinyinSyllable>,
        /// With the tones that are spoken.
        spoken: Vec<PinyinSyllable>,
    },
    /// Tibetan: each syllable as it is read by itself, and as it is spoken in its word.
    Lhasa {
        /// Each by itself.
        alone: Vec<LhasaSyllable>,
        /// In its word.
        spoken: Vec<LhasaSyllable>,
    },
}

impl Rendition {
    /// Reads a text aloud. `language` is that of numbers and signs without a word near them. Takes time in proportion to
    /// the text.
    pub fn of(text: &str, language: Language) -> Self {
        let line = forms::spoken_line(text, language);
        let mut builder = Builder { line: &line, breaths: Vec::new(), fall_backs: Vec::new(), open: false };
        for run in script::runs(&line.text) {
            builder.run(run.script, run.range);
        }
        let Builder { mut breaths, mut fall_backs, .. } = builder;
        for breath in breaths.iter_mut().filter(|b| b.voice == Language::Zh) {
            breath.apply_sandhi();
        }
        fall_backs.extend(line.fall_backs);
        fall_backs.sort_by_key(|f| (f.range.start, f.range.end, f.kind));
        fall_backs.dedup();
        Self {
            spoken: line.text,
            forms: line.forms,
            breaths: breaths.into_iter().map(Draft::finish).collect(),
            fall_backs,
        }
    }

    /// What espeak-ng is fed with.
    pub fn plan(&self) -> SpeechPlan {
        let mut plan: SpeechPlan = Vec::new();
        for breath in &self.breaths {
            let range = breath.range();
            let input = breath.input();
            match plan.last_mut() {
                Some(last) if last.voice == breath.voice => {
                    last.input.push_str(", ");
                    last.input.push_str(&input);
                    last.range.start = last.range.start.min(range.start);
                    last.range.end = last.range.end.max(range.end);
                }
                _ => plan.push(Segment { voice: breath.voice, input, range }),
            }
        }
        plan
    }
}

impl Breath {
    /// Bytes of the original text from its first word to its last.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self.words.iter().map(|w| w.range.start).min().unwrap_or_default();
        let end = self.words.iter().map(|w| w.range.end).max().unwrap_or_default();
        start..end
    }

    /// Numbered pinyin, or mnemonics in their brackets.
    pub fn input(&self) -> String {
        let syllables = self.words.iter().flat_map(|word| match &word.sound {
            Sound::Mandarin { spoken, .. } => spoken.iter().map(PinyinSyllable::numbered).collect::<Vec<_>>(),
            Sound::Lhasa { spoken, .. } => spoken.iter().map(|s| mnemonics::lhasa_mnemonics(*s)).collect(),
        });
        let joined = syllables.collect::<Vec<_>>().join(" ");
        match self.voice {
            Language::Zh => joined,
            Language::Bo => format!("[[{joined}]]"),
        }
    }
}

/// A breath while it is made: words, and whether each syllable of them belongs to digits.
struct Draft {
    voice: Language,
    words: Vec<Word>,
    /// For each Chinese syllable whether 一 is a digit there.
    digits: Vec<bool>,
}

impl Draft {
    fn apply_sandhi(&mut self) {
        let mut digits = self.digits.iter().copied();
        let mut words: Vec<Vec<Spelled>> = Vec::with_capacity(self.words.len());
        for word in &self.words {
            let Sound::Mandarin { alone, .. } = &word.sound else { continue };
            let spell = |syllable: &PinyinSyllable| Spelled {
                syllable: syllable.clone(),
                digit: digits.next().unwrap_or_default(),
            };
            words.push(alone.iter().map(spell).collect());
        }
        mandarin::sandhi(&mut words);
        for (word, said) in self.words.iter_mut().zip(words) {
            if let Sound::Mandarin { spoken, .. } = &mut word.sound {
                *spoken = said.into_iter().map(|s| s.syllable).collect();
            }
        }
    }

    fn finish(self) -> Breath {
        Breath { voice: self.voice, words: self.words }
    }
}

struct Builder<'a> {
    line: &'a Line,
    breaths: Vec<Draft>,
    fall_backs: Vec<FallBack>,
    /// Whether the last breath may go on.
    open: bool,
}

impl Builder<'_> {
    fn run(&mut self, script: Script, range: Range<usize>) {
        match script {
            Script::Han => self.han(range),
            Script::Tibetan => self.tibetan(&range),
            Script::Latin => self.letters(&range),
            Script::Digit | Script::Other => {
                let breaks = self.line.text[range].chars().any(|c| !c.is_whitespace() || c == '\n');
                self.open &= !breaks;
            }
        }
    }

    /// Adds a word to the breath that goes on, or to a new one where the voice changes or after a pause.
    fn push(&mut self, voice: Language, word: Word, digits: impl IntoIterator<Item = bool>) {
        match self.breaths.last_mut() {
            Some(last) if self.open && last.voice == voice => {
                last.words.push(word);
                last.digits.extend(digits);
            }
            _ => self.breaths.push(Draft { voice, words: vec![word], digits: digits.into_iter().collect() }),
        }
        self.open = true;
    }

    /// Chinese up to the next pause or script. A measure word right after a figure is read as one.
    fn han(&mut self, range: Range<usize>) {
        let line = self.line;
        let mut from = range.start;
        for (i, c) in line.text[range.clone()].char_indices() {
            let at = range.start + i;
            if at > from && measure_reading(line, at, c).is_some() {
                self.han_chunk(from..at);
                from = at;
            }
        }
        self.han_chunk(from..range.end);
    }

    fn han_chunk(&mut self, range: Range<usize>) {
        let line = self.line;
        for word in mandarin::words(&line.text[range.clone()]) {
            let mut syllables: Vec<(Range<usize>, PinyinSyllable, bool)> = Vec::new();
            for reading in word.readings {
                let at = range.start + reading.range.start..range.start + reading.range.end;
                let form = line.form_at(at.start).map(|f| &line.forms[f]);
                let mut fall_back = |kind| self.fall_backs.push(FallBack { kind, range: line.original(&at) });
                let Some(c) = line.text[at.clone()].chars().next() else { continue };
                let measure = measure_reading(line, at.start, c);
                if reading.by_default && form.is_none() && measure.is_none() {
                    fall_back(FallBackKind::PolyphoneByDefault);
                }
                let Some(syllable) = measure.or(reading.syllable) else {
                    fall_back(FallBackKind::UnknownCharacter);
                    continue;
                };
                let decimal = form.is_some() && line.text[at.end..].starts_with('点');
                syllables.push((at, syllable, form.is_some_and(|f| f.by_digit) || decimal));
            }
            // Every digit is a word of its own; other words stay whole.
            let size = if syllables.iter().any(|(.., digit)| *digit) { 1 } else { syllables.len().max(1) };
            for part in syllables.chunks(size) {
                let (Some((first, ..)), Some((last, ..))) = (part.first(), part.last()) else { continue };
                let in_line = first.start..last.end;
                let alone: Vec<PinyinSyllable> = part.iter().map(|(_, s, _)| s.clone()).collect();
                let sound = Sound::Mandarin { spoken: alone.clone(), alone };
                let text = line.text[in_line.clone()].to_owned();
                let digits: Vec<bool> = part.iter().map(|(.., digit)| *digit).collect();
                self.push(Language::Zh, Word { text, range: line.original(&in_line), sound }, digits);
            }
        }
    }

    fn letters(&mut self, range: &Range<usize>) {
        let line = self.line;
        for (i, c) in line.text[range.clone()].char_indices() {
            let at = range.start + i..range.start + i + c.len_utf8();
            let original = line.original(&at);
            let named =
                letter_name(c).map(|name| name.split(' ').filter_map(PinyinSyllable::parse).collect());
            let alone: Vec<PinyinSyllable> = named.unwrap_or_default();
            if alone.is_empty() {
                self.fall_backs.push(FallBack { kind: FallBackKind::UnknownCharacter, range: original });
                continue;
            }
            let digits = vec![false; alone.len()];
            let sound = Sound::Mandarin { spoken: alone.clone(), alone };
            self.push(Language::Zh, Word { text: c.to_string(), range: original, sound }, digits);
        }
    }

    /// Tibetan up to the next pause or script: a number's words are words of their own, so that what follows them begins a
    /// word again.
    fn tibetan(&mut self, range: &Range<usize>) {
        let line = self.line;
        let syllables = tibetan::syllables(&line.text[range.clone()]);
        let mut from = 0;
        while from < syllables.len() {
            let place = |s: &tibetan::Syllable| range.start + s.range.start;
            let form = line.form_at(place(&syllables[from]));
            // A currency or a unit before a number is a word of its own.
            let head = |s: &tibetan::Syllable| place(s) < line.number_at(place(s));
            let in_head = head(&syllables[from]);
            let same = |s: &&tibetan::Syllable| line.form_at(place(s)) == form && head(s) == in_head;
            let chunk = &syllables[from..from + syllables[from..].iter().take_while(same).count()];
            from += chunk.len();
            let by_digit = form.is_some_and(|f| line.forms[f].by_digit);
            self.tibetan_chunk(range.start, chunk, if by_digit { Style::Careful } else { Style::Natural });
        }
    }

    fn tibetan_chunk(&mut self, offset: usize, chunk: &[tibetan::Syllable], style: Style) {
        let line = self.line;
        let texts: Vec<&str> = chunk.iter().map(|s| s.text.as_str()).collect();
        let continues = self.open && !self.breaths.is_empty();
        for group in lhasa::speak_words(&texts, style, continues) {
            let written = &chunk[group.syllables.clone()];
            let (Some(first), Some(last)) = (written.first(), written.last()) else { continue };
            let in_line = offset + first.range.start..offset + last.range.end;
            let original = line.original(&in_line);
            for syllable in written {
                let at = offset + syllable.range.start..offset + syllable.range.end;
                if is_outside_the_rules(&syllable.text) {
                    let range = line.original(&at);
                    self.fall_backs.push(FallBack { kind: FallBackKind::TibetanByLetters, range });
                }
            }
            let alone: Vec<LhasaSyllable> =
                written.iter().flat_map(|s| Parts::parse(&s.text)).flat_map(|p| lhasa::speak(&p)).collect();
            if group.spoken.is_empty() {
                self.fall_backs.push(FallBack { kind: FallBackKind::UnknownCharacter, range: original });
                continue;
            }
            let text = line.text[in_line].to_owned();
            let sound = Sound::Lhasa { alone, spoken: group.spoken };
            self.push(Language::Bo, Word { text, range: original, sound }, []);
        }
    }
}

/// How a character that stands right after a figure is read as a measure word, where that differs from its usual reading:
/// 3只羊, 5行字, 6处.
///
/// Source: 《现代汉语词典》 (第7版), 只 zhī, 行 háng, 处 chù.
fn measure_reading(line: &Line, at: usize, c: char) -> Option<PinyinSyllable> {
    const ADVERB_BEFORE: &str = "有要能是需可好为";
    let reading = match c {
        '只' => "zhi1",
        '行' => "hang2",
        '处' => "chu4",
        _ => return None,
    };
    let counted = line.form_at(at).is_none()
        && at > 0
        && line
            .form_at(at - 1)
            .is_some_and(|f| line.forms[f].language == Language::Zh && !line.forms[f].by_digit);
    let next = line.text[at + c.len_utf8()..].chars().next();
    let adverb = c == '只' && next.is_some_and(|n| ADVERB_BEFORE.contains(n));
    let syllable = PinyinSyllable::parse(reading).filter(|_| counted && !adverb)?;
    Some(PinyinSyllable { character: Some(c), ..syllable })
}

/// Syllables with letters or stacks that Tibetan words do not have: Sanskrit, and loans.
fn is_outside_the_rules(syllable: &str) -> bool {
    let foreign = |c: char| {
        matches!(
            c,
            'ཊ' | 'ཋ'
                | 'ཌ'
                | 'ཎ'
                | 'ཥ'
                | 'ྚ'
                | 'ྛ'
                | 'ྜ'
                | 'ྞ'
                | 'ྵ'
                | 'ཱ'
                | 'ཻ'
                | 'ཽ'
                | 'ྀ'
                | '྄'
                | 'ཿ'
                | 'ཾ'
                | 'ྃ'
                | 'ྂ'
        )
    };
    syllable.contains(foreign)
        || (syllable.contains('ྷ') && !syllable.contains("ལྷ"))
        || Parts::parse(syllable).len() > 1
}
