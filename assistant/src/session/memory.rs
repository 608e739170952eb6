//! What the policy remembers, from the conversation's state: the log is the only memory there is.

use conversation::{Choice, ClarifyKind, ConversationState, PendingClarify, SayAct};
use intents::Scored;
use language::Language;

use crate::knowledge::Memory;

/// The memory of a conversation whose last event was words of that kind, where it was words of the assistant's own.
pub(super) fn of(state: &ConversationState, said: Option<SayAct>) -> Memory {
    let mut memory = Memory {
        failures: state.failures,
        last_answer: state.last_answer.as_ref().map(|answer| answer.entry.clone()),
        emergency: said == Some(SayAct::Emergency),
        person_offered: said == Some(SayAct::Complaint),
        narrowed: state.narrowed,
        place: state.place.clone(),
        place_asked: state.place_asked,
        groups: state.groups.clone(),
        ..Memory::default()
    };
    if let Some(open) = &state.pending_clarify {
        recall(open, state.language, &mut memory);
    }
    memory
}

/// Takes an open question back in.
fn recall(open: &PendingClarify, language: Language, memory: &mut Memory) {
    let scored = |choice: &Choice| Scored {
        entry: choice.entry.clone(),
        question: choice.question.clone(),
        language: choice.language.unwrap_or(language),
        confidence: 1.0,
    };
    let names = || open.choices.iter().map(|choice| choice.entry.0.clone()).collect();
    match open.kind {
        ClarifyKind::Entry => memory.pending = open.choices.iter().map(scored).collect(),
        ClarifyKind::Topic => memory.topics = names(),
        ClarifyKind::Place => {
            memory.places = names();
            memory.pending = open.about.iter().map(scored).collect();
        }
    }
    memory.declined.clone_from(&open.declined);
    let considered = open.considered.iter().map(|considered| Scored {
        entry: considered.entry.clone(),
        question: considered.question.clone(),
        language,
        confidence: considered.confidence,
    });
    memory.considered = considered.collect();
}
