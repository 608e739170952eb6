//! From a decision to the events that carry it out. Pure: what is known comes in, events come out.

use conversation::{
    Answer, AnswerLink, Channel, Choice, Clarify, ClarifyKind, Considered, ConversationState, EscalationId,
    EventBody, HandoffCommand, LanguageChanged, PendingClarify, Provenance, Say, SayAct,
};
use intents::{Act, Decision, EscalationReason, Scored, Understanding};
use kb::{Entry, EntryId, Publication, Review, Stage};
use language::Language;
use speech::Complaint;

use crate::phrases::{Phrase, say, say_with, topic_name};

/// At most so many choices: as many as there are digit keys.
const MOST_CHOICES: usize = 9;

/// … and on the telephone one less, whose key means none of them.
const fn most_choices(channel: Channel) -> usize {
    match channel {
        Channel::Portal => MOST_CHOICES,
        Channel::Telephone => MOST_CHOICES - 1,
    }
}

/// Everything a response depends on besides the decision.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The conversation before the response.
    pub state: &'a ConversationState,
    /// The conversation before the citizen message: what was last said, and asked back, when the citizen spoke.
    pub before: &'a ConversationState,
    /// The citizen message that is responded to.
    pub reply_to: u64,
    /// What the citizen said, besides what was considered.
    pub understood: &'a Understanding,
    /// Whether the decision says that the citizen was not understood.
    pub failed: bool,
    /// What was wrong with the sound, where they spoke.
    pub complaint: Option<Complaint>,
    /// Where the answers are.
    pub knowledge: &'a Publication,
    /// What was considered, best first.
    pub considered: &'a [Considered],
    /// With what it was decided.
    pub provenance: &'a Provenance,
    /// The day it is in China.
    pub today: kb::Date,
    /// The id of an escalation, should there be one.
    pub escalation: EscalationId,
}

/// What is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// Events to be appended, in order.
    pub events: Vec<EventBody>,
    /// A transition of the handoff after them.
    pub handoff: Option<HandoffCommand>,
    /// The open question or the last answer is said again after `events`.
    pub again: bool,
    /// The voice slows down from here on.
    pub slower: bool,
    /// The client turns the volume up.
    pub louder: bool,
}

impl Response {
    fn of(event: EventBody) -> Self {
        Self { events: vec![event], ..Self::default() }
    }
}

/// Carries a decision out.
pub fn respond(decision: &Decision, situation: &Situation<'_>) -> Response {
    // While the citizen waits for a person, the assistant goes on answering what it can, and only that.
    let waiting = situation.state.status().awaits_a_person();
    match decision {
        Decision::Answer { chosen, then_escalate } => {
            let mut response = Response { events: answer(chosen, situation), ..Response::default() };
            if *then_escalate && !waiting {
                response.handoff = Some(escalate(EscalationReason::Policy, situation));
            }
            response
        }
        // Who waits for a person is told what is known, and not bothered with guesses.
        Decision::Clarify { choices } if waiting && !certain(choices, situation) => {
            Response::of(words(Phrase::AlreadyWaiting, SayAct::Notice, situation))
        }
        Decision::Clarify { choices } => Response::of(clarify(choices, situation)),
        Decision::AskTopic { .. }
        | Decision::NotUnderstood
        | Decision::Escalate(EscalationReason::LowConfidence | EscalationReason::Asked)
            if waiting =>
        {
            Response::of(words(Phrase::AlreadyWaiting, SayAct::Notice, situation))
        }
        Decision::AskTopic { topics, considered, declined } => {
            Response::of(ask_topic(topics, considered, declined, situation))
        }
        Decision::AskPlace { chosen, places } => Response::of(ask_place(chosen, places, situation)),
        Decision::Act(act) => perform(*act, situation),
        Decision::NotUnderstood if turned_down(situation) => {
            Response::of(words(Phrase::SayOtherwise, SayAct::NotUnderstood, situation))
        }
        Decision::NotUnderstood => {
            let phrase = situation.complaint.map_or(Phrase::NotUnderstood, Phrase::of_complaint);
            Response::of(words(phrase, SayAct::NotUnderstood, situation))
        }
        Decision::Escalate(reason) => {
            let mut response = Response::default();
            if *reason == EscalationReason::Emergency {
                let guidance = Phrase::emergency(situation.understood.emergency);
                response.events.push(words(guidance, SayAct::Emergency, situation));
            }
            if !waiting {
                response.handoff = Some(escalate(*reason, situation));
            }
            response
        }
    }
}

