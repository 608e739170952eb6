//! Which answer a citizen gets, and who has to have signed it.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use kb::{
    AnswerText, AnswerVariant, Collection, Date, Entry, EntryId, IllegalStep, Localized, Review, Situation,
    Stage, Step, Text, Translation,
};
use language::Language::{Bo, Zh};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn text(question: &str, answer: &str) -> Text {
    Text { question: question.into(), spoken: answer.into(), written: answer.into(), ..Text::default() }
}

fn entry() -> Entry {
    Entry {
        id: EntryId("grassland-subsidy".into()),
        topic: "farming".into(),
        zh: Some(Text {
            documents: vec!["草原证".into()], ..text("草补怎么领？", "全区标准：每亩七块五。")
        }),
        bo: Some(text("རྩྭ་ཐང་གི་ཁ་གསབ་གང་འདྲ་ལེན་དགོས།", "ས་གནས་ཡོངས་ལ་སྒོར་བདུན་དང་ཟུར་ལྔ།")),
        office: Some(Localized {
            zh: "县农业农村局".into(), bo: "རྫོང་ཞིང་འབྲོག་ཅུས།".into()
        }),
        ..Entry::default()
    }
}

fn answers(zh: &str, bo: &str) -> (AnswerText, AnswerText) {
    let text = |answer: &str| AnswerText {
        spoken: Some(answer.into()),
        written: Some(answer.into()),
        ..AnswerText::default()
    };
    let of = |answer: &str| if answer.is_empty() { AnswerText::default() } else { text(answer) };
    (of(zh), of(bo))
}

fn variant(region: Option<&str>, group: Option<&str>, zh: &str, bo: &str) -> AnswerVariant {
    let (zh, bo) = answers(zh, bo);
    AnswerVariant { region: region.map(Into::into), group: group.map(Into::into), office: None, zh, bo }
}

fn at(region: Option<&str>, group: Option<&str>) -> Situation {
    Situation {
        region: region.map(Into::into),
        group: group.map(Into::into),
        ..Situation::on(day("2026-06-01"))
    }
}

#[test]
fn the_smallest_place_wins_and_everybody_else_gets_the_answer_for_the_whole_region() {
    let mut entry = entry();
    entry.answers = vec![
        variant(Some("540600"), None, "那曲：九块。", "ནག་ཆུ་སྒོར་དགུ།"),
        variant(None, Some("herder"), "牧民：八块。", "འབྲོག་པ་སྒོར་བརྒྱད།"),
        variant(Some("540624"), None, "安多：十块。", "ཨ་མདོ་སྒོར་བཅུ།"),
        variant(Some("540600"), Some("herder"), "那曲牧民：九块五。", "ནག་ཆུའི་འབྲོག་པ།"),
    ];
    let spoken = |region, group| entry.answer(Zh, &at(region, group)).unwrap().spoken.to_owned();
    assert_eq!(spoken(None, None), "全区标准：每亩七块五。");
    assert_eq!(spoken(Some("540100"), None), "全区标准：每亩七块五。");
    assert_eq!(spoken(Some("540600"), None), "那曲：九块。");
    assert_eq!(spoken(Some("540625"), None), "那曲：九块。", "a county without an answer of its own");
    assert_eq!(spoken(Some("540624"), None), "安多：十块。");
    assert_eq!(spoken(Some("540624"), Some("herder")), "安多：十块。", "the place goes before the group");
    assert_eq!(spoken(Some("540600"), Some("herder")), "那曲牧民：九块五。");
    assert_eq!(spoken(Some("540100"), Some("herder")), "牧民：八块。");
    assert_eq!(spoken(Some("540100"), Some("pensioner")), "全区标准：每亩七块五。");
    assert_eq!(spoken(Some("no such code"), None), "全区标准：每亩七块五。");
    assert_eq!(entry.answer(Bo, &at(Some("540624"), None)).unwrap().spoken, "ཨ་མདོ་སྒོར་བཅུ།");
    // A former code still names the place.
    entry.answers.push(variant(Some("540530"), None, "错那：十一块。", "མཚོ་སྣ།"));
    assert_eq!(entry.answer(Zh, &at(Some("540581"), None)).unwrap().spoken, "错那：十一块。");
}

