//! What a conversation is, is the fold of its events, however they are folded.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod common;

use common::{Log, agent, answer, citizen, clarify, escalation, other_agent, say};
use conversation::event::LanguageChanged;
use conversation::{
    ClosedBy, ConversationState, EscalationReason, Event, EventBody, HandoffCommand, SayAct, Source, Status,
};
use language::Language;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Body(EventBody),
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
