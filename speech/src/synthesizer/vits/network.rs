//! A VITS graph: symbols' numbers in, samples out.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use ort::{
    session::{RunOptions, Session},
    value::{DynValue, Tensor},
};

use crate::{
    runtime::{Element, OnnxRuntime, Port, SessionOptions, describe},
    transcriber::ModelError,
};

/// How often a run looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(20);
/// Samples that one run may give, some six minutes: more is no speech.
const MOST_SAMPLES: usize = 8 << 20;

/// Whose names the inputs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Piper's: the scales in one input.
    Piper,
    /// sherpa-onnx's: every scale has an input.
    Sherpa,
    /// Optimum's: the scales are part of the graph.
    Optimum,
}

/// What a run is told besides the symbols.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub noise_scale: f32,
    /// How long everything lasts against what the model predicts.
    pub length_scale: f32,
    pub noise_w: f32,
    pub speaker: i64,
}

/// Why a run gave no sound.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Somebody interrupted.
    #[error("it was interrupted")]
    Cancelled,
    /// The model failed.
    #[error("{0}")]
    Model(String),
}

/// An opened voice model.
pub struct Network {
    session: Session,
    inputs: Vec<Port>,
    pub layout: Layout,
}

/// The inputs of a layout, in any order; the last one of Piper's is there only where it has several speakers.
const fn wanted(layout: Layout) -> &'static [(&'static str, Element)] {
    use Element::{F32, I64};
    match layout {
        Layout::Piper => &[("input", I64), ("input_lengths", I64), ("scales", F32), ("sid", I64)],
        Layout::Sherpa => &[
            ("x", I64),
            ("x_length", I64),
            ("noise_scale", F32),
            ("length_scale", F32),
            ("noise_scale_w", F32),
            ("sid", I64),
        ],
        Layout::Optimum => &[("input_ids", I64), ("attention_mask", I64), ("speaker_id", I64)],
    }
}

impl Network {
    /// Opens a model and finds its layout by the names of its inputs.
    pub fn open(path: &Path, runtime: &OnnxRuntime, options: SessionOptions) -> Result<Self, ModelError> {
        let session = runtime.session(path, options).map_err(|error| {
            ModelError::unusable(
                path,
                format!(
                    "ONNX Runtime does not take it ({error}); if it was downloaded, it may be incomplete: fetch it again"
                ),
            )
        })?;
        let inputs: Vec<Port> =
            session.inputs().iter().map(|port| describe(port.name(), port.dtype())).collect();
        let fits = |layout: &Layout| {
            let wanted = wanted(*layout);
            let known = |port: &Port| {
                wanted.iter().any(|(name, element)| port.name == *name && port.element == *element)
            };
            let there = |(name, _): &(&str, Element)| inputs.iter().any(|port| port.name == *name);
            inputs.iter().all(known) && wanted[..wanted.len() - 1].iter().all(there)
        };
        let layout = [Layout::Piper, Layout::Sherpa, Layout::Optimum].into_iter().find(fits);
        let layout = layout.ok_or_else(|| {
            let found = inputs.iter().map(|port| format!("{} {:?}", port.name, port.element));
            ModelError::unusable(
                path,
                format!(
                    "it is no voice of a layout that this version loads (Piper, MMS-TTS as sherpa-onnx exports it, VITS as \
                     Optimum exports it); its inputs are {}",
                    found.collect::<Vec<_>>().join(", ")
                ),
            )
        })?;
        Ok(Self { session, inputs, layout })
    }

    /// Whether it wants to be told a speaker.
    pub fn has_speakers(&self) -> bool {
        self.inputs.len() == wanted(self.layout).len()
    }

    /// A custom entry of the metadata.
    pub fn metadata(&self, key: &str) -> Option<String> {
        self.session.metadata().ok()?.custom(key)
    }

    /// Says symbols; a run that is cancelled ends within some 20 ms.
    pub fn speak(&mut self, ids: &[i64], run: &Run, cancelled: &AtomicBool) -> Result<Vec<f32>, Fault> {
        let said = |error: ort::Error| Fault::Model(error.to_string());
        let inputs = self.feed(ids, run).map_err(said)?;
        let options = RunOptions::new().map_err(said)?;
        let over = AtomicBool::new(false);
        let session = &mut self.session;
        let outputs = thread::scope(|scope| {
            let (over, options) = (&over, &options);
            let watch = scope.spawn(move || {
                while !over.load(Ordering::Acquire) {
                    if cancelled.load(Ordering::Relaxed) {
                        // Where that fails, the run goes on to its end; the caller looks once more then.
                        let _ = options.terminate();
                        return;
                    }
                    thread::park_timeout(LOOK);
                }
            });
            let outputs = session.run_with_options(inputs, options);
            over.store(true, Ordering::Release);
            watch.thread().unpark();
            outputs
        });
        if cancelled.load(Ordering::Relaxed) {
            return Err(Fault::Cancelled);
        }
        let outputs = outputs.map_err(said)?;
        let first = outputs.values().next().ok_or_else(|| Fault::Model("it has no output".to_owned()))?;
        let (_, samples) = first.try_extract_tensor::<f32>().map_err(said)?;
        if samples.is_empty() || samples.len() > MOST_SAMPLES {
            return Err(Fault::Model(format!("it gave {} samples for {} symbols", samples.len(), ids.len())));
        }
        if !samples.iter().all(|sample| sample.is_finite()) {
            return Err(Fault::Model("its sound is not made of numbers; the file may be damaged".to_owned()));
        }
        Ok(samples.to_vec())
    }

    fn feed(&self, ids: &[i64], run: &Run) -> Result<Vec<(String, DynValue)>, ort::Error> {
        let integers =
            |shape: Vec<usize>, values: Vec<i64>| Ok(Tensor::from_array((shape, values))?.into_dyn());
        let floats = |values: Vec<f32>| Ok(Tensor::from_array((vec![values.len()], values))?.into_dyn());
        let row = || vec![1, ids.len()];
        let length = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        self.inputs
            .iter()
            .map(|port| {
                let value: Result<DynValue, ort::Error> = match port.name.as_str() {
                    "input" | "x" | "input_ids" => integers(row(), ids.to_vec()),
                    "attention_mask" => integers(row(), vec![1; ids.len()]),
                    "input_lengths" | "x_length" => integers(vec![1], vec![length]),
                    "scales" => floats(vec![run.noise_scale, run.length_scale, run.noise_w]),
                    "noise_scale" => floats(vec![run.noise_scale]),
                    "length_scale" => floats(vec![run.length_scale]),
                    "noise_scale_w" => floats(vec![run.noise_w]),
                    _ => integers(vec![1], vec![run.speaker]),
                };
                Ok((port.name.clone(), value?))
            })
            .collect()
    }
}
