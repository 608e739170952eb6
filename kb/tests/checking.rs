//! What `assistant kb check` names, and what it names first.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::fmt::Write;

use kb::{Collection, Date, Kind, Severity, check_on};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// A knowledge file with these entries, each in YAML flow style.
fn base(entries: &[String]) -> Collection {
    let mut yaml = "format: drilen-kb/1\nname: t\nentries:\n".to_owned();
    for entry in entries {
        writeln!(yaml, "- {{topic: t, {entry}}}").unwrap();
    }
    let collection = Collection::parse("faq.yaml", &yaml);
    assert_eq!(collection.problems, [], "{yaml}");
    collection
}

fn text(question: &str, more: &str) -> String {
    format!(
        "{{question: \"{question}\", variants: [\"甲乙丙丁 ཀ {question}\", \"戊己庚辛 ཁ {question}\"], spoken: \"答 ལན\", written: \"答 ལན\"{more}}}"
    )
}

fn named(collection: &Collection, today: &str) -> Vec<(Severity, Kind, String, String)> {
    let problems = check_on(collection, day(today)).problems;
    let entry = |p: &kb::Problem| p.entry.clone().map_or(String::new(), |e| e.0);
    problems.iter().map(|p| (p.severity, p.kind, entry(p), p.field.clone())).collect()
}

#[test]
fn published_answers_that_the_other_language_lacks_or_has_older_come_first_and_the_longest_first_of_all() {
    let mut collection = base(&[
        format!("id: broken, zh: {}", text("链接坏了", "").replace("答 ལན", " ")),
        format!("id: young, zh: {}", text("新的怎么办", "")),
        format!("id: older, zh: {}, bo: {}", text("旧的怎么办", ""), text("རྙིང་པ་གང་འདྲ།", "")),
        format!("id: draft, zh: {}", text("草稿怎么办", "")),
        format!("id: unknown, zh: {}", text("早就批准的怎么办", ", review: approved")),
    ]);
    for (id, on) in [("young", "2026-03-08"), ("older", "2026-02-01")] {
        let entry = &mut collection.entries.iter_mut().find(|s| s.entry.id.0 == id).unwrap().entry;
        for (step, by) in [(kb::Step::Review, "扎西"), (kb::Step::Publish, "卓玛")] {
            entry.zh = Some(entry.after(step, language::Language::Zh, by, day(on)).unwrap());
        }
    }
    let report = check_on(&collection, day("2026-03-10"));
    let first: Vec<_> = report
        .problems
        .iter()
        .take(4)
        .map(|p| (p.entry.as_ref().unwrap().0.as_str(), p.kind == Kind::Behind, p.age_days))
        .collect();
    let expected = [
        ("older", true, Some(37)),
        ("young", true, Some(2)),
        ("unknown", true, None),
        ("broken", false, None),
    ];
    assert_eq!(first, expected, "{report}");
    assert_eq!(report.problems[3].severity, Severity::Error, "then by severity");
    assert_eq!(report.problems[0].message, "the Tibetan is older than the published Chinese (for 37 days)");
    assert_eq!(
        report.problems[1].message,
        "the Tibetan of a published Chinese answer is missing (for 2 days)"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["problems"][0]["kind"], "behind");
    assert_eq!(json["problems"][0]["age_days"], 37);
    assert_eq!(json["problems"][0]["position"]["line"], 6);
}

#[test]
fn the_same_question_in_two_entries_is_a_contradiction_and_nearly_the_same_a_near_duplicate() {
    let pair = |a: &str, b: &str| {
        let entries = [
            format!("id: one, zh: {}", text("没有关系的", "")),
            format!("id: two, zh: {}", text("别的东西", "")),
        ];
        let mut collection = base(&entries);
        a.clone_into(&mut collection.entries[0].entry.zh.as_mut().unwrap().question);
        b.clone_into(&mut collection.entries[1].entry.zh.as_mut().unwrap().question);
        named(&collection, "2026-03-01")
            .into_iter()
            .find(|(_, kind, ..)| matches!(kind, Kind::Contradiction | Kind::NearDuplicate))
            .map(|(severity, kind, entry, field)| (severity, kind, format!("{entry} {field}")))
    };
    let at = |severity, kind| Some((severity, kind, "two zh.question".to_owned()));
    let contradiction = at(Severity::Error, Kind::Contradiction);
    let near = at(Severity::Warning, Kind::NearDuplicate);
    assert_eq!(pair("身份证丢了怎么补办？", "身份证 丢了怎么补办"), contradiction);
    assert_eq!(pair("身份证怎么补办", "身份证怎么补办呢"), near, "but for a particle");
    assert_eq!(pair("医保能报吗", "医保能报呀"), near);
    assert_eq!(
        pair("大病保险报销的钱什么时候可以打到卡里面来", "大病保险报销的钱什么时候可以打到卡里边来"),
        near,
        "one character in twenty"
    );
    assert_eq!(
        pair("跨省看病的医药费在老家可以报销吗请问一下", "跨省看病的医药费在老家不可以报销吗请问一下"),
        None,
        "a negation makes another question"
    );
    assert_eq!(pair("ཐོབ་ཐང་ལག་འཁྱེར་བརྗེ་ས་ག་པར་རེད 身份证", "ཐོབ་ཐང་ལག་འཁྱེར་བརྗེ་ས་ག་པར་རེད། 身份证"), contradiction);
    assert_eq!(pair("儿童怎么上户口", "老人怎么上户口"), None);
}

