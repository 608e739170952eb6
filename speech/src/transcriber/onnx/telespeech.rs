//! `TeleSpeech` CTC in sherpa-onnx's export.
//!
//! Contract: input `feats` f32\[1, T, 40\], MFCCs normalised over the utterance; output `logits` f32\[T', 1, V\], time
//! first, T' about T / 4; class 0 is the blank. Source: sherpa-onnx `offline-telespeech-ctc-model.cc`.

use std::path::Path;

use language::Language;

use super::{
    Heard, MAX_SECONDS, Network, Parts,
    opened::{Feed, Opened, Wanted, frames},
    tokens_file,
};
use crate::{
    features::{Fbank, FbankOptions, Spread, normalise_per_feature},
    transcriber::{
        ModelError,
        reading::{CtcOutput, padded},
        tokens::Tokens,
    },
};

/// Coefficients per frame.
const CEPSTRA: usize = 40;

/// Milliseconds from one frame of the output to the next.
const SHIFT_MS: f32 = 40.0;

struct TeleSpeech {
    opened: Opened,
    fbank: Fbank,
}

pub(super) fn load(opened: Opened, folder: &Path) -> Result<Parts, ModelError> {
    opened.check(&[Wanted::Features { axis: 2, size: CEPSTRA }])?;
    let tokens = Tokens::read(&tokens_file(folder)?, false)?;
    let network = TeleSpeech { opened, fbank: Fbank::with(&FbankOptions::TELESPEECH) };
    Ok(Parts {
        network: Box::new(network),
        tokens,
        layout: "telespeech",
        ctc: true,
        max_seconds: MAX_SECONDS,
    })
}

impl Network for TeleSpeech {
    fn hear(&mut self, audio: &[f32], _: Option<Language>, tokens: &Tokens) -> Result<Heard, String> {
        let classes = tokens.names().len();
        let mut features = self.fbank.compute(&padded(audio));
        normalise_per_feature(&mut features, CEPSTRA, Spread::Population);
        let rows = features.len() / CEPSTRA;
        let outputs = self.opened.run(vec![Feed::Floats(vec![1, rows, CEPSTRA], features)])?;
        let values = frames(outputs.into_iter().next(), 0, classes)?;
        CtcOutput::of(tokens, SHIFT_MS, values, true).map(Heard::Ctc)
    }
}
