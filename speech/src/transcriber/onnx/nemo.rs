//! `NeMo` CTC (`QuartzNet`, `Citrinet`, `Conformer`, `FastConformer`, the CTC half of hybrids) in sherpa-onnx's export.
//!
//! Contract: inputs `audio_signal` f32\[N, 80, T\] and `length` i64\[N\]; output `logprobs` f32\[N, T', V\], T' = T /
//! `subsampling_factor`; the blank is the last class. Source: sherpa-onnx `offline-nemo-enc-dec-ctc-model.cc`; `NeMo`
//! `preprocessing/features.py`.

use std::path::Path;

use language::Language;

use super::{
    FrontEnd, Heard, MAX_SECONDS, Network, Parts,
    opened::{Feed, Opened, Wanted, frames},
    tokens_file,
};
use crate::{
    features::{BINS, Fbank, FbankOptions, Spread, normalise_per_feature},
    transcriber::{
        ModelError,
        reading::{CtcOutput, padded},
        tokens::Tokens,
    },
};

/// Most frames of features for one of output.
const MOST_SUBSAMPLING: i64 = 64;

struct Nemo {
    opened: Opened,
    front_end: FrontEnd,
    fbank: Fbank,
    normalise: bool,
    subsampling: usize,
}

pub(super) fn load(opened: Opened, folder: &Path, front_end: FrontEnd) -> Result<Parts, ModelError> {
    opened.check(&[Wanted::Features { axis: 1, size: BINS }, Wanted::Number])?;
    let path = tokens_file(folder)?;
    let tokens = Tokens::read(&path, folder.join("bbpe.model").is_file())?;
    if tokens.blank() + 1 != tokens.names().len() {
        return Err(ModelError::unusable(
            &path,
            "the blank is not its last class, as it is in every NeMo model",
        ));
    }
    let normalise = match opened.metadata("normalize_type").as_deref() {
        Some("per_feature") => true,
        None | Some("" | "NA") => false,
        Some(other) => {
            return Err(ModelError::unusable(
                &opened.path,
                format!("its features are normalised {other:?}; this version knows per_feature and none"),
            ));
        }
    };
    let options = match front_end {
        FrontEnd::Recipe => FbankOptions::NEMO,
        FrontEnd::Sherpa => FbankOptions::NEMO_SHERPA,
    };
    let network = Nemo {
        front_end,
        fbank: Fbank::with(&options),
        normalise,
        subsampling: opened.count("subsampling_factor", MOST_SUBSAMPLING)?,
        opened,
    };
    Ok(Parts { network: Box::new(network), tokens, layout: "nemo", ctc: true, max_seconds: MAX_SECONDS })
}

impl Network for Nemo {
    fn hear(&mut self, audio: &[f32], _: Option<Language>, tokens: &Tokens) -> Result<Heard, String> {
        let classes = tokens.names().len();
        let mut features = self.fbank.compute(&padded(audio));
        if self.normalise {
            let spread = match self.front_end {
                FrontEnd::Recipe => Spread::Sample,
                FrontEnd::Sherpa => Spread::Population,
            };
            normalise_per_feature(&mut features, BINS, spread);
        }
        let rows = features.len() / BINS;
        let columns = (0..BINS).flat_map(|bin| features.iter().skip(bin).step_by(BINS).copied()).collect();
        let outputs = self.opened.run(vec![
            Feed::Floats(vec![1, BINS, rows], columns),
            Feed::Integers(vec![rows.cast_signed() as i64]),
        ])?;
        let mut values = frames(outputs.into_iter().next(), 1, classes)?;
        // The network rounds the number of frames up, sherpa-onnx rounds it down and drops the last.
        if self.front_end == FrontEnd::Sherpa {
            values.truncate(rows / self.subsampling * classes);
        }
        let shift_ms = 10.0 * self.subsampling as f32;
        CtcOutput::of(tokens, shift_ms, values, false).map(Heard::Ctc)
    }
}
