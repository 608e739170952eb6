//! Policy as a table of stories: what is understood, turn by turn, and what is done about it.

use std::collections::BTreeSet;
use std::sync::Arc;

use intents::{
    Act, Context, Decision, EscalationReason, PerLanguage, Rules, Scored, Thresholds, Understanding, decide,
};
use kb::EntryId;
use language::Language::{self, Bo, Zh};

fn scored(entry: &str, language: Language, confidence: f32) -> Scored {
    let question = match language {
        Zh => format!("{entry}怎么办？"),
        Bo => format!("{entry}身份证བརྗེ་ས་ག་པར་རེད།"),
    };
    Scored { entry: EntryId(entry.to_owned()), question, language, confidence }
}

/// A turn: an act, or candidates as (entry, confidence).
enum Said {
    Act(Act),
    Asked(&'static [(&'static str, f32)]),
}
use Said::{Act as A, Asked};

#[derive(Debug, PartialEq)]
enum Done {
    Answers(&'static str),
    AnswersAndHandsOver(&'static str),
    Offers(Vec<&'static str>),
    Acts(Act),
    AsksAgain,
    HandsOver(EscalationReason),
}
use Done::{Acts, Answers, AnswersAndHandsOver, AsksAgain, HandsOver, Offers};

fn name(entry: &EntryId) -> &'static str {
    ["renew", "lost", "child", "disputes"].into_iter().find(|name| entry.0 == *name).expect("a known entry")
}

fn outline(decision: &Decision) -> Done {
    match decision {
        Decision::Answer { chosen, then_escalate: false } => Answers(name(&chosen.entry)),
        Decision::Answer { chosen, then_escalate: true } => AnswersAndHandsOver(name(&chosen.entry)),
        Decision::Clarify { choices } => Offers(choices.iter().map(|c| name(&c.entry)).collect()),
        Decision::AskTopic { .. } | Decision::AskPlace { .. } => unreachable!("these rules know neither"),
        Decision::Act(act) => Acts(*act),
        Decision::NotUnderstood => AsksAgain,
        Decision::Escalate(reason) => HandsOver(*reason),
    }
}

fn rules() -> Arc<Rules> {
    let thresholds = PerLanguage {
        bo: Thresholds { answer: 0.9, offer: 0.4 },
        zh: Thresholds { answer: 0.8, offer: 0.3 },
    };
    Arc::new(Rules {
        text: thresholds,
        voice: thresholds,
        always_escalate: Arc::new(BTreeSet::from([EntryId("disputes".to_owned())])),
        ..Rules::default()
    })
}

fn tell(story: &str, language: Language, spoken: bool, turns: &[(Said, Done)]) {
    let mut context = Context::new(rules(), language);
    for (number, (said, expected)) in turns.iter().enumerate() {
        let (act, candidates) = match said {
            A(act) => (*act, Vec::new()),
            Asked(found) => (Act::Question, found.iter().map(|(e, c)| scored(e, language, *c)).collect()),
        };
        let understanding = Understanding { candidates, ..Understanding::of(act, language, spoken) };
        let decision = decide(&context, &understanding);
        assert_eq!(outline(&decision), *expected, "{story}: turn {}", number + 1);
        assert_eq!(decision, decide(&context, &understanding), "{story}: deciding twice gives the same");
        context.record(&decision);
    }
}

#[test]
fn a_typed_question_that_is_sure_is_answered_at_once_in_both_languages() {
    for language in Language::ALL {
        tell("sure", language, false, &[(Asked(&[("renew", 0.95), ("lost", 0.02)]), Answers("renew"))]);
    }
}

#[test]
fn a_spoken_chinese_question_that_is_sure_is_answered_at_once() {
    tell("sure", Zh, true, &[(Asked(&[("renew", 0.95)]), Answers("renew"))]);
}

#[test]
fn a_spoken_tibetan_question_is_never_answered_without_a_confirming_question() {
    for confidence in [0.91, 0.99, 1.0] {
        let mut context = Context::new(rules(), Bo);
        let candidates = vec![scored("renew", Bo, confidence)];
        let understanding = Understanding { candidates, ..Understanding::of(Act::Question, Bo, true) };
        let decision = decide(&context, &understanding);
        assert_eq!(outline(&decision), Offers(vec!["renew"]));
        context.record(&decision);
        let yes = Understanding::of(Act::Yes, Bo, true);
        assert_eq!(outline(&decide(&context, &yes)), Answers("renew"));
    }
}

#[test]
fn tibetan_speech_that_seems_to_match_a_chinese_question_is_confirmed_too() {
    let mut context = Context::new(rules(), Bo);
    let candidates = vec![scored("renew", Zh, 0.99)];
    let understanding = Understanding { candidates, ..Understanding::of(Act::Question, Zh, true) };
    assert_eq!(outline(&decide(&context, &understanding)), Offers(vec!["renew"]));
    context.language = Zh;
    assert_eq!(outline(&decide(&context, &understanding)), Answers("renew"));
}

#[test]
fn an_operator_who_has_calibrated_on_recordings_can_turn_the_confirming_question_off() {
    let rules = Rules { confirm_voice: PerLanguage { bo: false, zh: false }, ..(*rules()).clone() };
    let candidates = vec![scored("renew", Bo, 0.95)];
    let understanding = Understanding { candidates, ..Understanding::of(Act::Question, Bo, true) };
    assert_eq!(outline(&decide(&Context::new(Arc::new(rules), Bo), &understanding)), Answers("renew"));
}

#[test]
fn between_the_thresholds_up_to_three_choices_are_offered_and_the_second_one_is_taken() {
    let asked = || Asked(&[("renew", 0.5), ("lost", 0.3), ("child", 0.1), ("disputes", 0.05)]);
    tell(
        "second",
        Zh,
        false,
        &[(asked(), Offers(vec!["renew", "lost", "child"])), (A(Act::Choice(2)), Answers("lost"))],
    );
    tell(
        "a fourth that was not offered",
        Bo,
        true,
        &[
            (asked(), Offers(vec!["renew", "lost", "child"])),
            (A(Act::Choice(4)), Offers(vec!["renew", "lost", "child"])),
            (A(Act::Choice(3)), Answers("child")),
        ],
    );
    tell(
        "a yes that does not say which",
        Zh,
        false,
        &[
            (asked(), Offers(vec!["renew", "lost", "child"])),
            (A(Act::Yes), Offers(vec!["renew"])),
            (A(Act::Yes), Answers("renew")),
        ],
    );
}

#[test]
fn choices_that_are_hardly_worth_reading_are_left_out() {
    tell("unlikely ones", Zh, false, &[(Asked(&[("renew", 0.6), ("lost", 0.05)]), Offers(vec!["renew"]))]);
}

#[test]
fn what_fits_nothing_is_asked_again_once_and_then_handed_to_a_person() {
    for (language, spoken) in [(Zh, false), (Bo, false), (Zh, true), (Bo, true)] {
        tell(
            "twice",
            language,
            spoken,
            &[
                (Asked(&[("renew", 0.1)]), AsksAgain),
                (Asked(&[]), HandsOver(EscalationReason::LowConfidence)),
                (Asked(&[]), AsksAgain),
            ],
        );
    }
}

#[test]
fn none_of_these_counts_as_a_failure() {
    for none in [Act::No, Act::Choice(0)] {
        tell(
            "none",
            Zh,
            false,
            &[
                (Asked(&[("renew", 0.5)]), Offers(vec!["renew"])),
                (A(none), AsksAgain),
                (Asked(&[("lost", 0.5)]), Offers(vec!["lost"])),
                (A(none), HandsOver(EscalationReason::LowConfidence)),
            ],
        );
    }
}

#[test]
fn an_answer_wipes_out_earlier_failures() {
    tell(
        "recovered",
        Zh,
        false,
        &[(Asked(&[]), AsksAgain), (Asked(&[("renew", 0.9)]), Answers("renew")), (Asked(&[]), AsksAgain)],
    );
}

#[test]
fn whoever_asks_for_a_person_gets_one_even_while_choices_are_on_offer() {
    for language in Language::ALL {
        tell(
            "person",
            language,
            true,
            &[
                (Asked(&[("renew", 0.5)]), Offers(vec!["renew"])),
                (A(Act::Person), HandsOver(EscalationReason::Asked)),
            ],
        );
    }
}

#[test]
fn an_entry_that_a_person_must_see_is_answered_and_handed_over() {
    tell("policy", Zh, false, &[(Asked(&[("disputes", 0.9)]), AnswersAndHandsOver("disputes"))]);
    tell(
        "policy after confirming",
        Bo,
        true,
        &[
            (Asked(&[("disputes", 0.95)]), Offers(vec!["disputes"])),
            (A(Act::Yes), AnswersAndHandsOver("disputes")),
        ],
    );
}

#[test]
fn an_emergency_gets_guidance_first_and_a_person_when_it_is_said_again() {
    for language in Language::ALL {
        tell(
            "emergency",
            language,
            true,
            &[
                (Asked(&[("renew", 0.5)]), Offers(vec!["renew"])),
                (A(Act::Emergency), Acts(Act::Emergency)),
                (A(Act::Emergency), HandsOver(EscalationReason::Emergency)),
            ],
        );
    }
    tell(
        "two emergencies far apart",
        Zh,
        false,
        &[
            (A(Act::Emergency), Acts(Act::Emergency)),
            (Asked(&[("renew", 0.9)]), Answers("renew")),
            (A(Act::Emergency), Acts(Act::Emergency)),
        ],
    );
}

#[test]
fn acts_are_acted_on_and_an_offer_outlives_say_that_again() {
    tell(
        "repeat",
        Bo,
        true,
        &[
            (A(Act::Greeting), Acts(Act::Greeting)),
            (Asked(&[("renew", 0.5)]), Offers(vec!["renew"])),
            (A(Act::Repeat), Acts(Act::Repeat)),
            (A(Act::Slower), Acts(Act::Slower)),
            (A(Act::Yes), Answers("renew")),
            (A(Act::Thanks), Acts(Act::Thanks)),
            (A(Act::Goodbye), Acts(Act::Goodbye)),
        ],
    );
}

#[test]
fn yes_after_an_answer_is_a_thank_you_and_out_of_nowhere_is_not_understood() {
    tell(
        "all right",
        Zh,
        false,
        &[(Asked(&[("renew", 0.9)]), Answers("renew")), (A(Act::Yes), Acts(Act::Thanks))],
    );
    tell("out of nowhere", Zh, false, &[(A(Act::Yes), AsksAgain)]);
    tell("a number out of nowhere", Bo, false, &[(A(Act::Choice(1)), AsksAgain)]);
}

#[test]
fn a_new_question_replaces_an_offer() {
    tell(
        "another question",
        Zh,
        false,
        &[
            (Asked(&[("renew", 0.5)]), Offers(vec!["renew"])),
            (Asked(&[("lost", 0.5)]), Offers(vec!["lost"])),
            (A(Act::Yes), Answers("lost")),
        ],
    );
}

#[test]
fn two_questions_in_a_row_to_which_only_choices_could_be_offered_bring_a_person_at_the_third() {
    for (language, spoken) in [(Zh, false), (Bo, false), (Zh, true), (Bo, true)] {
        tell(
            "choices passed over",
            language,
            spoken,
            &[
                (Asked(&[("renew", 0.5)]), Offers(vec!["renew"])),
                (Asked(&[("lost", 0.5), ("renew", 0.2)]), Offers(vec!["lost", "renew"])),
                (Asked(&[("child", 0.5)]), HandsOver(EscalationReason::LowConfidence)),
            ],
        );
    }
    tell(
        "asking on about the same choices is no failure",
        Zh,
        false,
        &[
            (Asked(&[("renew", 0.5), ("lost", 0.3)]), Offers(vec!["renew", "lost"])),
            (A(Act::Yes), Offers(vec!["renew"])),
            (Asked(&[("renew", 0.6)]), Offers(vec!["renew"])),
            (Asked(&[("lost", 0.6)]), Offers(vec!["lost"])),
        ],
    );
}

#[test]
fn what_a_person_must_see_is_answered_and_handed_over_as_soon_as_it_is_clearly_ahead() {
    let urgent = || Asked(&[("disputes", 0.6), ("lost", 0.2)]);
    for language in Language::ALL {
        tell("typed", language, false, &[(urgent(), AnswersAndHandsOver("disputes"))]);
        let rivalled = Asked(&[("disputes", 0.5), ("lost", 0.3)]);
        tell("rivalled", language, false, &[(rivalled, Offers(vec!["disputes", "lost"]))]);
        let faint = Asked(&[("disputes", 0.45)]);
        tell("faint", language, false, &[(faint, Offers(vec!["disputes"]))]);
    }
    tell(
        "spoken Tibetan is still confirmed",
        Bo,
        true,
        &[(urgent(), Offers(vec!["disputes"])), (A(Act::Yes), AnswersAndHandsOver("disputes"))],
    );
}

#[test]
fn many_unlikely_entries_together_are_no_reason_to_offer_any() {
    let unlikely = Asked(&[("renew", 0.19), ("lost", 0.18), ("child", 0.17)]);
    tell("unlikely", Zh, false, &[(unlikely, AsksAgain)]);
}

#[test]
fn no_person_after_all_is_left_to_whoever_knows_who_waits_and_is_no_failure() {
    tell(
        "leave the queue",
        Bo,
        false,
        &[
            (Asked(&[]), AsksAgain),
            (A(Act::LeaveQueue), Acts(Act::LeaveQueue)),
            (Asked(&[]), HandsOver(EscalationReason::LowConfidence)),
        ],
    );
}
