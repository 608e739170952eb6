//! Emergencies by learned weights, beside the hand-written signs: what nobody has thought of is often said in words that stand
//! in other calls for help.
//!
//! Two stages, both logistic regressions. The first weighs what a text is made of: units, pairs of neighbours, pairs a little
//! apart, and pairs of rough sounds, which survive a misheard syllable. The second judges that sum together with what the
//! signs say, so that a strong sign still alarms by itself and "insurance" still speaks against it. For who is called, every
//! unit and pair has weights for the kinds of emergency.
//!
//! The weights are data (`emergency_weights.tsv`), made from `training/data` by the test `training::the_weights_are_made`; its
//! comment says how. Features are made here for both, so that training and use cannot differ.

use std::collections::HashMap;

use language::Language;

use super::signals::{Weights, is_row};

/// The weights that ship.
const SHIPPED: &str = include_str!("emergency_weights.tsv");

/// From here on a text is an emergency, in log-odds, where the signs see none …
const ALARM: f32 = 0.25;

/// … and where they do: what was thought of beforehand needs clear words against it to be taken back …
const ALARM_WITH_SIGNS: f32 = -1.0;

/// … above all where a short text says it plainly. All three were chosen by cross-validation, see `training/data/README.md`.
const ALARM_WITH_PLAIN_SIGNS: f32 = -3.0;

/// At most so many units are a short text.
const SHORT: usize = 10;

/// At most so many units are a word or two: nothing in them could speak against a sign.
const A_WORD: usize = 4;

/// The signs' weight of a wish to die, which is never taken back: a person hears it.
const WISH_TO_DIE: i32 = 7;

/// From here on there is no doubt that a question of the knowledge base could raise.
const SURE: f32 = 1.5;

/// From here on the words show what kind of emergency it is, in log-odds.
const SURE_OF_KIND: f32 = -1.0;

/// Two pairs apart by more than this are not of one clause. In units; 1 would be neighbours.
const APART: usize = 3;

/// Longer texts are judged by their first units: nobody who is in danger writes more.
const LONGEST: usize = 200;

/// Kinds of emergency as the tables name them; the last one is a life that somebody wants to end.
pub(super) const KINDS: [&str; 7] = ["fire", "gas", "medical", "crime", "rescue", "traffic", "life"];

/// What the second stage looks at, as the table names it.
pub(super) const JUDGED: [&str; 22] = [
    "constant",
    "words",
    "words where signs alarm",
    "best clause",
    "best clause where signs alarm",
    "best clause where nothing is asked",
    "signs alarm",
    "sum of the signs",
    "best sum of a clause",
    "subject",
    "subject 2",
    "subject 3",
    "subject 7",
    "plea",
    "plea 3",
    "victim",
    "now",
    "against",
    "against 3",
    "asks",
    "is short",
    "length",
];

/// What a text is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Part {
    /// A unit.
    One,
    /// Two neighbours; the ends of the text count as units.
    Two,
    /// Two units a little apart, in this order.
    Apart,
    /// Two neighbours by their rough sounds.
    Sound,
}

impl Part {
    const ALL: [Self; 4] = [Self::One, Self::Two, Self::Apart, Self::Sound];

    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Two => "two",
            Self::Apart => "apart",
            Self::Sound => "sound",
        }
    }
}

/// What the signs say about a text, and what else the second stage looks at.
#[derive(Clone, Debug, Default)]
pub(super) struct Signs {
    /// Of the whole text.
    pub whole: Weights,
    /// Of the clause with the largest sum.
    pub best: i32,
    /// Whether they suffice for an alarm.
    pub alarm: bool,
    /// Whether something is asked.
    pub asks: bool,
    /// The units of every clause where there are several.
    pub clauses: Vec<Vec<String>>,
}

/// What was made of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    /// Whether it is an emergency.
    pub alarm: bool,
    /// Whether that is beyond doubt, if it is one.
    pub sure: bool,
    /// One of [`KINDS`], or `any` where the words do not show it.
    pub kind: &'static str,
}

/// A first-stage weight.
#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    alarm: f32,
    kinds: [f32; KINDS.len()],
}

/// The weights, ready for use.
#[derive(Debug, Default)]
pub(super) struct Learned {
    constant: Weight,
    weights: HashMap<u64, Weight>,
    /// Rough sounds of the units that have weights: most units of a text are among them.
    sounds: HashMap<String, Option<String>>,
    judge: [[f32; JUDGED.len()]; Language::ALL.len()],
}

