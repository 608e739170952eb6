//! Plain methods on the very splits that the assistant is measured on: `tests/baselines/baselines.py`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use intents::evaluate::Row;
use intents::evaluate::measures::area_under_roc;
use serde::{Deserialize, Serialize};

use crate::material::workspace;

/// Where splits and predictions are exchanged.
pub(super) fn exchange() -> Result<PathBuf> {
    let folder = workspace().join("target/bench/understanding");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The Python of the baselines' environment; `None`, with a printed message, where it was not made.
pub(super) fn python() -> Option<PathBuf> {
    let python = workspace().join(".local/venv-bench/bin/python");
    if python.exists() {
        return Some(python);
    }
    println!("skipped: no baselines without {} (run tests/baselines/venv.sh)", python.display());
    None
}

/// Runs a script of `tests/baselines` to its end, on one thread: figures of speed compare one thread with one.
pub(super) fn run_script(python: &Path, script: &str, arguments: &[&Path]) -> Result<()> {
    let status = Command::new(python)
        .arg(workspace().join("tests/baselines").join(script))
        .args(arguments)
        .envs(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"].map(|name| (name, "1")))
        .status()
        .with_context(|| format!("{} cannot be run", python.display()))?;
    ensure!(status.success(), "{script} ended with {status}");
    Ok(())
}

#[derive(Serialize)]
struct Way<'a> {
    id: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct Test<'a> {
    text: &'a str,
    ids: &'a [String],
}

#[derive(Serialize)]
struct Split<'a> {
    entries: Vec<Way<'a>>,
    variants: Vec<Way<'a>>,
    tests: Vec<Test<'a>>,
    outside: BTreeMap<&'a str, Vec<&'a str>>,
}

/// Writes a split for the script.
pub(super) fn write_split(
    path: &Path,
    entries: &[Row],
    variants: &[Row],
    tests: &[Row],
    outside: &[Row],
) -> Result<()> {
    fn ways(rows: &[Row]) -> Vec<Way<'_>> {
        rows.iter().filter_map(|row| Some(Way { id: row.entries.first()?, text: &row.text })).collect()
    }
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in outside {
        kinds.entry(&row.kind).or_default().push(&row.text);
    }
    let split = Split {
        entries: ways(entries),
        variants: ways(variants),
        tests: tests.iter().map(|row| Test { text: &row.text, ids: &row.entries }).collect(),
        outside: kinds,
    };
    Ok(std::fs::write(path, serde_json::to_string(&split)?)?)
}

/// What a method made of a test.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Found {
    /// Ids of entries, best first, at most five.
    pub ranked: Vec<String>,
    /// The best one's score.
    pub score: f32,
}

/// What a method made of a split.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Predictions {
    /// By test, in the split's order.
    pub tests: Vec<Found>,
    /// Best scores of outside questions, by kind.
    pub outside: BTreeMap<String, Vec<f32>>,
}

impl Predictions {
    /// Area under the ROC curve of the best score against one kind of outside questions.
    pub fn auc(&self, kind: &str) -> f64 {
        let inside: Vec<f32> = self.tests.iter().map(|found| found.score).collect();
        area_under_roc(&inside, self.outside.get(kind).map_or(&[], Vec::as_slice))
    }
}

/// Runs all methods on splits: by split, by method.
pub(super) fn predict(python: &Path, splits: &[PathBuf]) -> Result<Vec<BTreeMap<String, Predictions>>> {
    let paths: Vec<&Path> = splits.iter().map(PathBuf::as_path).collect();
    run_script(python, "baselines.py", &paths)?;
    splits
        .iter()
        .map(|split| {
            let text = std::fs::read_to_string(split.with_extension("predictions.json"))?;
            Ok(serde_json::from_str(&text)?)
        })
        .collect()
}
