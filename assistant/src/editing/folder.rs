//! The folder that the server answers from, as files: read, changed, written anew, and exchanged in one step.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use kb::{Collection, Entry, EntryId, KnowledgeFile, put};
use serde::{Deserialize, Serialize};

/// Entries that come from nowhere else go into this file.
const ADDED: &str = "console.yaml";

/// Why a folder of knowledge files cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The disk.
    #[error("cannot {what} {path}: {source}")]
    Disk {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It has no name, or one that is no text.
    #[error("{0} has no name that can be kept")]
    Name(PathBuf),
    /// Two files of one name.
    #[error("two files would be called {0}; rename one")]
    Twice(String),
    /// A table that cannot be read.
    #[error(transparent)]
    Load(#[from] kb::LoadError),
    /// A file that cannot be changed.
    #[error(transparent)]
    Edit(#[from] kb::EditError),
}

fn disk<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> FolderError + 'a {
    move |source| FolderError::Disk { what, path: path.to_owned(), source }
}

/// A folder beside another: `knowledge` and `knowledge.new`.
///
/// # Errors
/// Where the folder has no name.
pub fn beside(folder: &Path, end: &str) -> Result<PathBuf, FolderError> {
    let mut name = folder.file_name().ok_or_else(|| FolderError::Name(folder.to_owned()))?.to_owned();
    name.push(".");
    name.push(end);
    Ok(folder.with_file_name(name))
}

/// Writes a file and waits until it is on the disk.
///
/// # Errors
/// Where it cannot be written.
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let write = || {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(disk("write", path))
}

/// Puts the new folder in the old one's place; the old one is kept as `<folder>.before`.
///
/// # Errors
/// Where it cannot be moved; the old one is back in its place then, if that can be done.
pub fn exchange(fresh: &Path, to: &Path) -> Result<(), FolderError> {
    let before = beside(to, "before")?;
    if to.exists() {
        clear(&before)?;
        fs::rename(to, &before).map_err(disk("set aside", to))?;
    }
    let renamed = fs::rename(fresh, to);
    if renamed.is_err() && before.exists() && !to.exists() {
        // Better the old knowledge than none; the error below says that the new one did not get there.
        drop(fs::rename(&before, to));
    }
    renamed.map_err(disk("make the new knowledge base of", fresh))
}

fn clear(folder: &Path) -> Result<(), FolderError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(disk("clear", folder))?;
    }
    Ok(())
}

/// The files of a knowledge base by name: YAML, and the glossary and labelled questions beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Files(BTreeMap<String, String>);

impl Files {
    /// Reads files and folders as one knowledge base: YAML files as they are, tables as YAML files of the same name.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn read<P: AsRef<Path>>(paths: &[P]) -> Result<Self, FolderError> {
        let mut files = BTreeMap::new();
        for path in paths {
            for (file, table) in listed(path.as_ref())? {
                let (file, text) = if table {
                    (file.with_extension("yaml"), Collection::load(&file)?.to_file().to_yaml()?)
                } else {
                    let text = fs::read_to_string(&file).map_err(disk("read", &file))?;
                    (file, text)
                };
                let name = file.file_name().and_then(|name| name.to_str());
                let name = name.ok_or_else(|| FolderError::Name(file.clone()))?.to_owned();
                if files.insert(name.clone(), text).is_some() {
                    return Err(FolderError::Twice(name));
                }
            }
        }
        Ok(Self(files))
    }

    /// Makes a folder of them, in the place of whatever is there.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FolderError> {
        clear(folder)?;
        fs::create_dir_all(folder).map_err(disk("make", folder))?;
        for (name, text) in &self.0 {
            // Names may come from another node's database: nothing is written beside the folder.
            let plain = Path::new(name).file_name().is_some_and(|only| only == name.as_str());
            if !plain {
                return Err(FolderError::Name(PathBuf::from(name)));
            }
            save(&folder.join(name), text.as_bytes())?;
        }
        Ok(())
    }

    /// Replaces an entry in the file that has it, adds it where none has, or removes it (`None`). Other lines stay as they are
    /// where the file is written in block style; a file that is not is written anew, without its comments.
    ///
    /// # Errors
    /// Where a file cannot be read as knowledge any more, or nothing is there to be removed.
    pub fn put(&mut self, id: &EntryId, entry: Option<&Entry>) -> Result<(), FolderError> {
        let has = |name: &str, text: &str| {
            let parsed = is_yaml(name).then(|| Collection::parse(name, text));
            parsed.filter(|parsed| parsed.entries.iter().any(|sourced| sourced.entry.id == *id))
        };
        let found = self.0.iter().find_map(|(name, text)| Some((name.clone(), has(name, text)?)));
        let Some((name, parsed)) = found else {
            let Some(entry) = entry else {
                return Err(kb::EditError::NotThere { file: String::new(), entry: id.clone() }.into());
            };
            return self.add(id, entry);
        };
        if entry.is_none() && parsed.entries.len() == 1 {
            self.0.remove(&name);
            return Ok(());
        }
        let text = self.0.get(&name).map(String::as_str).unwrap_or_default();
        let changed = match put(&name, text, id, entry) {
            Ok(changed) => changed,
            Err(kb::EditError::Layout { .. }) if parsed.problems.is_empty() => {
                let mut file = parsed.to_file();
                match entry {
                    Some(entry) => {
                        for old in file.entries.iter_mut().filter(|old| old.id == *id) {
                            old.clone_from(entry);
                        }
                    }
                    None => file.entries.retain(|old| old.id != *id),
                }
                file.to_yaml()?
            }
            Err(error) => return Err(error.into()),
        };
        self.0.insert(name, changed);
        Ok(())
    }

    fn add(&mut self, id: &EntryId, entry: &Entry) -> Result<(), FolderError> {
        let text = match self.0.get(ADDED) {
            Some(text) => put(ADDED, text, id, Some(entry))?,
            None => KnowledgeFile {
                format: kb::FORMAT.to_owned(),
                // Name and notice are those of the first file that has them.
                name: String::new(),
                notice: kb::Localized::default(),
                tibetan_review: kb::Review::default(),
                entries: vec![entry.clone()],
            }
            .to_yaml()?,
        };
        self.0.insert(ADDED.to_owned(), text);
        Ok(())
    }
}

