//! What to do about what was understood: a pure function from context and understanding to a decision.
//!
//! The order of concern: an emergency first; then a wish for a person; then the answer to a question that the assistant
//! itself asked; then other acts; then the knowledge base, answering above one threshold, offering up to three
//! choices above another, and below both asking once to say it differently, then handing over.

use std::collections::BTreeSet;
use std::sync::Arc;

use kb::EntryId;
use language::Language;
use serde::{Deserialize, Serialize};

use crate::{Act, Decision, EscalationReason, Scored, Understanding};

/// Between which confidences what is done. Probabilities, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// The best candidate is answered at or above this.
    pub answer: f32,
    /// Choices are offered where the best candidate reaches this.
    pub offer: f32,
}

impl Default for Thresholds {
    /// Before calibration: certain to 98 % (the default tolerance for wrong answers is 2 %), offered where one of the
    /// offers is right one time in five. An offer that misses costs the citizen one turn, as "please say it
    /// differently" does; an offer that hits saves several.
    fn default() -> Self {
        Self { answer: 0.98, offer: 0.2 }
    }
}

/// A choice is worth offering from this probability on: one that is wrong nine times in ten only makes the citizen read
/// (or hear) more.
const WORTH_OFFERING: f32 = 0.1;

/// An entry that a person must see is answered, and handed over, once it is more likely meant than everything else
/// together, and …
const URGENT: f32 = 0.5;

/// … so many times as likely as the next one. A safety answer that was not asked for costs less than one not given.
const URGENT_LEAD: f32 = 2.0;

/// A value for each language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerLanguage<T> {
    /// Tibetan.
    pub bo: T,
    /// Chinese.
    pub zh: T,
}

impl<T> PerLanguage<T> {
    /// The value for one language.
    pub fn get(&self, language: Language) -> &T {
        match language {
            Language::Bo => &self.bo,
            Language::Zh => &self.zh,
        }
    }

    /// The value for one language, to be changed.
    pub fn get_mut(&mut self, language: Language) -> &mut T {
        match language {
            Language::Bo => &mut self.bo,
            Language::Zh => &mut self.zh,
        }
    }
}

/// What does not change from turn to turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Thresholds for typed questions.
    pub text: PerLanguage<Thresholds>,
    /// Thresholds for spoken questions.
    pub voice: PerLanguage<Thresholds>,
    /// Whether a spoken question is always confirmed before it is answered. Tibetan is until the operator has calibrated
    /// on recordings of real speakers: the shipped recogniser has heard none.
    pub confirm_voice: PerLanguage<bool>,
    /// Failures in a row after which a person is called.
    pub failures_before_person: u32,
    /// Entries that are always handed to a person after their answer.
    pub always_escalate: Arc<BTreeSet<EntryId>>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            text: PerLanguage::default(),
            voice: PerLanguage::default(),
            confirm_voice: PerLanguage { bo: true, zh: false },
            failures_before_person: 2,
            always_escalate: Arc::default(),
        }
    }
}

impl Rules {
    /// The rules with the escalating entries of a publication.
    #[must_use]
    pub fn for_publication(mut self, publication: &kb::Publication) -> Self {
        let escalating = publication.entries().iter().filter(|entry| entry.escalate);
        self.always_escalate = Arc::new(escalating.map(|entry| entry.id.clone()).collect());
        self
    }
}

/// What a conversation remembers between turns. Kept up by [`Context::record`]; small, and serialisable for the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Choices that were offered and not yet answered; one is a confirming question.
    pub pending: Vec<Scored>,
    /// Turns in a row that were not understood.
    pub failures: u32,
    /// The entry that was answered last.
    pub last_answer: Option<EntryId>,
    /// Emergency guidance was the last thing said.
    pub emergency: bool,
}

/// Everything a decision depends on besides the utterance.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The fixed part.
    pub rules: Arc<Rules>,
    /// The conversation's language. What was heard may seem to be in the other one; the stricter rule holds then.
    pub language: Language,
    /// The conversation's part.
    pub memory: Memory,
}

impl Context {
    /// A new conversation.
    pub fn new(rules: Arc<Rules>, language: Language) -> Self {
        Self { rules, language, memory: Memory::default() }
    }

