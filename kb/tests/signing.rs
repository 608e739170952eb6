//! Signing a text in the file in which a person keeps it.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use kb::{Collection, Date, EditError, EntryId, Stage, Step, put, sign};
use language::Language::{Bo, Zh};

const FILE: &str = "# 重要：先读说明\nformat: drilen-kb/1\nname: 'test' # 名\nentries:\n\n# 第一条\n- id: \"one\"   # 编号\n  topic: t\n  zh:\n    question: '怎么办？'\n    variants: [ \"a 怎么\" ,\n      'b 办' ]\n    review: sample   # 等人看\n    spoken: >-\n      折叠的\n      文字\n    written: |\n      # 不是注释\n      review: 也不是\n\n  bo: # 藏文\n    question: གང་འདྲ།\n    spoken: ལན།\n    written: ལན།\n  # 末尾\n- topic: t\n  zh: {question: 流式, spoken: 答, written: 答}\n  id: two\n# 完\n";

fn signed(
    yaml: &str,
    id: &str,
    language: language::Language,
    step: Step,
    by: &str,
) -> Result<String, EditError> {
    let collection = Collection::parse("a.yaml", yaml);
    assert_eq!(collection.problems, []);
    let id = EntryId(id.into());
    let entry = &collection.entries.iter().find(|s| s.entry.id == id).unwrap().entry;
    let on: Date = "2026-03-01".parse().unwrap();
    sign("a.yaml", yaml, &id, language, &entry.after(step, language, by, on).expect("legal"))
}

#[test]
fn a_signature_changes_its_own_lines_and_no_others() {
    let zh = signed(FILE, "one", Zh, Step::Review, "扎西: \"T\"").unwrap();
    let both = signed(&zh, "one", Bo, Step::Review, "སྒྲོལ་མ།").unwrap();
    let all = signed(&both, "one", Bo, Step::Publish, "扎西").unwrap();
    let entry = Collection::parse("a.yaml", &all).entries.remove(0).entry;
    assert_eq!((entry.stage(Zh), entry.stage(Bo)), (Some(Stage::Reviewed), Some(Stage::Published)));
    assert_eq!(entry.zh.as_ref().unwrap().reviewed.as_ref().unwrap().by, "扎西: \"T\"");
    // Without the lines of signatures, both files are the same but for the place of the review state.
    let rest = |yaml: &str| {
        let signature = ["    review:", "    reviewed:", "    published:"];
        let kept = yaml.lines().filter(|l| !signature.iter().any(|s| l.starts_with(s)));
        kept.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(rest(&all), rest(FILE));
    assert!(all.contains("    review: reviewed   # 等人看\n"), "{all}");
    assert_eq!(all.lines().count(), FILE.lines().count() + 1 + 3);
}

#[test]
fn a_layout_that_cannot_be_changed_line_by_line_is_refused_and_left_alone() {
    let refused = signed(FILE, "two", Zh, Step::Review, "扎西");
    assert!(matches!(refused, Err(EditError::Layout { .. })), "{refused:?}");
    let collection = Collection::parse("a.yaml", FILE);
    let text =
        collection.entries[0].entry.after(Step::Review, Bo, "扎西", "2026-03-01".parse().unwrap()).unwrap();
    let absent = sign("a.yaml", FILE, &EntryId("three".into()), Bo, &text);
    assert!(matches!(absent, Err(EditError::NotThere { .. })), "{absent:?}");
}

#[test]
fn every_text_of_the_sample_can_be_signed_in_place() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/knowledge/sample");
    let mut signatures = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()) {
        if file.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let yaml = std::fs::read_to_string(&file).unwrap();
        // The first, one in the middle and the last; each is proved by reading the whole file again.
        let ids: Vec<String> =
            Collection::parse("a.yaml", &yaml).entries.iter().map(|s| s.entry.id.0.clone()).collect();
        for id in [ids.first(), ids.get(ids.len() / 2), ids.last()].into_iter().flatten() {
            for language in [Zh, Bo] {
                let reviewed = signed(&yaml, id, language, Step::Review, "扎西").expect("block style");
                let changed = reviewed.lines().filter(|line| !yaml.contains(line)).count();
                assert!(changed <= 2, "{}: {id}", file.display());
                signatures += 1;
            }
        }
    }
    assert!(signatures > 20);
}

#[test]
fn an_entry_is_replaced_added_or_removed_and_no_other_line_is_touched() {
    let two = EntryId("two".into());
    let collection = Collection::parse("a.yaml", FILE);
    let mut changed = collection.entries[1].entry.clone();
    let text = changed.zh.as_mut().unwrap();
    text.written = "第一行\n\n  第三行：\"引号\" # 不是注释".into();
    text.steps = vec!["- 一".into(), "二".into()];
    let replaced = put("a.yaml", FILE, &two, Some(&changed)).unwrap();
    let kept = |yaml: &str| yaml.lines().take(25).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(kept(&replaced), kept(FILE));
    assert!(replaced.ends_with("# 完\n"), "{replaced}");
    assert_eq!(Collection::parse("a.yaml", &replaced).entries[1].entry, changed);

    let mut third = changed.clone();
    third.id = EntryId("three".into());
    let added = put("a.yaml", &replaced, &third.id, Some(&third)).unwrap();
    let ids = |yaml: &str| {
        Collection::parse("a.yaml", yaml).entries.into_iter().map(|s| s.entry.id.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(&added), ["one", "two", "three"]);
    let removed = put("a.yaml", &added, &EntryId("one".into()), None).unwrap();
    assert_eq!(ids(&removed), ["two", "three"]);
    assert!(matches!(put("a.yaml", &removed, &EntryId("one".into()), None), Err(EditError::NotThere { .. })));
    let flow = "format: drilen-kb/1\nname: t\nentries: [{id: a, topic: t, zh: {question: 问, spoken: 答, written: 答}}]\n";
    assert!(matches!(put("a.yaml", flow, &two, Some(&changed)), Err(EditError::Layout { .. })));
}
