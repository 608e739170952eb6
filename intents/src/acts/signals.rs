//! Signs of what somebody is at, weighed against each other: explainable, and kept as data (`emergencies.tsv` and its like).
//!
//! A table row gives patterns a role, a kind and a weight. Of each role the heaviest pattern that is found counts, and
//! `danger + plea + victim + now - against` must reach [`ENOUGH`]. So one strong sign is enough, two weak ones are, and words that
//! belong to another purpose ("how is that insured?") outweigh them.

use std::collections::HashMap;

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
    keys: HashMap<String, u32>,
    sounds: HashMap<String, u32>,
    /// The sound of every key, by its number.
    sound_of: Vec<u32>,
    /// Patterns by their first key, and by the sound of it.
    by_key: HashMap<u32, Vec<usize>>,
    by_sound: HashMap<u32, Vec<usize>>,
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
                self.by_key.entry(first.key).or_default().push(number);
                if length >= LONG_ENOUGH_TO_ERR && first.sound != UNKNOWN {
                    self.by_sound.entry(first.sound).or_default().push(number);
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
        let sound = sound(&key).map_or(UNKNOWN, |sound| *self.sounds.entry(sound).or_insert(next));
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
                let sound = sound(key).filter(|_| dictated).and_then(|sound| self.sounds.get(&sound));
                Syllable { key: UNKNOWN, sound: sound.copied().unwrap_or(UNKNOWN) }
            }
        };
        units.iter().map(look_up).collect()
    }

    /// The patterns that are in a text, in the order of the table.
    fn patterns_in(&self, text: &[Syllable]) -> Vec<&Pattern> {
        let mut found = vec![false; self.patterns.len()];
        for (start, syllable) in text.iter().enumerate() {
            let by_sound = self.by_sound.get(&syllable.sound).filter(|_| syllable.sound != UNKNOWN);
            let may_begin = self.by_key.get(&syllable.key).into_iter().chain(by_sound).flatten();
            for number in may_begin {
                found[*number] = found[*number] || self.patterns[*number].fits(text, start);
            }
        }
        self.patterns.iter().zip(found).filter(|(_, found)| *found).map(|(pattern, _)| pattern).collect()
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
fn sound(key: &str) -> Option<String> {
    let sounds = language::phonetic_key(key);
    (!sounds.is_empty()).then(|| sounds.join(" "))
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
