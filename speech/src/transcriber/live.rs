//! The shipped model as a stream: chunks of features with the states that its convolutions carry over.
//!
//! Contract (`training/model.py`, `Stream`): besides `x` and `x_lens` the graph has inputs with default values: the states `features`,
//! `halves` and `frames` (zero at the beginning), `seen` i64\[N\] (output frames fed before), `drop` and `flush` i64\[1\]. It returns the states
//! for the next chunk as `new_…`. A stream's output is late by the metadata's `streaming_delay` frames, which the last call flushes.
//! With the defaults the graph is an ordinary offline model.

use ort::{
    session::Session,
    value::{DynValue, Tensor, ValueType},
};

use super::clean;
use crate::features::{BINS, Fbank, OnlineFbank};

/// Feature frames of a chunk: 320 ms, so that there is news about every 300 ms. A multiple of the model's subsampling.
const CHUNK: usize = 32;

/// Utterances in one run. More gain nothing (measured: eight take 5 times as long as one).
const BATCH: usize = 8;

/// Feature frames per output frame.
const SUBSAMPLING: usize = 4;

/// The states' inputs; each is returned as `new_` and its name.
const STATES: [&str; 3] = ["features", "halves", "frames"];

/// How the model runs as a stream.
#[derive(Debug)]
pub(super) struct Streaming {
    delay: usize,
    /// Rows and columns of each state.
    shapes: [[usize; 2]; 3],
}

/// An utterance as far as it has been heard.
#[derive(Clone)]
pub(super) struct Heard {
    fbank: OnlineFbank,
    /// Features that are not yet a chunk: at least one frame once there is any, because the last run needs one.
    waiting: Vec<f32>,
    states: [Vec<f32>; 3],
    /// Output frames fed.
    seen: i64,
    /// Frames to come that are before the utterance's beginning.
    late: usize,
    /// Log-posteriors that will not change.
    pub posteriors: Vec<f32>,
    /// Samples heard.
    pub samples: usize,
    /// Whether any of them was more than digital silence.
    pub audible: bool,
}

impl Streaming {
    /// `None` where the model is an ordinary one.
    ///
    /// # Errors
    /// Where it says that it streams but lacks a state.
    pub(super) fn of(session: &Session, delay: Option<&str>) -> Result<Option<Self>, String> {
        let Some(delay) = delay else { return Ok(None) };
        let delay = delay.parse().map_err(|_| format!("its streaming_delay {delay:?} is no number"))?;
        let optional = session.overridable_initializers();
        let shape = |name: &str| {
            let state = optional.iter().find(|state| state.name() == name);
            match state.map(ort::session::OverridableInitializer::dtype) {
                Some(ValueType::Tensor { shape, .. }) if shape.len() == 3 => {
                    let size = |at: usize| usize::try_from(shape[at]).ok().filter(|&size| size > 0);
                    size(1).zip(size(2)).map(|(rows, columns)| [rows, columns])
                }
                _ => None,
            }
            .ok_or_else(|| format!("it lacks the state {name} of a streaming model"))
        };
        Ok(Some(Self { delay, shapes: [shape(STATES[0])?, shape(STATES[1])?, shape(STATES[2])?] }))
    }

    /// The beginning of an utterance.
    pub(super) fn begin(&self) -> Heard {
        Heard {
            fbank: OnlineFbank::default(),
            waiting: Vec::new(),
            states: self.shapes.map(|[rows, columns]| vec![0.0; rows * columns]),
            seen: 0,
            late: self.delay,
            posteriors: Vec::new(),
            samples: 0,
            audible: false,
        }
    }

    /// Hears more of some utterances.
    pub(super) fn hear(
        &self,
        session: &mut Session,
        fbank: &mut Fbank,
        more: &mut [(&mut Heard, &[f32])],
    ) -> Result<(), String> {
        for (heard, samples) in more.iter_mut() {
            heard.samples += samples.len();
            heard.audible |= clean::is_audible(samples);
            heard.fbank.push(fbank, &clean::usable(samples), &mut heard.waiting);
        }
        loop {
            let mut ready: Vec<&mut Heard> = more
                .iter_mut()
                .filter(|(heard, _)| heard.waiting.len() > CHUNK * BINS)
                .map(|(heard, _)| &mut **heard)
                .take(BATCH)
                .collect();
            if ready.is_empty() {
                return Ok(());
            }
            let chunks: Vec<f32> =
                ready.iter_mut().flat_map(|heard| heard.waiting.drain(..CHUNK * BINS)).collect();
            self.run(session, &mut ready, chunks, CHUNK, 0)?;
        }
    }

    /// All log-posteriors of an utterance as if it ended here.
    pub(super) fn conclude(
        &self,
        session: &mut Session,
        fbank: &mut Fbank,
        heard: &Heard,
    ) -> Result<Vec<f32>, String> {
        let mut last = heard.clone();
        std::mem::take(&mut last.fbank).finish(fbank, &mut last.waiting);
        let rest = std::mem::take(&mut last.waiting);
        if rest.is_empty() {
            return Ok(Vec::new());
        }
        let frames = rest.len() / BINS;
        self.run(session, &mut [&mut last], rest, frames, self.delay)?;
        Ok(last.posteriors)
    }

    /// One run: `chunks` holds `frames` feature frames of each utterance.
    fn run(
        &self,
        session: &mut Session,
        heard: &mut [&mut Heard],
        chunks: Vec<f32>,
        frames: usize,
        flush: usize,
    ) -> Result<(), String> {
        let said = |e: ort::Error| e.to_string();
        let count = heard.len();
        let integers = |values: Vec<i64>| Tensor::from_array(([values.len()], values)).map(Tensor::into_dyn);
        let floats =
            |shape: [usize; 3], values: Vec<f32>| Tensor::from_array((shape, values)).map(Tensor::into_dyn);
        let whole = |number: usize| number.cast_signed() as i64;
        let mut inputs: Vec<(&str, DynValue)> = vec![
            ("x", floats([count, frames, BINS], chunks).map_err(said)?),
            ("x_lens", integers(vec![whole(frames); count]).map_err(said)?),
            ("seen", integers(heard.iter().map(|heard| heard.seen).collect()).map_err(said)?),
            ("drop", integers(vec![0]).map_err(said)?),
            ("flush", integers(vec![whole(flush)]).map_err(said)?),
        ];
        for (state, (name, [rows, columns])) in STATES.iter().zip(self.shapes).enumerate() {
            let values = heard.iter().flat_map(|heard| heard.states[state].iter().copied()).collect();
            inputs.push((name, floats([count, rows, columns], values).map_err(said)?));
        }
        let outputs = session.run(inputs).map_err(said)?;
        let (shape, log_probs) = outputs["log_probs"].try_extract_tensor::<f32>().map_err(said)?;
        let (made, classes) = (shape[1].unsigned_abs() as usize, shape[2].unsigned_abs() as usize);
        for (row, heard) in heard.iter_mut().enumerate() {
            let mine = &log_probs[row * made * classes..(row + 1) * made * classes];
            let before = heard.late.min(made);
            heard.late -= before;
            heard.posteriors.extend_from_slice(&mine[before * classes..]);
            heard.seen += whole(frames.div_ceil(SUBSAMPLING));
        }
        for (state, name) in STATES.iter().enumerate() {
            let (_, values) =
                outputs[format!("new_{name}").as_str()].try_extract_tensor::<f32>().map_err(said)?;
            let size = self.shapes[state].iter().product();
            for (heard, values) in heard.iter_mut().zip(values.chunks_exact(size)) {
                heard.states[state].copy_from_slice(values);
            }
        }
        Ok(())
    }
}
