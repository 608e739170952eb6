//! `assistant ask`: what a citizen would be told.

use std::sync::Arc;

use clap::Args;
use conversation::Choice;
use intents::{Act, Decision, Scored, Utterance};
use language::Language;

use super::{Failure, Outcome, language};
use crate::{
    config::Configuration,
    knowledge::{self, Brain, Memory},
    phrases::{Phrase, say, topic_name},
    session::{choice_in, prompt},
};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The question.
    text: String,
    /// The language of the conversation.
    #[arg(long, value_parser = language, value_name = "bo|zh")]
    language: Language,
}

pub(super) fn run(configuration: &Configuration, options: &Options) -> Outcome {
    if options.text.trim().is_empty() {
        return Err(Failure::Usage(
            "the question is empty: write it after `ask`, in quotation marks".to_owned(),
        ));
    }
    let brain = Arc::new(Brain::open(&knowledge::folder(configuration), configuration)?);
    let language = options.language;
    let utterance = Utterance::typed(options.text.clone(), language);
    let thought = brain.think(&utterance, &Memory::default(), None);
    match &thought.decision {
        Decision::Answer { chosen, .. } => print_answer(&brain, chosen, language),
        Decision::Clarify { choices } => {
            let offered: Vec<Choice> =
                choices.iter().map(|scored| choice_in(scored, language, brain.publication())).collect();
            println!("{}", prompt(&offered, language, conversation::Channel::Portal));
            for (index, (choice, scored)) in offered.iter().zip(choices).enumerate() {
                println!("  {}. {} ({}, {:.2})", index + 1, choice.question, choice.entry, scored.confidence);
            }
        }
        Decision::AskTopic { topics, .. } => {
            println!("{}", say(Phrase::ChooseTopic, language));
            for (index, topic) in topics.iter().enumerate() {
                println!("  {}. {}", index + 1, topic_name(topic, language));
            }
        }
        Decision::AskPlace { chosen, .. } => {
            print_answer(&brain, chosen, language);
            println!("→ {}", say(Phrase::ChoosePlace, language));
        }
        Decision::Act(Act::Emergency) => {
            println!("{}", say(Phrase::emergency(thought.understanding.emergency), language));
        }
        Decision::Act(act) => println!("{}", say(words(*act), language)),
        Decision::NotUnderstood => println!("{}", say(Phrase::NotUnderstood, language)),
        Decision::Escalate(reason) => println!("→ a person ({reason:?})"),
    }
    if !matches!(thought.decision, Decision::Clarify { .. }) && !thought.understanding.candidates.is_empty() {
        println!("\nconsidered (answered from {:.2} on):", thought.provenance.answer_threshold);
        for scored in &thought.understanding.candidates {
            println!("  {:.2}  {}  {}", scored.confidence, scored.entry, scored.question);
        }
    }
    Ok(())
}

const fn words(act: Act) -> Phrase {
    match act {
        Act::Greeting => Phrase::Greeting,
        Act::Thanks => Phrase::Thanks,
        Act::Goodbye => Phrase::Goodbye,
        Act::Emergency => Phrase::Emergency,
        Act::Repeat | Act::Slower | Act::Louder => Phrase::NothingToRepeat,
        Act::StartOver => Phrase::StartOver,
        Act::Complaint => Phrase::Complaint,
        Act::SmallTalk => Phrase::SmallTalk,
        Act::OtherLanguage => Phrase::LanguageChanged,
        Act::Question | Act::Person | Act::LeaveQueue | Act::Yes | Act::No | Act::Choice(_) => {
            Phrase::RepeatQuestion
        }
    }
}

fn print_answer(brain: &Brain, chosen: &Scored, language: Language) {
    let Some(entry) = brain.publication().entry(&chosen.entry) else { return };
    let Some(text) = entry.text(language).or_else(|| entry.text(language.other())) else { return };
    println!("{} ({}, {:.2})", text.question, chosen.entry, chosen.confidence);
    println!("{}", text.written);
    for (index, step) in text.steps.iter().enumerate() {
        println!("  {}. {step}", index + 1);
    }
    for document in &text.documents {
        println!("  - {document}");
    }
    for link in &entry.links {
        println!("  {} {}", link.label.get(language), link.url);
    }
}
