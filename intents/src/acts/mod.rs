//! Acts: what people say when they do not ask the knowledge base.
//!
//! Phrases of both languages live in `phrases.tsv`. Typed (or dictated) text is an act where it consists of one act's
//! phrases and fillers, so that "你好" greets but "你好，身份证丢了" asks. Emergencies, complaints and small talk are too
//! manifold for phrases: signs are weighed there (see [`signals`]). Spoken without dictation, the phrases compete with the
//! knowledge base's questions on the sound.

mod learned;
mod signals;
mod table;

use std::ops::Range;

use language::{FormBatch, Forms, Language, Lesson, Script, Unit, spoken_form};

use crate::{Act, EmergencyKind};
use learned::{Learned, Signs};
use signals::{Found, Signals};
use table::{Meaning, Row};

/// The words with which a question back with so many choices may be answered in a language: yes and no, and which of the
/// choices. With one choice it is a matter of yes and no alone.
pub fn replies(language: Language, choices: usize) -> impl Iterator<Item = &'static str> {
    let turn = Turn { language, pending: choices };
    let fits = move |row: &Row| match row.meaning.act(turn) {
        Some(Act::Yes | Act::No) => true,
        Some(Act::Choice(number)) => choices > 1 && usize::from(number) <= choices,
        _ => false,
    };
    table::rows().filter(move |row| row.language == language && fits(row)).map(|row| row.phrase)
}

/// Phrases of both languages, prepared for text and for sound.
#[derive(Debug)]
pub(crate) struct Acts {
    phrases: Forms<Meaning>,
    emergencies: Signals,
    learned: Learned,
    complaints: Signals,
    small_talk: Signals,
    spoken: Vec<SpokenPhrase>,
    batch: FormBatch,
}

/// A text taken apart.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    text: &'a str,
    /// The keys of its units, and their numbers among the phrases'.
    keys: Vec<String>,
    numbers: Vec<u32>,
    /// The units between greetings, thanks and other politeness at either end, and their bytes.
    core: Range<usize>,
    bytes: Range<usize>,
    written: Option<Language>,
    /// The language of most of its units.
    mostly: Language,
}

impl<'a> Parsed<'a> {
    /// The text without politeness at either end; the whole text where nothing else is in it.
    pub fn core(&self) -> &'a str {
        &self.text[self.bytes.clone()]
    }

    /// The keys of the units of [`Self::core`].
    pub fn core_keys(&self) -> &[String] {
        if self.core.is_empty() { &self.keys } else { &self.keys[self.core.clone()] }
    }

    /// The whole text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The keys of the units of the whole text.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The language it is written in; `None` where it holds letters of neither.
    pub fn written(&self) -> Option<Language> {
        self.written
    }
}

/// The language that units are written in; `None` where there are letters of neither. Tibetan where a sixth of the syllables are: Chinese terms stand in Tibetan sentences all the time, the reverse hardly ever
/// happens.
pub(crate) fn written_in(units: &[Unit]) -> Option<Language> {
    let count = |script| units.iter().filter(|unit| unit.script == script).count();
    match (count(Script::Tibetan), count(Script::Han)) {
        (0, 0) => None,
        (bo, zh) if bo * 5 >= zh => Some(Language::Bo),
        _ => Some(Language::Zh),
    }
}

/// What is said that cannot wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grave {
    /// Fire, crime, a life in danger.
    Emergency(EmergencyKind),
    /// Somebody speaks of ending a life.
    Distress,
}

/// A phrase as it may be heard.
#[derive(Debug)]
struct SpokenPhrase {
    meaning: Meaning,
    language: Language,
    syllables: usize,
}

/// What is known about the turn before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// The conversation's language.
    pub language: Language,
    /// How many choices are on offer.
    pub pending: usize,
}

/// An act that was heard, with the score by which it beats the questions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct HeardAct {
    pub act: Act,
    pub language: Language,
    /// A false alarm would frighten: emergencies and distress.
    pub grave: bool,
    /// `Evidence::whole` of its best phrase.
    pub score: f32,
}

