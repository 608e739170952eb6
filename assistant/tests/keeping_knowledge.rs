//! An operator keeps the knowledge base: exports, edits, imports, has texts reviewed and published.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use kb::{Collection, Stage};
use language::Language::{Bo, Zh};

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_assistant"))
        .current_dir(folder)
        .env("DRILEN__SERVER__DATA", folder.join("data"))
        .env("DRILEN__KNOWLEDGE__PATH", folder.join("faq.yaml"))
        .args(arguments)
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

const FAQ: &str = "# 政务问答\nformat: drilen-kb/1\nname: 测试\nnotice: {zh: 示例, bo: དཔེ་མཚོན།}\nentries:\n\
- id: idcard-renew   # 常问\n  topic: documents\n  zh:\n    question: 身份证到期了怎么换\n    variants: [换身份证, 身份证过期了]\n    spoken: 去派出所。\n    written: |\n      请到派出所办理。\n      带旧证。\n    review: draft # 待审\n  bo:\n    question: ཐོབ་ཐང་ལག་འཁྱེར་གང་འདྲ་བརྗེ་དགོས\n    variants: [身份证བརྗེ་ས་ག་པར་རེད, ལག་འཁྱེར་དུས་ཡོལ་སོང་]\n    spoken: ཉེན་རྟོག་ཁང་ལ་ཕེབས།\n    written: ཉེན་རྟོག་ཁང་ལ་ཕེབས་རོགས།\n  answers:\n  - region: \"540600\"\n    zh: {spoken: 去那曲。, written: 去那曲。}\n    bo: {spoken: ནག་ཆུར་ཕེབས།, written: ནག་ཆུར་ཕེབས།}\n\
- id: old-rule\n  topic: documents\n  valid_until: 2020-01-01\n  zh:\n    question: 老政策是什么\n    spoken: 已经没有了。\n    written: 已经没有了。\n";

fn faq() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("faq.yaml"), FAQ).unwrap();
    folder
}

#[test]
fn a_knowledge_base_goes_out_and_comes_back_through_every_format() {
    let folder = faq();
    let original = Collection::parse("faq.yaml", FAQ);
    for format in ["csv", "xlsx", "yaml"] {
        let file = format!("out.{format}");
        let (code, said, told) =
            run(folder.path(), &["kb", "export", "faq.yaml", "--format", format, "--to", &file]);
        assert_eq!(code, Some(0), "{said}{told}");
        let (code, said, told) = run(folder.path(), &["kb", "import", &file, "--into", "served"]);
        assert_eq!(code, Some(0), "{said}{told}");
        assert!(said.contains("Imported 1 entry") && said.contains("1 more do not hold today"), "{said}");
        let served = Collection::load(&folder.path().join("served")).unwrap();
        assert!(served.same_content(&original), "{format}");
    }
    assert!(folder.path().join("served.before").is_dir());
    let (code, _, told) = run(folder.path(), &["kb", "export", "faq.yaml", "--to", "out.txt"]);
    assert_eq!((code, told.contains("--format")), (Some(2), true), "{told}");
}

#[test]
fn a_bad_import_changes_nothing_and_says_file_line_and_reason_in_every_format() {
    let folder = faq();
    let (code, said, told) = run(folder.path(), &["kb", "import", "faq.yaml"]);
    assert_eq!(code, Some(0), "{said}{told}");
    let served = folder.path().join("data/knowledge");
    let before = fs::read(served.join("faq.yaml")).unwrap();
    assert_eq!(before, FAQ.as_bytes(), "a person's file is kept as it is");
    let wrong = [
        ("bad.yaml", FAQ.replace("spoken: 去派出所。", "spokn: 去派出所。"), "bad.yaml:11:5"),
        ("bad.csv", "id,zh_question,zh_written,valid_from\na,怎么办,去,明天\n".to_owned(), "bad.csv:2:4"),
        ("bad.xlsx", "no workbook".to_owned(), "bad.xlsx: this is not an Excel workbook"),
        ("empty.csv", "id,zh_question,zh_written\n".to_owned(), "there are none"),
        (
            "link.csv",
            "id,zh_question,zh_written,link_urls\na,怎么办,去,ftp://x\n".to_owned(),
            "link.csv:2, entry a, links[0].url",
        ),
    ];
    for (name, content, place) in wrong {
        fs::write(folder.path().join(name), content).unwrap();
        let (code, said, told) = run(folder.path(), &["kb", "import", "faq.yaml", name]);
        let alone = run(folder.path(), &["kb", "import", name]);
        assert!(code == Some(1) || name == "empty.csv", "{name}: {said}{told}");
        assert_eq!(alone.0, Some(1), "{name}: {}{}", alone.1, alone.2);
        assert!(alone.1.contains(place), "{name}: {}", alone.1);
        if name != "empty.csv" {
            assert_eq!(fs::read(served.join("faq.yaml")).unwrap(), before, "{name}");
            assert!(!folder.path().join("data/knowledge.new").exists());
        }
    }
    let (code, said, _) = run(folder.path(), &["kb", "export", "bad.yaml", "--to", "x.csv"]);
    assert_eq!((code, folder.path().join("x.csv").exists()), (Some(1), false), "{said}");
}

