//! `assistant speak`: the voice, into a file.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, anyhow};
use clap::Args;
use language::{Language, Rendition};
use speech::{SpeechRequest, SynthesisError, codec::resample::Resampler};

use super::{Failure, Outcome, language};
use crate::{config::Configuration, server::voices, session::sentences, workers::encode::SOUND_RATE};
use speech::codec::wav;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The text.
    text: String,
    /// Its language.
    #[arg(long, value_parser = language, value_name = "bo|zh")]
    language: Language,
    /// The WAV file to write; not needed with --explain.
    #[arg(long, value_name = "FILE", required_unless_present = "explain")]
    out: Option<PathBuf>,
    /// Speed, 0.5 to 2.0; 1.0 is as the voice was made.
    #[arg(long, default_value_t = 1.0, value_parser = rate)]
    rate: f32,
    /// Print each stage of every sentence: what figures and signs are said as, the words with their syllables before and
    /// after they change beside each other, what the voice is fed with, and where there was no rule.
    #[arg(long)]
    explain: bool,
}

/// Reads a speed. Outside these bounds a voice is hard to follow.
fn rate(text: &str) -> Result<f32, String> {
    text.parse()
        .ok()
        .filter(|rate| (0.5..=2.0).contains(rate))
        .ok_or_else(|| "a speed is a number from 0.5 (half as fast) to 2.0 (twice as fast)".to_owned())
}

pub(super) fn run(configuration: &Configuration, options: &Options) -> Outcome {
    let sentences = sentences(&options.text);
    if options.explain {
        for (number, sentence) in sentences.iter().enumerate() {
            let rendition = Rendition::of(sentence, options.language);
            println!("sentence {}  {sentence}\n{}", number + 1, rendition.explain(sentence));
        }
    }
    match &options.out {
        Some(out) => write(configuration, options, sentences, out),
        None => Ok(()),
    }
}

fn write(configuration: &Configuration, options: &Options, sentences: Vec<String>, out: &Path) -> Outcome {
    let voice = voices(configuration).map_err(|error| anyhow!("{error}"))?.into_iter().next();
    let mut voice = voice.ok_or_else(|| {
        Failure::Usage("voice.engine is \"none\": there is no voice to speak with".to_owned())
    })?;
    let mut samples: Vec<f32> = Vec::new();
    for text in sentences {
        let request = SpeechRequest { text, language: options.language, rate: options.rate };
        match voice.synthesize(&request, &AtomicBool::new(false)) {
            Ok(clip) => {
                let mut resampler = Resampler::new(clip.sample_rate, SOUND_RATE)?;
                samples.extend(resampler.push(&clip.samples)?);
                samples.extend(resampler.finish()?);
            }
            Err(SynthesisError::Nothing) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if samples.is_empty() {
        return Err(Failure::Usage("there is nothing to say in this text".to_owned()));
    }
    wav::encode(&samples, SOUND_RATE)
        .and_then(|bytes| std::fs::write(out, bytes))
        .with_context(|| format!("cannot write {}", out.display()))?;
    println!("{}: {:.1} s", out.display(), samples.len() as f32 / SOUND_RATE as f32);
    Ok(())
}
