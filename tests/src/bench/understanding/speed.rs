//! How long understanding takes, how long publishing takes, and whether anybody notices it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Instant;

use anyhow::{Context as _, Result};
use intents::evaluate::Layout;
use intents::{Context, Memory, Settings, Understander, Utterance, decide};
use kb::{Collection, Publication};
use language::Language;
use serde::{Deserialize, Serialize};
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexWriter, TantivyDocument, Term};

use super::{baselines, generated, sample};
use crate::bench::{Report, percentile};

/// How a text becomes the terms of an index.
type Terms = fn(&str) -> Vec<String>;

const SMALL: usize = 1_000;
const LARGE: usize = 100_000;

/// Every question is asked so often; see [`Times`].
const ROUNDS: usize = 3;

/// How many documents the plain query fetches: as many as a clarifying question and its reserve need.
const PLACES: usize = 20;

/// Milliseconds by question: of all askings, and the quickest of each question's, which is what the work itself takes on a
/// machine that does something else too.
struct Times {
    all: Vec<f64>,
    quickest: Vec<f64>,
}

impl Times {
    fn measure(questions: &[Utterance], mut ask: impl FnMut(&Utterance) -> Result<()>) -> Result<Self> {
        for question in questions.iter().take(50) {
            ask(question)?;
        }
        let mut times = Self { all: Vec::new(), quickest: vec![f64::INFINITY; questions.len()] };
        for _ in 0..ROUNDS {
            for (question, quickest) in questions.iter().zip(&mut times.quickest) {
                let started = Instant::now();
                ask(question)?;
                let took = started.elapsed().as_secs_f64() * 1e3;
                times.all.push(took);
                *quickest = quickest.min(took);
            }
        }
        Ok(times)
    }

    fn mean(&self) -> f64 {
        self.quickest.iter().sum::<f64>() / self.quickest.len() as f64
    }
}

/// Questions that people might type: the held-out and the outside ones where they are there, else the sample's own.
fn questions() -> Result<Vec<Utterance>> {
    let mut rows = sample::table("held_out_questions.tsv", Layout::Queries)?.unwrap_or_default();
    rows.extend(sample::table("outside_questions.tsv", Layout::Outside)?.unwrap_or_default());
    let utterance = |text: String, language| Utterance::typed(text, language);
    if !rows.is_empty() {
        return Ok(rows.into_iter().map(|row| utterance(row.text, row.language)).collect());
    }
    let understander = sample::understood()?;
    let variants = understander.publication().variants();
    Ok(variants.iter().map(|variant| utterance(variant.text.clone(), variant.language)).collect())
}

fn understand(understander: &Understander, question: &Utterance) -> Result<()> {
    let understanding = understander.understand(question, &Memory::default())?;
    let context = Context::new(understander.rules(), question.language);
    std::hint::black_box(decide(&context, &understanding));
    Ok(())
}

/// Speed with 1,000 entries, and publishing anew under load.
///
/// # Errors
/// Where publishing or a baseline fails.
pub fn speed(report: &mut Report) -> Result<()> {
    let questions = questions()?;
    println!("    {} questions, one thread, each asked {ROUNDS} times", questions.len());
    at_size(report, SMALL, 1.0, &questions)?;
    swap_under_load(report, &questions)
}

/// Speed with 100,000 entries.
///
/// # Errors
/// Where publishing or a baseline fails.
pub fn speed_of_many(report: &mut Report) -> Result<()> {
    at_size(report, LARGE, 10.0, &questions()?)
}

