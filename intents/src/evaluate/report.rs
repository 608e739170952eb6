//! The result of one evaluation, as it is stored and compared.

use std::collections::{BTreeMap, HashMap};

use kb::Publication;
use language::Language;
use serde::{Deserialize, Serialize};

use super::confusion::confusions;
use super::figures::{Evaluation, summarise, summarise_some};
use super::overlap::by_overlap;
use super::{Bucket, Confusion, Record, RowProblem};

/// The format of a stored report.
pub const FORMAT: &str = "drilen-evaluation/1";

/// What was evaluated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The knowledge base's name.
    pub name: String,
    /// The revision of the knowledge base; of the first split where there are several.
    pub revision: String,
    /// How many entries it has.
    pub entries: usize,
    /// How many ways of asking in both languages.
    pub questions: usize,
}

impl Subject {
    /// What a publication is.
    pub fn of(publication: &Publication) -> Self {
        Self {
            name: publication.name().to_owned(),
            revision: publication.revision().to_string(),
            entries: publication.entries().len(),
            questions: publication.variants().len(),
        }
    }
}

/// One evaluation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: String,
    /// What was evaluated.
    pub subject: Subject,
    /// How, in words.
    pub protocol: String,
    /// Seeds of the splits; empty where nothing was drawn.
    pub seeds: Vec<u64>,
    /// All figures. Over several seeds, areas under ROC curves and coverage are means over the seeds; counts are sums, and
    /// so all shares are means over all questions asked.
    #[serde(flatten)]
    pub figures: Evaluation,
    /// Figures by seed, in the order of `seeds`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_seed: Vec<Evaluation>,
    /// Figures by language, `bo` and `zh`.
    #[serde(default)]
    pub by_language: BTreeMap<String, Evaluation>,
    /// How far apart the languages are: top-1 in Chinese less top-1 in Tibetan, where both were asked.
    #[serde(default)]
    pub language_gap: Option<f64>,
    /// Figures by word overlap with the nearest way of asking.
    #[serde(default)]
    pub by_overlap: Vec<Bucket>,
    /// Entries that are taken for each other.
    #[serde(default)]
    pub confusions: Vec<Confusion>,
    /// Rows that were left out.
    #[serde(default, skip_deserializing)]
    pub problems: Vec<RowProblem>,
    /// Every question with what became of it; may be absent where a report serves as a gate only.
    #[serde(default)]
    pub queries: Vec<Record>,
}

impl Report {
    /// Sums records up. `questions` are the entries' questions by id.
    pub fn new(
        subject: Subject,
        protocol: String,
        records: Vec<Record>,
        questions: &HashMap<String, String>,
    ) -> Self {
        let mut seeds: Vec<u64> = records.iter().map(|r| r.seed).filter(|seed| *seed > 0).collect();
        seeds.sort_unstable();
        seeds.dedup();
        let by_seed: Vec<Evaluation> = seeds.iter().map(|seed| some(&records, |r| r.seed == *seed)).collect();
        let mut figures = summarise(&records);
        average(&mut figures, &by_seed);
        let by_language: BTreeMap<String, Evaluation> = Language::ALL
            .into_iter()
            .filter(|language| records.iter().any(|r| r.language == *language))
            .map(|language| (language.code().to_owned(), some(&records, |r| r.language == language)))
            .collect();
        let top1 = |language: Language| {
            by_language.get(language.code()).map(|figures| figures.top1).filter(|share| !share.is_nan())
        };
        Self {
            format: FORMAT.to_owned(),
            subject,
            protocol,
            seeds,
            figures,
            by_seed,
            language_gap: top1(Language::Zh).zip(top1(Language::Bo)).map(|(zh, bo)| zh - bo),
            by_language,
            by_overlap: by_overlap(&records),
            confusions: confusions(&records, questions),
            problems: Vec::new(),
            queries: records,
        }
    }

    /// The report without its questions: small enough to be committed as a gate.
    #[must_use]
    pub fn without_queries(mut self) -> Self {
        self.queries.clear();
        self.confusions.clear();
        self.problems.clear();
        self
    }
}

fn some(records: &[Record], belongs: impl Fn(&Record) -> bool) -> Evaluation {
    let records: Vec<&Record> = records.iter().filter(|record| belongs(record)).collect();
    summarise_some(&records)
}

/// What depends on how questions lie to each other is averaged over the seeds: across splits, confidences do not compare.
fn average(figures: &mut Evaluation, by_seed: &[Evaluation]) {
    if by_seed.len() < 2 {
        return;
    }
    let mean =
        |value: &dyn Fn(&Evaluation) -> f64| by_seed.iter().map(value).sum::<f64>() / by_seed.len() as f64;
    figures.auc = mean(&|seed| seed.auc);
    for (at, coverage) in figures.coverage.iter_mut().enumerate() {
        coverage.threshold = mean(&|seed| f64::from(seed.coverage[at].threshold)) as f32;
        coverage.right = mean(&|seed| seed.coverage[at].right);
        coverage.right_with_outside = mean(&|seed| seed.coverage[at].right_with_outside);
    }
    for (kind, outside) in &mut figures.outside_kinds {
        let own = |seed: &Evaluation| seed.outside_kinds.get(kind).copied().unwrap_or_default();
        outside.auc = mean(&|seed| own(seed).auc);
        outside.auc_any = mean(&|seed| own(seed).auc_any);
    }
}
