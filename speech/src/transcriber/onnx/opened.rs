//! An opened model file: its ports, its metadata, and runs with checked shapes.

use std::path::{Path, PathBuf};

use ort::{
    session::Session,
    value::{DynValue, Tensor},
};

use crate::{
    runtime::{Element, Numbers, OnnxRuntime, Port, SessionOptions, describe},
    transcriber::ModelError,
};

/// A model that ONNX Runtime has taken, of whatever layout.
pub(super) struct Opened {
    pub path: PathBuf,
    pub session: Session,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
}

/// What an input should be.
pub(super) enum Wanted {
    /// 32-bit floating point with three dimensions, of which one has a fixed size (or one left open).
    Features { axis: usize, size: usize },
    /// One integer per utterance, of any width.
    Number,
}

/// What an input is given.
pub(super) enum Feed {
    /// Numbers of a shape.
    Floats(Vec<usize>, Vec<f32>),
    /// One integer per utterance, in whichever width the input has.
    Integers(Vec<i64>),
}

/// What an output holds.
pub(super) enum Output {
    Floats(Numbers<f32>),
    Integers(Vec<i64>),
    Other,
}

impl Opened {
    /// Opens a model file.
    pub fn open(path: &Path, runtime: &OnnxRuntime, options: SessionOptions) -> Result<Self, ModelError> {
        let session = runtime.session(path, options).map_err(|error| {
            ModelError::unusable(
                path,
                format!(
                    "ONNX Runtime does not take it ({error}); if it was downloaded, it may be incomplete"
                ),
            )
        })?;
        let inputs = session.inputs().iter().map(|port| describe(port.name(), port.dtype())).collect();
        let outputs = session.outputs().iter().map(|port| describe(port.name(), port.dtype())).collect();
        Ok(Self { path: path.to_owned(), session, inputs, outputs })
    }

    /// A custom entry of the metadata.
    pub fn metadata(&self, key: &str) -> Option<String> {
        self.session.metadata().ok()?.custom(key)
    }

    /// A whole number of the metadata; `default` where there is none.
    pub fn number(&self, key: &str, default: Option<i64>) -> Result<i64, ModelError> {
        match (self.metadata(key), default) {
            (Some(text), _) => text.trim().parse().map_err(|_| {
                ModelError::unusable(&self.path, format!("{key} in its metadata is {text:?} and no number"))
            }),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(ModelError::unusable(
                &self.path,
                format!("its metadata has no {key}, which its layout wants"),
            )),
        }
    }

    /// A whole number of the metadata that counts something: 1 to `most`.
    pub fn count(&self, key: &str, most: i64) -> Result<usize, ModelError> {
        let number = self.number(key, None)?;
        if (1..=most).contains(&number) {
            return Ok(number as usize);
        }
        Err(ModelError::unusable(&self.path, format!("{key} in its metadata is {number}, not 1 to {most}")))
    }

    /// Numbers of the metadata, parted by commas.
    pub fn numbers(&self, key: &str) -> Result<Vec<f32>, ModelError> {
        let text = self
            .metadata(key)
            .ok_or_else(|| ModelError::unusable(&self.path, format!("its metadata has no {key}")))?;
        text.split(',').map(|field| field.trim().parse()).collect::<Result<_, _>>().map_err(|_| {
            ModelError::unusable(&self.path, format!("{key} in its metadata is no list of numbers"))
        })
    }

    /// Checks the inputs' number, elements, dimensions and fixed sizes.
    pub fn check(&self, wanted: &[Wanted]) -> Result<(), ModelError> {
        let fits = |(port, wanted): (&Port, &Wanted)| match *wanted {
            Wanted::Features { axis, size } => {
                port.element == Element::F32
                    && port.shape.len() == 3
                    && port.shape[axis].is_none_or(|found| found == size)
            }
            Wanted::Number => matches!(port.element, Element::I32 | Element::I64) && port.shape.len() == 1,
        };
        if self.inputs.len() == wanted.len() && self.inputs.iter().zip(wanted).all(fits) {
            return Ok(());
        }
        let one = |port: &Port| {
            let sizes =
                port.shape.iter().map(|size| size.map_or_else(|| "?".into(), |size| size.to_string()));
            format!("{} {:?}[{}]", port.name, port.element, sizes.collect::<Vec<_>>().join(", "))
        };
        let found = self.inputs.iter().map(one).collect::<Vec<_>>().join(", ");
        Err(ModelError::unusable(
            &self.path,
            format!("its inputs are not those of its layout as this version knows it; found {found}"),
        ))
    }

    /// Runs the model on one utterance, inputs in the graph's order, and returns all outputs in theirs.
    pub fn run(&mut self, feeds: Vec<Feed>) -> Result<Vec<Output>, String> {
        let said = |error: ort::Error| error.to_string();
        let mut values: Vec<(String, DynValue)> = Vec::with_capacity(feeds.len());
        for (port, feed) in self.inputs.iter().zip(feeds) {
            let value = match feed {
                Feed::Floats(shape, numbers) => {
                    Tensor::from_array((shape, numbers)).map_err(said)?.into_dyn()
                }
                Feed::Integers(numbers) if port.element == Element::I32 => {
                    let narrow: Vec<i32> = numbers.into_iter().map(|number| number as i32).collect();
                    Tensor::from_array(([narrow.len()], narrow)).map_err(said)?.into_dyn()
                }
                Feed::Integers(numbers) => {
                    Tensor::from_array(([numbers.len()], numbers)).map_err(said)?.into_dyn()
                }
            };
            values.push((port.name.clone(), value));
        }
        let outputs = self.session.run(values).map_err(said)?;
        Ok(outputs
            .values()
            .map(|value| {
                if let Ok((shape, values)) = value.try_extract_tensor::<f32>() {
                    let shape = shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
                    Output::Floats(Numbers { shape, values: values.to_vec() })
                } else if let Ok((_, values)) = value.try_extract_tensor::<i64>() {
                    Output::Integers(values.to_vec())
                } else if let Ok((_, values)) = value.try_extract_tensor::<i32>() {
                    Output::Integers(values.iter().map(|&value| i64::from(value)).collect())
                } else {
                    Output::Other
                }
            })
            .collect())
    }
}

/// An output's numbers as `frames × classes`, the frames on axis `axis` and the utterance on the other.
pub(super) fn frames(output: Option<Output>, axis: usize, classes: usize) -> Result<Vec<f32>, String> {
    let Some(Output::Floats(numbers)) = output else {
        return Err("its first output does not hold 32-bit floating point".into());
    };
    match numbers.shape.as_slice() {
        &[a, b, c] if c == classes && [a, b][1 - axis] == 1 => Ok(numbers.values),
        shape => Err(format!(
            "its output has the shape {shape:?}, but its vocabulary has {classes} classes; model and vocabulary do not \
             belong together"
        )),
    }
}

/// The first of an output's integers: a length.
pub(super) fn length(output: Option<&Output>) -> Option<usize> {
    match output {
        Some(Output::Integers(numbers)) => usize::try_from(*numbers.first()?).ok(),
        _ => None,
    }
}