fn is_yaml(name: &str) -> bool {
    let end = Path::new(name).extension().map(|end| end.to_string_lossy().to_lowercase());
    end.is_some_and(|end| end == "yaml" || end == "yml")
}

/// A file itself, and whether it is a table of entries; or what a folder of knowledge files consists of: YAML files, and the
/// glossary and the like beside them.
fn listed(path: &Path) -> Result<Vec<(PathBuf, bool)>, FolderError> {
    let ends = |file: &Path, ends: &[&str]| {
        let end = file.extension().map(|e| e.to_string_lossy().to_lowercase());
        end.is_some_and(|end| ends.contains(&end.as_str()))
    };
    if path.is_file() {
        return Ok(vec![(path.to_owned(), ends(path, &["csv", "tsv", "xlsx"]))]);
    }
    let mut found = Vec::new();
    for item in fs::read_dir(path).map_err(disk("read", path))? {
        let file = item.map_err(disk("read", path))?.path();
        if ends(&file, &["yaml", "yml", "tsv"]) {
            found.push((file, false));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "format: drilen-kb/1\nname: 甲\nentries:\n# 第一\n- id: one\n  topic: t\n  zh: {question: 问, spoken: 答, written: 答}\n";

    fn entry(id: &str) -> Entry {
        let text = kb::Text {
            question: format!("{id} 怎么办"),
            spoken: "答。".into(),
            written: "答。".into(),
            ..kb::Text::default()
        };
        Entry { id: EntryId(id.into()), topic: "t".into(), zh: Some(text), ..Entry::default() }
    }

    #[test]
    fn an_entry_goes_where_it_came_from_and_a_new_one_into_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir(&from).unwrap();
        fs::write(from.join("a.yaml"), FILE).unwrap();
        fs::write(from.join("glossary.tsv"), "concept\tkind\tzh\tbo\tbroader\tnote\n").unwrap();
        fs::write(from.join("notes.txt"), "nothing of ours").unwrap();
        let mut files = Files::read(&[&from]).unwrap();
        files.put(&EntryId("one".into()), Some(&entry("one"))).unwrap();
        files.put(&EntryId("two".into()), Some(&entry("two"))).unwrap();
        files.put(&EntryId("three".into()), Some(&entry("three"))).unwrap();
        let to = folder.path().join("to");
        files.write(&to).unwrap();
        let names: Vec<&String> = files.0.keys().collect();
        assert_eq!(names, ["a.yaml", "console.yaml", "glossary.tsv"]);
        assert!(fs::read_to_string(to.join("a.yaml")).unwrap().contains("# 第一"));
        let collection = Collection::load(&to).unwrap();
        assert_eq!(collection.problems, []);
        assert_eq!(collection.name, "甲");
        let questions = collection.entries.iter().map(|s| s.entry.zh.as_ref().unwrap().question.as_str());
        assert_eq!(questions.collect::<Vec<_>>(), ["one 怎么办", "two 怎么办", "three 怎么办"]);

        files.put(&EntryId("two".into()), None).unwrap();
        files.put(&EntryId("three".into()), None).unwrap();
        files.put(&EntryId("one".into()), None).unwrap();
        assert_eq!(files.0.keys().collect::<Vec<_>>(), ["glossary.tsv"]);
        assert!(files.put(&EntryId("one".into()), None).is_err());
    }

    #[test]
    fn a_name_from_elsewhere_writes_nothing_beside_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../out.yaml", "/tmp/out.yaml", "a/b.yaml", ".."] {
            let files = Files(BTreeMap::from([(name.to_owned(), FILE.to_owned())]));
            assert!(matches!(files.write(&folder.path().join("in")), Err(FolderError::Name(_))), "{name}");
        }
        assert!(!folder.path().join("out.yaml").exists());
    }

    #[test]
    fn a_file_in_flow_style_is_written_anew() {
        let flow = "format: drilen-kb/1\nname: t\nentries: [{id: a, topic: t, zh: {question: 问, spoken: 答, written: 答}}, {id: b, topic: t, zh: {question: 问二, spoken: 答, written: 答}}]\n";
        let mut files = Files(BTreeMap::from([("a.yaml".to_owned(), flow.to_owned())]));
        files.put(&EntryId("b".into()), Some(&entry("b"))).unwrap();
        let read = Collection::parse("a.yaml", &files.0["a.yaml"]);
        assert_eq!(read.problems, []);
        assert_eq!(read.entries[1].entry, entry("b"));
        files.put(&EntryId("a".into()), None).unwrap();
        assert_eq!(Collection::parse("a.yaml", &files.0["a.yaml"]).entries.len(), 1);
    }
}
