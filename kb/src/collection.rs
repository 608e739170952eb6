//! Reading knowledge files: what is on disk, before anybody has judged it.
//!
//! A knowledge base is one YAML file or a folder of them (see `examples/knowledge/sample/README.md`); tables and workbooks
//! are read as well. Reading never stops at the first mistake: what can be read is read, and everything else becomes a
//! [`Problem`] that names file, line, entry and field, so that an operator mends a file in one go.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_yaml_ng::{Location, Mapping, Value};

use crate::yaml::{entry_lines, line_of_key};
use crate::{
    CALIBRATION_FILE, Concept, Entry, EntryId, GLOSSARY_FILE, Glossary, Kind, LabelledQuestion, Localized,
    Position, Problem, Review,
};

/// The only file format there is.
pub const FORMAT: &str = "drilen-kb/1";

/// Larger files are refused: they are not knowledge files, and the whole file is held in memory. Bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// An entry and the file it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced {
    /// The file's name as it is shown to people.
    pub file: String,
    /// The entry.
    pub entry: Entry,
}

/// What was read: entries in file order, and what could not be read.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    /// The knowledge base's name, from the first file that has one.
    pub name: String,
    /// A notice to show with every answer ("sample content …"); empty where there is none.
    pub notice: Localized,
    /// Who has checked the Tibetan as a whole, as the first file that says so has it.
    pub tibetan_review: Review,
    /// Entries, files in name order, entries in file order.
    pub entries: Vec<Sourced>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// The knowledge base's own glossary, beside the built-in one.
    pub glossary: Vec<Concept>,
    /// Questions whose entry is known, for setting thresholds.
    pub labelled: Vec<LabelledQuestion>,
    /// By file and id: the line or row on which an entry begins, as far as that is known.
    pub lines: HashMap<(String, EntryId), u32>,
}

/// The whole of a knowledge file, for writing one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeFile {
    /// [`FORMAT`].
    pub format: String,
    /// The knowledge base's name.
    pub name: String,
    /// A notice to show with every answer.
    #[serde(default)]
    pub notice: Localized,
    /// Who has checked the Tibetan of this file as a whole.
    #[serde(default)]
    pub tibetan_review: Review,
    /// The entries.
    #[serde(default)]
    pub entries: Vec<Entry>,
}

impl KnowledgeFile {
    /// The file as YAML.
    ///
    /// # Errors
    /// [`LoadError::Write`] where the serialiser fails, which no content is known to cause.
    pub fn to_yaml(&self) -> Result<String, LoadError> {
        serde_yaml_ng::to_string(self).map_err(|error| LoadError::Write(error.to_string()))
    }
}

/// Why nothing could be read at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file or folder cannot be opened.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder holds no `.yaml` or `.yml` file.
    #[error("no knowledge files (.yaml or .yml) in {0}")]
    Empty(PathBuf),
    /// The file is too large to be a knowledge file.
    #[error("{path} is {bytes} bytes long; a knowledge file has at most {MAX_FILE_BYTES}")]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// A file could not be written.
    #[error("the knowledge file cannot be written: {0}")]
    Write(String),
}

