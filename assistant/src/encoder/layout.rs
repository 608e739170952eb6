//! How a model wants its tokens and where it gives the sentence: what the published layouts have in common, and where they
//! differ.
//!
//! | export | output | vector |
//! |---|---|---|
//! | sentence-transformers (optimum) | `token_embeddings`, `sentence_embedding` | the latter, as it is |
//! | LaBSE, BERT with its pooler | `last_hidden_state`, `pooler_output` | the latter, as it is |
//! | LaBSE, transformer alone | `last_hidden_state` | first token, then `2_Dense` |
//! | E5, MiniLM, transformer alone | `last_hidden_state` | mean of the tokens |
//!
//! Source: sentence-transformers' modules Pooling, Dense and Normalize, and the model cards. Nothing but the model's own files
//! or the operator can tell a mean from a first token: a wrong guess gives plausible, worse vectors.

use std::path::Path;

use serde_json::Value;
use speech::runtime::{Element, OnnxModel, Port};

use super::{EncoderError, files::json};
use crate::config::Pooling;

const IDS: &str = "input_ids";
const MASK: &str = "attention_mask";
const TYPES: &str = "token_type_ids";

/// How an output becomes one vector for each text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pool {
    /// It is one: \[N, D\].
    Ready,
    /// Mean over the text's own tokens of \[N, T, D\].
    Mean,
    /// First token of \[N, T, D\].
    First,
}

/// What to give and what to take.
#[derive(Debug)]
pub(super) struct Layout {
    /// Whether the model takes segment ids.
    pub types: bool,
    /// The output to take.
    pub output: String,
    /// What to do with it.
    pub pool: Pool,
}

impl Layout {
    /// The names of the inputs: ids, mask, segments.
    pub(super) const INPUTS: [&str; 3] = [IDS, MASK, TYPES];

    /// Recognises a model. `path` is its file, `folder` where the files lie that describe it.
    pub(super) fn of(
        model: &OnnxModel,
        path: &Path,
        folder: &Path,
        pooling: Pooling,
    ) -> Result<Self, EncoderError> {
        let wrong = |reason: String| EncoderError::unusable(path, reason);
        let types = inputs(model.inputs()).map_err(wrong)?;
        let outputs = Outputs(model.outputs());
        let (output, pool) = match pooling {
            Pooling::Pooler => outputs.ready().map(|port| (port, Pool::Ready)),
            Pooling::Mean => outputs.tokens().map(|port| (port, Pool::Mean)),
            Pooling::Cls => outputs.tokens().map(|port| (port, Pool::First)),
            Pooling::Auto => outputs.by_files(folder)?,
        }
        .ok_or_else(|| wrong(outputs.complaint(pooling)))?;
        if output.element != Element::F32 {
            let reason =
                format!("its output {} is not 32-bit floating point; export it in fp32 or int8", output.name);
            return Err(wrong(reason));
        }
        Ok(Self { types, output: output.name.clone(), pool })
    }
}

/// Checks the inputs; says whether there are segment ids.
fn inputs(ports: &[Port]) -> Result<bool, String> {
    let port = |name: &str| ports.iter().find(|port| port.name == name);
    let names = || ports.iter().map(|port| port.name.as_str()).collect::<Vec<_>>().join(", ");
    if port(IDS).is_none() || port(MASK).is_none() {
        return Err(format!(
            "it takes {}, and a sentence encoder takes {IDS}, {MASK} and perhaps {TYPES}; this is another kind of model",
            names()
        ));
    }
    for input in ports {
        if !Layout::INPUTS.contains(&input.name.as_str()) {
            return Err(format!(
                "it also takes {}, which this version cannot give; export it for the task feature-extraction or \
                 sentence-similarity",
                input.name
            ));
        }
        if !matches!(input.element, Element::I64 | Element::I32) {
            return Err(format!("its input {} does not take 32-bit or 64-bit integers", input.name));
        }
        if input.shape.len() != 2 || input.shape.iter().any(Option::is_some) {
            return Err(format!(
                "its input {} has the fixed shape {:?}; export it with dynamic axes for batch and sequence",
                input.name,
                input
                    .shape
                    .iter()
                    .map(|size| size.map_or("?".to_owned(), |n| n.to_string()))
                    .collect::<Vec<_>>()
            ));
        }
    }
    Ok(port(TYPES).is_some())
}

struct Outputs<'a>(&'a [Port]);

impl<'a> Outputs<'a> {
    fn named(&self, names: &[&str], rank: usize) -> Option<&'a Port> {
        let called = names.iter().find_map(|name| self.0.iter().find(|port| port.name == *name));
        let mut others = self.0.iter().filter(|port| port.shape.len() == rank);
        called.or_else(|| others.next().filter(|_| others.next().is_none()))
    }

    /// The output that is one vector for each text.
    fn ready(&self) -> Option<&'a Port> {
        self.named(&["sentence_embedding", "pooler_output"], 2)
    }

    /// The output that is one vector for each token.
    fn tokens(&self) -> Option<&'a Port> {
        self.named(&["last_hidden_state", "token_embeddings"], 3)
    }

    /// What the model's own files say. A `pooler_output` beside token vectors is not taken unasked: in E5 and MiniLM it
    /// is a left-over that was never trained.
    fn by_files(&self, folder: &Path) -> Result<Option<(&'a Port, Pool)>, EncoderError> {
        if let Some(port) = self.0.iter().find(|port| port.name == "sentence_embedding") {
            return Ok(Some((port, Pool::Ready)));
        }
        let path = folder.join("1_Pooling").join("config.json");
        let Some(tokens) = self.tokens() else { return Ok(self.ready().map(|port| (port, Pool::Ready))) };
        let Some(said) = json(&path)? else { return Ok(None) };
        let says = |key: &str| said.get(key).and_then(Value::as_bool).unwrap_or(false);
        match (says("pooling_mode_cls_token"), says("pooling_mode_mean_tokens")) {
            (true, false) => Ok(Some((tokens, Pool::First))),
            (false, true) => Ok(Some((tokens, Pool::Mean))),
            _ => Err(EncoderError::unusable(
                &path,
                "it asks for a pooling that this version does not know; it knows pooling_mode_cls_token and \
                 pooling_mode_mean_tokens, one at a time",
            )),
        }
    }

    fn complaint(&self, pooling: Pooling) -> String {
        let names = self.0.iter().map(|port| port.name.as_str()).collect::<Vec<_>>().join(", ");
        let advice = match pooling {
            Pooling::Auto => {
                "nothing says how they become one vector. Download 1_Pooling/config.json too, or set \
                 understanding.encoder.pooling: \"pooler\" for LaBSE with pooler_output, \"cls\" for LaBSE without it, \
                 \"mean\" for E5 and MiniLM"
            }
            Pooling::Pooler => {
                "none of them is one vector for each text; set understanding.encoder.pooling to \"cls\" or \"mean\""
            }
            Pooling::Mean | Pooling::Cls => {
                "none of them is one vector for each token; set understanding.encoder.pooling to \"pooler\""
            }
        };
        format!("it gives {names}; {advice}")
    }
}
