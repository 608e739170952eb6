//! A knowledge base goes out as YAML, CSV or a workbook, is worked on there, and comes back.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::path::Path;

use kb::{
    AnswerText, AnswerVariant, Collection, Date, Entry, EntryId, Expected, Link, Localized, Review, Revision,
    Signature, Sourced, Text,
};
use proptest::prelude::*;

fn sample() -> Collection {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/knowledge/sample");
    Collection::load(&folder).expect("the sample knowledge base")
}

/// Through each format and back.
fn there_and_back(collection: &Collection) -> [(&'static str, Collection); 3] {
    let yaml = collection.to_file().to_yaml().expect("YAML");
    let csv = collection.to_csv().expect("CSV");
    let xlsx = collection.to_xlsx().expect("a workbook");
    [
        ("YAML", Collection::parse("a.yaml", &yaml)),
        ("CSV", Collection::parse_table("a.csv", csv.as_bytes())),
        ("workbook", Collection::parse_workbook("a.xlsx", &xlsx)),
    ]
}

fn first_difference(a: &Collection, b: &Collection) -> String {
    if (&a.name, &a.notice, a.tibetan_review) != (&b.name, &b.notice, b.tibetan_review) {
        return format!("{:?} {:?} {:?}", (&a.name, &b.name), (&a.notice, &b.notice), b.tibetan_review);
    }
    let pairs = a.entries.iter().zip(&b.entries).find(|(a, b)| a.entry != b.entry);
    pairs.map_or_else(
        || format!("{} and {} entries", a.entries.len(), b.entries.len()),
        |(a, b)| format!("{:#?}\n{:#?}", a.entry, b.entry),
    )
}

#[test]
fn the_sample_knowledge_base_comes_back_from_every_format_as_it_was() {
    let sample = sample();
    assert!(sample.entries.len() > 30 && sample.problems.is_empty());
    for (format, again) in there_and_back(&sample) {
        assert_eq!(again.problems, [], "{format}");
        assert!(again.same_content(&sample), "{format}: {}", first_difference(&sample, &again));
    }
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn weight(weight: f32) -> Expected {
    weight.try_into().unwrap()
}

/// An entry in which nothing is left out.
fn full() -> Entry {
    let signature =
        |by: &str, on: &str| Signature { by: by.into(), on: day(on), revision: Revision("00ff1e5".into()) };
    let text = |question: &str| Text {
        question: question.into(),
        variants: vec!["一|二".into(), "བོད་ཡིག\nདང་汉语".into()],
        keywords: vec!["词".into()],
        spoken: "答。".into(),
        written: "第一行\r\n第二行\n".into(),
        steps: vec![" 先 ".into(), "=SUM(A1)".into()],
        documents: vec!["C:\\文件".into()],
        review: Review::Published,
        updated: Some(day("2026-01-02")),
        translated_from: Some(Revision("1234567890123456".into())),
        reviewed: Some(signature("扎西, \"T.\"", "2026-01-03")),
        published: Some(signature("སྒྲོལ་མ།", "2026-01-04")),
    };
    let answer = |region: Option<&str>, group: Option<&str>| AnswerVariant {
        region: region.map(Into::into),
        group: group.map(Into::into),
        office: Some(Localized { zh: "那曲市".into(), bo: String::new() }),
        zh: AnswerText {
            spoken: Some("在那曲".into()),
            written: Some("在那曲。".into()),
            ..AnswerText::default()
        },
        bo: AnswerText {
            steps: Some(Vec::new()),
            documents: Some(vec!["a".into()]),
            ..AnswerText::default()
        },
    };
    Entry {
        id: EntryId("full".into()),
        topic: "社会".into(),
        sample: true,
        escalate: true,
        zh: Some(text("怎么办？")),
        bo: Some(text("གང་འདྲ་བྱེད་དགོས་རེད།")),
        links: vec![
            Link {
                label: Localized { zh: "网".into(), bo: String::new() },
                url: "https://a.cn/x?y=1|2".into(),
            },
            Link { label: Localized::default(), url: "https://b.cn".into() },
        ],
        office: Some(Localized { zh: "局".into(), bo: "ཅུས།".into() }),
        valid_from: Some(day("2026-01-01")),
        valid_until: Some(day("2026-12-31")),
        expected: Some(weight(1.1)),
        answers: vec![
            answer(Some("540600"), Some("herder")),
            answer(None, Some("pensioner")),
            answer(Some("540624"), None),
        ],
    }
}

fn collection(entries: Vec<Entry>) -> Collection {
    let entries = entries.into_iter().map(|entry| Sourced { file: "a.yaml".into(), entry }).collect();
    Collection {
        name: "测试".into(),
        notice: Localized { zh: "示例".into(), bo: "དཔེ་མཚོན།".into() },
        tibetan_review: Review::AwaitingNativeReviewer,
        entries,
        ..Collection::default()
    }
}

#[test]
fn an_entry_that_leaves_nothing_out_comes_back_from_every_format_as_it_was() {
    let bare = Entry { id: EntryId("bare".into()), zh: Some(Text::default()), ..Entry::default() };
    let collection =
        collection(vec![full(), bare, Entry { id: EntryId("b".into()), bo: full().bo, ..Entry::default() }]);
    for (format, again) in there_and_back(&collection) {
        assert_eq!(again.problems, [], "{format}");
        assert!(again.same_content(&collection), "{format}: {}", first_difference(&collection, &again));
    }
}

/// Texts as nobody should write them: both scripts, separators, control characters, what spreadsheets take for something else.
fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ \\\\|=+@,;\"'\n\r\t_x0-9a-f{}#:&<>ནེ་།药吗\u{b}\u{85}\u{feff}\u{2028}-]{0,16}",
        Just("_x000D_".to_owned()),
        Just("540100".to_owned()),
        Just("~".to_owned()),
        Just("yes".to_owned()),
    ]
}

