//! Typed questions against the sample knowledge base and against real user queries: figures with floors.
//!
//! `cargo test -p intents --test understanding_text -- --nocapture` prints the figures.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use intents::evaluate::{Evaluation, Labelled, Layout, Row, evaluate, read_table};
use intents::{
    Act, Context, Decision, EscalationReason, Memory, Scored, Settings, Understander, Utterance, decide,
};
use kb::{Collection, EntryId, Publication};
use language::Language::{self, Bo, Zh};

fn knowledge() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/knowledge")
}

static SAMPLE: LazyLock<Understander> = LazyLock::new(|| {
    let collection = Collection::load(&knowledge().join("sample")).expect("the sample knowledge base");
    let publication = Arc::new(Publication::new(&collection).expect("publishable"));
    Understander::new(publication, Settings::default()).expect("calibrated")
});

fn utterance(text: &str, language: Language) -> Utterance {
    Utterance::typed(text, language)
}

/// Questions by somebody who has seen the answers only, and questions that no entry answers.
fn held_out(language: Language) -> Vec<Labelled> {
    let read = |file: &str, layout| {
        let path = knowledge().join("../../tests/data").join(file);
        let table = read_table(file, &std::fs::read(&path).expect("a table of questions"), layout);
        assert!(table.problems.is_empty(), "{:?}", table.problems);
        table.rows
    };
    let inside = read("held_out_questions.tsv", Layout::Queries);
    let outside = read("outside_questions.tsv", Layout::Outside);
    let set: Vec<Labelled> =
        inside.into_iter().chain(outside).filter(|row| row.language == language).map(Row::labelled).collect();
    assert!(set.len() > 600, "{} held-out questions", set.len());
    set
}

fn report(name: &str, understander: &Understander, set: &[Labelled]) -> Evaluation {
    if std::env::var_os("DRILEN_SHOW_MISSES").is_some() {
        let outcomes = intents::evaluate::outcomes(understander, set).expect("the index works");
        for (labelled, outcome) in set.iter().zip(outcomes).filter(|(_, o)| o.inside() && o.rank != Some(1)) {
            println!("{} {:?} {:?}", labelled.utterance.text, labelled.expected, outcome);
        }
    }
    let evaluation = evaluate(understander, set).expect("the index works");
    println!("{name}: {evaluation}");
    evaluation
}

#[test]
fn the_calibration_of_the_sample_is_fitted_and_says_on_what() {
    for language in Language::ALL {
        let fit = SAMPLE.calibration().text.get(language);
        println!(
            "{language}: {:?} {:?} {} wrong {:.3} answered {:.3}",
            fit.model, fit.thresholds, fit.source, fit.expected_wrong, fit.expected_answered
        );
        assert!(fit.examples > 100 && fit.source.contains("held-out"));
        assert!(fit.expected_wrong <= 0.02 && fit.thresholds.answer >= 0.5);
        assert_eq!(SAMPLE.calibration().voice.get(language).examples, 0, "nobody has calibrated voice yet");
    }
    let json = serde_json::to_string(SAMPLE.calibration()).expect("JSON");
    assert_eq!(
        &serde_json::from_str::<intents::Calibration>(&json).expect("reads back"),
        SAMPLE.calibration()
    );
}

#[test]
fn held_out_chinese_questions_find_their_entry() {
    let evaluation = report("sample, held out, zh", &SAMPLE, &held_out(Zh));
    assert!(evaluation.top1 >= 0.92 && evaluation.top5 >= 0.97, "{evaluation}");
    assert!(evaluation.auc >= 0.9 && evaluation.answered >= 0.65, "{evaluation}");
    assert!(evaluation.wrong_of_answered_inside <= 0.03, "{evaluation}");
}

#[test]
fn held_out_tibetan_questions_find_their_entry_mixed_ones_included() {
    let evaluation = report("sample, held out, bo", &SAMPLE, &held_out(Bo));
    assert!(evaluation.top1 >= 0.92 && evaluation.top5 >= 0.97, "{evaluation}");
    assert!(evaluation.auc >= 0.9 && evaluation.answered >= 0.65, "{evaluation}");
    assert!(evaluation.wrong_of_answered_inside <= 0.03, "{evaluation}");
}

