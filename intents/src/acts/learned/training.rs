//! Makes `emergency_weights.tsv` and says what it is worth:
//!
//! ```sh
//! cargo test -p intents --lib the_weights_are_made -- --ignored --nocapture
//! ```
//!
//! The figures are cross-validated: five parts, near-duplicates and ways of asking of one entry in the same part. What is
//! learned from is listed in `training/data/README.md`; the even lines of `tests/data/emergencies.tsv` are not read.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use language::Language;

use super::{
    JUDGED, KINDS, Learned, Part, SURE_OF_KIND, Signs, best, each_part, is_row, judged, language_of, least,
    rough_sound,
};
use crate::acts::Acts;

/// The cost of a wrong example, inverse to how strongly weights are held small.
const COST: f32 = 0.5;

/// The same for the second stage, which has few weights and many examples.
const JUDGE_COST: f32 = 0.3;

/// Passes over the examples; the weights hardly move after twenty.
const PASSES: usize = 40;

/// So many parts are kept: a table of four times the size was no better in cross-validation.
const KEPT: usize = 12_000;

/// A part that stands in fewer texts says nothing about others.
const FEWEST: usize = 2;

/// Parts of the cross-validation.
const FOLDS: usize = 5;

/// Texts that share so much of their units and pairs (Jaccard) are near-duplicates.
const NEAR: f64 = 0.5;

/// Entries of the sample base whose ways of asking often are emergencies themselves ("the car is stuck in the snow, we are
/// freezing"): neither examples of ordinary questions nor counted as false alarms.
const GRAVE_ENTRIES: [&str; 10] = [
    "altitude-sickness",
    "snow-disaster",
    "earthquake",
    "domestic-violence",
    "self-harm-risk",
    "missing-person",
    "grassland-fire-prevention",
    "flood-mudslide",
    "rabies-dog-bite",
    "power-outage",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// `training/data/emergencies.tsv`: a writer who saw neither signs nor figures.
    Written,
    /// `training/data/emergencies_more.tsv`: written while this was built.
    More,
    /// Lines on which the signs were tuned: the second stage must not learn from them how far signs can be trusted.
    Tuned,
    /// Questions of the sample base, and to nobody.
    Asked,
}

#[derive(Debug)]
struct Example {
    language: Language,
    emergency: bool,
    /// An emergency whose kind is known …
    has_kind: bool,
    /// … and which it is, by its place in [`KINDS`]; `None` for a cry for help that does not say.
    kind: Option<usize>,
    source: Source,
    units: Vec<String>,
    signs: Signs,
    /// An entry, where near-duplicates are not all that belongs together.
    entry: Option<String>,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn lines(path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines().map(str::to_owned).collect()
}

/// The kind of a line of `tests/data/emergencies.tsv`.
fn kind_of(name: &str) -> Option<usize> {
    let name = match name {
        "altitude" | "heart" | "injury" | "labour" | "poisoning" => "medical",
        "avalanche" | "drowning" | "earthquake" | "lost" => "rescue",
        "missing_child" | "violence" => "crime",
        "self_harm" => "life",
        name => name,
    };
    KINDS.iter().position(|kind| *kind == name)
}

fn examples(acts: &Acts) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut add = |source, language: &str, emergency, kind: Option<&str>, entry: Option<&str>, text: &str| {
        let units: Vec<String> = language::syllables(text).into_iter().map(|unit| unit.key).collect();
        let (signs, _) = acts.signs(text, &units);
        let language = language.parse().expect("a language");
        let entry = entry.map(str::to_owned);
        examples.push(Example {
            language,
            emergency,
            has_kind: emergency && kind.is_some(),
            kind: kind.and_then(kind_of),
            source,
            units,
            signs,
            entry,
            text: text.to_owned(),
        });
    };
    for (source, path) in [
        (Source::Written, "training/data/emergencies.tsv"),
        (Source::More, "training/data/emergencies_more.tsv"),
    ] {
        for line in lines(path).iter().filter(|line| !line.starts_with('#')) {
            let cells: Vec<&str> = line.split('\t').collect();
            let emergency = cells[1] == "emergency";
            add(source, cells[0], emergency, Some(cells[2]), None, cells[3]);
        }
    }
    // The even lines, the first below the header being 1, are the test's.
    for (_, line) in
        lines("tests/data/emergencies.tsv").iter().skip(1).enumerate().filter(|(at, _)| at % 2 == 0)
    {
        let cells: Vec<&str> = line.split('\t').collect();
        let emergency = cells[1] == "emergency";
        add(Source::Tuned, cells[0], emergency, Some(cells[2]), None, cells[3]);
    }
    for line in lines("tests/data/emergencies_later.tsv").iter().filter(|line| !line.starts_with('#')) {
        let (language, text) = line.split_once('\t').expect("two columns");
        add(Source::Tuned, language, true, None, None, text);
    }
    let sample = kb::Collection::load(&root().join("examples/knowledge/sample")).expect("the sample base");
    for sourced in &sample.entries {
        let id = sourced.entry.id.0.as_str();
        for (language, _, text) in sourced.entry.questions().filter(|_| !GRAVE_ENTRIES.contains(&id)) {
            add(Source::Asked, language.code(), false, None, Some(id), text);
        }
    }
    for labelled in &sample.labelled {
        let entry = labelled.entry.as_ref().map(|entry| entry.0.as_str());
        if entry.is_none_or(|entry| !GRAVE_ENTRIES.contains(&entry)) {
            add(Source::Asked, labelled.language.code(), false, None, entry, &labelled.question);
        }
    }
    for line in lines("intents/data/background.tsv").iter().filter(|line| !line.starts_with('#')).skip(1) {
        let (language, text) = line.split_once('\t').expect("two columns");
        add(Source::Asked, language, false, None, None, text);
    }
    examples
}