/// Whether the best choice is sure enough to be answered, and only asked back because it was heard or must be confirmed.
fn certain(choices: &[Scored], situation: &Situation<'_>) -> bool {
    choices.first().is_some_and(|best| best.confidence >= situation.provenance.answer_threshold)
}

/// Whether the citizen was understood well, and wants nothing of what was offered.
fn turned_down(situation: &Situation<'_>) -> bool {
    situation.before.pending_clarify.is_some() && matches!(situation.understood.act, Act::No | Act::Choice(0))
}

fn escalate(reason: EscalationReason, situation: &Situation<'_>) -> HandoffCommand {
    HandoffCommand::Escalate { escalation: situation.escalation, reason }
}

fn perform(act: Act, situation: &Situation<'_>) -> Response {
    let before = situation.before;
    let said = |phrase, act| Response::of(words(phrase, act, situation));
    match act {
        Act::Greeting => said(Phrase::Greeting, SayAct::Greeting),
        Act::Thanks => said(Phrase::Thanks, SayAct::Thanks),
        Act::Goodbye => said(Phrase::Goodbye, SayAct::Goodbye),
        Act::Emergency => said(Phrase::emergency(situation.understood.emergency), SayAct::Emergency),
        Act::StartOver => said(Phrase::StartOver, SayAct::StartOver),
        // Who waits for a person already is not asked whether one is wanted.
        Act::Complaint if situation.state.status().awaits_a_person() => {
            said(Phrase::AlreadyWaiting, SayAct::Notice)
        }
        Act::Complaint => said(Phrase::Complaint, SayAct::Complaint),
        Act::SmallTalk => said(Phrase::SmallTalk, SayAct::SmallTalk),
        Act::Louder => {
            Response { again: can_say_again(before), louder: true, ..said(Phrase::Louder, SayAct::Notice) }
        }
        Act::Repeat if can_say_again(before) => Response { again: true, ..Response::default() },
        Act::Slower if can_say_again(before) => Response { again: true, slower: true, ..Response::default() },
        Act::Slower => Response { slower: true, ..said(Phrase::Slower, SayAct::Notice) },
        Act::Repeat => said(Phrase::NothingToRepeat, SayAct::RepeatQuestion),
        Act::OtherLanguage => change_language(situation),
        Act::LeaveQueue if situation.state.status().awaits_a_person() => {
            Response { handoff: Some(HandoffCommand::Cancel), ..Response::default() }
        }
        // There is no queue to leave; and the policy turns the others into something else. Should one come through, ask
        // for the question.
        Act::Question | Act::Person | Act::LeaveQueue | Act::Yes | Act::No | Act::Choice(_) => {
            said(Phrase::RepeatQuestion, SayAct::RepeatQuestion)
        }
    }
}

fn can_say_again(state: &ConversationState) -> bool {
    state.pending_clarify.is_some() || state.last_answer.is_some()
}

/// The other language from here on. What was said last is said again in it, where that is a question back or an answer;
/// an answer of long ago would only confuse.
fn change_language(situation: &Situation<'_>) -> Response {
    let language = situation.state.language.other();
    let mut state = situation.state.clone();
    state.language = language;
    let there = Situation { state: &state, ..*situation };
    let mut events = vec![
        EventBody::LanguageChanged(LanguageChanged { language }),
        words(Phrase::LanguageChanged, SayAct::Language, &there),
    ];
    let before = situation.before;
    if let Some(pending) = &before.pending_clarify {
        let scored = |choice: &Choice| Scored {
            entry: choice.entry.clone(),
            question: choice.question.clone(),
            language: choice.language.unwrap_or(before.language),
            confidence: 1.0,
        };
        events.push(match pending.kind {
            ClarifyKind::Entry => clarify(&pending.choices.iter().map(scored).collect::<Vec<_>>(), &there),
            ClarifyKind::Topic | ClarifyKind::Place => reworded(pending, &there),
        });
    } else if let Some(last) = before.last_answer.as_ref().filter(|last| last.seq == before.last_seq) {
        let chosen = Scored { entry: last.entry.clone(), question: String::new(), language, confidence: 1.0 };
        events.extend(answer(&chosen, &there));
    }
    Response { events, ..Response::default() }
}

/// Words of the assistant's own, in the conversation's language.
pub fn words(phrase: Phrase, act: SayAct, situation: &Situation<'_>) -> EventBody {
    EventBody::Say(Say {
        reply_to: Some(situation.reply_to),
        text: say(phrase.on(situation.state.channel), situation.state.language).to_owned(),
        act,
        considered: situation.considered.to_vec(),
        provenance: Some(situation.provenance.clone()),
    })
}