fn texts() -> impl Strategy<Value = Text> {
    let lists = || prop::collection::vec(nasty(), 0..3);
    let signature = || {
        prop::option::of((nasty(), nasty()).prop_map(|(by, revision)| Signature {
            by,
            on: day("2026-02-03"),
            revision: Revision(revision),
        }))
    };
    let reviews = prop_oneof![
        Just(Review::Draft),
        Just(Review::AwaitingNativeReviewer),
        Just(Review::Sample),
        Just(Review::Reviewed),
        Just(Review::Published),
        Just(Review::Approved),
    ];
    (
        (nasty(), nasty(), nasty()),
        (lists(), lists(), lists(), lists()),
        (reviews, prop::option::of(nasty()), signature(), signature(), any::<bool>()),
    )
        .prop_map(|(texts, lists, state)| Text {
            question: texts.0,
            spoken: texts.1,
            written: texts.2,
            variants: lists.0,
            keywords: lists.1,
            steps: lists.2,
            documents: lists.3,
            review: state.0,
            translated_from: state.1.map(Revision),
            reviewed: state.2,
            published: state.3,
            updated: state.4.then(|| day("2024-02-29")),
        })
}

fn answers() -> impl Strategy<Value = AnswerVariant> {
    let list = || prop::option::of(prop::collection::vec(nasty(), 0..3));
    let text = || {
        (prop::option::of(nasty()), prop::option::of(nasty()), list(), list())
            .prop_map(|(spoken, written, steps, documents)| AnswerText { spoken, written, steps, documents })
    };
    (prop::option::of(nasty()), prop::option::of(nasty()), offices(), text(), text())
        .prop_map(|(region, group, office, zh, bo)| AnswerVariant { region, group, office, zh, bo })
}

fn offices() -> impl Strategy<Value = Option<Localized>> {
    prop::option::of((nasty(), nasty()).prop_map(|(zh, bo)| Localized { zh, bo }))
}