/// A generator good enough to shuffle: the same everywhere, every time.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % most
    }
}

/// The fold of every example: what belongs together is in one.
fn folds(examples: &[Example], parts: &[Vec<u32>]) -> Vec<usize> {
    fn top(parents: &mut [usize], mut at: usize) -> usize {
        while parents[at] != at {
            parents[at] = parents[parents[at]];
            at = parents[at];
        }
        at
    }
    let mut parents: Vec<usize> = (0..examples.len()).collect();
    let mut by_part: HashMap<u32, Vec<usize>> = HashMap::new();
    let mut by_entry: HashMap<&str, usize> = HashMap::new();
    for (at, example) in examples.iter().enumerate() {
        let mut together: Vec<usize> = Vec::new();
        if let Some(entry) = &example.entry {
            together.extend(by_entry.insert(entry, at));
        }
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        for part in &parts[at] {
            let others = by_part.entry(*part).or_default();
            // What stands in hundreds of texts makes no near-duplicates.
            if others.len() < 300 {
                for other in others.iter() {
                    *shared.entry(*other).or_default() += 1;
                }
            }
            others.push(at);
        }
        for (other, shared) in shared {
            let all = parts[at].len() + parts[other].len() - shared;
            if shared as f64 >= NEAR * all as f64 {
                together.push(other);
            }
        }
        for other in together {
            let (a, b) = (top(&mut parents, at), top(&mut parents, other));
            parents[a] = b;
        }
    }
    let mut random = Lcg(5);
    let mut fold_of: HashMap<usize, usize> = HashMap::new();
    (0..examples.len())
        .map(|at| *fold_of.entry(top(&mut parents, at)).or_insert_with(|| random.below(FOLDS)))
        .collect()
}

/// A sparse vector.
type Vector = Vec<(u32, f32)>;

/// L2-regularised logistic regression by dual coordinate descent (Yu, Huang and Lin 2011, "Dual coordinate descent methods for
/// logistic regression and maximum entropy models"): weights by feature.
fn regression(vectors: &[&Vector], labels: &[bool], cost: f32, features: usize) -> Vec<f32> {
    let mut weights = vec![0.0_f32; features];
    // The duals as log-odds of their share of the cost: alpha = cost * sigmoid(odds).
    let mut odds = vec![-10.0_f32; vectors.len()];
    let alpha = |odds: f32| cost / (1.0 + (-odds).exp());
    let squares: Vec<f32> = vectors.iter().map(|vector| vector.iter().map(|(_, x)| x * x).sum()).collect();
    let mut order: Vec<usize> = (0..vectors.len()).collect();
    let mut random = Lcg(3);
    for pass in 0..PASSES {
        for at in (1..order.len()).rev() {
            order.swap(at, random.below(at + 1));
        }
        for at in order.iter().copied() {
            let sign = if labels[at] { 1.0 } else { -1.0 };
            if pass == 0 {
                let start = sign * alpha(odds[at]);
                vectors[at].iter().for_each(|(feature, x)| weights[*feature as usize] += start * x);
            }
            let margin: f32 = sign * vectors[at].iter().map(|(f, x)| weights[*f as usize] * x).sum::<f32>();
            let before = alpha(odds[at]);
            // Its derivative is at least 1, so that the root is no further away than the value.
            let value = |odds: f32| odds + squares[at] * (alpha(odds) - before) + margin;
            let reach = value(odds[at]).abs() + 1e-3;
            let (mut low, mut high) = (odds[at] - reach, odds[at] + reach);
            for _ in 0..40 {
                let middle = 0.5 * (low + high);
                if value(middle) > 0.0 { high = middle } else { low = middle }
            }
            odds[at] = 0.5 * (low + high);
            let step = sign * (alpha(odds[at]) - before);
            vectors[at].iter().for_each(|(feature, x)| weights[*feature as usize] += step * x);
        }
    }
    weights
}