impl Learned {
    /// The shipped weights.
    pub fn shipped() -> Self {
        Self::parse(SHIPPED)
    }

    /// Reads a table; a row that does not read is left out, and a test holds the shipped table to having none.
    pub fn parse(table: &str) -> Self {
        let mut learned = Self::default();
        for line in table.lines().filter(|line| is_row(line)) {
            learned.row(line);
        }
        learned
    }

    /// `part`, two units, weight, and the kinds that differ as `fire:1.2`; or `judge`, language, name, weight.
    pub(super) fn row(&mut self, line: &str) -> Option<()> {
        let cells: Vec<&str> = line.split('\t').collect();
        let (head, a, b, value) = match cells.as_slice() {
            [head, a, b, value, ..] => (*head, *a, *b, value.parse::<f32>().ok()?),
            _ => return None,
        };
        if head == "judge" {
            let at = JUDGED.iter().position(|name| *name == b)?;
            self.judge[place(a.parse().ok()?)][at] = value;
            return Some(());
        }
        let mut weight = Weight { alarm: value, ..Weight::default() };
        for kind in
            cells.get(4).into_iter().flat_map(|kinds| kinds.split(' ')).filter(|kind| !kind.is_empty())
        {
            let (name, value) = kind.split_once(':')?;
            weight.kinds[KINDS.iter().position(|known| *known == name)?] = value.parse().ok()?;
        }
        if head == "constant" {
            self.constant = weight;
            return Some(());
        }
        let part = Part::ALL.into_iter().find(|part| part.name() == head)?;
        self.weights.insert(hash(part, a, b), weight);
        if part == Part::One {
            self.sounds.insert(a.to_owned(), rough_sound(a));
        }
        Some(())
    }

    /// Whether a text is an emergency, and of what kind.
    pub fn judge(&self, units: &[String], language: Language, signs: &Signs) -> Judgement {
        let sum = self.sum(units);
        let clauses = signs.clauses.iter().map(|clause| self.sum(clause).alarm);
        let judged = judged(sum.alarm, best(clauses, sum.alarm), units.len(), signs);
        let weights = &self.judge[place(language)];
        let odds: f32 = judged.iter().zip(weights).map(|(value, weight)| value * weight).sum();
        Judgement {
            alarm: odds >= least(units.len(), signs),
            sure: signs.alarm || odds >= SURE,
            kind: kind(&sum.kinds),
        }
    }

    fn sum(&self, units: &[String]) -> Weight {
        let units = &units[..units.len().min(LONGEST)];
        let sounds: Vec<Option<String>> = units
            .iter()
            .map(|unit| self.sounds.get(unit).cloned().unwrap_or_else(|| rough_sound(unit)))
            .collect();
        let mut found = Vec::with_capacity(units.len() * 5);
        each_part(units, &sounds, |part, a, b| found.push(hash(part, a, b)));
        // What is said twice counts once.
        found.sort_unstable();
        found.dedup();
        let mut sum = self.constant;
        for weight in found.iter().filter_map(|hash| self.weights.get(hash)) {
            sum.alarm += weight.alarm;
            for (sum, weight) in sum.kinds.iter_mut().zip(weight.kinds) {
                *sum += weight;
            }
        }
        sum
    }
}

/// The log-odds from which there is an alarm.
fn least(length: usize, signs: &Signs) -> f32 {
    let plain = length <= SHORT && signs.whole.against == 0;
    match signs.alarm {
        true if signs.whole.subject >= WISH_TO_DIE || (plain && length <= A_WORD) => f32::NEG_INFINITY,
        true if plain => ALARM_WITH_PLAIN_SIGNS,
        true => ALARM_WITH_SIGNS,
        false => ALARM,
    }
}

fn kind(sums: &[f32; KINDS.len()]) -> &'static str {
    let best = sums.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.filter(|(_, sum)| **sum >= SURE_OF_KIND).map_or("any", |(at, _)| KINDS[at])
}

fn place(language: Language) -> usize {
    Language::ALL.iter().position(|known| *known == language).unwrap_or_default()
}

/// The language of most units: the second stage has weights for each.
pub(super) fn language_of(units: &[language::Unit]) -> Language {
    let count = |script| units.iter().filter(|unit| unit.script == script).count();
    // A Chinese character says less than a Tibetan syllable, and loan words in a Tibetan sentence are several characters.
    if count(language::Script::Tibetan) * 2 > count(language::Script::Han) {
        Language::Bo
    } else {
        Language::Zh
    }
}

