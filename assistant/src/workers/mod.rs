//! Threads that compute: ears hear, minds understand, mouths speak. None of it ever runs on an async thread.

pub mod ahead;
pub mod cache;
pub mod container;
mod ear;
pub mod ears;
pub mod encode;
pub mod engines;
mod fall_backs;
pub mod fatal;
mod load;
pub mod minds;
pub mod mouths;
pub mod recordings;
pub mod voices;
mod waiting;

pub use ear::{Continued, EarEvent};
pub use waiting::Ticket;