fn product(weights: &[f32], vector: &Vector) -> f32 {
    vector.iter().map(|(feature, x)| weights[*feature as usize] * x).sum()
}

/// All parts that stand in [`FEWEST`] texts; number 0 is the constant.
struct Vocabulary {
    parts: Vec<(Part, String, String)>,
    vectors: Vec<Vector>,
    /// The same of every clause, where a text has several.
    clauses: Vec<Vec<Vector>>,
}

impl Vocabulary {
    fn new(examples: &[Example]) -> Self {
        let mut counts: BTreeMap<(Part, String, String), usize> = BTreeMap::new();
        let of = |units: &Vec<String>| {
            let sounds: Vec<Option<String>> = units.iter().map(|unit| rough_sound(unit)).collect();
            let mut parts = Vec::new();
            each_part(units, &sounds, |part, a, b| parts.push((part, a.to_owned(), b.to_owned())));
            parts.sort_unstable();
            parts.dedup();
            parts
        };
        let all: Vec<_> = examples.iter().map(|example| of(&example.units)).collect();
        for part in all.iter().flatten() {
            *counts.entry(part.clone()).or_default() += 1;
        }
        let mut parts = vec![(Part::One, String::new(), String::new())];
        // What holds a tab or a space cannot stand in the table.
        let writable = |text: &str| !text.contains(['\t', '\n', '#']);
        let kept = counts.into_iter().filter(|((_, a, b), n)| *n >= FEWEST && writable(a) && writable(b));
        parts.extend(kept.map(|(part, _)| part));
        let numbers: HashMap<&(Part, String, String), u32> = parts.iter().zip(0..).collect();
        let vector = |parts: &Vec<_>| {
            let numbers = parts.iter().filter_map(|part| numbers.get(part)).map(|number| (*number, 1.0));
            [(0, 1.0)].into_iter().chain(numbers).collect()
        };
        let vectors = all.iter().map(vector).collect();
        let clauses = |example: &Example| example.signs.clauses.iter().map(|c| vector(&of(c))).collect();
        let clauses = examples.iter().map(clauses).collect();
        Self { parts, vectors, clauses }
    }

    /// First-stage weights from those examples, all but [`KEPT`] zero.
    fn words(&self, examples: &[Example], of: &[usize]) -> Vec<f32> {
        let labels: Vec<bool> = of.iter().map(|at| examples[*at].emergency).collect();
        let vectors: Vec<&Vector> = of.iter().map(|at| &self.vectors[*at]).collect();
        let all = regression(&vectors, &labels, COST, self.parts.len());
        let mut heaviest: Vec<usize> = (1..all.len()).collect();
        heaviest.sort_by(|a, b| all[*b].abs().total_cmp(&all[*a].abs()).then(a.cmp(b)));
        let mut kept = vec![false; all.len()];
        kept[0] = true;
        heaviest.iter().take(KEPT).for_each(|at| kept[*at] = true);
        let filter = |vector: &&Vector| vector.iter().copied().filter(|(f, _)| kept[*f as usize]).collect();
        let vectors: Vec<Vector> = vectors.iter().map(filter).collect();
        regression(&vectors.iter().collect::<Vec<_>>(), &labels, COST, self.parts.len())
    }

    /// Weights for every kind, of units and neighbours that have weights, from the emergencies among those examples.
    fn kinds(&self, examples: &[Example], of: &[usize], words: &[f32]) -> Vec<Vec<f32>> {
        let of: Vec<usize> = of.iter().copied().filter(|at| examples[*at].has_kind).collect();
        let useful = |feature: u32| {
            feature == 0
                || (words[feature as usize] != 0.0
                    && matches!(self.parts[feature as usize].0, Part::One | Part::Two | Part::Sound))
        };
        let vector = |at: &usize| self.vectors[*at].iter().copied().filter(|(f, _)| useful(*f)).collect();
        let vectors: Vec<Vector> = of.iter().map(vector).collect();
        let vectors: Vec<&Vector> = vectors.iter().collect();
        let weights = |kind| {
            let labels: Vec<bool> = of.iter().map(|at| examples[*at].kind == Some(kind)).collect();
            regression(&vectors, &labels, COST, self.parts.len())
        };
        (0..KINDS.len()).map(weights).collect()
    }
}