    /// Takes a decision into the conversation's memory. Call it once for every decision that was carried out, and for
    /// nothing else, so that a replayed log gives the same memory.
    pub fn record(&mut self, decision: &Decision) {
        let memory = &mut self.memory;
        memory.emergency = matches!(decision, Decision::Act(Act::Emergency));
        match decision {
            Decision::Answer { chosen, .. } => {
                memory.pending.clear();
                memory.failures = 0;
                memory.last_answer = Some(chosen.entry.clone());
            }
            // A choice that is offered is neither success nor failure: what the citizen says to it decides. Another
            // question to which again nothing but choices can be said makes the earlier ones a failure.
            Decision::Clarify { choices } => {
                if missed(&self.rules, &memory.pending, choices) {
                    memory.failures += 1;
                }
                memory.pending.clone_from(choices);
            }
            Decision::NotUnderstood => {
                memory.pending.clear();
                memory.failures += 1;
            }
            // An offered choice stays open over "say that again" and "slower": it is what is said again.
            Decision::Act(Act::Repeat | Act::Slower | Act::OtherLanguage) => {}
            Decision::Act(_) => memory.pending.clear(),
            Decision::Escalate(_) => {
                memory.pending.clear();
                memory.failures = 0;
            }
        }
    }
}

/// Decides. Pure: the same context and understanding give the same decision.
pub fn decide(context: &Context, understanding: &Understanding) -> Decision {
    let memory = &context.memory;
    match understanding.act {
        Act::Emergency if memory.emergency => Decision::Escalate(EscalationReason::Emergency),
        Act::Emergency => Decision::Act(Act::Emergency),
        Act::Person => Decision::Escalate(EscalationReason::Asked),
        Act::Yes => confirm(context),
        // To an offer, or to the last answer: either way it was not what was meant.
        Act::No => fail(context),
        Act::Choice(number) => choose(context, number),
        Act::Question => match question(context, understanding) {
            Decision::NotUnderstood => fail(context),
            Decision::Clarify { choices }
                if missed(&context.rules, &context.memory.pending, &choices)
                    && context.memory.failures + 1 >= context.rules.failures_before_person =>
            {
                Decision::Escalate(EscalationReason::LowConfidence)
            }
            decision => decision,
        },
        act => Decision::Act(act),
    }
}

/// Whether an offer that was open is passed over for new choices. Asking on about the same ones is no failure, nor is a
/// confirming question about something that is as good as sure.
fn missed(rules: &Rules, open: &[Scored], choices: &[Scored]) -> bool {
    let new = choices.iter().any(|choice| open.iter().all(|offered| offered.entry != choice.entry));
    let sure = match choices {
        [only] => only.confidence >= rules.voice.get(only.language).answer,
        _ => false,
    };
    !open.is_empty() && new && !sure
}

fn confirm(context: &Context) -> Decision {
    match context.memory.pending.as_slice() {
        [] if context.memory.last_answer.is_some() => Decision::Act(Act::Thanks),
        [] => fail(context),
        [only] => answer(context, only.clone()),
        // "Yes" to several choices does not say which: ask about the best one alone.
        [best, ..] => Decision::Clarify { choices: vec![best.clone()] },
    }
}

fn choose(context: &Context, number: u8) -> Decision {
    let pending = &context.memory.pending;
    match usize::from(number) {
        0 => fail(context),
        _ if pending.is_empty() => fail(context),
        number => match pending.get(number - 1) {
            Some(chosen) => answer(context, chosen.clone()),
            None => Decision::Clarify { choices: pending.clone() },
        },
    }
}

fn fail(context: &Context) -> Decision {
    if context.memory.failures + 1 >= context.rules.failures_before_person {
        Decision::Escalate(EscalationReason::LowConfidence)
    } else {
        Decision::NotUnderstood
    }
}

fn answer(context: &Context, chosen: Scored) -> Decision {
    let then_escalate = context.rules.always_escalate.contains(&chosen.entry);
    Decision::Answer { chosen, then_escalate }
}

fn question(context: &Context, understanding: &Understanding) -> Decision {
    let rules = &context.rules;
    let Understanding { language, candidates, spoken, .. } = understanding;
    let thresholds = if *spoken { rules.voice.get(*language) } else { rules.text.get(*language) };
    let Some(best) = candidates.first() else { return Decision::NotUnderstood };
    if best.confidence >= thresholds.answer || is_urgent(rules, candidates) {
        if *spoken && (*rules.confirm_voice.get(*language) || *rules.confirm_voice.get(context.language)) {
            return Decision::Clarify { choices: vec![best.clone()] };
        }
        return answer(context, best.clone());
    }
    if best.confidence < thresholds.offer {
        return Decision::NotUnderstood;
    }
    let worth = |candidate: &&Scored| candidate.confidence >= WORTH_OFFERING;
    Decision::Clarify { choices: candidates.iter().take(3).filter(worth).cloned().collect() }
}

/// Whether the best candidate is an entry that a person must see, and clearly ahead.
fn is_urgent(rules: &Rules, candidates: &[Scored]) -> bool {
    let Some((best, others)) = candidates.split_first() else { return false };
    let next = others.first().map_or(0.0, |candidate| candidate.confidence);
    rules.always_escalate.contains(&best.entry)
        && best.confidence >= URGENT
        && best.confidence >= URGENT_LEAD * next
}
