//! What `SenseVoice` and Paraformer share: features, low frame rate, stored statistics, and the files of `FunASR`'s own
//! exports (`am.mvn`, `config.yaml`, `tokens.json` or `*.bpe.model`).
//!
//! Source: `FunASR` `wav_frontend.py` and `load_cmvn`; sherpa-onnx `lfr.cc`.

use std::{fs, path::Path};

use serde_yaml_ng::Value;

use super::{opened::Opened, sentencepiece};
use crate::{
    features::{BINS, Cmvn, Fbank, FbankOptions, stack},
    transcriber::{ModelError, reading::padded, tokens::Tokens},
};

/// The statistics' file in `FunASR`'s exports.
pub(super) const STATISTICS: &str = "am.mvn";

/// A configuration is some kilobytes; more is something else.
const LARGEST_CONFIGURATION: u64 = 1 << 20;

/// Most frames that are stacked, and that are skipped: published models have 7 and 6.
const MOST_FRAMES: i64 = 100;

/// From samples to the rows that these networks take.
pub(super) struct Front {
    fbank: Fbank,
    window: usize,
    shift: usize,
    cmvn: Cmvn,
}

impl Front {
    /// As the metadata of a sherpa-onnx export says.
    pub fn of_metadata(opened: &Opened) -> Result<Self, ModelError> {
        let window = opened.count("lfr_window_size", MOST_FRAMES)?;
        let shift = opened.count("lfr_window_shift", MOST_FRAMES)?;
        let scale =
            if opened.number("normalize_samples", Some(0))? == 0 { FbankOptions::FUNASR.scale } else { 1.0 };
        let cmvn = Cmvn::new(opened.numbers("neg_mean")?, opened.numbers("inv_stddev")?);
        Self::new(scale, window, shift, cmvn).map_err(|reason| ModelError::unusable(&opened.path, reason))
    }

    /// As the files beside one of `FunASR`'s exports say.
    pub fn of_files(folder: &Path) -> Result<Self, ModelError> {
        let (window, shift) = configuration(&folder.join("config.yaml"))?;
        let path = folder.join(STATISTICS);
        let text =
            fs::read_to_string(&path).map_err(|source| ModelError::Io { path: path.clone(), source })?;
        statistics(&text)
            .and_then(|(neg_mean, inv_stddev)| {
                Self::new(FbankOptions::FUNASR.scale, window, shift, Cmvn::new(neg_mean, inv_stddev))
            })
            .map_err(|reason| ModelError::unusable(&path, reason))
    }

    fn new(scale: f32, window: usize, shift: usize, cmvn: Option<Cmvn>) -> Result<Self, String> {
        let cmvn = cmvn.ok_or("its mean and deviation are not as many, or no numbers")?;
        if cmvn.width() != window * BINS {
            return Err(format!(
                "it has statistics of {} features, but {window} frames of {BINS} bins are stacked",
                cmvn.width()
            ));
        }
        Ok(Self { fbank: Fbank::with(&FbankOptions { scale, ..FbankOptions::FUNASR }), window, shift, cmvn })
    }

    /// Numbers per row.
    pub fn width(&self) -> usize {
        self.cmvn.width()
    }

    /// Milliseconds from row to row.
    pub fn shift_ms(&self) -> u32 {
        10 * self.shift as u32
    }

    /// Samples → rows, and how many there are; at least one.
    pub fn rows(&mut self, audio: &[f32]) -> (usize, Vec<f32>) {
        let features = self.fbank.compute(&padded(audio));
        let mut rows = stack(&features, BINS, self.window, self.shift);
        self.cmvn.apply(&mut rows);
        (rows.len() / self.width(), rows)
    }
}

