//! ONNX models of any layout behind plain slices, for adapters outside this crate (text in numbers in, vectors out).

use std::path::{Path, PathBuf};

use ort::{
    session::Session,
    value::{DynValue, Tensor, TensorElementType, ValueType},
};

use super::{OnnxRuntime, SessionOptions};

/// Why a model cannot be opened or run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    /// ONNX Runtime does not take the file: not ONNX, a part is missing, an operator is unknown.
    #[error("{} is no ONNX model that can be loaded ({reason})", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What ONNX Runtime said.
        reason: String,
    },
    /// A run failed, or its result was not what was asked for.
    #[error("the model failed: {0}")]
    Run(String),
}

/// What an input or output holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floating point.
    F32,
    /// 64-bit integers.
    I64,
    /// 32-bit integers.
    I32,
    /// Anything else, which this crate does not exchange.
    Other,
}

/// One input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the graph.
    pub name: String,
    /// What it holds.
    pub element: Element,
    /// Its dimensions; `None` for those that may vary.
    pub shape: Vec<Option<usize>>,
}

/// Numbers with their shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers<T> {
    /// The dimensions.
    pub shape: Vec<usize>,
    /// As many values as the product of the dimensions.
    pub values: Vec<T>,
}

/// An opened model. A run takes `&mut self`: one model per worker, or one behind a lock.
#[derive(Debug)]
pub struct OnnxModel {
    session: Session,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl OnnxRuntime {
    /// Opens a model file; what lies beside it under the names that it gives (external weights) is read too. Takes as long
    /// as reading the file.
    ///
    /// # Errors
    /// [`OnnxError::Unusable`].
    pub fn model(&self, path: &Path, options: SessionOptions) -> Result<OnnxModel, OnnxError> {
        let session = self
            .session(path, options)
            .map_err(|error| OnnxError::Unusable { path: path.to_owned(), reason: error.to_string() })?;
        let inputs = session.inputs().iter().map(|port| describe(port.name(), port.dtype())).collect();
        let outputs = session.outputs().iter().map(|port| describe(port.name(), port.dtype())).collect();
        Ok(OnnxModel { session, inputs, outputs })
    }
}

impl OnnxModel {
    /// The inputs, in the graph's order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// The outputs, in the graph's order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// Runs the model on integers, given by input name (converted to the input's own width), and returns one output.
    ///
    /// # Errors
    /// [`OnnxError::Run`] where an input is none of the model's, a shape does not fit, the model fails, or the output does
    /// not hold 32-bit floating point.
    pub fn run(
        &mut self,
        inputs: Vec<(&str, Numbers<i64>)>,
        output: &str,
    ) -> Result<Numbers<f32>, OnnxError> {
        let failed = |error: ort::Error| OnnxError::Run(error.to_string());
        let mut values: Vec<(String, DynValue)> = Vec::with_capacity(inputs.len());
        for (name, numbers) in inputs {
            let element = self.inputs.iter().find(|port| port.name == name).map(|port| port.element);
            values.push((name.to_owned(), integers(name, element, numbers)?));
        }
        let outputs = self.session.run(values).map_err(failed)?;
        let value =
            outputs.get(output).ok_or_else(|| OnnxError::Run(format!("it has no output {output}")))?;
        let (shape, values) = value.try_extract_tensor::<f32>().map_err(failed)?;
        let shape = shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
        Ok(Numbers { shape, values: values.to_vec() })
    }
}

fn integers(name: &str, element: Option<Element>, numbers: Numbers<i64>) -> Result<DynValue, OnnxError> {
    let failed = |error: ort::Error| OnnxError::Run(error.to_string());
    let Numbers { shape, values } = numbers;
    match element {
        Some(Element::I64) => Ok(Tensor::from_array((shape, values)).map_err(failed)?.into_dyn()),
        Some(Element::I32) => {
            let narrow: Vec<i32> = values
                .into_iter()
                .map(|value| {
                    i32::try_from(value)
                        .map_err(|_| OnnxError::Run(format!("{value} is too large for its input {name}")))
                })
                .collect::<Result<_, _>>()?;
            Ok(Tensor::from_array((shape, narrow)).map_err(failed)?.into_dyn())
        }
        Some(_) => Err(OnnxError::Run(format!("its input {name} does not take integers"))),
        None => Err(OnnxError::Run(format!("it has no input {name}"))),
    }
}

/// A port of a session, in this crate's terms.
pub(crate) fn describe(name: &str, value: &ValueType) -> Port {
    let (element, shape) = match value {
        ValueType::Tensor { ty, shape, .. } => {
            let element = match ty {
                TensorElementType::Float32 => Element::F32,
                TensorElementType::Int64 => Element::I64,
                TensorElementType::Int32 => Element::I32,
                _ => Element::Other,
            };
            (element, shape.iter().map(|&size| usize::try_from(size).ok()).collect())
        }
        _ => (Element::Other, Vec::new()),
    };
    Port { name: name.to_owned(), element, shape }
}