#[test]
fn entries_that_never_hold_on_the_same_day_may_share_a_question() {
    let of = |id: &str, validity: &str| format!("id: {id}, {validity}, zh: {}", text("补贴多少钱", ""));
    let apart = base(&[of("old", "valid_until: 2025-12-31"), of("new", "valid_from: 2026-01-01")]);
    assert!(check_on(&apart, day("2026-03-01")).publishable());
    let together = base(&[of("old", "valid_until: 2026-01-01"), of("new", "valid_from: 2026-01-01")]);
    assert!(!check_on(&together, day("2026-03-01")).publishable());
}

#[test]
fn validity_places_groups_signatures_and_links_are_judged() {
    let of = |id: &str, more: &str| format!("id: {id}, {more}, zh: {}", text(&format!("问题{id}"), ""));
    let both = "spoken: \"答\", written: \"答\"";
    let collection = base(&[
        of("past", "valid_until: 2026-02-27"),
        of("never", "valid_from: 2026-02-02, valid_until: 2026-02-01"),
        of("later", "valid_from: 2027-01-01"),
        of("place", &format!("answers: [{{region: 110000, zh: {{{both}}}}}]")),
        of(
            "twice",
            &format!("answers: [{{region: 540422, zh: {{{both}}}}}, {{region: \"540481\", zh: {{{both}}}}}]"),
        ),
        of("nobody", &format!("answers: [{{zh: {{{both}}}}}]")),
        of("half", "answers: [{group: herder, zh: {spoken: \"只听\"}}]"),
        of("silent", "answers: [{group: low_income}]"),
        of("group", &format!("answers: [{{group: 牧民, zh: {{{both}}}}}]")),
        of(
            "clash",
            &format!("answers: [{{group: herder, zh: {{{both}}}}}, {{region: \"540600\", zh: {{{both}}}}}]"),
        ),
        of("link", "links: [{label: {zh: 网, bo: དྲ}, url: \"https://a b.cn\"}]"),
        format!("id: unsigned, zh: {}", text("没人签", ", review: published")),
        format!(
            "id: address, zh: {}",
            text("地址", "").replace("written: \"答 ལན\"", "written: \"见http://a.cn。\"")
        ),
    ]);
    let found = named(&collection, "2026-03-01");
    for (severity, kind, entry, field) in [
        (Severity::Warning, Kind::Validity, "past", "valid_until"),
        (Severity::Error, Kind::Validity, "never", "valid_until"),
        (Severity::Notice, Kind::Validity, "later", "valid_from"),
        (Severity::Error, Kind::Place, "place", "answers[0].region"),
        (Severity::Error, Kind::Contradiction, "twice", "answers[1]"),
        (Severity::Error, Kind::Place, "nobody", "answers[0]"),
        (Severity::Error, Kind::Contradiction, "half", "answers[0].zh"),
        (Severity::Error, Kind::Unanswered, "silent", "answers[0]"),
        (Severity::Error, Kind::Place, "group", "answers[0].group"),
        (Severity::Notice, Kind::Place, "clash", "answers"),
        (Severity::Error, Kind::Link, "link", "links[0].url"),
        (Severity::Error, Kind::Review, "unsigned", "zh.review"),
        (Severity::Warning, Kind::Link, "address", "zh.written"),
    ] {
        let wanted = (severity, kind, entry.to_owned(), field.to_owned());
        assert!(found.contains(&wanted), "{wanted:?}\n{found:#?}");
    }
    let said = check_on(&collection, day("2026-03-01")).to_string();
    assert!(said.contains("it ended on 2026-02-27, 2 days ago"), "{said}");
}

#[test]
fn ten_thousand_ways_of_asking_are_compared_in_seconds_and_the_planted_pair_is_found() {
    const SUBJECTS: [&str; 10] = [
        "身份证",
        "居住证",
        "医保卡",
        "养老金",
        "草场补贴",
        "边境通行证",
        "结婚证",
        "驾驶证",
        "低保",
        "虫草采集证",
    ];
    const ASKED: [&str; 10] = [
        "去哪里办",
        "要带什么材料",
        "多少钱",
        "几天能拿到",
        "丢了怎么补",
        "过期了怎么换",
        "能不能代办",
        "网上可以申请吗",
        "谁有资格领",
        "被退回来了怎么办",
    ];
    let entries: Vec<String> = (0..1_000)
        .map(|n| {
            let (subject, asked) = (SUBJECTS[n % 10], ASKED[n / 10 % 10]);
            let place = kb::regions()[n / 100 * 8 % kb::regions().len()].zh[0];
            let variants: Vec<String> = (0..9).map(|v| format!("\"{place}第{n}号{subject}{asked}{v}\"")).collect();
            format!(
                "id: e{n}, zh: {{question: \"{place}第{n}号{subject}{asked}\", variants: [{}], spoken: 答, written: 答}}",
                variants.join(", ")
            )
        })
        .collect();
    let mut collection = base(&entries);
    let planted = "高原反应很严重的时候应该去哪一家医院看急诊".to_owned();
    collection.entries[7].entry.zh.as_mut().unwrap().variants.push(planted.clone());
    collection.entries[900].entry.zh.as_mut().unwrap().variants.push(planted.replace("应该", "需要"));
    let begun = std::time::Instant::now();
    let report = check_on(&collection, day("2026-03-01"));
    let took = begun.elapsed();
    println!(
        "{} problems of {} questions in {took:?}",
        report.problems.len(),
        report.languages[1].1.questions
    );
    let near =
        report.problems.iter().filter(|p| p.kind == Kind::NearDuplicate && p.message.contains(&planted));
    assert_eq!(near.count(), 1);
    assert!(took.as_secs() < 20, "{took:?}");
}
