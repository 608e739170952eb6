//! The benchmark of understanding, in sections; `make bench-understanding` runs all of them.

mod baselines;
mod emergencies;
mod faq;
mod generated;
mod measured;
mod noise;
mod sample;
mod speed;
mod titles;

pub use faq::{bank, government};
pub use measured::confusions;
pub use sample::{emergencies, noise, sample};
pub use speed::{speed, speed_of_many};
pub use titles::titles_by_their_beginning;