/// The rough sound of a unit; `None` where it has none, such as a punctuation mark's.
pub(super) fn rough_sound(key: &str) -> Option<String> {
    let sounds = language::rough_phonetic_key(key);
    (!sounds.is_empty()).then(|| sounds.join(" "))
}

/// Every part of a text, repetitions included; `sounds` are those of the units.
pub(super) fn each_part(units: &[String], sounds: &[Option<String>], mut each: impl FnMut(Part, &str, &str)) {
    for (at, unit) in units.iter().enumerate() {
        each(Part::One, unit, "");
        let before = at.checked_sub(1).and_then(|before| units.get(before)).map_or("^", String::as_str);
        each(Part::Two, before, unit);
        for other in units.iter().take(at + APART + 1).skip(at + 2) {
            each(Part::Apart, unit, other);
        }
    }
    if let Some(last) = units.last() {
        each(Part::Two, last, "$");
    }
    let sounds: Vec<&str> = sounds.iter().flatten().map(String::as_str).collect();
    let ends = ["^"].into_iter().chain(sounds.iter().copied());
    for (a, b) in ends.zip(sounds.iter().copied().chain(["$"])) {
        each(Part::Sound, a, b);
    }
}

/// The largest sum of a clause; that of the text where it has only one.
pub(super) fn best(clauses: impl Iterator<Item = f32>, whole: f32) -> f32 {
    clauses.max_by(f32::total_cmp).unwrap_or(whole)
}

/// What the second stage looks at, in the order of [`JUDGED`]; `words` is the sum of the first stage, in log-odds, and
/// `clause` that of the clause with the largest one.
pub(super) fn judged(words: f32, clause: f32, length: usize, signs: &Signs) -> [f32; JUDGED.len()] {
    let Weights { subject, plea, victim, now, against } = signs.whole;
    let sum = signs.whole.sum();
    let flag = |is: bool| f32::from(u8::from(is));
    // Beyond these a sum says nothing new.
    let number = |value: i32| value.clamp(-4, 7) as f32;
    [
        1.0,
        words,
        if signs.alarm { words } else { 0.0 },
        clause,
        if signs.alarm { clause } else { 0.0 },
        if signs.asks { 0.0 } else { clause },
        flag(signs.alarm),
        number(sum),
        number(signs.best),
        number(subject.min(3)),
        flag(subject >= 2),
        flag(subject >= 3),
        flag(subject >= WISH_TO_DIE),
        number(plea.min(3)),
        flag(plea >= 3),
        number(victim),
        number(now),
        number(against),
        flag(against >= 3),
        flag(signs.asks),
        flag(length < 6),
        length.min(40) as f32 / 10.0,
    ]
}

/// FNV-1a (Fowler, Noll, Vo) over 64 bits: the same on every machine, and 12,000 keys do not collide.
fn hash(part: Part, a: &str, b: &str) -> u64 {
    let bytes = part.name().bytes().chain([0]).chain(a.bytes()).chain([0]).chain(b.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod training;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_shipped_weights_reads() {
        for line in SHIPPED.lines().filter(|line| is_row(line)) {
            assert!(Learned::default().row(line).is_some(), "{line}");
        }
        let learned = Learned::shipped();
        assert!(learned.weights.len() > 1_000);
        assert!(learned.judge.iter().all(|weights| weights.iter().any(|weight| *weight != 0.0)));
    }

    #[test]
    fn parts_are_units_pairs_pairs_apart_and_sounds() {
        let units: Vec<String> = ["着", "火", "了"].map(str::to_owned).to_vec();
        let sounds: Vec<Option<String>> = units.iter().map(|unit| rough_sound(unit)).collect();
        let mut parts = Vec::new();
        each_part(&units, &sounds, |part, a, b| parts.push(format!("{} {a} {b}", part.name())));
        for expected in ["one 火 ", "two ^ 着", "two 着 火", "two 了 $", "apart 着 了"] {
            assert!(parts.iter().any(|part| part == expected), "{expected}: {parts:?}");
        }
        assert_eq!(parts.iter().filter(|part| part.starts_with("sound")).count(), 4);
    }

    #[test]
    fn no_text_however_odd_upsets_it() {
        let learned = Learned::shipped();
        for units in [vec![], vec![String::new()], vec!["火".to_owned(); 5_000]] {
            let _ = learned.judge(&units, Language::Zh, &Signs::default());
        }
    }
}