impl Acts {
    pub fn new() -> Self {
        let mut acts = Self {
            phrases: Forms::default(),
            emergencies: Signals::parse(include_str!("emergencies.tsv")),
            learned: Learned::shipped(),
            complaints: Signals::parse(include_str!("complaints.tsv")),
            small_talk: Signals::parse(include_str!("small_talk.tsv")),
            spoken: Vec::new(),
            batch: FormBatch::default(),
        };
        let mut forms = Vec::new();
        for Row { meaning, language, phrase } in table::rows() {
            let key = keys(phrase);
            if key.is_empty() {
                continue;
            }
            acts.phrases.learn(key, meaning);
            if meaning.is_heard() {
                let form = spoken_form(phrase, language);
                if let Some(first) = form.pronunciations.first() {
                    acts.spoken.push(SpokenPhrase { meaning, language, syllables: first.syllables.len() });
                    forms.push(form);
                }
            }
        }
        acts.batch = FormBatch::new(forms);
        acts
    }

    /// Everything that acts are known by, to be heard where it is said in other words.
    pub fn lessons(&self) -> Vec<Lesson<'_>> {
        let phrases = table::rows().map(|row| Lesson::whole(row.phrase, row.language));
        let tables = [&self.emergencies, &self.complaints, &self.small_talk];
        let signs = tables.into_iter().flat_map(Signals::words).map(Lesson::form);
        phrases.chain(signs).collect()
    }

    /// Takes a text apart for everything that is looked for in it.
    pub fn parse<'a>(&self, text: &'a str) -> Parsed<'a> {
        let units = language::syllables(text);
        let numbers = self.phrases.look_up(units.iter().map(|unit| unit.key.as_str()));
        let core = self.core_of(&numbers);
        let bytes = match (units[core.clone()].first(), units[core.clone()].last()) {
            (Some(first), Some(last)) => first.range.start..last.range.end,
            _ => 0..text.len(),
        };
        let (written, mostly) = (written_in(&units), learned::language_of(&units));
        let keys = units.into_iter().map(|unit| unit.key).collect();
        Parsed { text, keys, numbers, core, bytes, written, mostly }
    }

    /// The act of a text, if it is one.
    #[cfg(test)]
    pub fn read(&self, text: &str, turn: Turn) -> Option<Act> {
        let parsed = self.parse(text);
        self.read_in(&parsed, self.judge(&parsed).map(|(grave, _)| grave), turn)
    }

    /// The act of a text, if it is one; `grave` is what [`Self::judge`] says of it.
    pub fn read_in(&self, parsed: &Parsed<'_>, grave: Option<Grave>, turn: Turn) -> Option<Act> {
        if let Some(Grave::Emergency(_)) = grave {
            return Some(Act::Emergency);
        }
        let covered = self.cover(&parsed.numbers).and_then(|meanings| {
            // Distress goes by the whole text: see `judge`.
            let told = meanings.into_iter().filter(|meaning| *meaning != Meaning::Distress);
            told.filter_map(|meaning| meaning.act(turn)).max_by_key(|act| precedence(*act, turn))
        });
        match covered {
            Some(act) => Some(act),
            None if self.complaints.find(&parsed.keys).is_some() => Some(Act::Complaint),
            None if self.small_talk.find(&parsed.keys).is_some() => Some(Act::SmallTalk),
            None => None,
        }
    }

    /// Whether a text says something that cannot wait.
    pub fn grave(&self, text: &str) -> Option<Grave> {
        self.judge(&self.parse(text)).map(|(grave, _)| grave)
    }

    /// What a text says that cannot wait, and whether that leaves no doubt (where it does, a knowledge base that surely has an answer
    /// is right): by the signs and the learned weights together.
    pub fn judge(&self, parsed: &Parsed<'_>) -> Option<(Grave, bool)> {
        let (signs, by_signs) = self.signs(parsed.text, &parsed.keys);
        // Words of acts and fillers are known: what consists of them alone needs no guess.
        if by_signs.is_none() && self.cover(&parsed.numbers).is_some() {
            return None;
        }
        let judgement = self.learned.judge(&parsed.keys, parsed.mostly, &signs);
        let grave = match by_signs {
            // The signs name a kind for certain words only; for all others there are the weights.
            Some(grave) if grave != Grave::Emergency(EmergencyKind::Any) => grave,
            None if judgement.kind == "life" => Grave::Distress,
            _ => Grave::Emergency(EmergencyKind::named(judgement.kind)),
        };
        judgement.alarm.then_some((grave, judgement.sure))
    }

    /// What the signs say about a text, and the alarm that they would give alone.
    fn signs(&self, text: &str, units: &[String]) -> (Signs, Option<Grave>) {
        let (weights, found) = self.emergencies.weigh(units);
        let asks = ASKING.iter().any(|word| text.contains(word));
        let mut signs =
            Signs { whole: weights, best: weights.sum(), alarm: found.is_some(), asks, clauses: Vec::new() };
        let mut by_signs = found.as_ref().map(grave);
        let clauses: Vec<&str> = text.split(ends_clause).filter(|clause| !clause.trim().is_empty()).collect();
        if clauses.len() < 2 {
            return (signs, by_signs);
        }
        // Words of an office in the next clause take nothing from a cry for help ("he has fainted, the card is at home"); a
        // question there does: it is what the text is about.
        let mut found = Vec::new();
        signs.best = i32::MIN;
        signs.clauses = clauses.into_iter().map(keys).collect();
        for clause in &signs.clauses {
            let (weights, alarm) = self.emergencies.weigh(clause);
            signs.best = signs.best.max(weights.sum());
            found.extend(alarm.as_ref().map(grave));
        }
        if by_signs.is_none() && !asks {
            // Another danger goes before distress here too.
            by_signs = found.into_iter().min_by_key(|grave| *grave == Grave::Distress);
            signs.alarm = by_signs.is_some();
        }
        (signs, by_signs)
    }

    /// Whether a word means nothing by itself.
    pub fn is_filler(&self, word: &str) -> bool {
        let units = keys(word);
        let numbers = self.phrases.look_up(units.iter().map(String::as_str));
        self.phrases.get(&numbers).is_some_and(|meanings| meanings.contains(&Meaning::Filler))
    }

    /// Whether somebody speaks of ending a life in words that the signs know for certain.
    pub fn is_distress(&self, text: &str) -> bool {
        self.grave(text) == Some(Grave::Distress) && self.signs(text, &keys(text)).1 == Some(Grave::Distress)
    }

    /// The meanings of the fewest phrases that cover all units; `None` where something is left over.
    fn cover(&self, units: &[u32]) -> Option<Vec<Meaning>> {
        if units.is_empty() || units.len() > self.phrases.longest() * 4 {
            return None;
        }
        // At each place: how many phrases lead there, and where the last of them began.
        let mut reached: Vec<Option<(usize, usize)>> = vec![None; units.len() + 1];
        reached[0] = Some((0, 0));
        for start in 0..units.len() {
            let Some((count, _)) = reached[start] else { continue };
            for (length, _) in self.phrases.at(&units[start..]) {
                let end = &mut reached[start + length];
                if end.is_none_or(|(best, _)| best > count + 1) {
                    *end = Some((count + 1, start));
                }
            }
        }
        let mut meanings = Vec::new();
        let mut end = units.len();
        while end > 0 {
            let (_, start) = reached[end]?;
            meanings.extend(self.phrases.get(&units[start..end]).into_iter().flatten());
            end = start;
        }
        Some(meanings)
    }

    /// The text without greetings, thanks and other politeness at either end; the whole text where nothing else is in it.
    pub fn core<'a>(&self, text: &'a str) -> &'a str {
        self.parse(text).core()
    }

    /// Which of the units of a text are left without politeness at either end.
    fn core_of(&self, units: &[u32]) -> Range<usize> {
        let (mut from, mut to) = (0, units.len());
        let polite = |meanings: &[Meaning]| meanings.iter().any(|meaning| meaning.is_polite());
        let begins = |rest: &[u32]| {
            let found = self.phrases.at(rest).filter(|(_, meanings)| polite(meanings));
            found.last().map(|(length, _)| length)
        };
        let ends = |rest: &[u32]| {
            let longest = self.phrases.longest().min(rest.len());
            let is_polite = |from: &usize| self.phrases.get(&rest[*from..]).is_some_and(polite);
            (rest.len() - longest..rest.len()).find(is_polite).map(|from| rest.len() - from)
        };
        while let Some(length) = begins(&units[from..to]) {
            from += length;
        }
        while let Some(length) = ends(&units[from..to]) {
            to -= length;
        }
        from..to
    }

    /// The phrases as they may be heard; scores in this order go to [`Self::heard`].
    pub fn batch(&self) -> &FormBatch {
        &self.batch
    }

    /// The best act by `Evidence::whole` scores of [`Self::batch`] in an utterance of that many seconds.
    pub fn heard(&self, scores: &[f32], seconds: f32, turn: Turn) -> Option<HeardAct> {
        let heard = |(phrase, score): (&SpokenPhrase, &f32)| {
            let act = phrase.meaning.act(turn)?;
            let answers = matches!(act, Act::Yes | Act::No | Act::Choice(_));
            let fits = plausible(phrase.syllables, seconds);
            // A single syllable is too little sound to go by, unless an answer of that kind is waited for.
            let enough = phrase.syllables >= 2 || answers;
            let asked_for = turn.pending > 0 || !answers;
            (score.is_finite() && fits && enough && asked_for).then_some(HeardAct {
                act,
                language: phrase.language,
                grave: phrase.meaning.is_grave(),
                score: *score,
            })
        };
        let mut best: Option<HeardAct> = None;
        for act in self.spoken.iter().zip(scores).filter_map(heard) {
            if best.is_none_or(|best| act.score > best.score) {
                best = Some(act);
            }
        }
        best
    }
}

