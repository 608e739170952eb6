//! Questions that two entries share, or nearly share.

use std::collections::HashSet;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::finding::Finding;
use crate::{Collection, Entry, Kind, Position, Problem, Severity, Sourced, parallel};

/// Two questions whose units and pairs of neighbours have at least this Jaccard similarity are near-identical: one
/// character in a dozen differs. Below it, different questions of one kind ("… of a child", "… of an adult") begin.
const NEAR_IDENTICAL: f32 = 0.8;

/// Said or left out, the question stays the same: Chinese final particles and 的, Tibetan question and politeness particles.
static PARTICLES: LazyLock<HashSet<String>> =
    LazyLock::new(|| keys("的了吗呢吧啊呀嘛哦呗啦 པས་ ལགས་ གམ་ ཨ་"));

/// Said or left out, the question is another one.
static NEGATIONS: LazyLock<HashSet<String>> = LazyLock::new(|| keys("不没未无别勿 མ་ མི་ མེད་ མིན་"));

fn keys(text: &str) -> HashSet<String> {
    language::syllables(text).into_iter().map(|unit| unit.key).collect()
}

/// A unit or pair that more questions have than this makes no rivals: in a base of a hundred thousand questions made of few
/// words, comparing all that share one would take hours. A base written by people never comes near it.
const MOST_SHARING: usize = 300;

struct Question<'a> {
    sourced: &'a Sourced,
    field: String,
    text: &'a str,
    /// The search key, as a number.
    key: u32,
    /// The key without particles, as a number; `None` where nothing is left.
    bare: Option<u32>,
    negations: usize,
    /// Sorted rarest first: the order that prefix filtering needs.
    grams: Vec<u32>,
}

/// How two questions are alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Same,
    ButForParticles,
    Nearly,
}

/// Errors for questions of two entries with the same search key, warnings for near-identical ones, notices for a question
/// that one entry repeats. Entries that never hold on the same day may share questions.
///
/// All pairs above the threshold are found without comparing all pairs: similar sets share one of their rarest
/// members (prefix filtering; Bayardo, Ma & Srikant 2007).
pub(super) fn find(collection: &Collection) -> Vec<Problem> {
    let questions = questions(collection);
    let mut problems = Vec::new();
    let terms =
        questions.iter().filter_map(|question| question.grams.last()).max().map_or(0, |last| last + 1);
    let mut by_gram: Vec<Vec<Sharing>> = vec![Vec::new(); terms as usize];
    let mut by_bare: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    // By question: the last one that it was a rival of.
    let mut rival_of = vec![u32::MAX; questions.len()];
    let mut rivals = Vec::new();
    for (number, question) in (0_u32..).zip(&questions) {
        rivals.clear();
        let mut meet = |rival: u32| {
            if std::mem::replace(&mut rival_of[rival as usize], number) != number {
                rivals.push(rival);
            }
        };
        let length = question.grams.len();
        let prefix = length - (NEAR_IDENTICAL * length as f32).ceil() as usize + 1;
        // Grams before this one by which a rival may not have been met.
        let mut full = 0;
        for (at, gram) in question.grams.iter().take(prefix).enumerate() {
            let sharing = &mut by_gram[*gram as usize];
            if sharing.len() == MOST_SHARING {
                full += 1;
                continue;
            }
            let own = Sharing { number, length: length as u32, at: at as u32 };
            sharing
                .iter()
                .filter(|other| other.may_be_alike(&own, full))
                .for_each(|other| meet(other.number));
            sharing.push(own);
        }
        if let Some(bare) = question.bare {
            let same = by_bare.entry(bare).or_default();
            for rival in same.iter() {
                meet(*rival);
            }
            same.push(number);
        }
        rivals.sort_unstable();
        let judged =
            rivals.iter().filter_map(|rival| judge(&questions[*rival as usize], question, collection));
        problems.extend(judged);
    }
    problems
}

/// A question that has a gram, at its place among all of its grams.
#[derive(Clone, Copy)]
struct Sharing {
    number: u32,
    length: u32,
    at: u32,
}

impl Sharing {
    /// Whether two questions that share this gram, and no more than so many before it, may share enough (positional filtering; Xiao
    /// et al. 2008).
    fn may_be_alike(&self, other: &Self, before: u32) -> bool {
        let rest = (self.length - self.at).min(other.length - other.at);
        before + rest >= enough(self.length as usize, other.length as usize) as u32
    }
}

/// How many grams questions of so many grams share that are just alike enough.
fn enough(a: usize, b: usize) -> usize {
    // Rounded down a little: what is too much is judged all the same.
    ((a + b) as f32 * (NEAR_IDENTICAL / (1.0 + NEAR_IDENTICAL)) - 1e-3).ceil() as usize
}

