//! Who is asked to take a conversation.

use std::time::Duration;

use language::Language;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::handoff::{Actor, HandoffLimits, Ticket};
use crate::ids::AgentId;
use crate::schema::LanguageCode;
use crate::time::Timestamp;
use crate::wait::OfficeHours;

/// What an agent is ready for, by their own word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Conversations are offered to them.
    Available,
    /// At work, and picks from the queue by hand.
    #[default]
    Busy,
    /// Finishes what they have and takes nothing more.
    Leaving,
    /// Not at work.
    Away,
}

impl Presence {
    /// As stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Busy => "busy",
            Self::Leaving => "leaving",
            Self::Away => "away",
        }
    }

    /// Whether they serve those who wait.
    pub const fn is_at_work(self) -> bool {
        matches!(self, Self::Available | Self::Busy)
    }
}

impl std::str::FromStr for Presence {
    type Err = UnknownPresence;

    fn from_str(text: &str) -> Result<Self, UnknownPresence> {
        [Self::Available, Self::Busy, Self::Leaving, Self::Away]
            .into_iter()
            .find(|presence| presence.as_str() == text)
            .ok_or(UnknownPresence)
    }
}

/// No such presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("presence is available, busy, leaving or away")]
pub struct UnknownPresence;

/// How much of an agent a spoken conversation takes: all of an ordinary one.
pub const VOICE_WEIGHT: u32 = 100;

/// How much of an agent a typed conversation takes.
pub const CHAT_WEIGHT: u32 = 25;

/// How much of an agent a conversation takes.
pub const fn weight(voice: bool) -> u32 {
    if voice { VOICE_WEIGHT } else { CHAT_WEIGHT }
}

/// An agent as far as the queue is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AtDesk {
    /// Who.
    pub agent: Actor,
    /// Languages that they serve.
    #[schemars(with = "Vec<LanguageCode>")]
    pub languages: Vec<Language>,
    /// What they know about.
    pub skills: Vec<String>,
    /// What they are ready for.
    pub presence: Presence,
    /// How much they can have at once ([`weight`]).
    pub capacity: u32,
    /// How much they have now, offers included.
    pub load: u32,
    /// Their last sign of life.
    pub last_seen_at: Timestamp,
    /// Since when nothing new has come to them.
    pub free_since: Timestamp,
}

/// How long demands are insisted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutingRules {
    /// A skill is demanded for so long; then anybody who speaks the language will do.
    pub skills_for: Duration,
    /// Who had the conversation before is waited for so long, where they are at work.
    pub prefer_for: Duration,
    /// An agent without a sign of life for so long is not at work.
    pub lost_after: Duration,
    /// Who let an offer pass is asked again after so long, where nobody else is there.
    pub ask_again_after: Duration,
}

impl Default for RoutingRules {
    fn default() -> Self {
        Self {
            skills_for: Duration::from_mins(1),
            prefer_for: Duration::from_mins(1),
            lost_after: Duration::from_mins(1),
            ask_again_after: Duration::from_mins(2),
        }
    }
}

/// All that an operator decides about handing over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandoffRules {
    /// How long things may take.
    pub limits: HandoffLimits,
    /// Who is asked.
    pub routing: RoutingRules,
    /// When people are at work.
    pub hours: OfficeHours,
}

/// What waits.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// With what.
    pub ticket: &'a Ticket,
    /// In which language. Never relaxed.
    pub language: Language,
    /// Whether it is spoken.
    pub voice: bool,
    /// Since when it has been waiting this time: when it came, or came back.
    pub since: Timestamp,
}

/// Who is asked to take it: of those who are at work, want offers, speak the language and have room, first whoever had it before, then who knows about it,
/// then who has the least to do, then who has been free the longest. `None` where it had better wait.
pub fn choose<'a>(
    waiting: &Waiting<'_>,
    agents: &'a [AtDesk],
    rules: &RoutingRules,
    now: Timestamp,
) -> Option<&'a AtDesk> {
    let waited = now.since(waiting.since);
    let at_work = |agent: &&AtDesk| {
        agent.presence == Presence::Available && now.since(agent.last_seen_at) < rules.lost_after
    };
    let serves = |agent: &&AtDesk| agent.languages.contains(&waiting.language);
    let has_room =
        |agent: &&AtDesk| agent.load + weight(waiting.voice) <= agent.capacity.max(weight(waiting.voice));
    let eligible = |agent: &&AtDesk| at_work(agent) && serves(agent);
    if let Some(before) = waiting.ticket.prefer {
        let there = agents.iter().filter(eligible).find(|agent| agent.agent.id == before);
        if let Some(agent) = there.filter(|agent| !waiting.ticket.passed.contains(&agent.agent.id)) {
            if has_room(&agent) {
                return Some(agent);
            }
            if waited < rules.prefer_for {
                return None;
            }
        }
    }
    let knows = |agent: &AtDesk| {
        waiting.ticket.skills.iter().all(|skill| agent.skills.iter().any(|own| own == skill))
    };
    let passed = |id: AgentId| waiting.ticket.passed.contains(&id);
    agents
        .iter()
        .filter(eligible)
        .filter(has_room)
        .filter(|agent| knows(agent) || waited >= rules.skills_for)
        .filter(|agent| !passed(agent.agent.id) || waited >= rules.ask_again_after)
        .min_by_key(|agent| {
            let share = agent.load * 1_000 / agent.capacity.max(1);
            (passed(agent.agent.id), !knows(agent), share, agent.free_since, agent.agent.id)
        })
}

