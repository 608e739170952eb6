//! What a search costs beside the greedy path: milliseconds per second of sound, on made posteriors of the size and shape that
//! published Chinese recognisers have (5,000 classes, 25 frames a second, a blank four frames of five).
//!
//! ```sh
//! cargo run -p speech --example decoding_cost
//! ```

use std::{sync::Arc, time::Instant};

use speech::{
    DecodeOptions,
    decode::{Bias, BiasCache, BiasPhrase, Context, LogPosteriors, decode},
    evidence::Pieces,
};

const CLASSES: usize = 5_000;
const FRAMES_PER_SECOND: usize = 25;
const SECONDS: usize = 5;
/// Times that each is measured; the least counts, since whatever else runs here only adds.
const ROUNDS: usize = 5;

/// A linear congruential generator (Numerical Recipes): the same numbers every time.
struct Numbers(u32);

impl Numbers {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    fn below(&mut self, most: u32) -> u32 {
        self.next() % most
    }

    /// About normal, as the sum of four even ones.
    fn normal(&mut self, deviation: f32) -> f32 {
        let sum: f32 = (0..4).map(|_| self.next() as f32 / (1 << 24) as f32 - 0.5).sum();
        sum * 1.7 * deviation
    }
}

/// Log-posteriors of an utterance: every fifth frame says one class, with some doubt, the others the blank.
fn posteriors(numbers: &mut Numbers) -> Vec<f32> {
    let mut values = Vec::with_capacity(SECONDS * FRAMES_PER_SECOND * CLASSES);
    for frame in 0..SECONDS * FRAMES_PER_SECOND {
        let mut row: Vec<f32> = (0..CLASSES).map(|_| numbers.normal(2.0)).collect();
        if frame % 5 == 2 {
            for peak in [13.0, 11.0, 9.0, 8.0] {
                row[1 + numbers.below(CLASSES as u32 - 1) as usize] += peak;
            }
            row[0] += 8.0;
        } else {
            row[0] += 15.0;
        }
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let all = most + row.iter().map(|value| (value - most).exp()).sum::<f32>().ln();
        values.extend(row.into_iter().map(|value| value - all));
    }
    values
}

/// What a class is written as.
fn character(class: u32) -> char {
    char::from_u32(0x4e00 + class).unwrap_or('一')
}

/// Phrases of a knowledge base: ten classes each.
fn phrases(count: usize, numbers: &mut Numbers) -> Arc<Bias> {
    let mut text = || (0..10).map(|_| character(1 + numbers.below(3_000))).collect();
    Arc::new(Bias::new((0..count).map(|_| BiasPhrase { text: text(), weight: 0.3 })))
}

fn least<T>(mut work: impl FnMut() -> T) -> f64 {
    let once = |_| {
        let begun = Instant::now();
        std::hint::black_box(work());
        begun.elapsed().as_secs_f64() * 1_000.0
    };
    (0..ROUNDS).map(once).fold(f64::INFINITY, f64::min)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = Numbers(1);
    let values = posteriors(&mut numbers);
    let matrix = LogPosteriors::new(&values, CLASSES, 0)?;
    let pieces = Pieces::new((1..CLASSES as u32).map(|class| (character(class).to_string(), class)));
    let spell = |text: &str| pieces.spell(text);
    println!("beam  phrases  ms to prepare  ms per second of sound");
    for count in [0, 600, 20_000] {
        let bias = phrases(count, &mut numbers);
        let prepared = least(|| BiasCache::default().graph(&bias, spell));
        let graph = BiasCache::default().graph(&bias, spell);
        let context = Context::new(graph.as_deref(), None);
        for beam in [1, 4, 8, 16] {
            let options = DecodeOptions { beam, ..DecodeOptions::default() };
            let took = least(|| decode(matrix, &options, context)) / SECONDS as f64;
            println!("{beam:4}  {count:7}  {prepared:13.1}  {took:22.2}");
        }
    }
    Ok(())
}
