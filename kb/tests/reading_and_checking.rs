//! What an operator sees of a knowledge base with mistakes in it.

use kb::{Collection, LoadError, Publication, PublishError, Severity, check};
use language::Language;

fn entry(id: &str, zh: &str, bo: &str) -> String {
    format!(
        "- id: {id}\n  topic: documents\n  zh:\n    question: \"{zh}\"\n    variants: [\"{zh}呢\", \"请讲讲{zh}\"]\n    spoken: 去派出所。\n    \
         written: 请到派出所办理。\n  bo:\n    question: \"{bo}\"\n    variants: [\"{bo}་པས\", \"ད་{bo}\"]\n    spoken: ཉེན་རྟོག་ས་ཚིགས་ལ་ཕེབས།\n    written: ཉེན་རྟོག་ས་ཚིགས་ལ་ཕེབས་རོགས།\n"
    )
}

const HEADER: &str = "format: drilen-kb/1\nname: test\nnotice: {zh: 示例, bo: དཔེ་མཚོན}\nentries:\n";

fn two() -> String {
    format!(
        "{HEADER}{}{}",
        entry("idcard-renew", "身份证到期了怎么换", "身份证བརྗེ་ས་ག་པར་རེད"),
        entry("hukou-newborn", "新生儿怎么上户口", "ཕྲུ་གུའི་ཐེམ་ཐོ་གང་འདྲ་འགོད་དགོས་རེད")
    )
}

/// Problems as (severity, entry, field).
fn problems(yaml: &str) -> Vec<(Severity, String, String)> {
    let report = check(&Collection::parse("faq.yaml", yaml));
    let place =
        |p: &kb::Problem| (p.severity, p.entry.clone().map_or(String::new(), |e| e.0), p.field.clone());
    report.problems.iter().map(place).collect()
}

fn assert_found(yaml: &str, severity: Severity, entry: &str, field: &str) {
    let found = problems(yaml);
    assert!(found.contains(&(severity, entry.to_owned(), field.to_owned())), "{found:#?}\n{yaml}");
}

#[test]
fn a_complete_knowledge_base_has_no_problems_and_can_be_published() {
    assert_eq!(problems(&two()), []);
    let report = check(&Collection::parse("faq.yaml", &two()));
    assert!(report.publishable());
    assert_eq!(report.languages[0].0, Language::Bo);
    assert_eq!(
        (report.languages[0].1.entries, report.languages[0].1.questions, report.languages[0].1.draft),
        (2, 6, 2)
    );
}

#[test]
fn every_mistake_is_named_with_entry_and_field() {
    let yaml = two();
    let cases = [
        (yaml.replace("id: hukou-newborn", "id: idcard-renew"), Severity::Error, "idcard-renew", "id"),
        (yaml.replace("id: hukou-newborn", "id: Hukou Newborn"), Severity::Error, "Hukou Newborn", "id"),
        (
            yaml.replacen("spoken: 去派出所。", "spoken: \"\"", 1),
            Severity::Error,
            "idcard-renew",
            "zh.spoken",
        ),
        (yaml.replacen("    spoken: 去派出所。\n", "", 1), Severity::Error, "idcard-renew", "zh"),
        (
            yaml.replacen("written: 请到派出所办理。", "written: ' '", 1),
            Severity::Error,
            "idcard-renew",
            "zh.written",
        ),
        (yaml.replacen("topic: documents", "topic: ''", 1), Severity::Error, "idcard-renew", "topic"),
        (yaml.replacen("topic: documents", "topik: documents", 1), Severity::Error, "idcard-renew", ""),
        (yaml.replace("请讲讲新生儿怎么上户口", "ཕྲུ་གུ"), Severity::Error, "hukou-newborn", "zh.variants[1]"),
        (yaml.replace("请讲讲新生儿怎么上户口", ""), Severity::Error, "hukou-newborn", "zh.variants[1]"),
        (
            yaml.replacen(
                "spoken: 去派出所。",
                &format!("spoken: {}", "请带上身份证去派出所。".repeat(20)),
                1,
            ),
            Severity::Warning,
            "idcard-renew",
            "zh.spoken",
        ),
        (
            yaml.replacen(
                "  zh:\n",
                "  links: [{label: {zh: 网站, bo: དྲ་ཚིགས།}, url: 'http://example.org'}]\n  zh:\n",
                1,
            ),
            Severity::Error,
            "idcard-renew",
            "links[0].url",
        ),
        (
            yaml.replacen("  zh:\n", "  office: {zh: 派出所}\n  zh:\n", 1),
            Severity::Warning,
            "idcard-renew",
            "office.bo",
        ),
        (
            yaml.replace("请讲讲新生儿怎么上户口", "身份证到期了，怎么换？"),
            Severity::Error,
            "hukou-newborn",
            "zh.variants[1]",
        ),
        (
            yaml.replace("请讲讲新生儿怎么上户口", "我家的身份证到期了怎么换呢")
                .replace("请讲讲身份证到期了怎么换", "我家的身份证到期了怎么换吗"),
            Severity::Warning,
            "hukou-newborn",
            "zh.variants[1]",
        ),
        (
            yaml.replace("请讲讲新生儿怎么上户口", "新生儿怎么上户口？"),
            Severity::Notice,
            "hukou-newborn",
            "zh.variants[1]",
        ),
        (
            yaml.replacen(
                "    written: 请到派出所办理。",
                "    written: 请到派出所办理。\n    steps: [取号]",
                1,
            ),
            Severity::Warning,
            "idcard-renew",
            "steps",
        ),
    ];
    for (yaml, severity, entry, field) in cases {
        assert_found(&yaml, severity, entry, field);
    }
}

