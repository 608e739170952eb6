//! A sentence in the lines that espeak-ng takes, and one language's lines of it at work.

use std::{collections::VecDeque, sync::atomic::AtomicBool};

use language::{Language, Segment};

use super::{
    failed,
    pool::{self, Key, LONGEST_LINE, Pool, Recipe},
    process::{End, Process},
};
use crate::SynthesisError;

/// What is fed at once.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub voice: Language,
    pub input: String,
    /// Whether the line before it is of the same segment.
    pub goes_on: bool,
}

/// Cuts segments at their pauses, or between words where a breath is too long, into lines that espeak-ng takes.
pub fn lines(plan: &[Segment]) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    for segment in plan.iter().filter(|segment| !segment.input.trim().is_empty()) {
        let mut goes_on = false;
        let mut push = |input: String| {
            out.push(Line { voice: segment.voice, input, goes_on: std::mem::replace(&mut goes_on, true) });
        };
        let mut line = String::new();
        for breath in segment.input.split(", ").flat_map(|breath| short(breath, segment.voice)) {
            if !line.is_empty() && line.len() + breath.len() + 2 > LONGEST_LINE {
                push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push_str(", ");
            }
            line.push_str(&breath);
        }
        push(line);
    }
    out
}

/// A breath in pieces of whole words that fit into a line.
fn short(breath: &str, voice: Language) -> Vec<String> {
    if breath.len() <= LONGEST_LINE {
        return vec![breath.to_owned()];
    }
    let (open, close) = if voice == Language::Bo { ("[[", "]]") } else { ("", "") };
    let words = breath.trim_start_matches(open).trim_end_matches(close).split(' ');
    let mut pieces = vec![String::new()];
    for word in words {
        match pieces.last_mut() {
            Some(piece) if piece.is_empty() => piece.push_str(word),
            Some(piece) if piece.len() + word.len() + 5 <= LONGEST_LINE => {
                piece.push(' ');
                piece.push_str(word);
            }
            _ => pieces.push(word.to_owned()),
        }
    }
    pieces.into_iter().map(|piece| format!("{open}{piece}{close}")).collect()
}

/// One language's lines of a sentence, in order: said by one process that stays, or by one each.
pub struct Lane<'a> {
    recipe: &'a Recipe,
    pool: Option<&'a Pool>,
    pub key: Key,
    end: End,
    /// The process at work; where every line has its own, that of the line begun last.
    process: Option<Process>,
    pub waiting: VecDeque<&'a str>,
}

impl<'a> Lane<'a> {
    pub fn new(
        recipe: &'a Recipe,
        pool: Option<&'a Pool>,
        key: Key,
        fresh: bool,
    ) -> Result<Self, SynthesisError> {
        let end = match pool {
            Some(pool) if !fresh => pool.end(key)?,
            _ => End::Process,
        };
        Ok(Self { recipe, pool, key, end, process: None, waiting: VecDeque::new() })
    }

    /// Has the next line said.
    pub fn begin(&mut self) -> Result<(), SynthesisError> {
        let Some(line) = self.waiting.pop_front() else { return Ok(()) };
        match (self.pool, self.end) {
            (Some(pool), End::Silence(_)) => {
                let mut process = match self.process.take() {
                    Some(process) => process,
                    None => pool.take(self.key)?,
                };
                process.feed(&format!("{line}\n{}", pool::mark()))?;
                self.process = Some(process);
            }
            _ => self.process = Some(self.recipe.once(self.key, line)?),
        }
        Ok(())
    }

    /// The sound of the line begun last, in samples and hertz; begins the next one.
    pub fn collect(&mut self, cancelled: &AtomicBool) -> Result<(Vec<i16>, u32), SynthesisError> {
        let mut process = self.process.take().ok_or_else(|| failed("it was not started".to_owned()))?;
        let collected = process.collect(self.end, cancelled);
        let rate = process.sample_rate();
        let samples = match (collected, self.pool) {
            (Ok(samples), _) => samples,
            (Err(error), Some(pool)) if self.end != End::Process => {
                pool.wish(self.key);
                return Err(error);
            }
            (Err(error), _) => return Err(error),
        };
        if self.end != End::Process {
            self.process = Some(process);
        }
        self.begin()?;
        let rate = rate.filter(|rate| (4_000..=192_000).contains(rate));
        Ok((samples, rate.ok_or_else(|| failed("its output is not a WAV file".to_owned()))?))
    }

    /// Gives the process back.
    pub fn end(self) {
        if let (Some(pool), Some(process)) = (self.pool, self.process) {
            pool.give(self.key, process);
        }
    }
}