fn clarify(choices: &[Scored], situation: &Situation<'_>) -> EventBody {
    let language = situation.state.language;
    let choices: Vec<Choice> = choices
        .iter()
        .take(most_choices(situation.state.channel))
        .map(|scored| choice_in(scored, language, situation.knowledge))
        .collect();
    EventBody::Clarify(Clarify {
        reply_to: situation.reply_to,
        prompt: prompt(&choices, language, situation.state.channel),
        confirm: choices.len() == 1,
        choices,
        kind: ClarifyKind::Entry,
        failed: situation.failed,
        about: None,
        declined: situation
            .before
            .pending_clarify
            .as_ref()
            .map(|open| open.declined.clone())
            .unwrap_or_default(),
        considered: remaining(situation),
        provenance: Some(situation.provenance.clone()),
    })
}

/// What was considered for this utterance; where it was no question, for the one that is being narrowed down.
fn remaining(situation: &Situation<'_>) -> Vec<Considered> {
    match &situation.before.pending_clarify {
        Some(open) if situation.considered.is_empty() => open.considered.clone(),
        _ => situation.considered.to_vec(),
    }
}

fn ask_topic(
    topics: &[String],
    considered: &[Scored],
    declined: &[EntryId],
    situation: &Situation<'_>,
) -> EventBody {
    let language = situation.state.language;
    let choice = |topic: &String| Choice {
        entry: EntryId(topic.clone()),
        question: topic_name(topic, language).to_owned(),
        language: None,
    };
    EventBody::Clarify(Clarify {
        reply_to: situation.reply_to,
        prompt: say(Phrase::ChooseTopic.on(situation.state.channel), language).to_owned(),
        choices: topics.iter().take(most_choices(situation.state.channel)).map(choice).collect(),
        confirm: false,
        kind: ClarifyKind::Topic,
        failed: situation.failed,
        about: None,
        declined: declined.to_vec(),
        considered: considered.iter().map(Considered::from).collect(),
        provenance: Some(situation.provenance.clone()),
    })
}

fn ask_place(chosen: &Scored, places: &[String], situation: &Situation<'_>) -> EventBody {
    let language = situation.state.language;
    let choice = |code: &String| Choice {
        entry: EntryId(code.clone()),
        question: place_name(code, language),
        language: None,
    };
    let about = choice_in(chosen, language, situation.knowledge);
    EventBody::Clarify(Clarify {
        reply_to: situation.reply_to,
        prompt: say(Phrase::ChoosePlace.on(situation.state.channel), language).to_owned(),
        choices: places.iter().take(most_choices(situation.state.channel)).map(choice).collect(),
        confirm: false,
        kind: ClarifyKind::Place,
        failed: false,
        about: Some(about),
        declined: Vec::new(),
        considered: situation.considered.to_vec(),
        provenance: Some(situation.provenance.clone()),
    })
}

fn place_name(code: &str, language: Language) -> String {
    kb::region(code).map_or(code, |region| region.name(language)).to_owned()
}

/// The open question about a topic or a place once more, in the conversation's language.
fn reworded(open: &PendingClarify, situation: &Situation<'_>) -> EventBody {
    let language = situation.state.language;
    let (phrase, topic) = match open.kind {
        ClarifyKind::Place => (Phrase::ChoosePlace, false),
        ClarifyKind::Topic | ClarifyKind::Entry => (Phrase::ChooseTopic, true),
    };
    let name = |choice: &Choice| {
        let name = &choice.entry.0;
        if topic { topic_name(name, language).to_owned() } else { place_name(name, language) }
    };
    let choices = open.choices.iter().map(|choice| Choice {
        entry: choice.entry.clone(),
        question: name(choice),
        language: None,
    });
    EventBody::Clarify(Clarify {
        reply_to: situation.reply_to,
        prompt: say(phrase.on(situation.state.channel), language).to_owned(),
        choices: choices.collect(),
        confirm: false,
        kind: open.kind,
        failed: false,
        about: open.about.clone(),
        declined: open.declined.clone(),
        considered: open.considered.clone(),
        provenance: Some(situation.provenance.clone()),
    })
}

/// The place that an answer is for: the one chosen just now, or named, or known from before.
fn place(situation: &Situation<'_>) -> Option<String> {
    let open = situation.before.pending_clarify.as_ref().filter(|open| open.kind == ClarifyKind::Place);
    let chosen = match (open, situation.understood.act) {
        (Some(open), Act::Choice(number)) => {
            usize::from(number).checked_sub(1).and_then(|index| open.choices.get(index))
        }
        _ => None,
    };
    let chosen = chosen.map(|choice| choice.entry.0.clone());
    chosen
        .or_else(|| situation.understood.slots.places.first().cloned())
        .or_else(|| situation.state.place.clone())
}

