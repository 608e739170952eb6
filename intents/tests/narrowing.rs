//! Asking back in two stages, as whole conversations in both languages: what was meant, what it is about, a person. And the
//! one question that an answer may depend on: where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use intents::policy::{Offerable, is_failure};
use intents::{Act, Context, Decision, PerLanguage, Rules, Scored, Slots, Thresholds, Understanding, decide};
use kb::EntryId;
use language::Language::{self, Bo, Zh};

const ENTRIES: [(&str, &str, &str, &str); 7] = [
    ("documents", "idcard-renew", "身份证怎么换？", "ཐོབ་ཐང་ལག་འཁྱེར་བརྗེ་བ།"),
    ("documents", "idcard-lost", "身份证丢了怎么办？", "ཐོབ་ཐང་ལག་འཁྱེར་བོར་བ།"),
    ("documents", "hukou-move", "户口怎么迁？", "ཐེམ་ཐོ་སྤོ་བ།"),
    ("social", "pension-claim", "养老金怎么领？", "རྒན་གསོ་དངུལ་ལེན་པ།"),
    ("social", "dibao", "低保怎么申请？", "འཚོ་བ་དམའ་ཤོས་འགན་སྲུང་ཞུ་བ།"),
    ("farming", "grass", "草场补贴什么时候发？", "རྩྭ་སའི་རོགས་དངུལ་སྤྲོད་པ།"),
    ("health", "medins", "医保怎么报销？", "སྨན་བཅོས་འགན་བཅོལ་ཚུར་ལེན།"),
];

fn rules() -> Arc<Rules> {
    let thresholds = Thresholds { answer: 0.9, offer: 0.2 };
    let each = PerLanguage { bo: thresholds, zh: thresholds };
    let mut topics: BTreeMap<String, Vec<Offerable>> = BTreeMap::new();
    for (topic, entry, zh, bo) in ENTRIES {
        let question = PerLanguage { zh: Some(zh.to_owned()), bo: Some(bo.to_owned()) };
        topics
            .entry(topic.to_owned())
            .or_default()
            .push(Offerable { entry: EntryId(entry.to_owned()), question });
    }
    Arc::new(Rules {
        text: each,
        voice: each,
        by_place: Arc::new(BTreeSet::from([EntryId("grass".to_owned())])),
        topics: Arc::new(topics),
        ..Rules::default()
    })
}

fn scored(entry: &str, language: Language, confidence: f32) -> Scored {
    let (.., zh, bo) = ENTRIES.iter().find(|(_, id, ..)| *id == entry).expect("a known entry");
    let question = if language == Zh { zh } else { bo };
    Scored { entry: EntryId(entry.to_owned()), question: (*question).to_owned(), language, confidence }
}

