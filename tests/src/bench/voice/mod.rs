//! Is what the voice says right, and can it be told apart?

mod delivery;
mod others;
mod pronunciation;
mod round_trip;
mod tones;

pub use delivery::delivery;
pub use pronunciation::{chinese, tibetan};
pub use round_trip::round_trip;
pub use tones::tones;
