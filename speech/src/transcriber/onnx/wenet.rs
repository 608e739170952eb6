//! `WeNet` CTC in sherpa-onnx's export.
//!
//! Contract: inputs `x` f32\[1, T, 80\] and `x_lens` i64\[1\]; outputs `log_probs` f32\[1, T', V\] and their number. Source:
//! sherpa-onnx `offline-wenet-ctc-model.cc`; `WeNet` `processor.py` (`compute_fbank`).
//!
//! sherpa-onnx feeds these models features that they were not trained on (frames centred, 7600 Hz, random dither); see
//! [`FrontEnd`].

use std::path::Path;

use language::Language;

use super::{
    FrontEnd, Heard, MAX_SECONDS, Network, Parts,
    opened::{Feed, Opened, Wanted, frames, length},
    tokens_file,
};
use crate::{
    features::{BINS, Fbank, FbankOptions},
    transcriber::{
        ModelError,
        reading::{CtcOutput, padded},
        tokens::Tokens,
    },
};

/// Most frames of features for one of output.
const MOST_SUBSAMPLING: i64 = 64;

struct Wenet {
    opened: Opened,
    fbank: Fbank,
    shift_ms: f32,
}

pub(super) fn load(opened: Opened, folder: &Path, front_end: FrontEnd) -> Result<Parts, ModelError> {
    opened.check(&[Wanted::Features { axis: 2, size: BINS }, Wanted::Number])?;
    let tokens = Tokens::read(&tokens_file(folder)?, folder.join("bbpe.model").is_file())?;
    let options = match front_end {
        FrontEnd::Recipe => FbankOptions::WENET,
        FrontEnd::Sherpa => FbankOptions::WENET_SHERPA,
    };
    let shift_ms = 10.0 * opened.count("subsampling_factor", MOST_SUBSAMPLING)? as f32;
    let network = Wenet { opened, fbank: Fbank::with(&options), shift_ms };
    Ok(Parts { network: Box::new(network), tokens, layout: "wenet", ctc: true, max_seconds: MAX_SECONDS })
}

impl Network for Wenet {
    fn hear(&mut self, audio: &[f32], _: Option<Language>, tokens: &Tokens) -> Result<Heard, String> {
        let classes = tokens.names().len();
        let features = self.fbank.compute(&padded(audio));
        let rows = features.len() / BINS;
        let outputs = self.opened.run(vec![
            Feed::Floats(vec![1, rows, BINS], features),
            Feed::Integers(vec![rows.cast_signed() as i64]),
        ])?;
        let said = length(outputs.get(1));
        let mut values = frames(outputs.into_iter().next(), 1, classes)?;
        values.truncate(said.unwrap_or(usize::MAX).saturating_mul(classes));
        CtcOutput::of(tokens, self.shift_ms, values, false).map(Heard::Ctc)
    }
}
