//! The SIP user agent (RFC 3261): calls of PBXes come in, calls to them go out, and every one becomes a [`Leg`](crate::Leg).
//!
//! ```text
//! message ─► gate: stranger? flood? password? ─► the stack's transactions and dialogs
//!                                                    │ INVITE ─► incoming ─► call ─► Leg
//!                                                    │ re-INVITE, UPDATE, NOTIFY, INFO, BYE ─► call
//! hotline ─► UserAgent::dial ─► call ─► Leg          └ REGISTER ◄─ register
//! ```
//!
//! The stack below is `rsipstack`; what it does not do, and what it does in another way than we need, is written down in
//! `docs/adr/0014-a-gate-before-the-sip-stack.md`. It logs whole messages, numbers included: whoever sets up logging adds [`QUIET`].

mod agent;
mod call;
mod contact;
mod description;
mod dial;
mod digest;
mod dtmf_info;
mod gate;
mod identity;
mod incoming;
mod inside;
mod names;
mod probe;
mod register;
mod session_timer;
mod settings;
mod socket;
mod transfer;
mod user_agent;

pub use dial::{Dial, NotDialled};
#[doc(hidden)]
pub use probe::probe;
pub use settings::{CallerNumber, Register, Secret, Settings, Tls, Transport, Trunk, Unworkable};
pub use user_agent::{Figures, StartError, UserAgent};

/// The directive for a filter of `tracing` that keeps whole messages, and with them callers' numbers, out of the log: they are written at `info`.
pub const QUIET: &str = "rsipstack=warn";
