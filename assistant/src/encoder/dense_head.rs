//! The layer that sentence-transformers keeps outside the transformer (LaBSE's `2_Dense`): exports of the bare transformer
//! lack it, and without it LaBSE's vectors are not what they were trained to be.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{EncoderError, files::json};

const WEIGHTS: &str = "model.safetensors";

/// `activation(weights · pooled + bias)`.
pub(super) struct DenseHead {
    /// Row-major, `outputs × inputs`.
    weights: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    tanh: bool,
}

impl DenseHead {
    /// Reads the layer where the folder's `modules.json` lists one; with it, the files that it was read from.
    pub(super) fn read(folder: &Path) -> Result<Option<(Self, Vec<PathBuf>)>, EncoderError> {
        let Some(modules) = json(&folder.join("modules.json"))? else { return Ok(None) };
        let named = modules.as_array().into_iter().flatten().find_map(|module| {
            let kind = module.get("type").and_then(Value::as_str)?;
            let path = module.get("path").and_then(Value::as_str)?;
            kind.ends_with(".Dense").then_some(path)
        });
        let Some(name) = named else { return Ok(None) };
        let (description, weights) = (folder.join(name).join("config.json"), folder.join(name).join(WEIGHTS));
        let Some(description_of) = json(&description)? else {
            let hint = "modules.json lists this layer; download its folder too";
            return Err(EncoderError::Missing { path: description, hint });
        };
        if !weights.is_file() {
            let hint = "modules.json lists this layer; download it too (an older pytorch_model.bin is rewritten by \
                 loading the model with sentence-transformers and saving it again), or export the model with \
                 optimum's sentence-transformers library, which puts the layer into the ONNX file";
            return Err(EncoderError::Missing { path: weights, hint });
        }
        let head = Self::parse(&description_of, &weights)?;
        Ok(Some((head, vec![description, weights])))
    }

    fn parse(description: &Value, weights: &Path) -> Result<Self, EncoderError> {
        let activation = description.get("activation_function").and_then(Value::as_str).unwrap_or("");
        let tanh = match activation.rsplit('.').next() {
            Some("Tanh") => true,
            Some("Identity") => false,
            _ => {
                let reason =
                    format!("its activation is {activation:?}; this version knows Tanh and Identity");
                return Err(EncoderError::unusable(weights, reason));
            }
        };
        let bytes =
            fs::read(weights).map_err(|source| EncoderError::Io { path: weights.to_owned(), source })?;
        let wrong = |reason: &str| EncoderError::unusable(weights, reason);
        let (shape, matrix) = tensor(&bytes, "linear.weight").map_err(wrong)?;
        let [outputs, inputs] = shape[..] else { return Err(wrong("linear.weight is no matrix")) };
        let bias = match description.get("bias").and_then(Value::as_bool) {
            Some(false) => vec![0.0; outputs],
            _ => tensor(&bytes, "linear.bias").map_err(wrong)?.1,
        };
        if bias.len() != outputs || inputs == 0 {
            return Err(wrong("linear.weight and linear.bias do not fit each other"));
        }
        Ok(Self { weights: matrix, bias, inputs, tanh })
    }

    /// Length of the vectors that it takes.
    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Applies the layer to one pooled vector of [`Self::inputs`] numbers.
    pub(super) fn apply(&self, pooled: &[f32]) -> Vec<f32> {
        let rows = self.weights.chunks_exact(self.inputs).zip(&self.bias);
        rows.map(|(row, bias)| {
            let sum = row.iter().zip(pooled).map(|(weight, x)| weight * x).sum::<f32>() + bias;
            if self.tanh { sum.tanh() } else { sum }
        })
        .collect()
    }
}

/// One f32 tensor of a safetensors file: a header's length (u64, little endian), the header (JSON: name → dtype, shape,
/// offsets from the header's end), the numbers. Source: the format's README (github.com/huggingface/safetensors).
fn tensor(bytes: &[u8], name: &str) -> Result<(Vec<usize>, Vec<f32>), &'static str> {
    const DAMAGED: &str = "it is no safetensors file, or not a whole one";
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or(DAMAGED)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| DAMAGED)?;
    let (header, data) = rest.split_at_checked(length).ok_or(DAMAGED)?;
    let header: Value = serde_json::from_slice(header).map_err(|_| DAMAGED)?;
    let about = header.get(name).ok_or("it has no linear.weight and linear.bias")?;
    if about.get("dtype").and_then(Value::as_str) != Some("F32") {
        return Err("its numbers are not 32-bit floating point; save the layer in float32");
    }
    let list = |key: &str| -> Option<Vec<usize>> {
        about.get(key)?.as_array()?.iter().map(|n| usize::try_from(n.as_u64()?).ok()).collect()
    };
    let (shape, offsets) = (list("shape").ok_or(DAMAGED)?, list("data_offsets").ok_or(DAMAGED)?);
    let &[begin, end] = &offsets[..] else { return Err(DAMAGED) };
    let numbers = data.get(begin..end).ok_or(DAMAGED)?.as_chunks::<4>().0;
    if shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size)) != Some(numbers.len()) {
        return Err(DAMAGED);
    }
    Ok((shape, numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
}
