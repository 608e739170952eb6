//! Something wrong with a knowledge file: what, where and how bad.

use std::fmt;

use serde::Serialize;

use crate::EntryId;
use crate::finding::Finding;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The knowledge base cannot be published.
    #[default]
    Error,
    /// It can, but citizens will notice.
    Warning,
    /// Worth knowing.
    Notice,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        })
    }
}

/// What a problem is about, for programs that read a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file, row or entry cannot be read.
    Unreadable,
    /// A published answer is missing in the other language, or older there: what an operator looks at first.
    Behind,
    /// The two languages of an entry are otherwise out of step.
    Translation,
    /// A way of asking has no answer.
    Unanswered,
    /// One question, word for word, in two entries with different answers, or two answers for the same place and group.
    Contradiction,
    /// The same question twice in one entry.
    Duplicate,
    /// Two entries ask nearly the same.
    NearDuplicate,
    /// A link is broken.
    Link,
    /// An entry does not hold today, or never.
    Validity,
    /// A place or person group that does not exist.
    Place,
    /// Signatures that are missing, of one person, or on other content.
    Review,
    /// The glossary.
    Glossary,
    /// Anything else about the content.
    #[default]
    Content,
}

/// A position in a file, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// The line of a text file, the row of a table.
    pub line: u32,
    /// The character of a text file's line, the column of a table, where it is known.
    pub column: Option<u32>,
}

/// Something wrong with a knowledge file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub kind: Kind,
    /// The file's name; empty where it concerns the whole knowledge base.
    pub file: String,
    /// Where in the file, as far as that is known.
    pub position: Option<Position>,
    /// The entry, where it concerns one; `#3` for the third entry of a file where the id itself is unreadable.
    pub entry: Option<EntryId>,
    /// The field, such as `bo.spoken`, or a table's column; empty where it concerns the whole entry or file.
    pub field: String,
    /// For how many days citizens have been told something outdated, where that is known.
    pub age_days: Option<u32>,
    /// What is wrong, readable after the field's name.
    pub message: String,
    /// The same as data, where a check found it.
    #[serde(skip)]
    pub finding: Option<Box<Finding>>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.file)?;
        match self.position {
            Some(Position { line, column: Some(column) }) if is_workbook(&self.file) => {
                write!(f, ", cell {}{line}", letters(column))?;
            }
            Some(Position { line, column: Some(column) }) => write!(f, ":{line}:{column}")?,
            Some(Position { line, column: None }) if is_workbook(&self.file) => write!(f, ", row {line}")?,
            Some(Position { line, column: None }) => write!(f, ":{line}")?,
            None => {}
        }
        if let Some(entry) = &self.entry {
            write!(f, ", entry {entry}")?;
        }
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

fn is_workbook(file: &str) -> bool {
    file.to_ascii_lowercase().ends_with(".xlsx")
}

/// A spreadsheet's name of its column: 1 is A, 27 is AA.
fn letters(mut column: u32) -> String {
    let mut name = Vec::new();
    while column > 0 {
        name.push(char::from(b'A' + ((column - 1) % 26) as u8));
        column = (column - 1) / 26;
    }
    name.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_in_a_workbook_names_the_cell_as_a_spreadsheet_does() {
        let at = |file: &str, column| Problem {
            file: file.to_owned(),
            position: Some(Position { line: 7, column }),
            message: "wrong".to_owned(),
            ..Problem::default()
        };
        assert_eq!(at("faq.xlsx", Some(28)).to_string(), "error: faq.xlsx, cell AB7: wrong");
        assert_eq!(at("faq.csv", Some(3)).to_string(), "error: faq.csv:7:3: wrong");
        assert_eq!(at("faq.yaml", None).to_string(), "error: faq.yaml:7: wrong");
    }
}
