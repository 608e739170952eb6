//! Asterisk's AudioSocket over TCP: the PBX dials us, for every call anew.
//!
//! It has no authentication, so that peers are named ([`Settings::allowed`]) and it belongs on loopback or a private network. Closing a
//! call (`0x00`) lets the dial plan go on, which is also how a call is transferred. What was tried against a real Asterisk: the sender
//! keeps real time itself, since Asterisk plays what comes when it comes; a message of sound without samples and a digit from us both
//! make it drop the call.

mod call;
pub mod codec;
mod pace;
mod server;

pub use server::{Listener, Settings, serve};
