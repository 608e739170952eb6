//! Who has the conversation, and what may happen to it then.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use common::{Log, agent, at, both_languages, escalation, other_agent, text};
use conversation::event::Outcome;
use conversation::{
    ClosedBy, EscalationReason, Event, EventBody, HandoffCommand, IllegalTransition, ProjectionError, Status,
};
use language::Language;

fn escalate() -> HandoffCommand {
    HandoffCommand::Escalate { escalation: escalation(), reason: EscalationReason::Asked }
}

fn every_command() -> Vec<HandoffCommand> {
    vec![
        escalate(),
        HandoffCommand::Cancel,
        HandoffCommand::Claim { agent: agent() },
        HandoffCommand::Claim { agent: other_agent() },
        HandoffCommand::Message { agent: agent(), text: "好的 འགྲིག".to_owned() },
        HandoffCommand::Message { agent: other_agent(), text: "好的 འགྲིག".to_owned() },
        HandoffCommand::Return { agent: agent(), note: None },
        HandoffCommand::Requeue { agent: agent(), note: None },
        HandoffCommand::Resolve { agent: agent() },
        HandoffCommand::Lost { agent: agent().id },
        HandoffCommand::Lost { agent: other_agent().id },
        HandoffCommand::Close { by: ClosedBy::Citizen },
        HandoffCommand::Close { by: ClosedBy::Idle },
    ]
}

fn in_state(status: Status, language: Language) -> Log {
    let mut log = Log::begin(language);
    match status {
        Status::Queued => log.perform(&escalate()),
        Status::Assigned => {
            log.perform(&escalate());
            log.perform(&HandoffCommand::Claim { agent: agent() });
        }
        Status::Closed => log.perform(&HandoffCommand::Close { by: ClosedBy::Citizen }),
        _ => {}
    }
    assert_eq!(log.state.status(), status);
    log
}

/// What a command does, in words: the events it appends and where that leads, or why it cannot be.
fn told(log: &Log, command: &HandoffCommand) -> String {
    match log.state.handoff.perform(command, log.state.language, 3) {
        Ok(bodies) => {
            let kinds: Vec<_> = bodies.iter().map(EventBody::kind).collect();
            let mut after = Log { events: log.events.clone(), state: log.state.clone() };
            for body in bodies {
                after.push(body);
            }
            format!("[{}] → {}", kinds.join(", "), after.state.status())
        }
        Err(illegal) => format!("refused: {illegal}"),
    }
}

