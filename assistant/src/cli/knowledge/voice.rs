//! Speaking what was published.

use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::super::clip::present;
use super::super::{Outcome, block_on, counted};
use crate::config::Configuration;
use crate::server::voices;
use crate::workers::ahead;
use crate::workers::cache::SoundCache;
use crate::workers::fatal::Fatal;
use crate::workers::mouths::Mouths;

/// Speaks everything that is published into the cache. What cannot be spoken is told, and is no failure: the texts are published.
pub(super) fn prepare(configuration: &Configuration) -> Outcome {
    let limit = configuration.voice.cache_megabytes << 20;
    if limit == 0 {
        println!("voice.cache_megabytes is 0: answers are spoken when they are asked for.");
        return Ok(());
    }
    let voices = match voices(configuration) {
        Ok(voices) if !voices.is_empty() => voices,
        Ok(_) => {
            println!("No voice is configured: answers are shown only.");
            return Ok(());
        }
        Err(error) => {
            println!("Answers are not spoken ahead, because there is no voice: {error}");
            return Ok(());
        }
    };
    let (_, inventory) = present(configuration)?;
    let sentences = ahead::everything(&inventory);
    let at_once = voices.len();
    let cache = Arc::new(SoundCache::open(&configuration.data("voice-cache"), limit)?);
    let bar = ProgressBar::new(sentences.len() as u64);
    let style = ProgressStyle::with_template("Speaking {bar:40} {pos}/{len} sentences, {eta} left")?;
    bar.set_style(style.progress_chars("━╸ "));
    let count = sentences.len();
    let prepared = block_on(async {
        let (fatal, _deaths) = Fatal::new();
        let mouths = Mouths::start(voices, Some(&cache), &fatal)?;
        std::io::Result::Ok(ahead::speak(&mouths, sentences, at_once, || bar.inc(1)).await)
    })??;
    bar.finish_and_clear();
    println!("{} of {} can be heard at once.", counted(prepared.ready, "sentence", "sentences"), count);
    if let Some(reason) = prepared.reason {
        println!("{} could not be spoken: {reason}", counted(prepared.failed, "sentence", "sentences"));
    }
    Ok(())
}