fn at_size(report: &mut Report, entries: usize, most_ms: f64, questions: &[Utterance]) -> Result<()> {
    let what = format!("{entries} entries");
    let collection = generated::generate(entries, 1)?;
    let started = Instant::now();
    let publication = Arc::new(Publication::new(&collection)?);
    let built = started.elapsed().as_secs_f64();
    drop(collection);
    if entries >= LARGE {
        report.at_most(&format!("{what}: checked and indexed"), built, 60.0, "s");
    } else {
        report.tell(&format!("{what}: checked and indexed"), built, "s");
    }
    let started = Instant::now();
    let understander = Understander::new(Arc::clone(&publication), Settings::default())?;
    report.tell(
        &format!("{what}: calibrated, and made ready for voice"),
        started.elapsed().as_secs_f64(),
        "s",
    );
    let times = Times::measure(questions, |question| understand(&understander, question))?;
    report.tell(&format!("{what}: a question, median"), percentile(&times.quickest, 0.5), "ms");
    report.tell(&format!("{what}: a question, mean"), times.mean(), "ms");
    report.at_most(
        &format!("{what}: a question, 99th percentile"),
        percentile(&times.quickest, 0.99),
        most_ms,
        "ms",
    );
    let all = percentile(&times.all, 0.99);
    report.tell(&format!("{what}: the same with all that disturbed it"), all, "ms");
    drop(understander);
    plain_query(report, &what, &publication, questions, times.mean())?;
    against_bm25s(report, &what, &publication, questions, &times)
}

/// The same ways of asking in a plain tantivy index with one field, asked by BM25 alone.
fn plain_query(
    report: &mut Report,
    what: &str,
    publication: &Publication,
    questions: &[Utterance],
    ours: f64,
) -> Result<()> {
    let plain: [(&str, Terms); 2] = [("words", words), ("characters and pairs", pairs)];
    for (number, (name, terms)) in plain.into_iter().enumerate() {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_index_option(IndexRecordOption::WithFreqs)
            .set_fieldnorms(true);
        let field = schema.add_text_field("text", TextOptions::default().set_indexing_options(indexing));
        let index = Index::create_in_ram(schema.build());
        let mut writer: IndexWriter = index.writer_with_num_threads(1, 50_000_000)?;
        for variant in publication.variants() {
            let tokens = terms(&variant.text).into_iter().enumerate();
            let tokens =
                tokens.map(|(position, text)| Token { position, text, ..Token::default() }).collect();
            let mut document = TantivyDocument::default();
            document.add_pre_tokenized_text(field, PreTokenizedString { text: String::new(), tokens });
            writer.add_document(document)?;
        }
        writer.commit()?;
        writer.wait_merging_threads()?;
        let searcher = index.reader()?.searcher();
        let times = Times::measure(questions, |question| {
            let clause = |text: &String| {
                let term = Term::from_field_text(field, text);
                let query: Box<dyn Query> = Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
                (Occur::Should, query)
            };
            let mut distinct = terms(&question.text);
            distinct.sort();
            distinct.dedup();
            let query = BooleanQuery::new(distinct.iter().map(clause).collect());
            std::hint::black_box(searcher.search(&query, &TopDocs::with_limit(PLACES).order_by_score())?);
            Ok(())
        })?;
        report.tell(&format!("{what}: plain tantivy BM25 over {name}, mean"), times.mean(), "ms");
        let figure = format!("{what}: ours as a multiple of that (mean)");
        // Characters and pairs are what tantivy's own n-gram tokenizer would index where words are unknown; words are the
        // cheaper query, and the one that the target is held against.
        if number == 0 {
            report.at_most(&figure, ours / times.mean(), 3.0, "times");
        } else {
            report.tell(&figure, ours / times.mean(), "times");
        }
    }
    Ok(())
}

fn words(text: &str) -> Vec<String> {
    language::words(text)
}

fn pairs(text: &str) -> Vec<String> {
    let units: Vec<String> = language::syllables(text).into_iter().map(|unit| unit.key).collect();
    let pairs = units.windows(2).map(|pair| pair.join(" "));
    units.iter().cloned().chain(pairs).collect()
}

#[derive(Serialize)]
struct Request<'a> {
    texts: Vec<&'a str>,
    queries: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    milliseconds: Vec<f64>,
    index_seconds: f64,
}

