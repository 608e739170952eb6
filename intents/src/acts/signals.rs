//! Signs of what somebody is at, weighed against each other: explainable, and kept as data (`emergencies.tsv` and its like).
//!
//! A table row gives patterns a role, a kind and a weight. Of each role the heaviest pattern that is found counts, and
//! `danger + plea + victim + now - against` must reach [`ENOUGH`]. So one strong sign is enough, two weak ones are, and words that
//! belong to another purpose ("how is that insured?") outweigh them.

use std::borrow::Cow;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// The sum from which a text counts.
const ENOUGH: i32 = 3;

/// Syllables that "…" may stand for: a short adverbial or an object, not another sentence.
const GAP: usize = 5;

/// A pattern of so many syllables is recognised also where one of them only sounds alike.
const LONG_ENOUGH_TO_ERR: usize = 3;

/// Longer texts are written, not dictated: spelling is taken at its word there. In syllables.
const DICTATED: usize = 80;

/// What a pattern speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// The thing itself.
    Subject,
    /// A cry for help, or whatever else asks for it.
    Plea,
    /// Whom it befalls: a person, or a part of one.
    Victim,
    /// That it is here and now.
    Now,
    /// That something else is meant.
    Against,
}

/// Patterns with their weights.
#[derive(Debug, Default)]
pub(super) struct Signals {
    patterns: Vec<Pattern>,
    kinds: Vec<String>,
    keys: FxHashMap<String, u32>,
    sounds: FxHashMap<String, u32>,
    /// The sound of every key, by its number.
    sound_of: Vec<u32>,
    /// Patterns by the number of their first key, and by that of the sound of it.
    by_key: Vec<Vec<usize>>,
    by_sound: Vec<Vec<usize>>,
}

#[derive(Debug)]
struct Pattern {
    role: Role,
    kind: usize,
    weight: i32,
    parts: Vec<Vec<Syllable>>,
    length: usize,
    text: String,
}

/// A syllable as numbers: equal numbers, equal keys or sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Syllable {
    key: u32,
    sound: u32,
}

/// A key or sound that no pattern has.
const UNKNOWN: u32 = u32::MAX;

/// What was found, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The kind of the heaviest subject.
    pub kind: String,
    /// All kinds of subject that are as heavy, or heavy enough by themselves.
    pub kinds: Vec<String>,
    /// What speaks for it and against it.
    pub reasons: Vec<(Role, String)>,
}

/// The heaviest pattern of each role that a text has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weights {
    pub subject: i32,
    pub plea: i32,
    pub victim: i32,
    pub now: i32,
    pub against: i32,
}

impl Weights {
    /// What they come to.
    pub fn sum(self) -> i32 {
        self.subject + self.plea + self.victim + self.now - self.against
    }
}

impl Signals {
    /// The patterns' words, stretches between gaps apart.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().flat_map(|pattern| pattern.text.split('…')).filter(|words| !words.is_empty())
    }

    /// Reads a table: role, kind, language, weight, patterns separated by `|`; `#` begins a comment. Rows that do not read
    /// are left out; a test holds the shipped tables to having none.
    pub fn parse(table: &str) -> Self {
        let mut signals = Self::default();
        for line in table.lines().filter(|line| is_row(line)) {
            signals.row(line);
        }
        signals
    }

    fn row(&mut self, line: &str) -> Option<()> {
        let cells: Vec<&str> = line.split('\t').collect();
        let [role, kind, _language, weight, patterns] = cells.as_slice() else { return None };
        let role = role_of(role)?;
        let weight = weight.parse().ok()?;
        let kind = self.kinds.iter().position(|known| known == kind).unwrap_or_else(|| {
            self.kinds.push((*kind).to_owned());
            self.kinds.len() - 1
        });
        for text in patterns.split('|') {
            let parts: Vec<Vec<Syllable>> =
                text.split('…').map(|part| self.learn(part)).filter(|part| !part.is_empty()).collect();
            let length = parts.iter().map(Vec::len).sum();
            if let Some(first) = parts.first().and_then(|part| part.first()) {
                let number = self.patterns.len();
                push_at(&mut self.by_key, first.key, number);
                if length >= LONG_ENOUGH_TO_ERR && first.sound != UNKNOWN {
                    push_at(&mut self.by_sound, first.sound, number);
                }
                self.patterns.push(Pattern { role, kind, weight, parts, length, text: text.to_owned() });
            }
        }
        Some(())
    }

    fn learn(&mut self, text: &str) -> Vec<Syllable> {
        let units = language::syllables(text);
        units.into_iter().map(|unit| self.learn_key(unit.key)).collect()
    }

    fn learn_key(&mut self, key: String) -> Syllable {
        if let Some(known) = self.keys.get(&key) {
            return Syllable { key: *known, sound: self.sound_of[*known as usize] };
        }
        let next = self.sounds.len() as u32;
        let sound =
            sound(&key).map_or(UNKNOWN, |sound| *self.sounds.entry(sound.into_owned()).or_insert(next));
        let number = self.keys.len() as u32;
        self.keys.insert(key, number);
        self.sound_of.push(sound);
        Syllable { key: number, sound }
    }

    /// The text in the numbers of the patterns. Sounds only where the text may be dictated.
    fn look_up(&self, units: &[String]) -> Vec<Syllable> {
        let dictated = units.len() <= DICTATED;
        let look_up = |key: &String| match self.keys.get(key) {
            Some(known) if dictated => Syllable { key: *known, sound: self.sound_of[*known as usize] },
            Some(known) => Syllable { key: *known, sound: UNKNOWN },
            None => {
                let sound = if dictated { sound(key) } else { None };
                let sound = sound.and_then(|sound| self.sounds.get(&*sound)).copied();
                Syllable { key: UNKNOWN, sound: sound.unwrap_or(UNKNOWN) }
            }
        };
        units.iter().map(look_up).collect()
    }

    /// The patterns that are in a text, in the order of the table.
    fn patterns_in(&self, text: &[Syllable]) -> Vec<&Pattern> {
        let mut found: Vec<usize> = Vec::new();
        for (start, syllable) in text.iter().enumerate() {
            // An unknown number is beyond the end of either list.
            let by_key = self.by_key.get(syllable.key as usize).into_iter();
            let by_sound = self.by_sound.get(syllable.sound as usize);
            let may_begin = by_key.chain(by_sound).flatten();
            found.extend(may_begin.filter(|number| self.patterns[**number].fits(text, start)));
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|number| &self.patterns[number]).collect()
    }

    /// What the units of a text are a sign of; `None` where the signs do not suffice.
    pub fn find(&self, units: &[String]) -> Option<Found> {
        self.weigh(units).1
    }

    /// What speaks for it and against it, and what it is a sign of where that suffices.
    pub fn weigh(&self, units: &[String]) -> (Weights, Option<Found>) {
        let text = self.look_up(units);
        let found = self.patterns_in(&text);
        let heaviest = |role: Role| {
            let of_role = found.iter().filter(|pattern| pattern.role == role);
            of_role.map(|pattern| pattern.weight).max().unwrap_or(0)
        };
        let weights = Weights {
            subject: heaviest(Role::Subject),
            plea: heaviest(Role::Plea),
            victim: heaviest(Role::Victim),
            now: heaviest(Role::Now),
            against: heaviest(Role::Against),
        };
        // Haste and hurry alone say nothing.
        let enough = weights.sum() >= ENOUGH && (weights.subject > 0 || weights.plea >= ENOUGH);
        (weights, enough.then(|| self.found(&found, weights.subject)))
    }

    fn found(&self, found: &[&Pattern], subject: i32) -> Found {
        let mut kinds: Vec<String> = Vec::new();
        let subjects = found.iter().filter(|pattern| pattern.role == Role::Subject);
        for pattern in subjects.filter(|pattern| pattern.weight >= subject.min(ENOUGH)) {
            if !kinds.contains(&self.kinds[pattern.kind]) {
                kinds.push(self.kinds[pattern.kind].clone());
            }
        }
        let kind = kinds.first().cloned().unwrap_or_default();
        let reasons = found.iter().map(|pattern| (pattern.role, pattern.text.clone())).collect();
        Found { kind, kinds, reasons }
    }
}

