//! The same questions after recognition errors.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::baselines;
use crate::material;

/// A request to `tests/baselines/noise.py`.
#[derive(Serialize)]
struct Request<'a> {
    texts: &'a [String],
    rate: f64,
    seed: u64,
    kind: &'a str,
    bophono: std::path::PathBuf,
    vocabulary: Vec<String>,
}

/// Spoilt texts, in order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Spoilt {
    /// The texts.
    pub texts: Vec<String>,
    /// Syllables and characters in them.
    pub syllables: usize,
    /// How many were replaced.
    pub replaced: usize,
}

impl Spoilt {
    /// Share of syllables replaced.
    pub fn share(&self) -> f64 {
        self.replaced as f64 / self.syllables.max(1) as f64
    }
}

/// Real text whose syllables and characters stand in for misheard ones: news and travel sentences, and the sample
/// knowledge base's own answers, so that its subject's words are among them.
pub(super) fn vocabulary() -> Result<Vec<String>> {
    let mut texts = Vec::new();
    if let Some(folder) = material::data("tibetan") {
        for file in [
            "ntrex/dev.zho-CN.txt",
            "ntrex/dev.bod.txt",
            "sib200/zho_Hans/train.tsv",
            "sib200/bod_Tibt/train.tsv",
        ] {
            texts.push(std::fs::read_to_string(folder.join(file))?);
        }
    }
    for file in std::fs::read_dir(material::workspace().join("examples/knowledge/sample"))? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            texts.push(std::fs::read_to_string(path)?);
        }
    }
    Ok(texts)
}

/// Texts with a share of their syllables replaced by the classes of pypinyin and of bophono's tables; see
/// `tests/baselines/noise.py` for the kinds. `None`, with a printed message, without Python or the tables.
pub(super) fn by_classes(name: &str, texts: &[String], rate: f64, kind: &str) -> Result<Option<Spoilt>> {
    let (Some(python), Some(folder)) = (baselines::python(), material::data("tibetan/bophono/data")) else {
        return Ok(None);
    };
    let request = Request { texts, rate, seed: 1, kind, bophono: folder, vocabulary: vocabulary()? };
    let path = baselines::exchange()?.join(format!("{name}-{kind}.json"));
    std::fs::write(&path, serde_json::to_string(&request)?)?;
    baselines::run_script(&python, "noise.py", &[Path::new(&path)])?;
    let text = std::fs::read_to_string(path.with_extension("noisy.json"))?;
    Ok(Some(serde_json::from_str(&text)?))
}
