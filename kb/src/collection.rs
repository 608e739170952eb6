//! Reading knowledge files: what is on disk, before anybody has judged it.
//!
//! A knowledge base is one YAML file or a folder of them (see `examples/knowledge/sample/README.md`). Reading never
//! stops at the first mistake: what can be read is read, and everything else becomes a [`Problem`] that names file,
//! entry and field, so that an operator mends a file in one go.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_yaml_ng::{Mapping, Value};

use crate::{Entry, EntryId, Localized, Problem, Review, Severity};

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
    /// Entries, files in name order, entries in file order.
    pub entries: Vec<Sourced>,
    /// What could not be read.
    pub problems: Vec<Problem>,
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
    /// Reads one file, or every `.yaml`/`.yml` file directly in a folder, in name order.
    ///
    /// # Errors
    /// [`LoadError`] where nothing can be read; mistakes inside the files become [`Self::problems`].
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let mut collection = Self::default();
        for file in knowledge_files(path)? {
            let text = read_limited(&file)?;
            let name = file
                .file_name()
                .map_or_else(|| file.display().to_string(), |n| n.to_string_lossy().into_owned());
            collection.add_file(&name, &text);
        }
        Ok(collection)
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
            Err(error) => return self.error(file, None, "", format!("this is not YAML: {error}")),
        };
        let Value::Mapping(document) = document else {
            return self.error(file, None, "", format!("a knowledge file begins with `format: {FORMAT}`"));
        };
        self.read_header(file, &document);
        match document.get("entries") {
            Some(Value::Sequence(entries)) => {
                for (index, value) in entries.iter().enumerate() {
                    self.read_entry(file, index, value);
                }
            }
            None | Some(Value::Null) => self.error(file, None, "entries", "there are no entries".to_owned()),
            Some(_) => self.error(file, None, "entries", "must be a list".to_owned()),
        }
    }

    fn read_header(&mut self, file: &str, document: &Mapping) {
        match document.get("format").and_then(Value::as_str) {
            Some(FORMAT) => {}
            Some(other) => self.error(
                file,
                None,
                "format",
                format!("{other:?} is not a format this version reads; it reads {FORMAT:?}"),
            ),
            None => self.error(file, None, "format", format!("is missing; it should be {FORMAT:?}")),
        }
        for key in document.keys() {
            let key = key.as_str().unwrap_or_default();
            if !["format", "name", "notice", "tibetan_review", "entries"].contains(&key) {
                self.error(file, None, key, "is not a field of a knowledge file".to_owned());
            }
        }
        if self.name.is_empty() {
            document.get("name").and_then(Value::as_str).unwrap_or_default().clone_into(&mut self.name);
        }
        if let Some(value) = document.get("notice") {
            match serde_yaml_ng::from_value::<Localized>(value.clone()) {
                Ok(notice) if self.notice == Localized::default() => self.notice = notice,
                Ok(_) => {}
                Err(error) => self.error(file, None, "notice", error.to_string()),
            }
        }
        if let Some(value) = document.get("tibetan_review")
            && let Err(error) = serde_yaml_ng::from_value::<Review>(value.clone())
        {
            self.error(file, None, "tibetan_review", error.to_string());
        }
    }

    fn read_entry(&mut self, file: &str, index: usize, value: &Value) {
        match serde_yaml_ng::from_value::<Entry>(value.clone()) {
            Ok(entry) => self.entries.push(Sourced { file: file.to_owned(), entry }),
            Err(error) => {
                let id = value.get("id").and_then(Value::as_str);
                let entry = id.map_or_else(|| format!("#{}", index + 1), str::to_owned);
                let (field, reason) = blame(value).unwrap_or((String::new(), error.to_string()));
                self.error(file, Some(entry), &field, reason);
            }
        }
    }

    fn error(&mut self, file: &str, entry: Option<String>, field: &str, message: String) {
        self.problems.push(Problem {
            severity: Severity::Error,
            file: file.to_owned(),
            entry: entry.map(EntryId),
            field: field.to_owned(),
            message,
        });
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
    if let Some(links) = value.get("links")
        && let Err(error) = serde_yaml_ng::from_value::<Vec<crate::Link>>(links.clone())
    {
        return Some(("links".to_owned(), error.to_string()));
    }
    None
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

fn read_limited(path: &Path) -> Result<String, LoadError> {
    let failed = |source| LoadError::Read { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(LoadError::TooLarge { path: path.to_owned(), bytes });
    }
    std::fs::read_to_string(path).map_err(failed)
}
