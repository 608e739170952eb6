//! Who has the conversation, and what may happen to it then.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use std::time::Duration;

use common::{Log, agent, at, both_languages, callback, escalation, offer, other_agent, text};
use conversation::event::Outcome;
use conversation::{
    AttemptOutcome, Circumstances, ClosedBy, EscalationReason, Event, EventBody, HandoffCommand,
    IllegalTransition, OfferId, ProjectionError, Status,
};
use language::Language;

fn escalate() -> HandoffCommand {
    HandoffCommand::Escalate { escalation: escalation(), reason: EscalationReason::Asked }
}

fn every_command() -> Vec<(&'static str, HandoffCommand)> {
    let text = || "好的 འགྲིག".to_owned();
    let (me, other) = (agent, other_agent);
    vec![
        ("escalate", escalate()),
        ("cancel", HandoffCommand::Cancel),
        ("offer to another", HandoffCommand::Offer { offer: offer(), agent: other() }),
        ("accept", HandoffCommand::Accept { offer: offer(), agent: me() }),
        ("accept as another", HandoffCommand::Accept { offer: offer(), agent: other() }),
        ("accept an old offer", HandoffCommand::Accept { offer: OfferId::from_random([9; 16]), agent: me() }),
        ("decline", HandoffCommand::Decline { offer: offer(), agent: me() }),
        ("claim", HandoffCommand::Claim { agent: me() }),
        ("claim as another", HandoffCommand::Claim { agent: other() }),
        ("message", HandoffCommand::Message { agent: me(), text: text(), sound: None }),
        ("message as another", HandoffCommand::Message { agent: other(), text: text(), sound: None }),
        ("return", HandoffCommand::Return { agent: me(), note: None }),
        ("requeue", HandoffCommand::Requeue { agent: me(), note: None, skills: Vec::new() }),
        ("transfer", HandoffCommand::Transfer { agent: me(), to: other(), offer: offer(), note: None }),
        (
            "transfer to oneself",
            HandoffCommand::Transfer { agent: me(), to: me(), offer: offer(), note: None },
        ),
        ("snooze", HandoffCommand::Snooze { agent: me(), until: at(9_000_000), note: None }),
        ("snooze into the past", HandoffCommand::Snooze { agent: me(), until: at(0), note: None }),
        ("wake", HandoffCommand::Wake { agent: me() }),
        ("resolve", HandoffCommand::Resolve { agent: me(), wrap_up: false }),
        ("resolve with notes", HandoffCommand::Resolve { agent: me(), wrap_up: true }),
        ("wrap up", HandoffCommand::WrapUp { agent: me(), disposition: None, note: None }),
        ("ask to be called", callback()),
        (
            "called, no answer",
            HandoffCommand::CallbackAttempt { agent: me(), outcome: AttemptOutcome::NoAnswer, again: None },
        ),
        ("abandon", HandoffCommand::Abandon),
        ("reopen", HandoffCommand::Reopen { escalation: escalation() }),
        ("lost", HandoffCommand::Lost { agent: me().id }),
        ("lost, another", HandoffCommand::Lost { agent: other().id }),
        ("reassign", HandoffCommand::Reassign { by: other(), to: Some(other()), note: None }),
        ("reassign to the queue", HandoffCommand::Reassign { by: other(), to: None, note: None }),
        ("join", HandoffCommand::Join { supervisor: other() }),
        ("depart", HandoffCommand::Depart { supervisor: other() }),
        ("close by the citizen", HandoffCommand::Close { by: ClosedBy::Citizen }),
        ("close by idling", HandoffCommand::Close { by: ClosedBy::Idle }),
        ("time passes", HandoffCommand::TimePassed),
    ]
}

