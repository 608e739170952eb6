//! A small client of the portal protocol (`docs/protocol.md`) on `tokio-tungstenite`, and one of the desk's interface
//! (`docs/desk-interface.md`).
//!
//! It is an example to copy from, what `ask-by-voice` is made of, and what the end-to-end tests speak with.

mod client;
pub mod cluster;
mod desk;

pub use client::{Client, Message, StartOptions};
pub use desk::{Desk, Live, Refused};