/// Another danger goes before distress: who has taken poison needs a doctor first.
fn grave(found: &Found) -> Grave {
    let other = found.kinds.iter().find(|kind| *kind != "life");
    match other.or(found.kinds.first()) {
        Some(kind) if kind == "life" => Grave::Distress,
        kind => Grave::Emergency(kind.map_or(EmergencyKind::Any, |kind| EmergencyKind::named(kind))),
    }
}

/// Words of which one is in nearly every question.
const ASKING: [&str; 24] = [
    "怎么",
    "咋",
    "如何",
    "多少",
    "哪",
    "吗",
    "什么",
    "啥",
    "几",
    "谁",
    "能不能",
    "可以",
    "有没有",
    "要不要",
    "？",
    "ག་རེ",
    "ག་འདྲ",
    "གང་འདྲ",
    "ག་པར",
    "ག་ཚོད",
    "ག་དུས",
    "རེད་པས",
    "ཡོད་པས",
    "སུ་",
];

/// Punctuation that ends a clause, in either script.
fn ends_clause(c: char) -> bool {
    matches!(c, ',' | '，' | '。' | '.' | ';' | '；' | '!' | '！' | '?' | '？' | '、' | '།' | '༎' | '\n')
}

fn keys(text: &str) -> Vec<String> {
    language::syllables(text).into_iter().map(|unit| unit.key).collect()
}

