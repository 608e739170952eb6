//! Is what the voice says right, and can it be told apart?

mod others;
mod pronunciation;
mod tones;

pub use pronunciation::{chinese, tibetan};
pub use tones::tones;