/// The person group that an answer is for: the latest that was named and that the answer knows.
fn group(entry: &Entry, situation: &Situation<'_>) -> Option<String> {
    let known = |group: &&String| entry.answers.iter().any(|variant| variant.group.as_ref() == Some(*group));
    situation.understood.slots.groups.iter().chain(&situation.state.groups).find(known).cloned()
}

/// The entry's question in the conversation's language, or else as it matched.
pub fn question_in(scored: &Scored, language: Language, knowledge: &Publication) -> String {
    let text = knowledge.entry(&scored.entry).and_then(|entry| entry.text(language));
    text.map_or_else(|| scored.question.clone(), |text| text.question.clone())
}

/// An entry as a choice: its question, marked where it exists only in the other language.
pub fn choice_in(scored: &Scored, language: Language, knowledge: &Publication) -> Choice {
    let other = language.other();
    let only_there = knowledge
        .entry(&scored.entry)
        .is_some_and(|entry| entry.text(language).is_none() && entry.text(other).is_some());
    Choice {
        entry: scored.entry.clone(),
        question: question_in(scored, language, knowledge),
        language: only_there.then_some(other),
    }
}

/// The question back about these choices, in the conversation's language. A question in the other language is never put
/// into it: whoever reads, hears or pronounces the prompt does so in one language.
pub fn prompt(choices: &[Choice], language: Language, channel: Channel) -> String {
    let plain = |phrase: Phrase| say(phrase.on(channel), language);
    match choices {
        [only] if only.language.is_some() => plain(Phrase::ConfirmOtherLanguage).to_owned(),
        [only] => say_with(Phrase::Confirm.on(channel), language, &[("question", &only.question)]),
        several if several.iter().any(|choice| choice.language.is_some()) => {
            [plain(Phrase::Choose), plain(Phrase::ChooseOtherLanguage)].join("\n")
        }
        _ => plain(Phrase::Choose).to_owned(),
    }
}

/// The answer; where it exists in the other language only, that is said first.
pub fn answer(chosen: &Scored, situation: &Situation<'_>) -> Vec<EventBody> {
    let language = situation.state.language;
    let Some(entry) = situation.knowledge.entry(&chosen.entry) else {
        return vec![words(Phrase::NoAnswerYet, SayAct::Notice, situation)];
    };
    let place = place(situation);
    let circumstances =
        kb::Situation { region: place.clone(), group: group(entry, situation), date: situation.today };
    let Some(found) = entry.answer(language, &circumstances) else {
        return vec![words(Phrase::NoAnswerYet, SayAct::Notice, situation)];
    };
    let given = answer_in(entry, &found, place, chosen, situation);
    if found.language == language {
        vec![given]
    } else {
        vec![words(Phrase::OnlyOtherLanguage, SayAct::Notice, situation), given]
    }
}

fn answer_in(
    entry: &Entry,
    found: &kb::Answer<'_>,
    place: Option<String>,
    chosen: &Scored,
    situation: &Situation<'_>,
) -> EventBody {
    let language = found.language;
    let review = entry.text(language).map(|text| text.review).unwrap_or_default();
    let links = entry.links.iter().map(|link| {
        let label = link.label.get(language);
        AnswerLink {
            label: if label.is_empty() { link.url.clone() } else { label.to_owned() },
            url: link.url.clone(),
        }
    });
    let office = found.office.map(|office| office.get(language)).filter(|name| !name.is_empty());
    // A variant is named by where it holds, so that "say that again" and the log show which one was given.
    let place = place.filter(|_| found.variant.is_some_and(|variant| variant.region.is_some()));
    EventBody::Answer(Box::new(Answer {
        reply_to: situation.reply_to,
        entry: entry.id.clone(),
        revision: situation.knowledge.entry_revision(&entry.id).map(ToString::to_string).unwrap_or_default(),
        language,
        question: found.question.to_owned(),
        text: found.written.to_owned(),
        spoken: found.spoken.to_owned(),
        steps: found.steps.to_vec(),
        documents: found.documents.to_vec(),
        links: links.collect(),
        office: office.map(str::to_owned),
        confidence: chosen.confidence,
        sample: entry.sample || review == Review::Sample,
        // A text that was changed after its review counts as a draft.
        awaiting_review: review != Review::Sample && entry.stage(language) == Some(Stage::Draft),
        outdated_days: found.outdated.map(|outdated| outdated.days.unwrap_or(0)),
        place,
        considered: situation.considered.to_vec(),
        provenance: Some(situation.provenance.clone()),
    }))
}

