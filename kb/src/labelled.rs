//! Questions of real citizens whose entry somebody has named: what thresholds are best set by.
//!
//! A knowledge base can be asked its own questions, held out in turn, but those were written by people who knew it. Where an
//! operator keeps `calibration.tsv` beside the YAML files, with a hundred or more labelled questions in a language, the share
//! of wrong answers is kept to what was tolerated *there*. They are no ways of asking: nothing is found by them.
//!
//! Form: UTF-8, tabs between `language`, `entry` and `question`, the entry `none` for what no entry answers; lines that begin
//! with `#` are comments.

use language::Language;

use crate::{EntryId, Kind, Position, Problem, Severity};

/// The file beside the YAML files of a knowledge base.
pub const CALIBRATION_FILE: &str = "calibration.tsv";

/// A question whose right entry is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledQuestion {
    /// The language it is asked in.
    pub language: Language,
    /// The right entry; `None` where the knowledge base has none.
    pub entry: Option<EntryId>,
    /// As asked.
    pub question: String,
}

impl LabelledQuestion {
    /// Reads a table; what cannot be read becomes a problem that names file and line.
    pub fn parse(file: &str, table: &str) -> (Vec<Self>, Vec<Problem>) {
        let (mut questions, mut problems) = (Vec::new(), Vec::new());
        for (index, line) in table.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim_end_matches('\r');
            if line.trim().is_empty() || line.starts_with('#') || line.starts_with("language\t") {
                continue;
            }
            match Self::read(line) {
                Ok(question) => questions.push(question),
                Err((field, message)) => problems.push(Problem {
                    severity: Severity::Error,
                    kind: Kind::Content,
                    file: file.to_owned(),
                    position: Some(Position { line: index as u32 + 1, column: None }),
                    field: field.to_owned(),
                    message,
                    ..Problem::default()
                }),
            }
        }
        (questions, problems)
    }

    fn read(line: &str) -> Result<Self, (&'static str, String)> {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let [code, entry, question] = cells.as_slice() else {
            let message = format!(
                "has {} cells; the columns are language, entry, question, separated by tabs",
                cells.len()
            );
            return Err(("", message));
        };
        let language = Language::ALL.into_iter().find(|language| language.to_string() == *code);
        let Some(language) = language else {
            return Err(("language", format!("{code:?} is neither bo nor zh")));
        };
        if entry.is_empty() || question.is_empty() {
            return Err((
                "question",
                "entry and question must not be empty; `none` is an entry too".to_owned(),
            ));
        }
        let entry = (*entry != "none").then(|| EntryId((*entry).to_owned()));
        Ok(Self { language, entry, question: (*question).to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_and_what_is_wrong_is_said_with_its_line() {
        let table = "# real questions\nlanguage\tentry\tquestion\nzh\tidcard-lost\t身份证掉了\nbo\tnone\tགནམ་གཤིས་ག་འདྲ་འདུག\nzh\tx\nen\tx\ty\nzh\t\ty\n";
        let (questions, problems) = LabelledQuestion::parse("calibration.tsv", table);
        assert_eq!(questions.len(), 2);
        assert_eq!(questions[0].entry, Some(EntryId("idcard-lost".to_owned())));
        assert_eq!(questions[1].entry, None);
        assert_eq!(problems.iter().filter_map(|p| Some(p.position?.line)).collect::<Vec<_>>(), [5, 6, 7]);
    }
}