#[test]
fn a_folder_is_imported_with_the_glossary_beside_it_and_the_glossarys_mistakes_stop_it() {
    let folder = faq();
    let base = folder.path().join("base");
    fs::create_dir(&base).unwrap();
    fs::write(base.join("faq.yaml"), FAQ).unwrap();
    fs::write(base.join("glossary.tsv"), "yak-loan\tthing\t牦牛贷\tགཡག་བུན\t\t\n").unwrap();
    let (code, said, told) = run(folder.path(), &["kb", "import", "base"]);
    assert_eq!(code, Some(0), "{said}{told}");
    let served = folder.path().join("data/knowledge/glossary.tsv");
    assert!(fs::read_to_string(&served).unwrap().contains("牦牛贷"));
    fs::write(base.join("glossary.tsv"), "yak-loan\tthing\t牦牛贷\tགཡག་བུན\t\t\nYak\tbeast\t牦牛\t\t\t\n")
        .unwrap();
    let (code, said, _) = run(folder.path(), &["kb", "import", "base"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("error: glossary.tsv:2"), "{said}");
    assert!(!fs::read_to_string(&served).unwrap().contains("beast"));
}

#[test]
fn two_people_bring_a_text_to_publication_and_the_file_keeps_everything_else() {
    let folder = faq();
    let sign = |step: &str, by: &str| {
        run(folder.path(), &["kb", step, "idcard-renew", "--language", "bo", "--by", by, "--in", "faq.yaml"])
    };
    let (code, _, told) = sign("publish", "卓玛");
    assert_eq!(code, Some(1));
    assert!(told.contains("it has not been reviewed"), "{told}");
    assert_eq!(sign("review", "བཀྲ་ཤིས།").0, Some(0));
    let (code, _, told) = sign("publish", "བཀྲ་ཤིས།");
    assert_eq!(code, Some(1));
    assert!(told.contains("somebody else must publish it"), "{told}");
    let (code, said, told) = sign("publish", "卓玛");
    assert_eq!(code, Some(0), "{told}");
    assert!(said.contains("published by 卓玛"), "{said}");
    let (code, _, told) = run(
        folder.path(),
        &[
            "kb",
            "review",
            "idcard-renew",
            "--language",
            "zh",
            "--by",
            "卓玛",
            "--translation",
            "--in",
            "faq.yaml",
        ],
    );
    assert_eq!(code, Some(0), "{told}");
    let yaml = fs::read_to_string(folder.path().join("faq.yaml")).unwrap();
    let entry = Collection::parse("faq.yaml", &yaml).entries.remove(0).entry;
    assert_eq!((entry.stage(Bo), entry.stage(Zh)), (Some(Stage::Published), Some(Stage::Reviewed)));
    assert_eq!(entry.zh.as_ref().unwrap().translated_from, entry.content_revision(Bo));
    for kept in [
        "# 政务问答",
        "# 常问",
        "reviewed # 待审",
        "    written: |\n      请到派出所办理。\n",
        "variants: [换身份证, 身份证过期了]",
    ] {
        assert!(yaml.contains(kept), "{kept}\n{yaml}");
    }
    let (_, json, _) = run(folder.path(), &["kb", "check", "faq.yaml", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["languages"][0][1]["published"], 1);
    assert!(
        report["problems"]
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p["kind"] == "validity" && p["entry"] == "old-rule")
    );
    assert_eq!(run(folder.path(), &["kb", "review", "nobody", "--language", "bo", "--by", "x"]).0, Some(1));
}