/// `lfr_m` and `lfr_n`, after a check that the rest is what [`FbankOptions::FUNASR`] is. Without a file, the published
/// models' 7 and 6.
fn configuration(path: &Path) -> Result<(usize, usize), ModelError> {
    if !path.is_file() {
        tracing::warn!(path = %path.display(), "there is no config.yaml beside the model; 7 frames are stacked every 6");
        return Ok((7, 6));
    }
    let failed = |source| ModelError::Io { path: path.to_owned(), source };
    let unusable = |reason: String| ModelError::unusable(path, reason);
    if fs::metadata(path).map_err(failed)?.len() > LARGEST_CONFIGURATION {
        return Err(unusable("it is too large for a configuration".into()));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let document: Value = serde_yaml_ng::from_str(&text).map_err(|e| unusable(e.to_string()))?;
    let front = document.get("frontend_conf").cloned().unwrap_or(Value::Null);
    let wanted = [("fs", 16_000), ("n_mels", BINS as u64), ("frame_length", 25), ("frame_shift", 10)];
    for (key, expected) in wanted {
        let found = front.get(key).map_or(Some(expected), Value::as_u64);
        if found != Some(expected) {
            return Err(unusable(format!(
                "{key} is not {expected}, which is all that this version computes"
            )));
        }
    }
    let window = front.get("window").map_or(Some("hamming"), Value::as_str);
    if window != Some("hamming") {
        return Err(unusable("its window is not hamming, which is all that this version computes".into()));
    }
    let frames = |key: &str, default: u64| {
        let found = front.get(key).map_or(Some(default), Value::as_u64);
        found
            .filter(|number| (1..=MOST_FRAMES.cast_unsigned()).contains(number))
            .map(|number| number as usize)
            .ok_or_else(|| unusable(format!("{key} is no number of frames from 1 to {MOST_FRAMES}")))
    };
    // FunASR's defaults are 1 and 1; every published model says 7 and 6 itself.
    Ok((frames("lfr_m", 1)?, frames("lfr_n", 1)?))
}

/// `am.mvn`, kaldi's text form of a transform: the numbers of `<AddShift>` and `<Rescale>` stand on the `<LearnRateCoef>`
/// lines after them, fields 3 to the last but one.
fn statistics(text: &str) -> Result<(Vec<f32>, Vec<f32>), String> {
    let after = |tag: &str| -> Result<Vec<f32>, String> {
        let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with(tag)).skip(1);
        let line = lines.next().filter(|line| line.trim_start().starts_with("<LearnRateCoef>"));
        let fields: Vec<&str> =
            line.ok_or_else(|| format!("it has no {tag} with its numbers"))?.split_whitespace().collect();
        let numbers = fields.get(3..fields.len().saturating_sub(1)).unwrap_or_default();
        numbers
            .iter()
            .map(|field| field.parse())
            .collect::<Result<_, _>>()
            .map_err(|_| format!("{tag} has a field that is no number"))
    };
    Ok((after("<AddShift>")?, after("<Rescale>")?))
}

/// The vocabulary of one of `FunASR`'s exports: `tokens.json`, a list of names, or the only `*.bpe.model`.
pub(super) fn vocabulary(folder: &Path) -> Result<Vec<String>, ModelError> {
    let list = folder.join("tokens.json");
    if list.is_file() {
        let text =
            fs::read_to_string(&list).map_err(|source| ModelError::Io { path: list.clone(), source })?;
        return serde_json::from_str(&text)
            .map_err(|e| ModelError::unusable(&list, format!("it is no list of names ({e})")));
    }
    let plain = folder.join("tokens.txt");
    if plain.is_file() {
        return Tokens::read_names(&plain);
    }
    let files = folder.read_dir().map_err(|source| ModelError::Io { path: folder.to_owned(), source })?;
    let model = files
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".bpe.model")));
    let Some(model) = model else {
        return Err(ModelError::Missing {
            path: list,
            hint: "tokens.json or a *.bpe.model is published beside the model; copy it into the same folder",
        });
    };
    let bytes = fs::read(&model).map_err(|source| ModelError::Io { path: model.clone(), source })?;
    sentencepiece::pieces(&bytes).map_err(|reason| ModelError::unusable(&model, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_read_from_the_lines_after_their_tags() {
        let text = "<Nnet>\n<Splice> 2 2\n[ 0 ]\n<AddShift> 2 2\n<LearnRateCoef> 0 [ -8.3 -9 ]\n<Rescale> 2 2\n\
                    <LearnRateCoef> 0 [ 0.5 0.25 ]\n</Nnet>\n";
        assert_eq!(statistics(text).unwrap(), (vec![-8.3, -9.0], vec![0.5, 0.25]));
        assert!(statistics("<AddShift> 2 2\n").unwrap_err().contains("AddShift"));
        assert!(statistics(&text.replace("0.25", "x")).unwrap_err().contains("Rescale"));
        assert!(
            statistics("<AddShift>\n<LearnRateCoef>\n<Rescale>\n<LearnRateCoef> 0").unwrap().0.is_empty()
        );
    }

    #[test]
    fn a_configuration_that_wants_other_features_is_refused_with_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        assert_eq!(configuration(&path).unwrap(), (7, 6));
        let write = |text: &str| fs::write(&path, text).unwrap();
        write("frontend_conf:\n  fs: 16000\n  window: hamming\n  n_mels: 80\n  lfr_m: 5\n  lfr_n: 4\n");
        assert_eq!(configuration(&path).unwrap(), (5, 4));
        write("frontend_conf:\n  fs: 8000\n");
        assert!(configuration(&path).unwrap_err().to_string().contains("fs"));
        write("frontend_conf:\n  lfr_m: 0\n");
        assert!(configuration(&path).unwrap_err().to_string().contains("lfr_m"));
        write("frontend_conf: [\n");
        assert!(matches!(configuration(&path), Err(ModelError::Unusable { .. })));
    }
}