/// The question that an answer or a "did you ask …?" is about: what is shown for a turn that no dictation was taken of.
/// Where several choices are offered nothing has been matched yet.
pub fn matched_question(decision: &Decision, language: Language, knowledge: &Publication) -> String {
    match decision {
        Decision::Clarify { choices } if choices.len() == 1 => question_in(&choices[0], language, knowledge),
        Decision::Answer { chosen, .. } | Decision::AskPlace { chosen, .. } => {
            question_in(chosen, language, knowledge)
        }
        Decision::Clarify { .. }
        | Decision::AskTopic { .. }
        | Decision::Act(_)
        | Decision::NotUnderstood
        | Decision::Escalate(_) => String::new(),
    }
}

/// The nearest question, sure or not: what an agent is shown, who can ask back.
pub fn nearest_question(decision: &Decision, language: Language, knowledge: &Publication) -> String {
    match decision {
        Decision::Clarify { choices } => {
            choices.first().map(|best| question_in(best, language, knowledge)).unwrap_or_default()
        }
        other => matched_question(other, language, knowledge),
    }
}

#[cfg(test)]
mod tests {
    use kb::Collection;

    use super::*;

    const KNOWLEDGE: &str = "format: drilen-kb/1\nname: t\nentries:\n\
- id: both\n  topic: t\n  zh: {question: 身份证到期了怎么换, spoken: 去派出所。, written: 请到派出所。}\n  bo: {question: ཐོབ་ཐང་ལག་འཁྱེར་གང་འདྲ་བརྗེ་དགོས, spoken: ཉེན་རྟོག་ཁང་ལ་ཕེབས།, written: ཉེན་རྟོག་ཁང་ལ་ཕེབས་རོགས།}\n\
- id: zh\n  topic: t\n  zh: {question: 边防证在哪里办, spoken: 去公安局。, written: 请到公安局。}\n\
- id: bo\n  topic: t\n  bo: {question: རྩྭ་ཐང་གི་ཁ་གསབ་ནམ་སྤྲོད་དམ, spoken: ཟླ་བརྒྱད་པར་སྤྲོད།, written: ཟླ་བརྒྱད་པར་སྤྲོད་ཀྱི་རེད།}\n";

    fn knowledge() -> Publication {
        let collection = Collection::parse("t.yaml", KNOWLEDGE);
        assert_eq!(collection.problems, []);
        Publication::new(&collection).unwrap()
    }

    fn offered(entries: &[&str], language: Language, knowledge: &Publication) -> Vec<Choice> {
        let scored = |id: &&str| {
            let entry = EntryId((*id).to_owned());
            let matched = knowledge.entry(&entry).and_then(|entry| entry.questions().next());
            let (language, _, question) = matched.unwrap();
            Scored { entry: entry.clone(), question: question.to_owned(), language, confidence: 0.5 }
        };
        entries.iter().map(|id| choice_in(&scored(id), language, knowledge)).collect()
    }

    #[test]
    fn who_is_asked_about_an_entry_of_the_other_language_is_told_so_in_their_own() {
        let knowledge = knowledge();
        for language in Language::ALL {
            let foreign = language.other();
            let choices = offered(&[foreign.code()], language, &knowledge);
            assert_eq!(choices[0].language, Some(foreign));
            let told = prompt(&choices, language, Channel::Portal);
            assert_eq!(told, say(Phrase::ConfirmOtherLanguage, language));
            assert!(!told.contains(&choices[0].question), "{told}");

            let choices = offered(&["both", foreign.code(), language.code()], language, &knowledge);
            let languages: Vec<Option<Language>> = choices.iter().map(|choice| choice.language).collect();
            assert_eq!(languages, [None, Some(foreign), None]);
            let told = prompt(&choices, language, Channel::Portal);
            assert!(told.starts_with(say(Phrase::Choose, language)), "{told}");
            assert!(told.ends_with(say(Phrase::ChooseOtherLanguage, language)), "{told}");
        }
    }

    #[test]
    fn where_every_choice_exists_in_the_citizens_language_nothing_is_said_of_languages() {
        let knowledge = knowledge();
        for language in Language::ALL {
            let choices = offered(&["both", language.code()], language, &knowledge);
            assert!(choices.iter().all(|choice| choice.language.is_none()));
            assert_eq!(prompt(&choices, language, Channel::Portal), say(Phrase::Choose, language));
            let question = [("question", choices[0].question.as_str())];
            assert_eq!(
                prompt(&choices[..1], language, Channel::Portal),
                say_with(Phrase::Confirm, language, &question)
            );
        }
    }
}