#[test]
fn every_question_of_the_sample_is_answered_at_once_when_typed_as_it_is_written() {
    let rules = SAMPLE.rules();
    for variant in SAMPLE.publication().variants() {
        let own = &SAMPLE.publication().entries()[variant.entry as usize].id;
        let utterance = utterance(&variant.text, variant.language);
        let understanding = SAMPLE.understand(&utterance, &Memory::default()).expect("the index works");
        let context = Context::new(Arc::clone(&rules), variant.language);
        match decide(&context, &understanding) {
            Decision::Answer { chosen, .. } => assert_eq!(&chosen.entry, own, "{}", variant.text),
            other => panic!("{}: {other:?}", variant.text),
        }
        assert_eq!(understanding.language, variant.language, "{}", variant.text);
        assert!(understanding.candidates.iter().map(|c| c.confidence).sum::<f32>() <= 1.0001);
    }
}

fn decided(understander: &Understander, text: &str, language: Language) -> Decision {
    let understanding =
        understander.understand(&utterance(text, language), &Memory::default()).expect("the index works");
    decide(&Context::new(understander.rules(), language), &understanding)
}

const DISTRESS: [(&str, Language); 10] = [
    ("我想死", Zh),
    ("自杀", Zh),
    ("我不想活了", Zh),
    ("我朋友说要自杀", Zh),
    ("活不下去了", Zh),
    ("ང་ཤི་འདོད་འདུག", Bo),
    ("རང་སྲོག་གཅོད་འདོད་འདུག", Bo),
    ("ང་གསོན་འདོད་མི་འདུག", Bo),
    ("ང་自杀བྱེད་འདོད་འདུག", Bo),
    ("བཀྲ་ཤིས་བདེ་ལེགས། ང་ཤི་འདོད་ཡོད།", Bo),
];