#[cfg(test)]
mod tests {
    use intents::EscalationReason;

    use super::*;
    use crate::handoff::Priority;
    use crate::ids::EscalationId;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_772_352_000_000 + seconds * 1_000)
    }

    fn agent(number: u8, load: u32) -> AtDesk {
        AtDesk {
            agent: Actor { id: AgentId::from_random([number; 16]), name: format!("卓玛 {number}") },
            languages: Language::ALL.to_vec(),
            skills: Vec::new(),
            presence: Presence::Available,
            capacity: 100,
            load,
            last_seen_at: at(0),
            free_since: at(i64::from(number)),
        }
    }

    fn ticket() -> Ticket {
        Ticket {
            escalation: EscalationId::from_random([1; 16]),
            reason: EscalationReason::Asked,
            since: at(0),
            priority: Priority::Normal,
            skills: Vec::new(),
            prefer: None,
            passed: Vec::new(),
            callback: None,
        }
    }

    fn chosen(ticket: &Ticket, agents: &[AtDesk], voice: bool, seconds: i64) -> Option<u8> {
        let waiting = Waiting { ticket, language: Language::Bo, voice, since: at(0) };
        let agents: Vec<AtDesk> =
            agents.iter().cloned().map(|agent| AtDesk { last_seen_at: at(seconds), ..agent }).collect();
        let chosen = choose(&waiting, &agents, &RoutingRules::default(), at(seconds))?;
        (1..=9).find(|number| chosen.agent.id == AgentId::from_random([*number; 16]))
    }

    #[test]
    fn the_least_busy_is_asked_and_of_these_the_longest_free() {
        assert_eq!(chosen(&ticket(), &[agent(1, 50), agent(3, 25), agent(2, 25)], false, 0), Some(2));
        assert_eq!(chosen(&ticket(), &[], false, 0), None);
    }

    #[test]
    fn nobody_gets_more_than_they_can_have() {
        assert_eq!(chosen(&ticket(), &[agent(1, 100)], false, 0), None);
        assert_eq!(chosen(&ticket(), &[agent(1, 75)], false, 0), Some(1));
        assert_eq!(chosen(&ticket(), &[agent(1, 25)], true, 0), None, "a voice takes all of one");
        let small = AtDesk { capacity: 50, ..agent(1, 0) };
        assert_eq!(chosen(&ticket(), &[small], true, 0), Some(1), "who has nothing to do can have anything");
    }

    #[test]
    fn language_is_never_relaxed_and_skills_after_a_while() {
        let chinese = AtDesk { languages: vec![Language::Zh], ..agent(1, 0) };
        assert_eq!(chosen(&ticket(), &[chinese], false, 100_000), None);
        let wanted = Ticket { skills: vec!["pension".to_owned()], ..ticket() };
        let expert = AtDesk { skills: vec!["pension".to_owned()], ..agent(2, 75) };
        assert_eq!(chosen(&wanted, &[agent(1, 0), expert.clone()], false, 0), Some(2));
        let full = AtDesk { load: 100, ..expert };
        assert_eq!(chosen(&wanted, &[agent(1, 0), full.clone()], false, 59), None);
        assert_eq!(chosen(&wanted, &[agent(1, 0), full], false, 60), Some(1));
    }

    #[test]
    fn who_is_not_there_or_does_not_want_offers_is_not_asked() {
        for presence in [Presence::Busy, Presence::Leaving, Presence::Away] {
            assert_eq!(chosen(&ticket(), &[AtDesk { presence, ..agent(1, 0) }], false, 0), None);
        }
        let waiting = Waiting { ticket: &ticket(), language: Language::Bo, voice: false, since: at(0) };
        assert!(choose(&waiting, &[agent(1, 0)], &RoutingRules::default(), at(60)).is_none(), "lost");
    }

    #[test]
    fn who_had_it_before_is_asked_first_and_waited_for() {
        let again = Ticket { prefer: Some(AgentId::from_random([1; 16])), ..ticket() };
        assert_eq!(chosen(&again, &[agent(1, 75), agent(2, 0)], false, 0), Some(1));
        assert_eq!(chosen(&again, &[agent(1, 100), agent(2, 0)], false, 0), None);
        assert_eq!(chosen(&again, &[agent(1, 100), agent(2, 0)], false, 60), Some(2));
        assert_eq!(chosen(&again, &[agent(2, 0)], false, 0), Some(2), "who is not at work is not waited for");
    }

    #[test]
    fn who_let_it_pass_comes_last() {
        let passed = Ticket { passed: vec![AgentId::from_random([1; 16])], ..ticket() };
        assert_eq!(chosen(&passed, &[agent(1, 0), agent(2, 75)], false, 0), Some(2));
        assert_eq!(chosen(&passed, &[agent(1, 0)], false, 119), None);
        assert_eq!(chosen(&passed, &[agent(1, 0)], false, 120), Some(1));
    }
}