/// `bm25s` over jieba's words, on the Chinese questions only: jieba knows no Tibetan.
fn against_bm25s(
    report: &mut Report,
    what: &str,
    publication: &Publication,
    questions: &[Utterance],
    ours: &Times,
) -> Result<()> {
    let Some(python) = baselines::python() else { return Ok(()) };
    let chinese = |utterance: &&Utterance| utterance.language == Language::Zh;
    let variants = publication.variants().iter().filter(|variant| variant.language == Language::Zh);
    let request = Request {
        texts: variants.map(|variant| variant.text.as_str()).collect(),
        queries: questions.iter().filter(chinese).map(|utterance| utterance.text.as_str()).collect(),
    };
    let path = baselines::exchange()?.join(format!("speed-{}.json", publication.entries().len()));
    std::fs::write(&path, serde_json::to_string(&request)?)?;
    baselines::run_script(&python, "speed.py", &[Path::new(&path)])?;
    let text = std::fs::read_to_string(path.with_extension("speed.json"))?;
    let answer: Answer = serde_json::from_str(&text)?;
    let theirs = answer.milliseconds.iter().sum::<f64>() / answer.milliseconds.len() as f64;
    let own: Vec<f64> =
        questions.iter().zip(&ours.quickest).filter(|(q, _)| chinese(q)).map(|(_, took)| *took).collect();
    let own = own.iter().sum::<f64>() / own.len() as f64;
    report.tell(&format!("{what}: bm25s over jieba words, mean"), theirs, "ms");
    report.tell(&format!("{what}: bm25s over jieba words, indexed"), answer.index_seconds, "s");
    let figure = format!("{what}: times faster than that (Chinese questions)");
    // Among few entries its time is Python's own for a call; that says nothing about either method.
    if publication.entries().len() >= LARGE {
        report.at_least(&figure, theirs / own, 20.0, "times");
    } else {
        report.tell(&figure, theirs / own, "times");
    }
    Ok(())
}

/// A knowledge base is published anew three times while somebody asks without a pause.
fn swap_under_load(report: &mut Report, questions: &[Utterance]) -> Result<()> {
    let make = |collection: &Collection| -> Result<Arc<Understander>> {
        Ok(Arc::new(Understander::new(Arc::new(Publication::new(collection)?), Settings::default())?))
    };
    let first = generated::generate(SMALL, 1)?;
    // A question of the first entry, which every version has.
    let known =
        first.entries.first().and_then(|sourced| sourced.entry.zh.clone()).context("no entry")?.question;
    let current = RwLock::new(make(&first)?);
    let (stop, asked, failed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let slowest = std::thread::scope(|scope| -> Result<f64> {
        let load = scope.spawn(|| {
            let mut slowest = 0.0_f64;
            let known = Utterance::typed(known.clone(), Language::Zh);
            for question in questions.iter().cycle().flat_map(|question| [question, &known]) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let started = Instant::now();
                let understander = current.read().map(|current| Arc::clone(&current));
                let found = understander.ok().and_then(|u| u.understand(question, &Memory::default()).ok());
                slowest = slowest.max(started.elapsed().as_secs_f64() * 1e3);
                asked.fetch_add(1, Ordering::Relaxed);
                let right = |u: intents::Understanding| {
                    question.text != known.text || u.candidates.first().is_some_and(|c| c.entry.0 == "g-0")
                };
                if !found.is_some_and(right) {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            slowest
        });
        for round in 1..=3 {
            let mut changed = first.clone();
            changed.entries.truncate(SMALL - round);
            let fresh = make(&changed);
            if let (Ok(fresh), Ok(mut current)) = (fresh, current.write()) {
                *current = fresh;
            }
        }
        stop.store(true, Ordering::Relaxed);
        load.join().map_err(|_| anyhow::anyhow!("the asking thread panicked"))
    })?;
    let what = "published anew three times under load";
    report.tell(&format!("{what}: questions asked meanwhile"), asked.into_inner() as f64, "questions");
    report.at_most(&format!("{what}: failed questions"), failed.into_inner() as f64, 0.0, "questions");
    report.tell(&format!("{what}: slowest question"), slowest, "ms");
    Ok(())
}
