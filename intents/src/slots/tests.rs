use std::collections::HashMap;

use super::*;

fn places(text: &str) -> Vec<String> {
    Slots::read(text).places
}

#[test]
fn every_row_of_the_lexicon_reads_and_every_name_has_forms_in_both_languages() {
    let mut languages: HashMap<&str, Vec<&str>> = HashMap::new();
    for line in TABLE.lines().filter(|line| is_row(line)) {
        assert!(row(line).is_some(), "{line}");
        let cells: Vec<&str> = line.split('\t').collect();
        languages.entry(cells[1]).or_default().push(cells[2]);
    }
    assert!(languages.values().all(|found| *found == ["zh", "bo"]), "{languages:?}");
}

#[test]
fn every_prefecture_and_every_county_is_found_by_each_of_its_names() {
    for region in kb::regions() {
        for form in Language::ALL.iter().flat_map(|language| region.forms(*language)) {
            if language::syllables(form).len() >= 2 {
                assert_eq!(places(&format!("请问{form} 怎么办")), [region.code], "{form}");
            }
        }
    }
}

#[test]
fn a_county_goes_without_the_prefecture_around_it_and_mixed_text_is_read() {
    assert_eq!(places("西藏那曲市安多县的草原补贴"), places("安多县"));
    assert_eq!(places("我在拉萨，户口在昌都"), ["540100", "540300"]);
    assert_eq!(places("ང་ནག་ཆུ་ནས་ཡིན། 低保怎么办"), places("那曲"));
    assert_eq!(places("身份证ལྷ་ས་ནས་བཟོ་ཆོག་གམ"), ["540100"]);
    assert!(places("身份证丢了怎么办").is_empty() && places("").is_empty());
}

#[test]
fn person_groups_and_documents_are_found_in_both_languages() {
    for (text, groups, documents) in [
        ("八十岁的老人怎么认证", vec!["elder"], vec![]),
        ("牧民的孩子上大学", vec!["herder", "child"], vec![]),
        ("残疾证在哪里办", vec![], vec!["disability_card"]),
        ("残疾人坐车免费吗", vec!["disabled"], vec![]),
        ("退役军人的社保卡", vec!["veteran"], vec!["social_security_card"]),
        ("འབྲོག་པའི་རོགས་དངུལ།", vec!["herder"], vec![]),
        ("གྲྭ་པར་སྨན་བཅོས་འགན་བཅོལ་ཡོད་རེད་པས།", vec!["monastic"], vec![]),
        ("སྦྲུམ་མས་身份证དགོས་སམ།", vec!["pregnant"], vec!["identity_card"]),
        ("ངའི་ཐེམ་ཐོ་བོར་སོང་།", vec![], vec!["household_register"]),
        ("你好", vec![], vec![]),
    ] {
        let slots = Slots::read(text);
        assert_eq!((slots.groups, slots.documents), (owned(&groups), owned(&documents)), "{text}");
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn days_are_read_in_digits_in_words_and_from_today_on() {
    let day = |year, month, day| Day::Calendar { year, month, day };
    for (text, expected) in [
        ("明天上班吗", Day::Relative(1)),
        ("大后天呢", Day::Relative(3)),
        ("སང་ཉིན་སྒོ་འབྱེད་ཀྱི་རེད་པས།", Day::Relative(1)),
        ("དེ་རིང་", Day::Relative(0)),
        ("3月15日以前", day(None, 3, 15)),
        ("三月十五号交费", day(None, 3, 15)),
        ("2026年3月15日", day(Some(2026), 3, 15)),
        ("２０２６年３月１５日", day(Some(2026), 3, 15)),
        ("ཟླ་བ་༣པའི་ཚེས་༡༥", day(None, 3, 15)),
        ("ཟླ་བ་གསུམ་པའི་ཚེས་བཅོ་ལྔ་", day(None, 3, 15)),
        ("身份证 3月15日 བརྗེ་དགོས།", day(None, 3, 15)),
    ] {
        assert_eq!(Slots::read(text).days, [expected], "{text}");
    }
    for text in ["13月40日", "三个月", "100号", "ཟླ་བ་གསུམ་རིང་"] {
        assert!(Slots::read(text).days.is_empty(), "{text}");
    }
}

#[test]
fn a_day_comes_to_a_date_from_the_day_on_which_it_was_said() {
    let today: kb::Date = "2026-02-28".parse().expect("a day");
    let on = |day: Day| day.after(today).map(|date| date.to_string());
    assert_eq!(on(Day::Relative(1)).as_deref(), Some("2026-03-01"));
    assert_eq!(on(Day::Relative(-1)).as_deref(), Some("2026-02-27"));
    assert_eq!(on(Day::Calendar { year: None, month: 2, day: 27 }).as_deref(), Some("2027-02-27"));
    assert_eq!(on(Day::Calendar { year: None, month: 2, day: 29 }).as_deref(), Some("2028-02-29"));
    assert_eq!(on(Day::Calendar { year: Some(2026), month: 2, day: 30 }), None);
}

mod any_unicode {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reading_slots_never_panics(text in any::<String>()) {
            let _ = Slots::read(&text);
        }

        #[test]
        fn nor_do_pieces_of_dates_and_names(text in "[0-9一三十年月日号༠-༩ཟླབཚེསལོ་ ]{0,24}") {
            let _ = Slots::read(&text);
        }
    }
}