#[test]
fn what_a_variant_leaves_out_is_the_entrys_own() {
    let mut entry = entry();
    let office = Localized {
        zh: "那曲市农业农村局".into(), bo: "ནག་ཆུ་ཞིང་འབྲོག་ཅུས།".into()
    };
    entry.answers = vec![
        AnswerVariant {
            region: Some("540600".into()),
            office: Some(office.clone()),
            ..AnswerVariant::default()
        },
        AnswerVariant {
            group: Some("pensioner".into()),
            zh: AnswerText { documents: Some(Vec::new()), ..AnswerText::default() },
            bo: AnswerText { documents: Some(Vec::new()), ..AnswerText::default() },
            ..AnswerVariant::default()
        },
    ];
    let nagqu = entry.answer(Zh, &at(Some("540600"), None)).unwrap();
    assert_eq!((nagqu.spoken, nagqu.office), ("全区标准：每亩七块五。", Some(&office)));
    assert_eq!(nagqu.documents, ["草原证"]);
    assert_eq!(entry.answer(Bo, &at(Some("540600"), None)).unwrap().language, Bo);
    let old = entry.answer(Zh, &at(None, Some("pensioner"))).unwrap();
    assert_eq!((old.documents.len(), old.office), (0, entry.office.as_ref()), "an empty list says: nothing");
}

#[test]
fn an_answer_that_only_the_other_language_has_is_given_in_that_language() {
    let mut entry = entry();
    entry.answers = vec![variant(Some("540600"), None, "那曲：九块。", "")];
    let answer = entry.answer(Bo, &at(Some("540600"), None)).unwrap();
    assert_eq!(
        (answer.language, answer.spoken),
        (Zh, "那曲：九块。"),
        "the general Tibetan answer would be wrong here"
    );
    assert_eq!(entry.answer(Bo, &at(Some("540100"), None)).unwrap().language, Bo);
    entry.bo = None;
    assert_eq!(entry.answer(Bo, &at(None, None)).unwrap().language, Zh);
    entry.zh = None;
    assert_eq!(entry.answer(Bo, &at(None, None)), None);
}

#[test]
fn an_entry_is_served_from_its_first_to_its_last_day() {
    let mut entry = entry();
    (entry.valid_from, entry.valid_until) = (Some(day("2026-06-01")), Some(day("2026-06-30")));
    let served = |on: &str| entry.answer(Zh, &Situation::on(day(on))).is_some();
    assert!(!served("2026-05-31") && served("2026-06-01") && served("2026-06-30") && !served("2026-07-01"));
    let next = |on: &str| kb::next_change([&entry], day(on));
    assert_eq!(next("2026-01-01"), Some(day("2026-06-01")));
    assert_eq!(next("2026-06-01"), Some(day("2026-07-01")));
    assert_eq!(next("2026-07-01"), None);
    let sourced = kb::Sourced { file: "a.yaml".into(), entry };
    let collection = Collection { entries: vec![sourced], ..Collection::default() };
    let (in_force, left_out) = collection.in_force(day("2026-07-01"));
    assert!(in_force.entries.is_empty());
    assert_eq!(left_out, [EntryId("grassland-subsidy".into())]);
}

#[test]
fn a_text_is_published_by_two_different_people_and_in_that_order() {
    let mut entry = entry();
    let today = day("2026-03-01");
    assert_eq!(entry.stage(Bo), Some(Stage::Draft));
    assert_eq!(entry.after(Step::Publish, Bo, "卓玛", today), Err(IllegalStep::NotReviewed));
    assert_eq!(entry.after(Step::Review, Bo, "  ", today), Err(IllegalStep::NoName));
    entry.bo = Some(entry.after(Step::Review, Bo, "Tashi Dorje", today).unwrap());
    assert_eq!(entry.stage(Bo), Some(Stage::Reviewed));
    assert_eq!(entry.after(Step::Review, Bo, "卓玛", today), Err(IllegalStep::Already(Stage::Reviewed)));
    for same in ["Tashi Dorje", "tashi  dorje ", "ＴＡＳＨＩ Dorje"] {
        let refused = entry.after(Step::Publish, Bo, same, today);
        assert_eq!(refused, Err(IllegalStep::SameActor("Tashi Dorje".into())), "{same}");
    }
    entry.bo = Some(entry.after(Step::Publish, Bo, "卓玛", day("2026-03-02")).unwrap());
    assert_eq!(entry.stage(Bo), Some(Stage::Published));
    let bo = entry.bo.as_ref().unwrap();
    let (reviewed, published) = (bo.reviewed.as_ref().unwrap(), bo.published.as_ref().unwrap());
    assert_eq!((reviewed.by.as_str(), reviewed.on), ("Tashi Dorje", today));
    assert_eq!((published.by.as_str(), published.on), ("卓玛", day("2026-03-02")));
    for step in [Step::Review, Step::Publish] {
        assert_eq!(entry.after(step, Bo, "བསོད་ནམས།", today), Err(IllegalStep::Already(Stage::Published)));
    }
    assert_eq!(entry.stage(Zh), Some(Stage::Draft), "each language goes its own way");
    entry.zh = None;
    assert_eq!(entry.after(Step::Review, Zh, "卓玛", today), Err(IllegalStep::NoText(Zh)));
}

