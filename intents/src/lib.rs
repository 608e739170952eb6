//! Understanding: what the citizen wants, which entry answers it, how sure that is, and what to do about it.

mod understanding;

pub use understanding::{Act, Decision, EscalationReason, Scored, Understanding, Utterance};
