//! What to do about what was understood: a pure function from context and understanding to a decision.
//!
//! The order of concern: an emergency first; then a wish for a person; then the answer to a question that the assistant
//! itself asked; then other acts; then the knowledge base, answering above one threshold, offering up to three
//! choices above another, and below both asking once to say it differently, then handing over.
//!
//! Whoever wants none of what was offered is asked once what it is about, and offered what there is of that kind, before a
//! person is called. Every question back that leads nowhere is a failure, so that no conversation goes round in circles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kb::EntryId;
use language::Language;
use serde::{Deserialize, Serialize};

use crate::{Act, Decision, EscalationReason, Scored, Slots, Understanding};

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

/// At most so many topics are asked for: what can be read aloud, and answered with one digit key.
const MOST_TOPICS: usize = 6;

/// At most so many entries of a topic are offered.
const MOST_OF_TOPIC: usize = 5;

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
    /// Entries whose answer depends on the place.
    pub by_place: Arc<BTreeSet<EntryId>>,
    /// The entries of every topic, in the knowledge base's order.
    pub topics: Arc<BTreeMap<String, Vec<Offerable>>>,
}

/// An entry that can be offered without having been looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offerable {
    /// Which entry.
    pub entry: EntryId,
    /// Its questions, where it has one in that language.
    pub question: PerLanguage<Option<String>>,
}

impl Rules {
    /// The thresholds of the channel by which something was understood.
    pub fn thresholds(&self, understanding: &Understanding) -> &Thresholds {
        let by_sound = understanding.spoken && !understanding.by_words;
        if by_sound { self.voice.get(understanding.language) } else { self.text.get(understanding.language) }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            text: PerLanguage::default(),
            voice: PerLanguage::default(),
            confirm_voice: PerLanguage { bo: true, zh: false },
            failures_before_person: 2,
            always_escalate: Arc::default(),
            by_place: Arc::default(),
            topics: Arc::default(),
        }
    }
}

impl Rules {
    /// The rules with the escalating entries of a publication.
    #[must_use]
    pub fn for_publication(mut self, publication: &kb::Publication) -> Self {
        let entries = publication.entries();
        let ids = |wanted: fn(&kb::Entry) -> bool| {
            Arc::new(entries.iter().filter(|entry| wanted(entry)).map(|entry| entry.id.clone()).collect())
        };
        self.always_escalate = ids(|entry| entry.escalate);
        self.by_place = ids(|entry| entry.answers.iter().any(|variant| variant.region.is_some()));
        let mut topics: BTreeMap<String, Vec<Offerable>> = BTreeMap::new();
        for entry in entries {
            let question = |language| entry.text(language).map(|text| text.question.clone());
            topics.entry(entry.topic.clone()).or_default().push(Offerable {
                entry: entry.id.clone(),
                question: PerLanguage { bo: question(Language::Bo), zh: question(Language::Zh) },
            });
        }
        self.topics = Arc::new(topics);
        self
    }

    fn topic_of(&self, entry: &EntryId) -> Option<&str> {
        let holds = |offers: &Vec<Offerable>| offers.iter().any(|offer| offer.entry == *entry);
        self.topics.iter().find(|(_, offers)| holds(offers)).map(|(topic, _)| topic.as_str())
    }
}

/// What a conversation remembers between turns. Kept up by [`Context::record`]; small, and serialisable for the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "facts about a conversation, each true or not by itself")]
pub struct Memory {
    /// Choices that were offered and not yet answered; one is a confirming question.
    pub pending: Vec<Scored>,
    /// Turns in a row that were not understood.
    pub failures: u32,
    /// The entry that was answered last.
    pub last_answer: Option<EntryId>,
    /// Emergency guidance was the last thing said.
    pub emergency: bool,
    /// A person was offered with the last thing said: "yes" takes the offer up.
    #[serde(default)]
    pub person_offered: bool,
    /// What else was considered for the question that is being narrowed down, best first.
    #[serde(default)]
    pub considered: Vec<Scored>,
    /// What the citizen turned down on the way.
    #[serde(default)]
    pub declined: Vec<EntryId>,
    /// Topics that were asked for and not yet answered.
    #[serde(default)]
    pub topics: Vec<String>,
    /// Topics have been asked for since the last answer: it is not done twice.
    #[serde(default)]
    pub narrowed: bool,
    /// Places that were asked for and not yet answered, for the answer in `pending`.
    #[serde(default)]
    pub places: Vec<String>,
    /// Where the citizen is or asks about: a code of [`kb::regions`].
    #[serde(default)]
    pub place: Option<String>,
    /// A place has been asked for in this conversation: it is not done twice.
    #[serde(default)]
    pub place_asked: bool,
    /// Who the citizen is or asks about, the latest first (see [`crate::Slots::groups`]).
    #[serde(default)]
    pub groups: Vec<String>,
}

