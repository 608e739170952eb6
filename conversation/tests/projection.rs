//! What a conversation is, is the fold of its events, however they are folded.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use std::time::Duration;

use common::{Log, agent, answer, at, callback, citizen, clarify, escalation, offer, other_agent, say};
use conversation::event::LanguageChanged;
use conversation::{
    AttemptOutcome, ClosedBy, ConversationState, EscalationId, EscalationReason, Event, EventBody,
    HandoffCommand, OfferId, ProjectionError, SayAct, Source, Status, Withdrawn,
};
use language::Language;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Body(EventBody),
    Withdraw,
    Command(HandoffCommand),
    /// So many seconds go by, and what is due happens.
    Wait(u64),
}

fn command() -> impl Strategy<Value = HandoffCommand> {
    let agent = || prop::sample::select(vec![agent(), other_agent()]);
    let note = || prop::option::of("[a-z 身ཀ]{1,8}");
    let offer = || prop::sample::select(vec![offer(), OfferId::from_random([6; 16])]);
    let outcomes = vec![
        AttemptOutcome::Reached,
        AttemptOutcome::Busy,
        AttemptOutcome::NoAnswer,
        AttemptOutcome::WrongNumber,
    ];
    let reasons = vec![EscalationReason::LowConfidence, EscalationReason::Asked, EscalationReason::Emergency];
    prop_oneof![
        prop::sample::select(reasons)
            .prop_map(|reason| HandoffCommand::Escalate { escalation: escalation(), reason }),
        Just(HandoffCommand::Cancel),
        (offer(), agent()).prop_map(|(offer, agent)| HandoffCommand::Offer { offer, agent }),
        (offer(), agent()).prop_map(|(offer, agent)| HandoffCommand::Accept { offer, agent }),
        (offer(), agent()).prop_map(|(offer, agent)| HandoffCommand::Decline { offer, agent }),
        agent().prop_map(|agent| HandoffCommand::Claim { agent }),
        agent().prop_map(|agent| HandoffCommand::Message {
            agent, text: "好 འགྲིག".to_owned(), sound: None
        }),
        (agent(), note()).prop_map(|(agent, note)| HandoffCommand::Return { agent, note }),
        (agent(), note()).prop_map(|(agent, note)| HandoffCommand::Requeue {
            agent,
            note,
            skills: Vec::new()
        }),
        (agent(), agent(), offer(), note()).prop_map(|(agent, to, offer, note)| HandoffCommand::Transfer {
            agent,
            to,
            offer,
            note
        }),
        (agent(), 0_i64..9_000_000, note()).prop_map(|(agent, until, note)| HandoffCommand::Snooze {
            agent,
            until: at(until),
            note
        }),
        agent().prop_map(|agent| HandoffCommand::Wake { agent }),
        (agent(), any::<bool>()).prop_map(|(agent, wrap_up)| HandoffCommand::Resolve { agent, wrap_up }),
        (agent(), note()).prop_map(|(agent, note)| HandoffCommand::WrapUp { agent, disposition: None, note }),
        Just(callback()),
        (agent(), prop::sample::select(outcomes))
            .prop_map(|(agent, outcome)| HandoffCommand::CallbackAttempt { agent, outcome, again: None }),
        Just(HandoffCommand::Abandon),
        Just(HandoffCommand::Reopen { escalation: EscalationId::from_random([7; 16]) }),
        agent().prop_map(|agent| HandoffCommand::Lost { agent: agent.id }),
        (agent(), prop::option::of(agent()), note()).prop_map(|(by, to, note)| HandoffCommand::Reassign {
            by,
            to,
            note
        }),
        agent().prop_map(|supervisor| HandoffCommand::Join { supervisor }),
        agent().prop_map(|supervisor| HandoffCommand::Depart { supervisor }),
        prop::sample::select(vec![ClosedBy::Idle, ClosedBy::Citizen])
            .prop_map(|by| HandoffCommand::Close { by }),
    ]
}

/// What no step may break: `before` and `after` are the state around one command or wait.
fn check_handoff(before: &ConversationState, after: &ConversationState, by_time: bool) {
    // One escalation at a time, with its original queue time as long as it is open.
    if let (Some(was), Some(is)) = (before.handoff.ticket(), after.handoff.ticket()) {
        assert_eq!((was.escalation, was.since), (is.escalation, is.since));
    }
    // Whoever waits leaves the people's hands only by their own wish or by an agent's, never by time; who hung up is given up in the end.
    let dropped = before.handoff.ticket().is_some() && after.handoff.ticket().is_none();
    if by_time && dropped {
        assert!(matches!(before.status(), Status::Wrapping | Status::Abandoned));
    }
    assert!(!(by_time && after.status() == Status::Bot && before.status() != Status::Bot));
    // It has a holder exactly where a person has it.
    assert_eq!(after.status().is_with_a_person(), after.holder().is_some());
}