#[test]
fn a_missing_language_is_reported_and_does_not_stop_publication() {
    let yaml = two();
    let start = yaml.rfind("  bo:").expect("a Tibetan text");
    let report = check(&Collection::parse("faq.yaml", &yaml[..start]));
    assert!(report.publishable());
    assert_eq!(report.languages[0].1.missing, 1);
    assert!(
        report.to_string().contains("entry hukou-newborn, bo: the Tibetan of a Chinese answer is missing"),
        "{report}"
    );
}

#[test]
fn one_unreadable_entry_does_not_hide_the_others() {
    let yaml = two().replacen("    spoken: 去派出所。\n", "", 1).replace("id: hukou-newborn", "id: Bad Id");
    let found = problems(&yaml);
    assert!(found.iter().any(|(_, entry, _)| entry == "idcard-renew"));
    assert!(found.iter().any(|(_, entry, field)| entry == "Bad Id" && field == "id"));
}

#[test]
fn files_that_are_no_knowledge_files_are_refused_with_a_reason() {
    for (yaml, field) in [
        ("{", ""),
        ("- just a list", ""),
        ("format: drilen-kb/9\nentries: []", "format"),
        ("entries: []", "format"),
        ("format: drilen-kb/1", "entries"),
        ("format: drilen-kb/1\nentries: 7", "entries"),
        ("format: drilen-kb/1\nentries: []\nnotise: {}", "notise"),
        ("", ""),
    ] {
        assert_found(yaml, Severity::Error, "", field);
    }
    let refused = Publication::new(&Collection::parse("faq.yaml", "{")).expect_err("cannot be published");
    assert!(matches!(refused, PublishError::Refused(report) if !report.publishable()));
}

#[test]
fn a_folder_is_read_file_by_file_in_name_order_and_an_empty_one_is_said_to_be_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(Collection::load(folder.path()), Err(LoadError::Empty(_))));
    let file = |name: &str, body: String| std::fs::write(folder.path().join(name), body).expect("written");
    file("b.yaml", format!("{HEADER}{}", entry("second", "居住证怎么办", "居住证བཟོ་ས་ག་པར་རེད")));
    file("a.yml", format!("{HEADER}{}", entry("first", "医保怎么交", "སྨན་བཅོས་འགན་བཅོལ་གང་འདྲ་སྤྲོད")));
    file("notes.txt", "not read".to_owned());
    let collection = Collection::load(folder.path()).expect("readable");
    let ids: Vec<(&str, &str)> =
        collection.entries.iter().map(|s| (s.file.as_str(), s.entry.id.0.as_str())).collect();
    assert_eq!(ids, [("a.yml", "first"), ("b.yaml", "second")]);
    assert_eq!((collection.name.as_str(), collection.notice.bo.as_str()), ("test", "དཔེ་མཚོན"));
    assert!(Collection::load(&folder.path().join("absent.yaml")).is_err());
}

#[test]
fn what_is_written_reads_back_as_the_same() {
    let collection = Collection::parse("faq.yaml", &two());
    let file = kb::KnowledgeFile {
        format: kb::FORMAT.to_owned(),
        name: collection.name.clone(),
        notice: collection.notice.clone(),
        tibetan_review: kb::Review::AwaitingNativeReviewer,
        entries: collection.entries.iter().map(|s| s.entry.clone()).collect(),
    };
    let again = Collection::parse("faq.yaml", &file.to_yaml().expect("YAML"));
    assert_eq!((again.entries, again.problems), (collection.entries, vec![]));
}

#[test]
fn the_sample_knowledge_base_has_no_errors() {
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/knowledge/sample");
    let report = check(&Collection::load(&sample).expect("the sample knowledge base"));
    assert!(report.publishable(), "{report}");
    let bo = &report.languages[0].1;
    assert_eq!(
        bo.approved + bo.published + bo.reviewed,
        0,
        "no native speaker has approved the sample's Tibetan"
    );
}
