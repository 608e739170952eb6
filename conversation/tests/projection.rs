//! What a conversation is, is the fold of its events, however they are folded.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use common::{Log, agent, answer, citizen, clarify, escalation, other_agent, say};
use conversation::event::LanguageChanged;
use conversation::{
    ClosedBy, ConversationState, EscalationReason, Event, EventBody, HandoffCommand, ProjectionError, SayAct,
    Source, Status, Withdrawn,
};
use language::Language;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Body(EventBody),
    Withdraw,
    Command(HandoffCommand),
}

fn step() -> impl Strategy<Value = Step> {
    let language = prop::sample::select(Language::ALL.to_vec());
    let agent = prop::sample::select(vec![agent(), other_agent()]);
    let note = prop::option::of("[a-z 身ཀ]{1,8}");
    let body = |body: EventBody| Step::Body(body);
    prop_oneof![
        language.clone().prop_map(move |l| body(citizen(l, Source::Text))),
        language.clone().prop_map(move |l| body(citizen(l, Source::Voice))),
        Just(Step::Withdraw),
        language.clone().prop_map(move |l| body(clarify(l, 2))),
        language.clone().prop_map(move |l| body(answer(l, 2))),
        language.clone().prop_map(move |l| body(say(l, SayAct::NotUnderstood))),
        language.prop_map(move |language| body(EventBody::LanguageChanged(LanguageChanged { language }))),
        Just(Step::Command(HandoffCommand::Escalate {
            escalation: escalation(),
            reason: EscalationReason::LowConfidence,
        })),
        Just(Step::Command(HandoffCommand::Cancel)),
        agent.clone().prop_map(|agent| Step::Command(HandoffCommand::Claim { agent })),
        agent
            .clone()
            .prop_map(|agent| Step::Command(HandoffCommand::Message {
                agent, text: "好 འགྲིག".to_owned()
            })),
        (agent.clone(), note.clone())
            .prop_map(|(agent, note)| Step::Command(HandoffCommand::Return { agent, note })),
        (agent.clone(), note)
            .prop_map(|(agent, note)| Step::Command(HandoffCommand::Requeue { agent, note })),
        agent.clone().prop_map(|agent| Step::Command(HandoffCommand::Lost { agent: agent.id })),
        agent.prop_map(|agent| Step::Command(HandoffCommand::Resolve { agent })),
        Just(Step::Command(HandoffCommand::Close { by: ClosedBy::Idle })),
    ]
}

proptest! {
    #[test]
    fn replaying_a_log_gives_what_folding_it_step_by_step_gave(
        first in prop::sample::select(Language::ALL.to_vec()),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut log = Log::begin(first);
        for step in steps {
            if log.state.status() == Status::Closed {
                break;
            }
            match step {
                Step::Body(body) => log.push(body),
                Step::Withdraw => {
                    if log.state.withdrawable().is_some() {
                        log.withdraw();
                    }
                }
                Step::Command(command) => {
                    // A legal command leads to events that the projection takes; an illegal one to none.
                    let language = log.state.language;
                    for body in log.state.handoff.perform(&command, language, 1).unwrap_or_default() {
                        log.push(body);
                    }
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
