//! Acts: what people say when they do not ask the knowledge base.
//!
//! Phrases of both languages live in `phrases.tsv`. Typed (or dictated) text is an act where it consists of one act's
//! phrases and fillers, so that "你好" greets but "你好，身份证丢了" asks. Emergencies, complaints and small talk are too
//! manifold for phrases: signs are weighed there (see [`signals`]). Spoken without dictation, the phrases compete with the
//! knowledge base's questions on the sound.

mod learned;
mod signals;
mod table;

use std::collections::HashMap;

use language::{FormBatch, Language, Unit, spoken_form};

use crate::{Act, EmergencyKind};
use learned::{Learned, Signs};
use signals::{Found, Signals};
use table::{Meaning, Row};

/// Phrases of both languages, prepared for text and for sound.
#[derive(Debug)]
pub(crate) struct Acts {
    phrases: HashMap<Vec<String>, Vec<Meaning>>,
    longest: usize,
    emergencies: Signals,
    learned: Learned,
    complaints: Signals,
    small_talk: Signals,
    spoken: Vec<SpokenPhrase>,
    batch: FormBatch,
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
            phrases: HashMap::new(),
            longest: 0,
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
            acts.longest = acts.longest.max(key.len());
            let meanings = acts.phrases.entry(key).or_default();
            if !meanings.contains(&meaning) {
                meanings.push(meaning);
            }
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

    /// The act of a text, if it is one.
    pub fn read(&self, text: &str, turn: Turn) -> Option<Act> {
        let units = keys(text);
        let covered = self.cover(&units).and_then(|meanings| {
            // Distress goes by the whole text: see `grave`.
            let told = meanings.into_iter().filter(|meaning| *meaning != Meaning::Distress);
            told.filter_map(|meaning| meaning.act(turn)).max_by_key(|act| precedence(*act, turn))
        });
        match self.grave(text) {
            Some(Grave::Emergency(_)) => Some(Act::Emergency),
            _ if covered.is_some() => covered,
            _ if self.complaints.find(&units).is_some() => Some(Act::Complaint),
            _ if self.small_talk.find(&units).is_some() => Some(Act::SmallTalk),
            _ => None,
        }
    }

    /// Whether a text says something that cannot wait.
    pub fn grave(&self, text: &str) -> Option<Grave> {
        self.judge(text).map(|(grave, _)| grave)
    }

    /// Whether what [`Self::grave`] found leaves no doubt. Where it does, a knowledge base that surely has an answer is right.
    pub fn is_surely_grave(&self, text: &str) -> bool {
        self.judge(text).is_some_and(|(_, sure)| sure)
    }

    /// By the signs and the learned weights together.
    fn judge(&self, text: &str) -> Option<(Grave, bool)> {
        let units = language::syllables(text);
        let language = learned::language_of(&units);
        let units: Vec<String> = units.into_iter().map(|unit| unit.key).collect();
        let (signs, by_signs) = self.signs(text, &units);
        // Words of acts and fillers are known: what consists of them alone needs no guess.
        if by_signs.is_none() && self.cover(&units).is_some() {
            return None;
        }
        let judgement = self.learned.judge(&units, language, &signs);
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
        self.phrases.get(&keys(word)).is_some_and(|meanings| meanings.contains(&Meaning::Filler))
    }

    /// Whether somebody speaks of ending a life in words that the signs know for certain.
    pub fn is_distress(&self, text: &str) -> bool {
        self.grave(text) == Some(Grave::Distress) && self.signs(text, &keys(text)).1 == Some(Grave::Distress)
    }

    /// The meanings of the fewest phrases that cover all units; `None` where something is left over.
    fn cover(&self, units: &[String]) -> Option<Vec<Meaning>> {
        if units.is_empty() || units.len() > self.longest * 4 {
            return None;
        }
        // At each place: how many phrases lead there, and where the last of them began.
        let mut reached: Vec<Option<(usize, usize)>> = vec![None; units.len() + 1];
        reached[0] = Some((0, 0));
        for start in 0..units.len() {
            let Some((count, _)) = reached[start] else { continue };
            for end in start + 1..=(start + self.longest).min(units.len()) {
                if self.phrases.contains_key(&units[start..end])
                    && reached[end].is_none_or(|(best, _)| best > count + 1)
                {
                    reached[end] = Some((count + 1, start));
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
        let units = language::syllables(text);
        let mut rest = units.as_slice();
        while let Some(length) = self.polite(rest, |rest, length| &rest[..length]) {
            rest = &rest[length..];
        }
        while let Some(length) = self.polite(rest, |rest, length| &rest[rest.len() - length..]) {
            rest = &rest[..rest.len() - length];
        }
        match (rest.first(), rest.last()) {
            (Some(first), Some(last)) => &text[first.range.start..last.range.end],
            _ => text,
        }
    }

    fn polite(&self, rest: &[Unit], part: impl Fn(&[Unit], usize) -> &[Unit]) -> Option<usize> {
        (1..=self.longest.min(rest.len())).rev().find(|length| {
            let key: Vec<String> = part(rest, *length).iter().map(|unit| unit.key.clone()).collect();
            self.phrases.get(&key).is_some_and(|meanings| meanings.iter().any(|meaning| meaning.is_polite()))
        })
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
fn plausible(syllables: usize, seconds: f32) -> bool {
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