/// Whether so many syllables may take so long, silence at both ends included. Wide: 0.06 s is faster than anybody speaks,
/// and 0.7 s a syllable plus 1.5 s of silence slower than a slow speaker whose endpoint was late.
pub(crate) fn plausible(syllables: usize, seconds: f32) -> bool {
    let syllables = syllables as f32;
    seconds >= 0.06 * syllables && seconds <= 0.7 * syllables + 1.5
}

/// Which act counts where an utterance holds several.
fn precedence(act: Act, turn: Turn) -> u8 {
    match act {
        Act::Emergency => 17,
        // "No person" holds the word for a person, never the other way round.
        Act::LeaveQueue => 16,
        Act::Person => 15,
        Act::Complaint => 14,
        Act::OtherLanguage => 13,
        Act::StartOver => 12,
        Act::Choice(_) if turn.pending > 0 => 9,
        Act::No if turn.pending > 0 => 8,
        Act::Yes if turn.pending > 0 => 7,
        Act::Slower | Act::Louder => 6,
        Act::Repeat => 5,
        Act::Goodbye => 4,
        Act::Thanks => 3,
        Act::Greeting => 2,
        Act::No | Act::Yes | Act::Choice(_) | Act::SmallTalk => 1,
        Act::Question => 0,
    }
}

#[cfg(test)]
mod emergency_tests;
#[cfg(test)]
mod tests;