impl Example {
    fn judged(&self, (words, clause): (f32, f32)) -> Vector {
        (0..).zip(judged(words, clause, self.units.len(), &self.signs)).collect()
    }
}

/// Second-stage weights of a language from those examples and their first-stage sums.
fn judge(examples: &[Example], of: &[usize], sums: &[(f32, f32)], language: Language) -> Vec<f32> {
    let of =
        of.iter().filter(|at| examples[**at].language == language && examples[**at].source != Source::Tuned);
    let of: Vec<usize> = of.copied().collect();
    let vectors: Vec<Vector> = of.iter().map(|at| examples[*at].judged(sums[*at])).collect();
    let labels: Vec<bool> = of.iter().map(|at| examples[*at].emergency).collect();
    regression(&vectors.iter().collect::<Vec<_>>(), &labels, JUDGE_COST, JUDGED.len())
}

/// Sums of the first stage, and the kind it would name, for each example by weights that have not seen its fold.
fn unseen_sums(
    examples: &[Example],
    vocabulary: &Vocabulary,
    folds: &[usize],
) -> (Vec<(f32, f32)>, Vec<Option<usize>>) {
    let (mut sums, mut kinds) = (vec![(0.0, 0.0); examples.len()], vec![None; examples.len()]);
    for fold in 0..FOLDS {
        let (seen, unseen): (Vec<usize>, Vec<usize>) = (0..examples.len()).partition(|at| folds[*at] != fold);
        let words = vocabulary.words(examples, &seen);
        let by_kind = vocabulary.kinds(examples, &seen, &words);
        for at in unseen {
            let vector = &vocabulary.vectors[at];
            let whole = product(&words, vector);
            let clauses = vocabulary.clauses[at].iter().map(|clause| product(&words, clause));
            sums[at] = (whole, best(clauses, whole));
            let odds = by_kind.iter().map(|weights| product(weights, vector)).enumerate();
            let best = odds.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, odds)| *odds >= SURE_OF_KIND);
            kinds[at] = best.map(|(kind, _)| kind);
        }
    }
    (sums, kinds)
}

fn share(of: impl Iterator<Item = bool>) -> String {
    let (mut yes, mut all) = (0_usize, 0_usize);
    for is in of {
        yes += usize::from(is);
        all += 1;
    }
    format!("{:.2} % of {all}", 100.0 * yes as f64 / all.max(1) as f64)
}

#[test]
#[ignore = "writes emergency_weights.tsv"]
fn the_weights_are_made() {
    let acts = Acts::new();
    let examples = examples(&acts);
    let vocabulary = Vocabulary::new(&examples);
    let like: Vec<Vec<u32>> = vocabulary
        .vectors
        .iter()
        .map(|vector| {
            let parts = vector.iter().map(|(feature, _)| *feature).skip(1);
            parts.filter(|f| matches!(vocabulary.parts[*f as usize].0, Part::One | Part::Two)).collect()
        })
        .collect();
    let folds = folds(&examples, &like);
    let (sums, kinds) = unseen_sums(&examples, &vocabulary, &folds);

    let mut odds = vec![0.0_f32; examples.len()];
    for fold in 0..FOLDS {
        let seen: Vec<usize> = (0..examples.len()).filter(|at| folds[*at] != fold).collect();
        for language in Language::ALL {
            let weights = judge(&examples, &seen, &sums, language);
            let unseen =
                (0..examples.len()).filter(|at| folds[*at] == fold && examples[*at].language == language);
            unseen.for_each(|at| odds[at] = product(&weights, &examples[at].judged(sums[at])));
        }
    }
    tell(&examples, &odds, &kinds);

    let all: Vec<usize> = (0..examples.len()).collect();
    let words = vocabulary.words(&examples, &all);
    let by_kind = vocabulary.kinds(&examples, &all, &words);
    let judges = Language::ALL.map(|language| (language, judge(&examples, &all, &sums, language)));
    let table = table(&vocabulary, &words, &by_kind, &judges);
    let learned = Learned::parse(&table);
    let rows = table.lines().filter(|line| is_row(line));
    assert!(rows.clone().all(|line| Learned::default().row(line).is_some()));
    println!("{} rows, {} KiB", rows.count(), table.len() / 1024);
    for source in [Source::Written, Source::More, Source::Tuned, Source::Asked] {
        for language in Language::ALL {
            let alarm = |emergency| {
                let of = examples.iter().filter(move |example| {
                    example.source == source && example.language == language && example.emergency == emergency
                });
                share(of.map(|example| {
                    let language = language_of(&language::syllables(&example.text));
                    learned.judge(&example.units, language, &example.signs).alarm
                }))
            };
            println!("{language} {source:?}, seen: emergencies {}, others {}", alarm(true), alarm(false));
        }
    }
    std::fs::write(root().join("intents/src/acts/emergency_weights.tsv"), table)
        .expect("the table is written");
}

