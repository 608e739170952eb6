//! `assistant eval`: how well a knowledge base is understood, on labelled questions; and two such runs compared.

mod measure;
mod table;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clap::Args;
use intents::{
    Settings,
    evaluate::{
        FORMAT, Report,
        compare::{Comparison, gate},
        page::page,
    },
};

use super::{Failure, Outcome};
use crate::config::Configuration;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// A knowledge file or folder; the one that is served where neither this nor --entries is given.
    #[arg(conflicts_with = "entries")]
    knowledge: Option<PathBuf>,
    /// Labelled questions, tab-separated: `query faq_id`, or `language entry question` (`none`: nothing answers it).
    /// Without it, a knowledge base is asked its own questions, held out in turn.
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// Entries as a plain table, tab-separated: `faq_id standard_question`.
    #[arg(long, value_name = "FILE", requires = "queries")]
    entries: Option<PathBuf>,
    /// Further ways of asking the entries of --entries: `query faq_id`.
    #[arg(long, value_name = "FILE", requires = "entries")]
    variants: Option<PathBuf>,
    /// Questions that nothing answers: `query`, or `language kind question`. May be given several times; the file's
    /// name is their kind where the table says none.
    #[arg(long, value_name = "FILE")]
    out_of_scope: Vec<PathBuf>,
    /// Use a random half of --queries, drawn with this seed, as further ways of asking and ask the other half.
    #[arg(long, value_name = "SEED", requires = "entries", conflicts_with = "variants")]
    split: Option<u64>,
    /// Repeat --split with so many seeds, counting up, and average.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Write everything as JSON; `-` writes it to standard output and the table to standard error.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Leave the single questions out of the JSON: enough for a gate.
    #[arg(long, requires = "json")]
    figures_only: bool,
    /// Write a page with plots.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Compare with an earlier run's JSON; two of them are compared with each other, and nothing is asked.
    #[arg(long, value_names = ["OLD", "NEW"], num_args = 1..=2)]
    compare: Vec<PathBuf>,
    /// With --compare: end with an error where top-1 or coverage fell, or wrong answers rose, by more than so many points.
    #[arg(long, value_name = "POINTS", num_args = 0..=1, default_missing_value = "1", requires = "compare", value_parser = points)]
    gate: Option<f64>,
}

fn points(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|points: &f64| (0.0..=100.0).contains(points))
        .ok_or("must be 0 to 100".to_owned())
}

pub(super) fn run(configuration: &Configuration, options: &Options) -> Outcome {
    if let [old, new] = options.compare.as_slice() {
        return compare(&stored(old)?, &stored(new)?, options.gate, false);
    }
    let settings =
        Settings { wrong_share: configuration.understanding.tolerable_wrong, ..Settings::default() };
    let report = match &options.entries {
        Some(entries) => measure::plain(options, entries, &settings)?,
        None => measure::published(configuration, options, &settings)?,
    };
    let to_stdout = options.json.as_deref() == Some(Path::new("-"));
    say(&table::table(&report), to_stdout);
    if let Some(path) = &options.html {
        fs::write(path, page(&report)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &options.json {
        let kept = if options.figures_only { report.clone().without_queries() } else { report.clone() };
        let json = serde_json::to_string_pretty(&kept)?;
        if to_stdout {
            println!("{json}");
        } else {
            fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    match options.compare.as_slice() {
        [old, ..] => compare(&stored(old)?, &report, options.gate, to_stdout),
        [] => Ok(()),
    }
}

/// Standard output belongs to the JSON where that is written there.
fn say(text: &str, beside: bool) {
    if beside { eprint!("{text}") } else { print!("{text}") }
}

fn stored(path: &Path) -> Result<Report, Failure> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let report: Report = serde_json::from_str(&text)
        .with_context(|| format!("{} is not an evaluation as `--json` writes it", path.display()))?;
    if report.format != FORMAT {
        return Err(anyhow!(
            "{} has format {:?}; this version reads {FORMAT:?}",
            path.display(),
            report.format
        )
        .into());
    }
    Ok(report)
}

fn compare(old: &Report, new: &Report, points: Option<f64>, beside: bool) -> Outcome {
    say(&Comparison::of(old, new).to_string(), beside);
    let Some(points) = points else { return Ok(()) };
    let reasons = gate(old, new, points);
    if reasons.is_empty() {
        say(&format!("The gate is open: nothing is more than {points} points worse.\n"), beside);
        return Ok(());
    }
    for reason in &reasons {
        eprintln!("gate: {reason}");
    }
    Err(Failure::Said)
}