impl Memory {
    /// How many choices are on offer, of whatever kind.
    pub fn on_offer(&self) -> usize {
        match (self.topics.len(), self.places.len()) {
            (0, 0) => self.pending.len(),
            (0, places) => places,
            (topics, _) => topics,
        }
    }

    /// Takes in what somebody named. Persons that were named before are remembered behind those named now.
    pub fn note(&mut self, slots: &Slots) {
        if let Some(place) = slots.places.first() {
            self.place = Some(place.clone());
        }
        remember_groups(&mut self.groups, &slots.groups);
    }

    fn close_questions(&mut self) {
        self.pending.clear();
        self.topics.clear();
        self.places.clear();
        self.considered.clear();
        self.declined.clear();
    }
}

/// At most so many person groups are remembered: more say nothing about anybody.
const MOST_GROUPS: usize = 4;

/// Puts the groups named now before those that were known.
pub fn remember_groups(known: &mut Vec<String>, named: &[String]) {
    known.retain(|group| !named.contains(group));
    known.splice(0..0, named.iter().cloned());
    known.truncate(MOST_GROUPS);
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
        let failed = is_failure(self, decision);
        let memory = &mut self.memory;
        memory.emergency = matches!(decision, Decision::Act(Act::Emergency));
        memory.person_offered = matches!(decision, Decision::Act(Act::Complaint));
        memory.failures += u32::from(failed);
        match decision {
            Decision::Answer { chosen, .. } => {
                memory.close_questions();
                memory.failures = 0;
                memory.narrowed = false;
                memory.last_answer = Some(chosen.entry.clone());
            }
            Decision::Clarify { choices } => {
                memory.topics.clear();
                memory.places.clear();
                memory.pending.clone_from(choices);
            }
            Decision::AskTopic { topics, considered, declined } => {
                memory.close_questions();
                memory.narrowed = true;
                memory.topics.clone_from(topics);
                memory.considered.clone_from(considered);
                memory.declined.clone_from(declined);
            }
            Decision::AskPlace { chosen, places } => {
                memory.close_questions();
                memory.place_asked = true;
                memory.pending = vec![chosen.clone()];
                memory.places.clone_from(places);
            }
            // An offered choice stays open over "say that again" and the like: it is what is said again.
            Decision::Act(Act::Repeat | Act::Slower | Act::Louder | Act::OtherLanguage) => {}
            Decision::Act(Act::StartOver) => *memory = Memory::default(),
            Decision::NotUnderstood | Decision::Act(_) => memory.close_questions(),
            Decision::Escalate(_) => {
                memory.close_questions();
                memory.failures = 0;
                memory.narrowed = false;
            }
        }
    }

    /// Takes in what an utterance showed besides its purpose. Call it between [`decide`] and [`Self::record`].
    pub fn note(&mut self, understanding: &Understanding) {
        self.memory.note(&understanding.slots);
        if understanding.act == Act::Question {
            self.memory.considered.clone_from(&understanding.candidates);
        }
    }
}

/// Whether a decision says that the citizen was not understood. A choice that is offered is neither success nor failure:
/// what the citizen says to it decides. Another question to which again nothing but choices can be said makes the earlier
/// ones a failure, and so does wanting none of them.
pub fn is_failure(context: &Context, decision: &Decision) -> bool {
    match decision {
        Decision::NotUnderstood | Decision::AskTopic { .. } => true,
        // The very same question once more: what was said to it was none of the choices.
        Decision::Clarify { choices } => missed(context, choices) || *choices == context.memory.pending,
        Decision::AskPlace { .. } => !context.memory.places.is_empty(),
        Decision::Answer { .. } | Decision::Act(_) | Decision::Escalate(_) => false,
    }
}