/// What a citizen does: an act, or words with what is found for them.
enum Said {
    Does(Act),
    Asks(&'static str, &'static [(&'static str, f32)]),
}
use Said::{Asks, Does};

fn outline(decision: &Decision) -> String {
    let ids = |choices: &[Scored]| choices.iter().map(|c| c.entry.0.clone()).collect::<Vec<_>>().join(", ");
    match decision {
        Decision::Answer { chosen, .. } => format!("answers {}", chosen.entry),
        Decision::Clarify { choices } => format!("did you mean {}?", ids(choices)),
        Decision::AskTopic { topics, .. } => format!("about {}?", topics.join(", ")),
        Decision::AskPlace { chosen, places } => {
            format!("where ({} places), for {}?", places.len(), chosen.entry)
        }
        Decision::Act(act) => format!("{act:?}"),
        Decision::NotUnderstood => "please say it differently".to_owned(),
        Decision::Escalate(reason) => format!("a person ({reason:?})"),
    }
}

/// The conversation, one line a turn: what was said, what is done.
fn conversation(language: Language, turns: &[Said]) -> String {
    let mut context = Context::new(rules(), language);
    let mut told = String::new();
    for said in turns {
        let (name, understanding) = match said {
            Does(act) => (format!("{act:?}"), Understanding::of(*act, language, false)),
            Asks(words, found) => {
                let candidates = found.iter().map(|(entry, share)| scored(entry, language, *share)).collect();
                let slots = Slots::read(words);
                let understood =
                    Understanding { candidates, slots, ..Understanding::of(Act::Question, language, false) };
                ((*words).to_owned(), understood)
            }
        };
        let decision = decide(&context, &understanding);
        let failed = if is_failure(&context, &decision) { " [failure]" } else { "" };
        writeln!(told, "{name}: {}{failed}", outline(&decision)).expect("a string");
        context.note(&understanding);
        context.record(&decision);
    }
    told
}

const UNSURE: &[(&str, f32)] =
    &[("idcard-renew", 0.4), ("idcard-lost", 0.3), ("hukou-move", 0.05), ("dibao", 0.04)];

#[test]
fn none_of_the_offers_leads_to_topics_then_to_their_entries_then_to_the_answer() {
    for (language, words) in [(Zh, "那个证的事"), (Bo, "证དེའི་སྐོར།")] {
        let told = conversation(
            language,
            &[Asks(words, UNSURE), Does(Act::No), Does(Act::Choice(1)), Does(Act::Choice(1))],
        );
        assert_eq!(
            told,
            format!(
                "{words}: did you mean idcard-renew, idcard-lost?\n\
                 No: about documents, social, farming, health? [failure]\n\
                 Choice(1): did you mean hukou-move?\n\
                 Choice(1): answers hukou-move\n"
            )
        );
    }
}

#[test]
fn whoever_wants_nothing_of_the_topic_either_gets_a_person() {
    for language in Language::ALL {
        let told = conversation(
            language,
            &[Asks("户口 ཐེམ་ཐོ", UNSURE), Does(Act::Choice(0)), Does(Act::Choice(2)), Does(Act::No)],
        );
        assert_eq!(
            told,
            "户口 ཐེམ་ཐོ: did you mean idcard-renew, idcard-lost?\n\
             Choice(0): about documents, social, farming, health? [failure]\n\
             Choice(2): did you mean dibao, pension-claim?\n\
             No: a person (LowConfidence)\n"
        );
    }
}

#[test]
fn topics_are_asked_for_once_and_a_question_in_words_is_taken_at_every_stage() {
    for language in Language::ALL {
        let told = conversation(
            language,
            &[
                Asks("证", UNSURE),
                Does(Act::No),
                Asks("低保 怎么申请", &[("dibao", 0.95)]),
                Asks("证", UNSURE),
                Does(Act::No),
                Asks("证", UNSURE),
                Does(Act::No),
            ],
        );
        assert_eq!(
            told,
            "证: did you mean idcard-renew, idcard-lost?\n\
             No: about documents, social, farming, health? [failure]\n\
             低保 怎么申请: answers dibao\n\
             证: did you mean idcard-renew, idcard-lost?\n\
             No: about documents, social, farming, health? [failure]\n\
             证: did you mean idcard-renew, idcard-lost?\n\
             No: a person (LowConfidence)\n"
        );
    }
}

#[test]
fn a_failure_before_does_not_take_the_second_stage_away() {
    for language in Language::ALL {
        let told =
            conversation(language, &[Asks("嗯那个", &[]), Asks("证", UNSURE), Does(Act::No), Does(Act::No)]);
        assert_eq!(
            told,
            "嗯那个: please say it differently [failure]\n\
             证: did you mean idcard-renew, idcard-lost?\n\
             No: about documents, social, farming, health? [failure]\n\
             No: a person (LowConfidence)\n"
        );
    }
}

#[test]
fn no_conversation_of_nothing_but_refusals_and_guesses_goes_on_for_long() {
    let moves = || [Does(Act::No), Does(Act::Choice(9)), Does(Act::Yes), Asks("嗯", &[])];
    for language in Language::ALL {
        // Every sequence of six such turns after a question reaches an answer or a person.
        for number in 0..4_usize.pow(6) {
            let mut turns = vec![Asks("证", UNSURE)];
            let mut rest = number;
            for _ in 0..6 {
                turns.push(moves().into_iter().nth(rest % 4).expect("a move"));
                rest /= 4;
            }
            let told = conversation(language, &turns);
            assert!(told.contains("a person") || told.contains("answers"), "{told}");
        }
    }
}

#[test]
fn a_place_is_asked_for_once_where_the_answer_depends_on_it() {
    for (language, words, place) in [(Zh, "草场补贴什么时候发", "那曲"), (Bo, "草场补贴ག་དུས་སྤྲོད།", "ནག་ཆུ་རེད།")]
    {
        let sure: &[(&str, f32)] = &[("grass", 0.97)];
        let asked = format!("{words}: where (7 places), for grass?\n");
        for answer in [Does(Act::Choice(6)), Asks(place, &[]), Does(Act::No), Does(Act::Choice(0))] {
            let told = conversation(language, &[Asks(words, sure), answer, Asks(words, sure)]);
            assert!(told.starts_with(&asked), "{told}");
            assert_eq!(told.matches("answers grass").count(), 2, "once asked, then answered, {told}");
        }
    }
}

#[test]
fn a_place_that_was_named_is_not_asked_for() {
    let sure: &[(&str, f32)] = &[("grass", 0.97)];
    for words in ["那曲的草场补贴什么时候发", "ནག་ཆུའི་草场补贴ག་དུས་སྤྲོད།"]
    {
        assert_eq!(conversation(Zh, &[Asks(words, sure)]), format!("{words}: answers grass\n"));
    }
    // Nor where it was named earlier in the conversation.
    let told = conversation(Bo, &[Asks("ང་拉萨ནས་ཡིན། 医保 ", &[("medins", 0.95)]), Asks("རྩྭ་ས།", sure)]);
    assert!(told.ends_with("རྩྭ་ས།: answers grass\n"), "{told}");
}

#[test]
fn another_question_instead_of_a_place_is_answered() {
    let told = conversation(
        Zh,
        &[Asks("草场补贴", &[("grass", 0.97)]), Asks("拉萨的医保怎么报销", &[("medins", 0.96)])],
    );
    assert!(told.ends_with("answers medins\n"), "{told}");
}

#[test]
fn a_complaint_offers_a_person_whom_yes_calls_and_no_does_not() {
    for language in Language::ALL {
        let yes = conversation(language, &[Does(Act::Complaint), Does(Act::Yes)]);
        assert_eq!(yes, "Complaint: Complaint\nYes: a person (Asked)\n");
        let no = conversation(language, &[Does(Act::Complaint), Does(Act::No)]);
        assert_eq!(no, "Complaint: Complaint\nNo: Thanks\n");
    }
}

#[test]
fn starting_over_forgets_the_offer_the_failures_and_the_place() {
    for language in Language::ALL {
        let told = conversation(
            language,
            &[
                Asks("那曲 ནག་ཆུ", &[]),
                Asks("证", UNSURE),
                Does(Act::StartOver),
                Does(Act::Choice(1)),
                Asks("草场补贴", &[("grass", 0.97)]),
            ],
        );
        assert_eq!(
            told,
            "那曲 ནག་ཆུ: please say it differently [failure]\n\
             证: did you mean idcard-renew, idcard-lost?\n\
             StartOver: StartOver\n\
             Choice(1): please say it differently [failure]\n\
             草场补贴: where (7 places), for grass?\n"
        );
    }
}