#[test]
fn whoever_speaks_of_ending_a_life_gets_the_hotline_and_a_person() {
    for (text, language) in DISTRESS {
        match decided(&SAMPLE, text, language) {
            Decision::Answer { chosen, then_escalate } => {
                assert_eq!((chosen.entry.0.as_str(), then_escalate), ("self-harm-risk", true), "{text}");
                assert_eq!(chosen.language, language, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    for (text, language) in [("想死你了", Zh), ("ཁྱེད་རང་གི་མིང་ལ་ག་རེ་ཟེར་གྱི་ཡོད", Bo), ("跳楼价是多少", Zh)]
    {
        let decision = decided(&SAMPLE, text, language);
        let offered: Vec<Scored> = match decision {
            Decision::Answer { chosen, .. } => vec![chosen],
            Decision::Clarify { choices } => choices,
            decision => {
                assert!(!matches!(decision, Decision::Escalate(_)), "{text}: {decision:?}");
                continue;
            }
        };
        assert!(offered.iter().all(|choice| choice.entry.0 != "self-harm-risk"), "{text}: {offered:?}");
    }
}

#[test]
fn without_an_entry_for_it_whoever_speaks_of_ending_a_life_gets_a_person() {
    let mut collection = Collection::load(&knowledge().join("sample")).expect("the sample knowledge base");
    collection.entries.retain(|sourced| sourced.entry.id.0 != "self-harm-risk");
    let publication = Arc::new(Publication::new(&collection).expect("publishable"));
    let understander = Understander::new(publication, Settings::default()).expect("calibrated");
    for (text, language) in DISTRESS {
        let decision = decided(&understander, text, language);
        assert_eq!(decision, Decision::Escalate(EscalationReason::Asked), "{text}");
    }
}

#[test]
fn a_word_or_a_number_alone_is_never_answered() {
    for text in ["水", "钱", "100元", "护照", "丢了", "ཆུ", "དངུལ", "我的水", "12345"] {
        let decision = decided(&SAMPLE, text, Zh);
        assert!(
            matches!(decision, Decision::Clarify { .. } | Decision::NotUnderstood),
            "{text}: {decision:?}"
        );
    }
    for text in ["7", "༧", "12", "༡༢", "的", "2024"] {
        assert_eq!(decided(&SAMPLE, text, Bo), Decision::NotUnderstood, "{text}");
    }
}

#[test]
fn a_wish_for_a_language_is_understood_in_many_words_and_changes_only_to_the_other_one() {
    for (text, from) in [
        ("请用藏文回答我", Zh),
        ("说藏语", Zh),
        ("藏语", Zh),
        ("我听不懂汉语", Zh),
        ("བོད་སྐད་ནང་བཤད་རོགས་གནང་", Zh),
        ("汉语", Bo),
        ("请用中文回答", Bo),
        ("རྒྱ་སྐད་བཤད་རོགས", Bo),
        ("རྒྱ་སྐད་ནང་བཤད་རོགས་གནང་", Bo),
        ("汉语ནང་བཤད་རོགས", Bo),
    ] {
        assert_eq!(decided(&SAMPLE, text, from), Decision::Act(Act::OtherLanguage), "{text}");
        assert_ne!(decided(&SAMPLE, text, from.other()), Decision::Act(Act::OtherLanguage), "{text}");
    }
}

#[test]
fn who_no_longer_wants_a_person_or_has_no_more_questions_is_understood() {
    for text in ["不用转了", "我不用人工了", "取消人工", "不要人工", "ལས་བྱེད་པ་མི་དགོས", "ང་ལ་人工མི་དགོས"]
    {
        assert_eq!(decided(&SAMPLE, text, Zh), Decision::Act(Act::LeaveQueue), "{text}");
    }
    for text in ["没有别的问题了", "གཞན་དྲི་བ་མེད"] {
        assert_eq!(decided(&SAMPLE, text, Zh), Decision::Act(Act::Goodbye), "{text}");
    }
}

#[test]
fn chit_chat_and_nonsense_are_not_answered() {
    for (text, language) in [
        ("今天天气怎么样", Zh),
        ("给我讲个笑话", Zh),
        ("asdf qwer", Zh),
        ("？？？", Bo),
        ("", Bo),
        ("དེ་རིང་གནམ་གཤིས་གང་འདྲ་འདུག", Bo),
        ("བཀྲ་ཤིས་和平", Bo),
    ] {
        let understanding =
            SAMPLE.understand(&utterance(text, language), &Memory::default()).expect("the index works");
        let decision = decide(&Context::new(SAMPLE.rules(), language), &understanding);
        assert!(!matches!(decision, Decision::Answer { .. }), "{text}: {decision:?}");
    }
}

#[test]
fn a_thousand_entries_are_searched_within_five_milliseconds_on_average() {
    let sample = Collection::load(&knowledge().join("sample")).expect("the sample knowledge base");
    let mut big = sample.clone();
    let copies = 1_000 / sample.entries.len() + 1;
    for copy in 1..copies {
        for mut sourced in sample.entries.clone() {
            sourced.entry.id = EntryId(format!("{}-{copy}", sourced.entry.id));
            for text in [&mut sourced.entry.zh, &mut sourced.entry.bo].into_iter().flatten() {
                text.question = format!("{}{copy}", text.question);
                text.variants = text.variants.iter().map(|v| format!("{v}{copy}")).collect();
            }
            big.entries.push(sourced);
        }
    }
    let start = Instant::now();
    let publication = Arc::new(Publication::new(&big).expect("publishable"));
    let published = start.elapsed();
    let spoken = Instant::now();
    let forms = publication.spoken_forms();
    println!(
        "{} entries, {} questions: published in {published:.2?}, spoken forms in {:.2?} ({:?} n-grams)",
        publication.entries().len(),
        publication.variants().len(),
        spoken.elapsed(),
        forms.ngrams.iter().map(|n| n.batch.len()).collect::<Vec<_>>(),
    );
    let start = Instant::now();
    let understander = Understander::new(publication, Settings::default()).expect("calibrated");
    println!("calibrated in {:.2?}", start.elapsed());
    let questions: Vec<Utterance> =
        held_out(Zh).into_iter().chain(held_out(Bo)).map(|l| l.utterance).collect();
    let start = Instant::now();
    for question in &questions {
        understander.understand(question, &Memory::default()).expect("the index works");
    }
    let mean = start.elapsed() / questions.len() as u32;
    println!("a question takes {mean:.2?} on average");
    // Ten times the target: this machine may be busy, and the test is about orders of magnitude.
    assert!(mean.as_millis() < 50, "{mean:?}");
}

fn measuring_data() -> Option<PathBuf> {
    let folder = std::env::var_os("DRILEN_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from)
        .join("faq_gov");
    folder.is_dir().then_some(folder)
}

#[test]
fn real_queries_to_a_government_service_are_matched_among_its_single_questions() {
    let Some(folder) = measuring_data() else {
        println!("skipped: no measuring data (set DRILEN_DATA to the folder that holds faq_gov)");
        return;
    };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("readable");
    let mut yaml = "format: drilen-kb/1\nname: measuring\nentries:\n".to_owned();
    let mut ids = std::collections::HashMap::new();
    for (number, line) in read("faq_entries.tsv").lines().skip(1).enumerate() {
        let (id, question) = line.split_once('\t').expect("two columns");
        ids.insert(id.to_owned(), EntryId(format!("e-{number}")));
        let question = serde_json::to_string(question.trim()).expect("JSON");
        writeln!(
            yaml,
            "- {{id: e-{number}, topic: t, zh: {{question: {question}, spoken: 答, written: 答}}}}"
        )
        .expect("written");
    }
    let collection = Collection::parse("faq_gov", &yaml);
    let publication = match Publication::new(&collection) {
        Ok(publication) => Arc::new(publication),
        Err(error) => panic!("{error}: {}", kb::check(&collection)),
    };
    let understander = Understander::new(publication, Settings::default()).expect("documented constants");
    let labelled = |text: &str, expected: Option<EntryId>| Labelled::inside(text, Zh, expected);
    let mut set: Vec<Labelled> = read("queries_dev.tsv")
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .map(|(query, id)| labelled(query, ids.get(id.trim()).cloned()))
        .collect();
    for name in ["oos_chat_dev.tsv", "oos_open_dev.tsv"] {
        set.extend(read(name).lines().skip(1).map(|query| labelled(query, None)));
    }
    let evaluation = report("faq_gov, one question per entry", &understander, &set);
    assert!(evaluation.top1 > 0.5 && evaluation.auc > 0.85, "{evaluation}");
}

/// Every seventh entry loses one language; its own questions in that language, and then the titles of the other, are asked.
#[test]
fn a_question_in_one_language_finds_an_entry_that_exists_only_in_the_other() {
    let mut collection = Collection::load(&knowledge().join("sample")).expect("the sample knowledge base");
    let mut asked: Vec<(EntryId, Language, Vec<String>)> = Vec::new();
    for (number, sourced) in collection.entries.iter_mut().enumerate().filter(|(number, _)| number % 7 == 0) {
        let entry = &mut sourced.entry;
        let (language, lost) = if number % 2 == 0 { (Bo, entry.bo.take()) } else { (Zh, entry.zh.take()) };
        let Some(text) = lost else { continue };
        asked.push((entry.id.clone(), language, [vec![text.question], text.variants].concat()));
    }
    let publication = Arc::new(Publication::new(&collection).expect("publishable"));
    let understander = Understander::new(publication, Settings::default()).expect("calibrated");
    for language in [Bo, Zh] {
        let (mut all, mut first, mut among) = (0, 0, 0);
        for (id, _, questions) in asked.iter().filter(|(_, of, _)| *of == language) {
            for question in questions {
                let understood = understander
                    .understand(&utterance(question, language), &Memory::default())
                    .expect("works");
                let rank = understood.candidates.iter().position(|candidate| candidate.entry == *id);
                all += 1;
                first += usize::from(rank == Some(0));
                among += usize::from(rank.is_some());
            }
        }
        println!("asked in {language}, known only in the other: first {first}, among five {among} of {all}");
        assert!(first * 4 >= all, "{language}: {first} of {all} first");
        assert!(among * 2 >= all, "{language}: {among} of {all} among five");
    }
}
