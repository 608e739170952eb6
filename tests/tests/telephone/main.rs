//! Every way by which calls come, against the whole server with the shipped recogniser and voice: what callers ask, press and hear, and
//! what becomes of them. Where a program is missing that a story needs, it says so and is skipped.

mod audio_fork;
mod audiosocket;
mod callbacks;
mod called;
mod caller;
mod chan_websocket;
mod keys_and_questions;
mod media_socket;
mod stage;
mod transfers;
mod twilio;
