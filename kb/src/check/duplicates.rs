//! Questions that two entries share, or nearly share.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use crate::{Collection, Entry, Kind, Position, Problem, Severity, Sourced};

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
    key: String,
    /// The key without particles.
    bare: String,
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
    let mut by_gram: HashMap<u32, Vec<usize>> = HashMap::new();
    let mut by_bare: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, question) in questions.iter().enumerate() {
        let mut rivals = BTreeSet::new();
        let length = question.grams.len();
        let prefix = length - (NEAR_IDENTICAL * length as f32).ceil() as usize + 1;
        for gram in question.grams.iter().take(prefix) {
            let sharing = by_gram.entry(*gram).or_default();
            if sharing.len() < MOST_SHARING {
                rivals.extend(sharing.iter().copied());
                sharing.push(number);
            }
        }
        let bare = by_bare.entry(&question.bare).or_default();
        rivals.extend(bare.iter().copied());
        bare.push(number);
        let judged = rivals.into_iter().filter_map(|rival| judge(&questions[rival], question, collection));
        problems.extend(judged);
    }
    problems
}

fn judge(first: &Question<'_>, second: &Question<'_>, collection: &Collection) -> Option<Problem> {
    let likeness = if first.key == second.key {
        Likeness::Same
    } else if !first.bare.is_empty() && first.bare == second.bare {
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
    let how = match likeness {
        Likeness::Same => "the same question as",
        Likeness::ButForParticles => "but for particles the same question as",
        Likeness::Nearly => "nearly the same question as",
    };
    let line = collection.lines.get(&(second.sourced.file.clone(), other.id.clone()));
    Some(Problem {
        severity,
        kind,
        file: second.sourced.file.clone(),
        position: line.map(|line| Position { line: *line, column: None }),
        entry: Some(other.id.clone()),
        field: second.field.clone(),
        age_days: None,
        message: format!("“{}” is {how} “{}” in entry {}, {}", second.text, first.text, one.id, first.field),
    })
}

/// Whether there is a day on which both entries hold.
fn meet(a: &Entry, b: &Entry) -> bool {
    let before = |a: &Entry, b: &Entry| matches!((a.valid_until, b.valid_from), (Some(until), Some(from)) if until < from);
    !before(a, b) && !before(b, a)
}

/// Both sorted.
fn jaccard(a: &[u32], b: &[u32]) -> f32 {
    let shared = a.iter().filter(|gram| b.binary_search(gram).is_ok()).count();
    let all = a.len() + b.len() - shared;
    if all == 0 { 0.0 } else { shared as f32 / all as f32 }
}

/// Units and pairs of neighbours, each once.
fn grams(units: &[String]) -> HashSet<String> {
    units.iter().cloned().chain(units.windows(2).map(|pair| pair.join("\u{1f}"))).collect()
}

/// Negating units; the middle of 能不能 and 有没有 only asks.
fn negations(units: &[String]) -> usize {
    let asks = |at: usize| at > 0 && units.get(at - 1) == units.get(at + 1);
    units.iter().enumerate().filter(|(at, unit)| NEGATIONS.contains(*unit) && !asks(*at)).count()
}

fn questions(collection: &Collection) -> Vec<Question<'_>> {
    let mut analysed = Vec::new();
    let mut frequency: HashMap<String, u32> = HashMap::new();
    for sourced in &collection.entries {
        for (language, index, text) in sourced.entry.questions() {
            let units: Vec<String> = language::syllables(text).into_iter().map(|unit| unit.key).collect();
            let grams = grams(&units);
            for gram in &grams {
                *frequency.entry(gram.clone()).or_default() += 1;
            }
            let field = match index {
                0 => format!("{language}.question"),
                index => format!("{language}.variants[{}]", index - 1),
            };
            analysed.push((sourced, field, text, units, grams));
        }
    }
    let mut ranked: Vec<(&String, &u32)> = frequency.iter().collect();
    ranked.sort_by_key(|(gram, count)| (**count, *gram));
    let rank: HashMap<&String, u32> =
        ranked.iter().enumerate().map(|(rank, (gram, _))| (*gram, rank as u32)).collect();
    analysed
        .into_iter()
        .map(|(sourced, field, text, units, grams)| {
            let mut grams: Vec<u32> = grams.iter().filter_map(|gram| rank.get(gram).copied()).collect();
            grams.sort_unstable();
            let bare: Vec<&str> =
                units.iter().filter(|unit| !PARTICLES.contains(*unit)).map(String::as_str).collect();
            Question {
                sourced,
                field,
                text,
                bare: bare.join(" "),
                negations: negations(&units),
                key: units.join(" "),
                grams,
            }
        })
        .filter(|question| !question.grams.is_empty())
        .collect()
}