#[test]
fn an_edit_opens_a_signed_text_again_and_a_new_way_of_asking_does_not() {
    let mut entry = entry();
    entry.bo = Some(entry.after(Step::Review, Bo, "扎西", day("2026-03-01")).unwrap());
    entry.bo.as_mut().unwrap().variants.push("草补ག་དུས་སྤྲོད་ཀྱི་རེད".into());
    assert_eq!(entry.stage(Bo), Some(Stage::Reviewed));
    entry.bo.as_mut().unwrap().written.push_str("（ཁ་སྣོན།）");
    assert_eq!(entry.stage(Bo), Some(Stage::Draft));
    let changed = IllegalStep::ChangedSinceReview { by: "扎西".into(), on: day("2026-03-01") };
    assert_eq!(entry.after(Step::Publish, Bo, "卓玛", day("2026-03-02")), Err(changed));
    assert!(entry.after(Step::Review, Bo, "扎西", day("2026-03-02")).is_ok());
}

#[test]
fn signatures_that_somebody_wrote_by_hand_do_not_publish() {
    let mut entry = entry();
    entry.zh.as_mut().unwrap().review = Review::Published;
    assert_eq!(entry.stage(Zh), Some(Stage::Draft), "nobody has signed");
    entry.zh.as_mut().unwrap().review = Review::Draft;
    let mut text = entry.after(Step::Review, Zh, "扎西", day("2026-03-01")).unwrap();
    text.published = text.reviewed.clone();
    text.review = Review::Published;
    entry.zh = Some(text);
    assert_eq!(entry.stage(Zh), Some(Stage::Reviewed), "one person signed twice");
    entry.zh.as_mut().unwrap().review = Review::Approved;
    assert_eq!(entry.stage(Zh), Some(Stage::Published), "released before signatures were kept");
}

fn published(entry: &mut Entry, language: language::Language, on: &str) {
    for (step, by) in [(Step::Review, "扎西"), (Step::Publish, "卓玛")] {
        let text = entry.after(step, language, by, day(on)).unwrap();
        *entry.text_mut(language).unwrap() = text;
    }
}

#[test]
fn a_translation_is_outdated_as_soon_as_what_it_was_made_from_has_changed() {
    let mut entry = entry();
    published(&mut entry, Zh, "2026-03-01");
    entry.bo.as_mut().unwrap().translated_from = entry.content_revision(Zh);
    assert_eq!(entry.translation(Bo), Translation::Current);
    assert_eq!(entry.translation(Zh), Translation::Current);
    entry.zh.as_mut().unwrap().spoken = "新标准：每亩八块。".into();
    assert_eq!(
        entry.translation(Bo),
        Translation::Outdated { since: None },
        "changed, and nobody wrote when"
    );
    published(&mut entry, Zh, "2026-03-10");
    assert_eq!(entry.translation(Bo), Translation::Outdated { since: Some(day("2026-03-10")) });
    assert_eq!(entry.translation(Zh), Translation::Current);
    let answer = entry.answer(Bo, &Situation::on(day("2026-03-15"))).unwrap();
    assert_eq!((answer.language, answer.outdated), (Bo, Some(kb::Outdated { days: Some(5) })));
    assert_eq!(entry.answer(Zh, &Situation::on(day("2026-03-15"))).unwrap().outdated, None);
    entry.bo = None;
    assert_eq!(entry.translation(Bo), Translation::Missing { since: Some(day("2026-03-10")) });
}

#[test]
fn without_a_named_source_a_text_that_was_signed_earlier_cannot_be_known_to_say_the_same() {
    let mut entry = entry();
    published(&mut entry, Bo, "2026-02-01");
    published(&mut entry, Zh, "2026-03-01");
    assert_eq!(entry.translation(Bo), Translation::Outdated { since: Some(day("2026-03-01")) });
    assert_eq!(entry.translation(Zh), Translation::Current);
    entry.bo.as_mut().unwrap().updated = Some(day("2026-03-02"));
    assert_eq!(entry.translation(Bo), Translation::Current);
    // Drafts on both sides, as in the sample content: nothing was published, so nothing is behind.
    assert_eq!(self::entry().translation(Bo), Translation::Current);
}

#[test]
fn todays_files_still_load_and_keep_their_state() {
    for (written, review, stage) in [
        ("draft", Review::Draft, Stage::Draft),
        ("sample", Review::Sample, Stage::Draft),
        ("awaiting-native-reviewer", Review::AwaitingNativeReviewer, Stage::Draft),
        ("approved", Review::Approved, Stage::Published),
    ] {
        let yaml = format!(
            "format: drilen-kb/1\nname: t\nentries:\n- id: a\n  topic: t\n  zh: {{question: 问, spoken: 答, written: 答, review: {written}}}\n"
        );
        let collection = Collection::parse("a.yaml", &yaml);
        assert_eq!(collection.problems, []);
        let entry = &collection.entries[0].entry;
        assert_eq!((entry.zh.as_ref().unwrap().review, entry.stage(Zh)), (review, Some(stage)));
    }
}