/// Whether that many log-odds are an alarm for it.
fn alarms(example: &Example, odds: f32) -> bool {
    odds >= least(example.units.len(), &example.signs)
}

/// The cross-validated figures; `DRILEN_SHOW_MISSES` prints every error too.
fn tell(examples: &[Example], odds: &[f32], kinds: &[Option<usize>]) {
    let shown = std::env::var("DRILEN_SHOW_MISSES").is_ok();
    for (language, source) in Language::ALL.into_iter().flat_map(|language| {
        [Source::Written, Source::More, Source::Tuned, Source::Asked].map(move |source| (language, source))
    }) {
        for emergency in [true, false] {
            let of = |example: &Example| {
                example.language == language && example.source == source && example.emergency == emergency
            };
            let of: Vec<usize> = (0..examples.len()).filter(|at| of(&examples[*at])).collect();
            if of.is_empty() {
                continue;
            }
            println!(
                "{language} {source:?}, {}: alarms by signs alone {}, with weights {}",
                if emergency { "emergencies" } else { "others" },
                share(of.iter().map(|at| examples[*at].signs.alarm)),
                share(of.iter().map(|at| alarms(&examples[*at], odds[*at])))
            );
            let with_kind = of.iter().filter(|at| examples[**at].has_kind);
            if emergency {
                let any = share(with_kind.clone().map(|at| kinds[*at].is_none()));
                let right = share(with_kind.map(|at| kinds[*at] == examples[*at].kind));
                println!("{language} {source:?}, kind by the weights alone: right {right}, left open {any}");
            }
            let wrong = |at: &&usize| shown && alarms(&examples[**at], odds[**at]) != emergency;
            for at in of.iter().filter(wrong) {
                println!("    {:.2} {:?} {}", odds[*at], examples[*at].signs.whole, examples[*at].text);
            }
        }
    }
}

/// Weights smaller than this are rounding errors of two digits.
const SMALLEST: f32 = 0.005;

/// Weights for kinds smaller than this are left out: they hardly ever decide.
const SMALLEST_OF_KINDS: f32 = 0.1;

fn table(
    vocabulary: &Vocabulary,
    words: &[f32],
    kinds: &[Vec<f32>],
    judges: &[(Language, Vec<f32>)],
) -> String {
    let mut table = String::from(
        "# Learned weights of emergencies; made by `cargo test -p intents --lib the_weights_are_made -- --ignored`, not by hand.\n\
         # Columns: part (one unit, two neighbours, two a little apart, two rough sounds), the units, weight in log-odds, weights\n\
         # for kinds of emergency. `judge` rows weigh that sum and the signs against each other, per language. See learned.rs.\n",
    );
    let of_kinds = |at: usize, smallest: f32| {
        let of = KINDS.iter().zip(kinds).filter(|(_, weights)| weights[at].abs() >= smallest);
        of.map(|(kind, weights)| format!("{kind}:{:.2}", weights[at])).collect::<Vec<_>>().join(" ")
    };
    for (language, weights) in judges {
        for (name, weight) in JUDGED.iter().zip(weights) {
            let _ = writeln!(table, "judge\t{language}\t{name}\t{weight:.4}");
        }
    }
    let _ = writeln!(table, "constant\t\t\t{:.4}\t{}", words[0], of_kinds(0, 0.0));
    for (at, (part, a, b)) in vocabulary.parts.iter().enumerate().skip(1) {
        if words[at].abs() < SMALLEST {
            continue;
        }
        let _ = write!(table, "{}\t{a}\t{b}\t{:.2}", part.name(), words[at]);
        let kinds = of_kinds(at, SMALLEST_OF_KINDS);
        let _ = if kinds.is_empty() { writeln!(table) } else { writeln!(table, "\t{kinds}") };
    }
    table
}
