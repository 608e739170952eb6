//! Drives the real `assistant` binary from outside, as citizens, agents and operators do.
//!
//! [`ServerProcess`] starts one with a data directory of its own; `examples::Client` speaks with it; [`voices`] asks questions
//! with voices that training never heard; [`material`] finds the real recordings where they are present.

pub mod bench;
mod desk;
pub mod faults;
pub mod fuzz;
pub mod material;
mod server;
pub mod voices;

pub use desk::{Desk, DeskPage};
pub use server::{ServerProcess, ServerSettings, Shared};
