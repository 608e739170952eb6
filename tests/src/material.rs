//! Real material beside the project: recordings and questions that nobody in this project made.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A folder of the measurement data (`DRILEN_DATA`, default `../shared/data` beside the workspace); `None`, with a printed
/// message, where people do not have it.
pub fn data(folder: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("DRILEN_DATA").map_or_else(|| workspace().join("../shared/data"), PathBuf::from);
    let path = root.join(folder);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no {} here (set DRILEN_DATA to the folder with the measurement data)", path.display());
    None
}

/// One real recording with its exact words.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The sound file.
    pub path: PathBuf,
    /// What is said.
    pub text: String,
    /// Which corpus it comes from.
    pub source: String,
}

/// The 111 real Mandarin recordings of `zh_speech`, where present.
///
/// # Errors
/// Where the manifest cannot be read.
pub fn mandarin_recordings() -> Result<Option<Vec<Recording>>> {
    let Some(folder) = data("zh_speech") else { return Ok(None) };
    let manifest = std::fs::read_to_string(folder.join("manifest.tsv")).context("zh_speech/manifest.tsv")?;
    let recordings = manifest
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            Some(Recording {
                path: folder.join(fields.first()?),
                text: (*fields.get(4)?).to_owned(),
                source: (*fields.get(5)?).to_owned(),
            })
        })
        .collect();
    Ok(Some(recordings))
}
