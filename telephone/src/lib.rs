//! What a PBX and the assistant say to each other: SIP and RTP, three dialects of media over a WebSocket, and Asterisk's AudioSocket.
//! Protocol only: whatever carries a call, the hotline sees a [`Leg`].
//!
//! ```text
//! SIP, INVITE ─► sip::UserAgent ─► rtp::Session ─────────┐
//! WebSocket ───► sockets: Asterisk, audio_fork, Twilio ──┼─► Leg { from_caller, to_caller } ─► the hotline
//! TCP ─────────► audiosocket ────────────────────────────┘
//! ```

pub mod audiosocket;
mod convert;
mod inbox;
pub mod leg;
pub mod playout;
pub mod rtp;
pub mod sdp;
pub mod sip;
pub mod sockets;
pub mod token;

pub use leg::{Call, CallId, Carrier, Digit, Ended, FromCaller, Leg, LegEnd, Rate, ToCaller, Transfer};
pub use playout::Playout;
