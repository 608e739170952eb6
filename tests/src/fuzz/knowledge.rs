//! Files from which a knowledge base is imported.

use kb::{Collection, Glossary, LabelledQuestion};

/// A knowledge file. What is read without a problem is the same after writing and reading it again.
pub(super) fn yaml(bytes: &[u8]) {
    let read = Collection::parse("fuzzed.yaml", &String::from_utf8_lossy(bytes));
    if read.problems.is_empty() {
        let written = read.to_file().to_yaml().expect("what was read can be written");
        let again = Collection::parse("again.yaml", &written);
        assert!(again.problems.is_empty() && again.same_content(&read), "{:?}\n{written}", again.problems);
    }
    drop(kb::check(&read));
}

/// A table, as text and as a workbook; a glossary; labelled questions.
pub(super) fn tables(bytes: &[u8]) {
    let read = Collection::parse_table("fuzzed.csv", bytes);
    if read.problems.is_empty() && !read.entries.is_empty() {
        let written = read.to_csv().expect("what was read can be written");
        let again = Collection::parse_table("again.csv", written.as_bytes());
        assert!(again.problems.is_empty() && again.same_content(&read), "{:?}\n{written}", again.problems);
    }
    drop(Collection::parse_workbook("fuzzed.xlsx", bytes));
    let text = String::from_utf8_lossy(bytes);
    let (concepts, _) = Glossary::parse("fuzzed.tsv", &text);
    drop(Glossary::new(concepts));
    drop(LabelledQuestion::parse("fuzzed.tsv", &text));
}