fn step() -> impl Strategy<Value = Step> {
    let language = prop::sample::select(Language::ALL.to_vec());
    let body = |body: EventBody| Step::Body(body);
    prop_oneof![
        language.clone().prop_map(move |l| body(citizen(l, Source::Text))),
        language.clone().prop_map(move |l| body(citizen(l, Source::Voice))),
        Just(Step::Withdraw),
        language.clone().prop_map(move |l| body(clarify(l, 2))),
        language.clone().prop_map(move |l| body(answer(l, 2))),
        language.clone().prop_map(move |l| body(say(l, SayAct::NotUnderstood))),
        language.prop_map(move |language| body(EventBody::LanguageChanged(LanguageChanged { language }))),
        command().prop_map(Step::Command),
        (0_u64..4_000).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn replaying_a_log_gives_what_folding_it_step_by_step_gave(
        first in prop::sample::select(Language::ALL.to_vec()),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut log = Log::begin(first);
        for step in steps {
            let before = log.state.clone();
            match step {
                Step::Body(_) if before.status() == Status::Closed => {}
                Step::Body(body) => log.push(body),
                Step::Wait(seconds) => {
                    let mut here = log.here();
                    here.now = log.state.last_at.plus(Duration::from_secs(seconds));
                    for body in log.state.handoff.perform(&HandoffCommand::TimePassed, &here).unwrap() {
                        log.push(body);
                    }
                    check_handoff(&before, &log.state, true);
                }
                Step::Withdraw => {
                    if log.state.withdrawable().is_some() {
                        log.withdraw();
                    }
                }
                Step::Command(command) => {
                    // A legal command leads to events that the projection takes; an illegal one to none.
                    for body in log.state.handoff.perform(&command, &log.here()).unwrap_or_default() {
                        log.push(body);
                    }
                    check_handoff(&before, &log.state, false);
                }
            }
            prop_assert_eq!(&ConversationState::replay(&log.events).unwrap(), &log.state);
        }
        // Through the store and back: JSON of the events, JSON of the state.
        let stored: Vec<Event> = log
            .events
            .iter()
            .map(|event| serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap())
            .collect();
        prop_assert_eq!(&stored, &log.events);
        let state: ConversationState =
            serde_json::from_str(&serde_json::to_string(&log.state).unwrap()).unwrap();
        prop_assert_eq!(&state, &log.state);
        // No gap, and time never runs backwards.
        for (event, seq) in log.events.iter().zip(1..) {
            prop_assert_eq!(event.seq, seq);
        }
    }
}

#[test]
fn failures_count_until_an_answer_or_a_person() {
    let mut log = Log::begin(Language::Bo);
    log.push(say(Language::Bo, SayAct::NotUnderstood));
    log.push(say(Language::Bo, SayAct::NotUnderstood));
    assert_eq!(log.state.failures, 2);
    log.push(answer(Language::Bo, 1));
    assert_eq!(log.state.failures, 0);
    log.push(say(Language::Bo, SayAct::NotUnderstood));
    log.perform(&HandoffCommand::Escalate {
        escalation: escalation(),
        reason: EscalationReason::LowConfidence,
    });
    assert_eq!(log.state.failures, 0);
}

#[test]
fn a_clarify_waits_until_the_citizen_says_something() {
    let mut log = Log::begin(Language::Zh);
    log.push(citizen(Language::Zh, Source::Text));
    log.push(clarify(Language::Zh, 2));
    let pending = log.state.pending_clarify.clone().unwrap();
    assert_eq!((pending.seq, pending.reply_to, pending.confirm, pending.choices.len()), (3, 2, true, 1));
    log.push(citizen(Language::Zh, Source::Choice));
    assert_eq!(log.state.pending_clarify, None);
}

#[test]
fn a_citizen_who_once_spoke_counts_as_speaking() {
    let mut log = Log::begin(Language::Bo);
    log.state.voice = false;
    log.push(citizen(Language::Bo, Source::Text));
    assert!(!log.state.voice);
    log.push(citizen(Language::Bo, Source::Voice));
    assert!(log.state.voice);
}

/// Everything but the log itself, which only grows.
fn remembered(state: &ConversationState) -> ConversationState {
    let mut state = state.clone();
    (state.last_seq, state.last_at, state.beginning) = (0, state.started_at, None);
    state
}

#[test]
fn what_is_withdrawn_leaves_no_trace_but_in_the_log() {
    let beginnings = [
        answer(Language::Zh, 6),
        clarify(Language::Zh, 6),
        say(Language::Zh, SayAct::NotUnderstood),
        say(Language::Zh, SayAct::StartOver),
    ];
    for reply in beginnings {
        let mut log = Log::begin(Language::Zh);
        log.push(citizen(Language::Zh, Source::Voice));
        log.push(answer(Language::Zh, 2));
        log.push(say(Language::Zh, SayAct::NotUnderstood));
        log.push(clarify(Language::Zh, 2));
        let before = remembered(&log.state);
        assert!(before.pending_clarify.is_some() && before.failures == 1 && before.last_answer.is_some());
        log.push(citizen(Language::Zh, Source::Voice));
        log.push(reply);
        assert_ne!(remembered(&log.state), before);
        let then = log.state.before_beginning().unwrap();
        assert_eq!((remembered(&then), then.last_seq), (before.clone(), 5));
        log.withdraw();
        assert_eq!(remembered(&log.state), before);
        assert_eq!(log.events[7].body, EventBody::Withdrawn(Withdrawn { from: 6, to: 7 }));
        assert_eq!(log.state.withdrawable(), None, "it is withdrawn once");
        // And who goes on once more withdraws the second answer, back to the same memory.
        log.push(citizen(Language::Zh, Source::Voice));
        log.push(answer(Language::Zh, 9));
        log.withdraw();
        assert_eq!(remembered(&log.state), before);
    }
}

#[test]
fn an_emergency_a_person_and_what_was_not_spoken_cannot_be_withdrawn() {
    let after = |bodies: Vec<EventBody>| {
        let mut log = Log::begin(Language::Bo);
        for body in bodies {
            log.push(body);
        }
        log
    };
    let spoken = || citizen(Language::Bo, Source::Voice);
    let emergency = after(vec![spoken(), say(Language::Bo, SayAct::Emergency)]);
    assert_eq!(emergency.state.withdrawable(), None);
    let mut escalated = after(vec![spoken(), say(Language::Bo, SayAct::NotUnderstood)]);
    assert!(escalated.state.withdrawable().is_some());
    escalated.perform(&HandoffCommand::Escalate {
        escalation: escalation(),
        reason: EscalationReason::LowConfidence,
    });
    assert_eq!(escalated.state.withdrawable(), None);
    // While waiting, a turn of its own can be.
    escalated.push(spoken());
    escalated.push(answer(Language::Bo, 5));
    assert_eq!(escalated.state.withdrawable(), Some(Withdrawn { from: 5, to: 6 }));
    escalated.perform(&HandoffCommand::Claim { agent: agent() });
    assert_eq!(escalated.state.withdrawable(), None, "an agent has seen it");
    let typed = after(vec![citizen(Language::Bo, Source::Text), answer(Language::Bo, 2)]);
    assert_eq!(typed.state.withdrawable(), None);
    let language = EventBody::LanguageChanged(LanguageChanged { language: Language::Zh });
    assert_eq!(after(vec![spoken(), language]).state.withdrawable(), None);
}

#[test]
fn only_the_whole_last_turn_can_be_withdrawn() {
    let mut log = Log::begin(Language::Zh);
    log.push(citizen(Language::Zh, Source::Voice));
    log.push(answer(Language::Zh, 2));
    for (from, to) in [(1, 3), (2, 2), (3, 3), (2, 4)] {
        let event =
            Event { seq: 4, at: log.state.last_at, body: EventBody::Withdrawn(Withdrawn { from, to }) };
        let mut state = log.state.clone();
        assert!(matches!(state.apply(&event), Err(ProjectionError::Impossible { .. })), "{from} to {to}");
        assert_eq!(state, log.state, "and nothing has changed");
    }
}

#[test]
fn a_state_that_was_stored_before_there_were_withdrawals_is_still_read() {
    let mut log = Log::begin(Language::Zh);
    log.push(citizen(Language::Zh, Source::Voice));
    let mut stored = serde_json::to_value(&log.state).unwrap();
    stored.as_object_mut().unwrap().remove("beginning").unwrap();
    let read: ConversationState = serde_json::from_value(stored).unwrap();
    assert_eq!(read.withdrawable(), None);
}