impl Pattern {
    /// Whether it begins just there.
    fn fits(&self, text: &[Syllable], start: usize) -> bool {
        let mut errors = usize::from(self.length >= LONG_ENOUGH_TO_ERR);
        let mut at = start;
        for (number, part) in self.parts.iter().enumerate() {
            let latest = if number == 0 { at } else { at + GAP };
            let place = (at..=latest).find_map(|place| {
                let heard = text.get(place..place + part.len())?;
                mistakes(part, heard).filter(|mistakes| *mistakes <= errors).map(|mistakes| (place, mistakes))
            });
            let Some((place, mistakes)) = place else { return false };
            errors -= mistakes;
            at = place + part.len();
        }
        true
    }
}

/// How many syllables only sound alike; `None` where one does not even do that.
fn mistakes(part: &[Syllable], heard: &[Syllable]) -> Option<usize> {
    let mut mistakes = 0;
    for (wanted, heard) in part.iter().zip(heard) {
        if wanted.key != heard.key {
            if wanted.sound == UNKNOWN || wanted.sound != heard.sound {
                return None;
            }
            mistakes += 1;
        }
    }
    Some(mistakes)
}

/// A unit's sound class; `None` where it has none, such as a number's.
fn sound(key: &str) -> Option<Cow<'static, str>> {
    let mut characters = key.chars();
    if let (Some(c), None) = (characters.next(), characters.next())
        && let Some(at) = (c as u32).checked_sub(*IDEOGRAPHS.start() as u32)
        && let Some(known) = SOUNDS.get(at as usize)
    {
        return known.as_deref().map(Cow::Borrowed);
    }
    sound_of(key).map(Cow::Owned)
}

fn sound_of(key: &str) -> Option<String> {
    let sounds = language::phonetic_key(key);
    (!sounds.is_empty()).then(|| sounds.join(" "))
}

/// The block of the characters that nearly all Chinese is written in.
const IDEOGRAPHS: std::ops::RangeInclusive<char> = '\u{4e00}'..='\u{9fff}';

/// The sound class of every one of [`IDEOGRAPHS`]: every character of every text that no pattern has asks for it.
static SOUNDS: LazyLock<Vec<Option<String>>> =
    LazyLock::new(|| IDEOGRAPHS.map(|c| sound_of(c.encode_utf8(&mut [0; 4]))).collect());

fn push_at(lists: &mut Vec<Vec<usize>>, at: u32, number: usize) {
    let at = at as usize;
    if lists.len() <= at {
        lists.resize_with(at + 1, Vec::new);
    }
    lists[at].push(number);
}

fn role_of(name: &str) -> Option<Role> {
    Some(match name {
        "danger" | "subject" => Role::Subject,
        "plea" => Role::Plea,
        "victim" => Role::Victim,
        "now" => Role::Now,
        "against" => Role::Against,
        _ => return None,
    })
}

/// Whether a line of a table is a row.
pub(super) fn is_row(line: &str) -> bool {
    !line.starts_with('#') && !line.trim().is_empty()
}

/// Whether every row of a table reads. For the tests of the shipped ones.
#[cfg(test)]
pub(super) fn reads(table: &str) -> bool {
    table.lines().filter(|line| is_row(line)).all(|line| Signals::default().row(line).is_some())
}