/// Decides. Pure: the same context and understanding give the same decision.
pub fn decide(context: &Context, understanding: &Understanding) -> Decision {
    let memory = &context.memory;
    match understanding.act {
        Act::Emergency if memory.emergency => Decision::Escalate(EscalationReason::Emergency),
        Act::Emergency => Decision::Act(Act::Emergency),
        Act::Person => Decision::Escalate(EscalationReason::Asked),
        Act::Yes if memory.person_offered => Decision::Escalate(EscalationReason::Asked),
        Act::No if memory.person_offered => Decision::Act(Act::Thanks),
        Act::Yes => confirm(context),
        Act::No => turn_down(context),
        Act::Choice(number) => choose(context, number),
        Act::Question => match question(context, understanding) {
            Decision::NotUnderstood => fail(context),
            Decision::Clarify { choices }
                if missed(context, &choices)
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
/// confirming question about something that is as good as sure, nor what is offered of a topic that was asked for.
fn missed(context: &Context, choices: &[Scored]) -> bool {
    let Context { rules, memory, .. } = context;
    let open = &memory.pending;
    let new = choices.iter().any(|choice| open.iter().all(|offered| offered.entry != choice.entry));
    let sure = match choices {
        [only] => only.confidence >= rules.voice.get(only.language).answer,
        _ => false,
    };
    !open.is_empty() && memory.places.is_empty() && new && !sure
}

fn confirm(context: &Context) -> Decision {
    let memory = &context.memory;
    match memory.pending.as_slice() {
        // "Yes" says neither which topic nor which place. Who does not care where gets what holds everywhere.
        _ if !memory.topics.is_empty() => fail(context),
        [only] if !memory.places.is_empty() => give(context, only.clone()),
        [] if memory.last_answer.is_some() => Decision::Act(Act::Thanks),
        [] => fail(context),
        [only] => answer(context, only.clone(), None),
        // "Yes" to several choices does not say which: ask about the best one alone.
        [best, ..] => Decision::Clarify { choices: vec![best.clone()] },
    }
}

/// To an offer, or to the last answer: either way it was not what was meant.
fn turn_down(context: &Context) -> Decision {
    let memory = &context.memory;
    match memory.pending.as_slice() {
        [only] if !memory.places.is_empty() => give(context, only.clone()),
        [] => fail(context),
        _ => narrow(context),
    }
}

/// Stage two: what is it about? Once; then a person.
fn narrow(context: &Context) -> Decision {
    let Context { rules, memory, .. } = context;
    let declined: Vec<EntryId> = memory.pending.iter().map(|choice| choice.entry.clone()).collect();
    let left = |scored: &&Scored| !declined.contains(&scored.entry);
    let considered: Vec<Scored> = memory.considered.iter().filter(left).cloned().collect();
    let topics = topics(rules, &considered, &declined);
    if memory.narrowed || topics.len() < 2 {
        return fail(context);
    }
    Decision::AskTopic { topics, considered, declined }
}

/// Topics that still have something to offer: those of what was considered first, then those of what was turned down
/// (the neighbourhood was right more often than not), then the largest.
fn topics(rules: &Rules, considered: &[Scored], declined: &[EntryId]) -> Vec<String> {
    let near = considered.iter().map(|scored| &scored.entry).chain(declined);
    let near = near.filter_map(|entry| rules.topic_of(entry));
    let mut by_size: Vec<(&String, usize)> =
        rules.topics.iter().map(|(topic, offers)| (topic, offers.len())).collect();
    by_size.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let mut topics: Vec<String> = Vec::new();
    for topic in near.chain(by_size.iter().map(|(topic, _)| topic.as_str())) {
        let has_more = rules.topics[topic].iter().any(|offer| !declined.contains(&offer.entry));
        if has_more && !topics.iter().any(|known| known == topic) {
            topics.push(topic.to_owned());
        }
    }
    topics.truncate(MOST_TOPICS);
    topics
}

/// What there is of a topic: what was considered first. Nothing that was turned down is offered again.
fn of_topic(context: &Context, topic: &str) -> Decision {
    let Context { rules, memory, language } = context;
    let offers = rules.topics.get(topic).map(Vec::as_slice).unwrap_or_default();
    let is_of = |scored: &&Scored| offers.iter().any(|offer| offer.entry == scored.entry);
    let mut choices: Vec<Scored> = memory.considered.iter().filter(is_of).cloned().collect();
    for offer in offers.iter().filter(|offer| !memory.declined.contains(&offer.entry)) {
        let question =
            offer.question.get(*language).as_ref().or(offer.question.get(language.other()).as_ref());
        if choices.iter().all(|choice| choice.entry != offer.entry) {
            choices.push(Scored {
                entry: offer.entry.clone(),
                question: question.cloned().unwrap_or_default(),
                language: *language,
                confidence: 0.0,
            });
        }
    }
    choices.truncate(MOST_OF_TOPIC);
    if choices.is_empty() { fail(context) } else { Decision::Clarify { choices } }
}

fn choose(context: &Context, number: u8) -> Decision {
    let memory = &context.memory;
    let Some(index) = usize::from(number).checked_sub(1) else { return turn_down(context) };
    if memory.on_offer() == 0 {
        return fail(context);
    }
    if index >= memory.on_offer() {
        return ask_again(context);
    }
    match (memory.topics.get(index), memory.places.get(index), memory.pending.as_slice()) {
        (Some(topic), ..) => of_topic(context, topic),
        (None, Some(_), [only, ..]) => give(context, only.clone()),
        (None, _, pending) => match pending.get(index) {
            Some(chosen) => answer(context, chosen.clone(), None),
            None => fail(context),
        },
    }
}

/// The open question once more: the number that was said is not among the choices.
fn ask_again(context: &Context) -> Decision {
    let Memory { topics, places, pending, .. } = &context.memory;
    match pending.as_slice() {
        _ if !topics.is_empty() || context.memory.failures + 1 >= context.rules.failures_before_person => {
            fail(context)
        }
        [only, ..] if !places.is_empty() => {
            Decision::AskPlace { chosen: only.clone(), places: places.clone() }
        }
        _ => Decision::Clarify { choices: pending.clone() },
    }
}

fn fail(context: &Context) -> Decision {
    if context.memory.failures + 1 >= context.rules.failures_before_person {
        Decision::Escalate(EscalationReason::LowConfidence)
    } else {
        Decision::NotUnderstood
    }
}

/// The answer, or first the one question that it depends on: where. Asked once in a conversation.
fn answer(context: &Context, chosen: Scored, slots: Option<&Slots>) -> Decision {
    let Context { rules, memory, .. } = context;
    let place_known = memory.place.is_some() || slots.is_some_and(|slots| !slots.places.is_empty());
    if rules.by_place.contains(&chosen.entry) && !place_known && !memory.place_asked {
        let prefectures = kb::regions().iter().filter(|region| region.level == kb::Level::Prefecture);
        let places = prefectures.map(|region| region.code.to_owned()).collect();
        return Decision::AskPlace { chosen, places };
    }
    give(context, chosen)
}

fn give(context: &Context, chosen: Scored) -> Decision {
    let then_escalate = context.rules.always_escalate.contains(&chosen.entry);
    Decision::Answer { chosen, then_escalate }
}

fn question(context: &Context, understanding: &Understanding) -> Decision {
    // A place that was asked for, named in words.
    if let ([_, ..], [only, ..]) = (context.memory.places.as_slice(), context.memory.pending.as_slice())
        && !understanding.slots.places.is_empty()
        && names_nothing_else(context, understanding)
    {
        return give(context, only.clone());
    }
    let rules = &context.rules;
    let Understanding { language, candidates, spoken, .. } = understanding;
    let thresholds = rules.thresholds(understanding);
    let Some(best) = candidates.first() else { return Decision::NotUnderstood };
    if best.confidence >= thresholds.answer || is_urgent(rules, candidates) {
        if *spoken && (*rules.confirm_voice.get(*language) || *rules.confirm_voice.get(context.language)) {
            return Decision::Clarify { choices: vec![best.clone()] };
        }
        return answer(context, best.clone(), Some(&understanding.slots));
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

/// Whether an answer to "where?" is just that, and no question that can be answered by itself.
fn names_nothing_else(context: &Context, understanding: &Understanding) -> bool {
    let rules = &context.rules;
    let answerable = rules.thresholds(understanding).answer;
    understanding.candidates.first().is_none_or(|best| best.confidence < answerable)
}