impl Collection {
    /// Reads one file, or every `.yaml`/`.yml` file directly in a folder, in name order. A file that ends in `.csv`, `.tsv`
    /// or `.xlsx` is read as a table.
    ///
    /// # Errors
    /// [`LoadError`] where nothing can be read; mistakes inside the files become [`Self::problems`].
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Self::load_all(&[path])
    }

    /// Reads several files and folders as one knowledge base, in the order given.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_all<P: AsRef<Path>>(paths: &[P]) -> Result<Self, LoadError> {
        let mut collection = Self::default();
        for path in paths {
            let glossary = path.as_ref().join(GLOSSARY_FILE);
            if glossary.is_file() {
                let (concepts, problems) =
                    Glossary::parse(GLOSSARY_FILE, &String::from_utf8_lossy(&read_limited(&glossary)?));
                collection.glossary.extend(concepts);
                collection.problems.extend(problems);
            }
            let labelled = path.as_ref().join(CALIBRATION_FILE);
            if labelled.is_file() {
                let (questions, problems) = LabelledQuestion::parse(
                    CALIBRATION_FILE,
                    &String::from_utf8_lossy(&read_limited(&labelled)?),
                );
                collection.labelled.extend(questions);
                collection.problems.extend(problems);
            }
            for file in knowledge_files(path.as_ref())? {
                let bytes = read_limited(&file)?;
                let name = file
                    .file_name()
                    .map_or_else(|| file.display().to_string(), |n| n.to_string_lossy().into_owned());
                let extension = file.extension().map(|e| e.to_string_lossy().to_lowercase());
                match extension.as_deref() {
                    Some("csv" | "tsv") => collection.append(Self::parse_table(&name, &bytes)),
                    Some("xlsx") => collection.append(Self::parse_workbook(&name, &bytes)),
                    _ => match std::str::from_utf8(&bytes) {
                        Ok(yaml) => collection.add_file(&name, yaml),
                        Err(error) => {
                            let before = &bytes[..error.valid_up_to()];
                            let line = before.split(|byte| *byte == b'\n').count() as u32;
                            let position = Some(Position { line, column: None });
                            collection.error(&name, position, None, "", "this is not UTF-8".to_owned());
                        }
                    },
                }
            }
        }
        Ok(collection)
    }

    /// Adds what another file said; name and notice are those of the first that has them.
    fn append(&mut self, other: Self) {
        if self.name.is_empty() {
            self.name = other.name;
        }
        if self.notice == Localized::default() {
            self.notice = other.notice;
        }
        if self.tibetan_review == Review::default() {
            self.tibetan_review = other.tibetan_review;
        }
        self.entries.extend(other.entries);
        self.glossary.extend(other.glossary);
        self.labelled.extend(other.labelled);
        self.problems.extend(other.problems);
        self.lines.extend(other.lines);
    }

    /// Whether both say the same: name, notice and entries in their order, whatever files they came from.
    pub fn same_content(&self, other: &Self) -> bool {
        let head = |c: &Self| (c.name.clone(), c.notice.clone(), c.tibetan_review);
        head(self) == head(other)
            && self.entries.iter().map(|s| &s.entry).eq(other.entries.iter().map(|s| &s.entry))
    }

    /// The collection as one knowledge file.
    pub fn to_file(&self) -> KnowledgeFile {
        KnowledgeFile {
            format: FORMAT.to_owned(),
            name: self.name.clone(),
            notice: self.notice.clone(),
            tibetan_review: self.tibetan_review,
            entries: self.entries.iter().map(|sourced| sourced.entry.clone()).collect(),
        }
    }

    /// Reads one knowledge file from memory; `file` is its name in problems.
    pub fn parse(file: &str, yaml: &str) -> Self {
        let mut collection = Self::default();
        collection.add_file(file, yaml);
        collection
    }

    fn add_file(&mut self, file: &str, yaml: &str) {
        let document: Value = match serde_yaml_ng::from_str(yaml) {
            Ok(document) => document,
            Err(error) => {
                let at = error.location().map(|at| position(&at, 0));
                return self.error(file, at, None, "", format!("this is not YAML: {error}"));
            }
        };
        let Value::Mapping(document) = document else {
            let message = format!("a knowledge file begins with `format: {FORMAT}`");
            return self.error(file, None, None, "", message);
        };
        self.read_header(file, &document);
        match document.get("entries") {
            Some(Value::Sequence(entries)) => {
                let ranges = entry_lines(yaml);
                let lines: Vec<&str> = yaml.lines().collect();
                for (index, value) in entries.iter().enumerate() {
                    // Where not every entry has its lines, none can be trusted.
                    let range = ranges.get(index).filter(|_| ranges.len() == entries.len());
                    let own = range.map(|range| (range.start as u32, lines[range.clone()].join("\n")));
                    self.read_entry(file, index, value, own);
                }
            }
            None | Some(Value::Null) => {
                self.error(file, None, None, "entries", "there are no entries".to_owned());
            }
            Some(_) => self.error(file, None, None, "entries", "must be a list".to_owned()),
        }
    }

    fn read_header(&mut self, file: &str, document: &Mapping) {
        match document.get("format").and_then(Value::as_str) {
            Some(FORMAT) => {}
            Some(other) => {
                let message = format!("“{other}” is not a format this version reads; it reads {FORMAT:?}");
                self.error(file, None, None, "format", message);
            }
            None => self.error(file, None, None, "format", format!("is missing; it should be {FORMAT:?}")),
        }
        for key in document.keys() {
            let key = key.as_str().unwrap_or_default();
            if !["format", "name", "notice", "tibetan_review", "entries"].contains(&key) {
                self.error(file, None, None, key, "is not a field of a knowledge file".to_owned());
            }
        }
        if self.name.is_empty() {
            document.get("name").and_then(Value::as_str).unwrap_or_default().clone_into(&mut self.name);
        }
        if let Some(value) = document.get("notice") {
            match serde_yaml_ng::from_value::<Localized>(value.clone()) {
                Ok(notice) if self.notice == Localized::default() => self.notice = notice,
                Ok(_) => {}
                Err(error) => self.error(file, None, None, "notice", error.to_string()),
            }
        }
        if let Some(value) = document.get("tibetan_review") {
            match serde_yaml_ng::from_value::<Review>(value.clone()) {
                Ok(review) if self.tibetan_review == Review::default() => self.tibetan_review = review,
                Ok(_) => {}
                Err(error) => self.error(file, None, None, "tibetan_review", error.to_string()),
            }
        }
    }

    /// `own` are the entry's own lines with the number of lines before them, where they are known.
    fn read_entry(&mut self, file: &str, index: usize, value: &Value, own: Option<(u32, String)>) {
        match serde_yaml_ng::from_value::<Entry>(value.clone()) {
            Ok(entry) => {
                if let Some((before, _)) = own {
                    self.lines.insert((file.to_owned(), entry.id.clone()), before + 1);
                }
                self.entries.push(Sourced { file: file.to_owned(), entry });
            }
            Err(error) => {
                let id = value.get("id").and_then(Value::as_str);
                let entry = id.map_or_else(|| format!("#{}", index + 1), str::to_owned);
                let (field, reason) = blame(value).unwrap_or((String::new(), error.to_string()));
                let at = own.map(|(before, lines)| locate(&lines, before, &field));
                self.error(file, at, Some(entry), &field, reason);
            }
        }
    }

    fn error(
        &mut self,
        file: &str,
        position: Option<Position>,
        entry: Option<String>,
        field: &str,
        message: String,
    ) {
        self.problems.push(Problem {
            kind: Kind::Unreadable,
            file: file.to_owned(),
            position,
            entry: entry.map(EntryId),
            field: field.to_owned(),
            message,
            ..Problem::default()
        });
    }
}