fn entries() -> impl Strategy<Value = Entry> {
    let link =
        (nasty(), nasty(), nasty()).prop_map(|(zh, bo, url)| Link { label: Localized { zh, bo }, url });
    (
        (nasty(), nasty(), any::<bool>(), any::<bool>(), any::<bool>()),
        (texts(), prop::option::of(texts())),
        (prop::collection::vec(link, 0..3), offices(), prop::collection::vec(answers(), 0..3)),
        prop::option::of(0.0_f32..=4.0),
    )
        .prop_map(|(head, (one, other), (links, office, answers), expected)| Entry {
            id: EntryId(head.0),
            topic: head.1,
            sample: head.2,
            escalate: head.3,
            zh: if head.4 { Some(one.clone()) } else { other.clone() },
            bo: if head.4 { other } else { Some(one) },
            links,
            office,
            valid_from: head.2.then(|| day("1999-12-31")),
            valid_until: head.3.then(|| day("2030-01-01")),
            expected: expected.map(weight),
            answers,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn whatever_is_in_a_knowledge_base_comes_back_from_every_format(entries in prop::collection::vec(entries(), 1..3)) {
        let collection = collection(entries);
        for (format, again) in there_and_back(&collection) {
            prop_assert_eq!(&again.problems, &[], "{}", format);
            prop_assert!(again.same_content(&collection), "{}: {}", format, first_difference(&collection, &again));
        }
    }
}

#[test]
fn a_mistake_is_named_with_file_line_and_reason_in_every_format() {
    let named =
        |collection: &Collection| collection.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let yaml = "format: drilen-kb/1\nname: t\nentries:\n# 第一条\n- id: good\n  topic: t\n  zh: {question: 问, spoken: 答, written: 答}\n\
                - id: bad\n  topic: t\n  bo:\n    question: དྲི་བ།\n    spoken: ལན།\n    written: ལན།\n    colour: red\n\
                - topic: t\n  zh: {question: 问二, spoken: 答, written: 答}\n- id: day\n  topic: t\n  valid_from: 1. March\n\
                - id: loud\n  topic: t\n  expected: 9\n";
    let found = named(&Collection::parse("faq.yaml", yaml));
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(
        found[3]
            .starts_with("error: faq.yaml:22, entry loud, expected: “9” is no weight; write a number from 0"),
        "{found:#?}"
    );
    assert!(
        found[0].starts_with("error: faq.yaml:14:5, entry bad, bo: unknown field `colour`"),
        "{found:#?}"
    );
    assert!(
        found[1].starts_with("error: faq.yaml:15:") && found[1].contains("missing field `id`"),
        "{found:#?}"
    );
    assert!(
        found[2].starts_with("error: faq.yaml:19, entry day, valid_from: ")
            && found[2].contains("is no date"),
        "{found:#?}"
    );
    let broken = named(&Collection::parse("faq.yaml", "format: drilen-kb/1\nentries:\n- id: [a\n"));
    assert!(broken[0].starts_with("error: faq.yaml:4:1: this is not YAML"), "{broken:?}");

    let mut collection = collection(vec![full()]);
    let csv = collection.to_csv().unwrap().replace("2026-12-31", "31.12.");
    let found = named(&Collection::parse_table("faq.csv", csv.as_bytes()));
    assert!(
        found[0].starts_with("error: faq.csv:3:7, entry full, valid_until: “31.12.” is no date"),
        "{found:#?}"
    );

    let csv = collection.to_csv().unwrap().replace(",1.1,", ",བཞི།,");
    let found = named(&Collection::parse_table("faq.csv", csv.as_bytes()));
    assert!(
        found[0].starts_with("error: faq.csv:3:8, entry full, expected: “བཞི།” is no weight"),
        "{found:#?}"
    );

    collection.entries[0].entry.answers.clear();
    let mut second = collection.entries[0].clone();
    second.entry.zh.as_mut().unwrap().reviewed.as_mut().unwrap().by = String::new();
    second.entry.id = EntryId("second".into());
    collection.entries.push(second);
    let xlsx = Collection::parse_workbook("faq.xlsx", b"PK no workbook");
    assert!(named(&xlsx)[0].starts_with("error: faq.xlsx: this is not an Excel workbook"), "{xlsx:?}");
    // Column A holds the kind of a row: one that there is not.
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    for (at, name) in ["id", "zh_question", "zh_written", "valid_from"].iter().enumerate() {
        sheet.write_string(0, at as u16, *name).unwrap();
    }
    sheet
        .write_string(2, 0, "a")
        .unwrap()
        .write_string(2, 1, "怎么办")
        .unwrap()
        .write_string(2, 3, "明天")
        .unwrap();
    sheet
        .write_number(3, 0, 7.0)
        .unwrap()
        .write_string(3, 1, "办什么")
        .unwrap()
        .write_number(3, 2, 540_100.0)
        .unwrap();
    let read = Collection::parse_workbook("faq.xlsx", &workbook.save_to_buffer().unwrap());
    let found = named(&read);
    assert_eq!(found, ["error: faq.xlsx, cell D3, entry a, valid_from: “明天” is no date; write 2026-03-01"]);
    assert_eq!(read.entries[0].entry.id.0, "7", "a number is read as it is shown");
    assert_eq!(read.entries[0].entry.zh.as_ref().unwrap().spoken, "540100");
}

#[test]
fn a_text_that_no_cell_can_hold_is_refused_by_name_rather_than_cut() {
    let mut entry = full();
    entry.zh.as_mut().unwrap().written = "长".repeat(40_000);
    let collection = collection(vec![entry]);
    let error = collection.to_xlsx().expect_err("too long").to_string();
    assert!(error.starts_with("entry full, zh_written: the text is too long"), "{error}");
    assert!(
        Collection::parse_table("a.csv", collection.to_csv().unwrap().as_bytes()).same_content(&collection)
    );
}