#[test]
fn every_command_in_every_state_does_what_the_table_says() {
    let mut lines = Vec::new();
    for status in [Status::Bot, Status::Queued, Status::Assigned, Status::Closed] {
        let log = in_state(status, Language::Zh);
        for command in every_command() {
            let name = match &command {
                HandoffCommand::Claim { agent } | HandoffCommand::Message { agent, .. }
                    if *agent == other_agent() =>
                {
                    format!("{command:?} (another)")
                }
                HandoffCommand::Lost { agent } if *agent == other_agent().id => {
                    format!("{command:?} (another)")
                }
                _ => format!("{command:?}"),
            };
            let verb = name.split([' ', '{']).next().unwrap_or_default();
            let suffix = if name.ends_with("(another)") { " by another" } else { "" };
            let by = if name.contains("Idle") { " by idling" } else { "" };
            let command_name = format!("{verb}{suffix}{by}");
            lines.push(format!("{status:9} {command_name:22} {}", told(&log, &command)));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_lost_agents_conversation_keeps_its_queue_time() {
    let mut log = in_state(Status::Assigned, Language::Bo);
    let since = log.state.handoff.ticket().unwrap().since;
    log.perform(&HandoffCommand::Lost { agent: agent().id });
    assert_eq!(log.state.status(), Status::Queued);
    assert_eq!(log.state.handoff.ticket().unwrap().since, since);
    log.perform(&HandoffCommand::Claim { agent: other_agent() });
    log.perform(&HandoffCommand::Requeue { agent: other_agent(), note: None });
    assert_eq!(log.state.handoff.ticket().unwrap().since, since);
}

#[test]
fn the_loser_of_a_claim_learns_the_winners_name() {
    let log = in_state(Status::Assigned, Language::Bo);
    let refused = log.state.handoff.claim(&other_agent(), Language::Bo).unwrap_err();
    assert_eq!(refused, IllegalTransition::AlreadyClaimed { winner: agent().name });
}

#[test]
fn claiming_again_what_one_has_changes_nothing() {
    let log = in_state(Status::Assigned, Language::Zh);
    assert_eq!(log.state.handoff.claim(&agent(), Language::Zh), Ok(Vec::new()));
}

#[test]
fn who_waits_is_never_sent_away_by_time() {
    for status in [Status::Queued, Status::Assigned] {
        let log = in_state(status, Language::Bo);
        let refused = log.state.handoff.close(ClosedBy::Idle, Language::Bo).unwrap_err();
        assert_eq!(refused, IllegalTransition::NotIdle { status });
    }
}

#[test]
fn everything_that_the_citizen_is_told_is_in_the_conversations_language() {
    let tibetan = |text: &str| text.chars().filter(|c| ('\u{0F00}'..='\u{0FFF}').contains(c)).count();
    let chinese = |text: &str| text.chars().filter(|c| ('\u{4E00}'..='\u{9FFF}').contains(c)).count();
    for language in both_languages() {
        for status in [Status::Bot, Status::Queued, Status::Assigned] {
            let log = in_state(status, language);
            for command in every_command() {
                for body in log.state.handoff.perform(&command, language, 2).unwrap_or_default() {
                    let Some(words) = system_text(&body) else { continue };
                    // The agent's own name is as it is.
                    let words = words.replace(&agent().name, "").replace(&other_agent().name, "");
                    let (own, foreign) = match language {
                        Language::Bo => (tibetan(&words), chinese(&words)),
                        Language::Zh => (chinese(&words), tibetan(&words)),
                    };
                    assert!(own > 0 && foreign == 0, "{language}: {words}");
                }
            }
        }
    }
}

fn system_text(body: &EventBody) -> Option<&str> {
    match body {
        EventBody::Escalated(event) => Some(&event.text),
        EventBody::EscalationCancelled(event) => Some(&event.text),
        EventBody::AgentJoined(event) => Some(&event.text),
        EventBody::AgentLeft(event) => Some(&event.text),
        EventBody::Closed(event) => Some(&event.text),
        _ => None,
    }
}

#[test]
fn the_position_told_is_the_position_given() {
    let log = Log::begin(Language::Bo);
    let [EventBody::Escalated(told)] =
        &log.state.handoff.escalate(escalation(), EscalationReason::Asked, 12, Language::Bo).unwrap()[..]
    else {
        panic!("one event")
    };
    assert_eq!(told.position, 12);
    assert!(told.text.contains("༡༢"), "{}", told.text);
}

#[test]
fn a_log_with_an_impossible_event_is_refused_and_the_state_stays() {
    let mut log = in_state(Status::Bot, Language::Zh);
    let before = log.state.clone();
    let words = text(Language::Zh, "不可能", "").to_owned();
    let impossible = EventBody::AgentLeft(conversation::event::AgentLeft {
        outcome: Outcome::Returned,
        text: words,
        agent: None,
        note: None,
    });
    let event = Event { seq: 2, at: at(0), body: impossible };
    let refused = log.state.apply(&event).unwrap_err();
    assert_eq!(refused, ProjectionError::Impossible { kind: "agent_left", seq: 2, status: Status::Bot });
    let gap = Event { seq: 4, at: at(0), body: common::citizen(Language::Zh, conversation::Source::Text) };
    assert_eq!(log.state.apply(&gap).unwrap_err(), ProjectionError::Gap { expected: 2, found: 4 });
    assert_eq!(log.state, before);
}