fn position(at: &Location, before: u32) -> Position {
    Position { line: before + at.line() as u32, column: Some(at.column() as u32) }
}

/// Where an unreadable entry's mistake is: reading its lines by themselves tells, since a document that was taken apart
/// into values has forgotten its lines. `before` lines come before the entry's; `field` is to blame where that is known.
fn locate(lines: &str, before: u32, field: &str) -> Position {
    // The first line is indented like the others once its dash is gone.
    let error = serde_yaml_ng::from_str::<Entry>(&lines.replacen('-', " ", 1)).err();
    let at = error.and_then(|error| error.location());
    match (at, line_of_key(lines, field)) {
        // The reader only knows the entry that the field is in.
        (None, Some(line)) => Position { line: before + line as u32 + 1, column: None },
        (Some(at), Some(line)) if at.line() <= line => {
            Position { line: before + line as u32 + 1, column: None }
        }
        (Some(at), _) => position(&at, before),
        (None, None) => Position { line: before + 1, column: None },
    }
}

/// Which part of an unreadable entry is to blame: the first language or list that does not read by itself.
fn blame(value: &Value) -> Option<(String, String)> {
    for language in ["zh", "bo"] {
        if let Some(text) = value.get(language).filter(|text| !text.is_null())
            && let Err(error) = serde_yaml_ng::from_value::<crate::Text>(text.clone())
        {
            return Some((language.to_owned(), error.to_string()));
        }
    }
    let readable = |field: &str, value: &Value| match field {
        "links" => serde_yaml_ng::from_value::<Vec<crate::Link>>(value.clone()).err(),
        "answers" => serde_yaml_ng::from_value::<Vec<crate::AnswerVariant>>(value.clone()).err(),
        "office" => serde_yaml_ng::from_value::<Option<Localized>>(value.clone()).err(),
        "valid_from" | "valid_until" => serde_yaml_ng::from_value::<Option<crate::Date>>(value.clone()).err(),
        "expected" => serde_yaml_ng::from_value::<Option<crate::Expected>>(value.clone()).err(),
        "sample" | "escalate" => serde_yaml_ng::from_value::<bool>(value.clone()).err(),
        _ => serde_yaml_ng::from_value::<String>(value.clone()).err(),
    };
    let fields = [
        "id",
        "topic",
        "sample",
        "escalate",
        "links",
        "office",
        "valid_from",
        "valid_until",
        "expected",
        "answers",
    ];
    fields.into_iter().find_map(|field| {
        let error = readable(field, value.get(field)?)?;
        Some((field.to_owned(), error.to_string()))
    })
}

fn knowledge_files(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let failed = |source| LoadError::Read { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for item in std::fs::read_dir(path).map_err(failed)? {
        let file = item.map_err(failed)?.path();
        if file.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(LoadError::Empty(path.to_owned()));
    }
    files.sort();
    Ok(files)
}

fn read_limited(path: &Path) -> Result<Vec<u8>, LoadError> {
    let failed = |source| LoadError::Read { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(LoadError::TooLarge { path: path.to_owned(), bytes });
    }
    std::fs::read(path).map_err(failed)
}
