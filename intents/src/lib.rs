//! Understanding: what the citizen wants, which entry answers it, how sure that is, and what to do about it.
//!
//! ```text
//! Utterance ─► Understander ─► Understanding { act, language, candidates with calibrated confidence }
//!                 acts: phrases of both languages, on the text or on the sound
//!                 text channel: kb's overlaps ─┐
//!                 voice channel: Evidence ─────┴► conditional logit ─► probabilities, "none of them" included
//! (Context, Understanding) ─► policy::decide ─► Decision                                             (pure)
//! ```

mod acts;
mod calibration;
pub mod continuation;
pub mod evaluate;
mod explain;
pub mod policy;
mod slots;
mod text_channel;
mod understander;
mod understanding;
mod voice_channel;
mod weighing;

pub use acts::replies;
pub use calibration::{
    Calibration, ChoiceModel, FEWEST_RECORDINGS, FORMAT as CALIBRATION_FORMAT, Fit, Recording,
    calibrate_voice,
};
pub use continuation::{COMPLETE_CONFIDENCE, COMPLETE_FIT, Completeness, Continuation};
pub use explain::{Considered, Explanation, Reason};
pub use policy::{Context, Memory, PerLanguage, Rules, Thresholds, decide};
pub use slots::{Day, Slots};
pub use understander::{Settings, UnderstandError, Understander};
pub use understanding::{Act, Decision, EmergencyKind, EscalationReason, Scored, Understanding, Utterance};