fn in_state(status: Status, language: Language) -> Log {
    let mut log = Log::begin(language);
    let assign = |log: &mut Log| {
        log.perform(&escalate());
        log.perform(&HandoffCommand::Claim { agent: agent() });
    };
    match status {
        Status::Queued => log.perform(&escalate()),
        Status::Offered => {
            log.perform(&escalate());
            log.perform(&HandoffCommand::Offer { offer: offer(), agent: agent() });
        }
        Status::Assigned => assign(&mut log),
        Status::Snoozed => {
            assign(&mut log);
            log.perform(&HandoffCommand::Snooze { agent: agent(), until: at(60_000), note: None });
        }
        Status::Callback => log.perform(&callback()),
        Status::Wrapping => {
            assign(&mut log);
            log.perform(&HandoffCommand::Resolve { agent: agent(), wrap_up: true });
        }
        Status::Abandoned => {
            log.perform(&escalate());
            log.perform(&HandoffCommand::Abandon);
        }
        Status::Closed => log.perform(&HandoffCommand::Close { by: ClosedBy::Citizen }),
        _ => {}
    }
    assert_eq!(log.state.status(), status);
    log
}

/// What a command does, in words: the events it appends and where that leads, or why it cannot be.
fn told(log: &Log, command: &HandoffCommand) -> String {
    match log.state.handoff.perform(command, &log.here()) {
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
    for status in Status::ALL {
        let log = in_state(status, Language::Zh);
        for (name, command) in every_command() {
            lines.push(format!("{status:9} {name:22} {}", told(&log, &command)));
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
    log.perform(&HandoffCommand::Requeue { agent: other_agent(), note: None, skills: Vec::new() });
    assert_eq!(log.state.handoff.ticket().unwrap().since, since);
}

#[test]
fn the_loser_of_a_claim_learns_the_winners_name() {
    let log = in_state(Status::Assigned, Language::Bo);
    let refused =
        log.state.handoff.perform(&HandoffCommand::Claim { agent: other_agent() }, &log.here()).unwrap_err();
    assert_eq!(refused, IllegalTransition::AlreadyClaimed { winner: agent().name });
}

#[test]
fn claiming_again_what_one_has_changes_nothing() {
    let log = in_state(Status::Assigned, Language::Zh);
    let again = log.state.handoff.perform(&HandoffCommand::Claim { agent: agent() }, &log.here());
    assert_eq!(again, Ok(Vec::new()));
}

#[test]
fn who_waits_is_never_sent_away_by_time() {
    for status in Status::ALL.into_iter().filter(|status| !matches!(status, Status::Bot | Status::Closed)) {
        let log = in_state(status, Language::Bo);
        let idle = HandoffCommand::Close { by: ClosedBy::Idle };
        let refused = log.state.handoff.perform(&idle, &log.here()).unwrap_err();
        assert_eq!(refused, IllegalTransition::NotIdle { status });
    }
}

#[test]
fn everything_that_the_citizen_is_told_is_in_the_conversations_language() {
    let tibetan = |text: &str| text.chars().filter(|c| ('\u{0F00}'..='\u{0FFF}').contains(c)).count();
    let chinese = |text: &str| text.chars().filter(|c| ('\u{4E00}'..='\u{9FFF}').contains(c)).count();
    for language in both_languages() {
        for status in Status::ALL {
            let log = in_state(status, language);
            for (_, command) in every_command() {
                for body in log.state.handoff.perform(&command, &log.here()).unwrap_or_default() {
                    let Some(words) = system_text(&body).filter(|words| !words.is_empty()) else { continue };
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
        EventBody::Woken(event) => Some(&event.text),
        EventBody::CallbackRequested(event) => Some(&event.text),
        EventBody::CallbackAttempted(event) => Some(&event.text),
        EventBody::Reopened(event) => Some(&event.text),
        EventBody::SupervisorJoined(event) => Some(&event.text),
        _ => None,
    }
}

#[test]
fn the_position_told_is_the_position_given() {
    let log = Log::begin(Language::Bo);
    let [EventBody::Escalated(told)] =
        &log.state.handoff.perform(&escalate(), &Circumstances { position: 12, ..log.here() }).unwrap()[..]
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
        skills: Vec::new(),
        until: None,
        by: None,
    });
    let event = Event { seq: 2, at: at(0), body: impossible };
    let refused = log.state.apply(&event).unwrap_err();
    assert_eq!(refused, ProjectionError::Impossible { kind: "agent_left", seq: 2, status: Status::Bot });
    let gap = Event { seq: 4, at: at(0), body: common::citizen(Language::Zh, conversation::Source::Text) };
    assert_eq!(log.state.apply(&gap).unwrap_err(), ProjectionError::Gap { expected: 2, found: 4 });
    assert_eq!(log.state, before);
}

#[test]
fn what_is_due_happens_when_it_is_due_and_not_before() {
    let after = |status: Status, seconds: u64| {
        let log = in_state(status, Language::Bo);
        let mut here = log.here();
        here.now = log.state.last_at.plus(Duration::from_secs(seconds));
        let mut after = Log { events: log.events.clone(), state: log.state.clone() };
        for body in log.state.handoff.perform(&HandoffCommand::TimePassed, &here).unwrap() {
            after.push(body);
        }
        after.state.status()
    };
    assert_eq!((after(Status::Offered, 29), after(Status::Offered, 30)), (Status::Offered, Status::Queued));
    assert_eq!((after(Status::Snoozed, 20), after(Status::Snoozed, 60)), (Status::Snoozed, Status::Assigned));
    assert_eq!(
        (after(Status::Wrapping, 179), after(Status::Wrapping, 180)),
        (Status::Wrapping, Status::Closed)
    );
    assert_eq!(
        (after(Status::Abandoned, 899), after(Status::Abandoned, 900)),
        (Status::Abandoned, Status::Closed)
    );
    for status in [Status::Bot, Status::Queued, Status::Assigned, Status::Callback, Status::Closed] {
        assert_eq!(after(status, 10_000_000), status, "time alone changes nothing here");
    }
}

#[test]
fn who_comes_back_has_their_old_place_and_the_agent_who_knows_them() {
    let mut log = in_state(Status::Abandoned, Language::Zh);
    let ticket = log.state.handoff.ticket().unwrap().clone();
    log.perform(&HandoffCommand::Reopen { escalation: escalation() });
    assert_eq!(log.state.handoff.ticket(), Some(&ticket));

    let mut settled = in_state(Status::Assigned, Language::Bo);
    settled.perform(&HandoffCommand::Resolve { agent: agent(), wrap_up: false });
    let late = Circumstances { now: settled.state.last_at.plus(Duration::from_hours(25)), ..settled.here() };
    let reopen = HandoffCommand::Reopen { escalation: escalation() };
    let refused = settled.state.handoff.perform(&reopen, &late).unwrap_err();
    assert_eq!(refused, IllegalTransition::NotReopenable);
    settled.perform(&reopen);
    let ticket = settled.state.handoff.ticket().unwrap();
    assert_eq!((ticket.reason, ticket.prefer), (EscalationReason::Reopened, Some(agent().id)));
}

#[test]
fn a_call_back_is_tried_three_times_and_then_given_up() {
    let mut log = in_state(Status::Callback, Language::Bo);
    let attempt = || HandoffCommand::CallbackAttempt {
        agent: agent(),
        outcome: AttemptOutcome::Busy,
        again: Some((at(7_200_000), at(9_000_000))),
    };
    for tried in 1..=3 {
        log.perform(&HandoffCommand::Claim { agent: agent() });
        log.perform(&attempt());
        if tried < 3 {
            let callback = log.state.handoff.ticket().unwrap().callback.clone().unwrap();
            assert_eq!((callback.attempts.len(), callback.from), (tried, at(7_200_000)));
        }
    }
    assert_eq!(log.state.status(), Status::Closed);
    let mut reached = in_state(Status::Callback, Language::Zh);
    reached.perform(&HandoffCommand::Claim { agent: agent() });
    let outcome = AttemptOutcome::Reached;
    reached.perform(&HandoffCommand::CallbackAttempt { agent: agent(), outcome, again: None });
    assert_eq!(reached.state.status(), Status::Assigned, "the matter is not settled by being reached");
    let refused = reached.state.handoff.perform(&attempt(), &reached.here()).unwrap_err();
    assert_eq!(refused, IllegalTransition::NoCallback);
}
