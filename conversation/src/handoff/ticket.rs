//! What a conversation waits for a person with.

use std::time::Duration;

use intents::EscalationReason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, EscalationId};
use crate::time::Timestamp;

/// How soon somebody must see it. The order is the order of urgency.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Life and property.
    Emergency,
    /// The assistant failed this citizen repeatedly, or their matter was not settled after all.
    Failed,
    /// Who speaks, cannot do something else while they wait.
    Voice,
    /// Everybody else.
    #[default]
    Normal,
}

impl Priority {
    /// What a reason and a channel demand.
    pub const fn of(reason: EscalationReason, voice: bool) -> Self {
        match reason {
            EscalationReason::Emergency => Self::Emergency,
            EscalationReason::LowConfidence | EscalationReason::Reopened => Self::Failed,
            EscalationReason::Asked | EscalationReason::Policy if voice => Self::Voice,
            EscalationReason::Asked | EscalationReason::Policy => Self::Normal,
        }
    }

    /// How much earlier it counts as having come. A head start instead of classes, so that nobody starves behind others' urgency;
    /// an emergency goes before everybody.
    pub const fn head_start(self) -> Duration {
        match self {
            Self::Emergency => Duration::from_hours(24 * 365),
            Self::Failed => Duration::from_mins(5),
            Self::Voice => Duration::from_mins(3),
            Self::Normal => Duration::ZERO,
        }
    }
}

/// One request for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its id.
    pub escalation: EscalationId,
    /// Why.
    pub reason: EscalationReason,
    /// The queue time; kept when the conversation comes back to the queue.
    pub since: Timestamp,
    /// How soon somebody must see it.
    #[serde(default)]
    pub priority: Priority,
    /// What an agent should know about, such as a topic; not demanded for ever (see [`crate::routing`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// Who should have it if they can: who had it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer: Option<AgentId>,
    /// Agents who let an offer of it pass: others come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<AgentId>,
    /// The call back that the citizen wishes instead of waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
}

impl Ticket {
    /// Where it stands in the queue: the lower, the sooner. Ties are settled by who came first to the store.
    pub fn rank(&self) -> Timestamp {
        self.since.minus(self.priority.head_start())
    }
}

/// A wish to be called back: a task with a number, a time and its attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Callback {
    /// The number, as the citizen gave it.
    pub number: String,
    /// Not before …
    pub from: Timestamp,
    /// … and rather not after.
    pub until: Timestamp,
    /// What came of the calls so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
}

impl Callback {
    /// Whether the citizen has been spoken to.
    pub fn is_done(&self) -> bool {
        self.attempts.last().is_some_and(|attempt| attempt.outcome == AttemptOutcome::Reached)
    }
}

/// One call back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub agent: AgentId,
    /// What came of it.
    pub outcome: AttemptOutcome,
}

/// What came of a call back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The citizen was spoken to.
    Reached,
    /// Nobody answered.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// The number belongs to somebody else, or to nobody.
    WrongNumber,
}

/// The longest telephone number, in digits (ITU-T E.164, section 6.2.1).
const LONGEST_NUMBER: usize = 15;

/// A telephone number as it is dialled: a plus sign at most in front, three to fifteen digits, no spaces or dashes. Tibetan and full-width digits are
/// taken for what they are. `None` where it is none.
///
/// ```
/// use conversation::handoff::dialable;
/// assert_eq!(dialable("138 0013-8000").as_deref(), Some("13800138000"));
/// assert_eq!(dialable("༡༣༨༠༠༡༣༨༠༠༠").as_deref(), Some("13800138000"));
/// assert_eq!(dialable("给我打电话"), None);
/// ```
pub fn dialable(text: &str) -> Option<String> {
    let mut number = String::new();
    for c in text.trim().chars() {
        match c {
            '+' | '＋' if number.is_empty() => number.push('+'),
            ' ' | '-' | '(' | ')' | '་' | '－' | '\u{a0}' => {}
            _ => number.push(digit(c)?),
        }
    }
    let digits = number.trim_start_matches('+').len();
    (3..=LONGEST_NUMBER).contains(&digits).then_some(number)
}

fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')),
        '༠'..='༩' => char::from_u32(u32::from(c) - u32::from('༠') + u32::from('0')),
        _ => None,
    }
}
