//! The benchmark of the main job, in sections; `make bench-main` runs all of them.

mod asked;
mod edits;
pub mod handoff;
mod latency;
mod paraphrase;
pub mod recognition;
mod report;
mod sections;
mod sound;
pub mod telephone;
pub mod understanding;
pub mod voice;

pub use edits::edit_distance;
pub use latency::{crowd, latency, sizes};
pub use paraphrase::{paraphrase, paraphrases};
pub use report::{Figure, Report, percentile};
pub use sections::{Section, run};
pub use sound::{real_mandarin, sample_questions};
