//! A small client of the portal protocol (`docs/protocol.md`) on `tokio-tungstenite`.
//!
//! It is an example to copy from, what `ask-by-voice` is made of, and what the end-to-end tests speak with.

mod client;
pub mod cluster;

pub use client::{Client, Message, StartOptions};