fn judge(first: &Question<'_>, second: &Question<'_>, collection: &Collection) -> Option<Problem> {
    let likeness = if first.key == second.key {
        Likeness::Same
    } else if first.bare.is_some() && first.bare == second.bare {
        Likeness::ButForParticles
    } else if first.negations == second.negations && jaccard(&first.grams, &second.grams) >= NEAR_IDENTICAL {
        Likeness::Nearly
    } else {
        return None;
    };
    let (one, other) = (&first.sourced.entry, &second.sourced.entry);
    let within = std::ptr::eq(one, other);
    let (severity, kind) = match (likeness, within) {
        (Likeness::Same, true) => (Severity::Notice, Kind::Duplicate),
        (_, true) => return None,
        _ if !meet(one, other) => return None,
        (Likeness::Same, false) => (Severity::Error, Kind::Contradiction),
        (_, false) => (Severity::Warning, Kind::NearDuplicate),
    };
    let (text, other_text) = (second.text.to_owned(), first.text.to_owned());
    let (entry, at) = (one.id.0.clone(), first.field.clone());
    let finding = match likeness {
        Likeness::Same => Finding::SameQuestion { text, other: other_text, entry, at },
        Likeness::ButForParticles => Finding::SameButForParticles { text, other: other_text, entry, at },
        Likeness::Nearly => Finding::NearlySame { text, other: other_text, entry, at },
    };
    let line = collection.lines.get(&(second.sourced.file.clone(), other.id.clone()));
    Some(Problem {
        severity,
        kind,
        file: second.sourced.file.clone(),
        position: line.map(|line| Position { line: *line, column: None }),
        entry: Some(other.id.clone()),
        field: second.field.clone(),
        message: finding.to_string(),
        finding: Some(Box::new(finding)),
        ..Problem::default()
    })
}

/// Whether there is a day on which both entries hold.
fn meet(a: &Entry, b: &Entry) -> bool {
    let before = |a: &Entry, b: &Entry| matches!((a.valid_until, b.valid_from), (Some(until), Some(from)) if until < from);
    !before(a, b) && !before(b, a)
}

/// Both sorted. 0 where it is seen early that too little is shared.
fn jaccard(a: &[u32], b: &[u32]) -> f32 {
    let enough = enough(a.len(), b.len());
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if shared + (a.len() - i).min(b.len() - j) < enough {
            return 0.0;
        }
        i += usize::from(x <= y);
        j += usize::from(y <= x);
        shared += usize::from(x == y);
    }
    let all = a.len() + b.len() - shared;
    if all == 0 { 0.0 } else { shared as f32 / all as f32 }
}

/// Negating units; the middle of 能不能 and 有没有 only asks.
fn negations(units: &[String]) -> usize {
    let asks = |at: usize| at > 0 && units.get(at - 1) == units.get(at + 1);
    units.iter().enumerate().filter(|(at, unit)| NEGATIONS.contains(*unit) && !asks(*at)).count()
}

/// Texts as numbers, in the order of their first occurrence.
#[derive(Default)]
struct Numbers(FxHashMap<String, u32>);

impl Numbers {
    fn of(&mut self, text: &str) -> u32 {
        let next = self.0.len() as u32;
        match self.0.get(text) {
            Some(known) => *known,
            None => *self.0.entry(text.to_owned()).or_insert(next),
        }
    }
}

fn questions(collection: &Collection) -> Vec<Question<'_>> {
    let units = parallel::map(&collection.entries, |sourced| {
        let questions = sourced.entry.questions().map(|(_, _, text)| language::syllables(text));
        questions
            .map(|units| units.into_iter().map(|unit| unit.key).collect::<Vec<String>>())
            .collect::<Vec<_>>()
    });
    let (mut grams, mut keys) = (Numbers::default(), Numbers::default());
    let mut frequency: Vec<u32> = Vec::new();
    let mut questions = Vec::new();
    for (sourced, units) in collection.entries.iter().zip(units) {
        for ((language, index, text), units) in sourced.entry.questions().zip(units) {
            // Units and pairs of neighbours, each once.
            let mut own: Vec<u32> = units.iter().map(|unit| grams.of(unit)).collect();
            own.extend(units.windows(2).map(|pair| grams.of(&pair.join("\u{1f}"))));
            own.sort_unstable();
            own.dedup();
            frequency.resize(grams.0.len(), 0);
            for gram in &own {
                frequency[*gram as usize] += 1;
            }
            let bare: Vec<&str> =
                units.iter().filter(|unit| !PARTICLES.contains(*unit)).map(String::as_str).collect();
            if !own.is_empty() {
                questions.push(Question {
                    sourced,
                    field: match index {
                        0 => format!("{language}.question"),
                        index => format!("{language}.variants[{}]", index - 1),
                    },
                    text,
                    bare: (!bare.is_empty()).then(|| keys.of(&bare.join(" "))),
                    negations: negations(&units),
                    key: keys.of(&units.join(" ")),
                    grams: own,
                });
            }
        }
    }
    let mut ranked: Vec<u32> = (0..frequency.len() as u32).collect();
    ranked.sort_by_key(|gram| frequency[*gram as usize]);
    let mut rank = vec![0; frequency.len()];
    (0_u32..).zip(ranked).for_each(|(at, gram)| rank[gram as usize] = at);
    for question in &mut questions {
        question.grams.iter_mut().for_each(|gram| *gram = rank[*gram as usize]);
        question.grams.sort_unstable();
    }
    questions
}
