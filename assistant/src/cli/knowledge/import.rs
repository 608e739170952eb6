//! `assistant kb import`: all or nothing.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, bail};
use kb::Collection;

use super::super::{Failure, Outcome, counted};
use crate::{config::Configuration, knowledge::Brain};

pub(super) fn run(configuration: &Configuration, paths: &[PathBuf], into: Option<&Path>) -> Outcome {
    let collection = Collection::load_all(paths)?;
    if !super::say(paths, &collection) {
        eprintln!("error: nothing was imported; mend the errors above and try again");
        return Err(Failure::Said);
    }
    let to = into.map_or_else(|| configuration.data("knowledge"), Path::to_owned);
    let fresh = beside(&to, "new")?;
    let prepared = prepare(paths, &fresh).and_then(|()| {
        // Publishing is the real proof; and it must not be the running server that finds out.
        let brain = Brain::open(&fresh, configuration)?;
        Ok(brain.publication().entries().len())
    });
    let count = match prepared {
        Ok(count) => count,
        Err(error) => {
            // What was prepared is of no use to anybody; that it cannot be removed is not what went wrong.
            drop(fs::remove_dir_all(&fresh));
            return Err(error.into());
        }
    };
    exchange(&fresh, &to)?;
    let left_out = collection.entries.len() - count;
    println!("Imported {} into {}.", counted(count, "entry", "entries"), to.display());
    if left_out > 0 {
        println!("{left_out} more do not hold today; the server takes them up on their day.");
    }
    println!("A running server takes them up at SIGHUP or when it is restarted.");
    Ok(())
}

/// A folder beside another: `knowledge` and `knowledge.new`.
fn beside(folder: &Path, end: &str) -> anyhow::Result<PathBuf> {
    let name =
        folder.file_name().ok_or_else(|| anyhow!("{} is no folder to import into", folder.display()))?;
    let mut name = name.to_owned();
    name.push(".");
    name.push(end);
    Ok(folder.with_file_name(name))
}

fn clear(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    Ok(())
}

/// Makes a folder with everything that will be served: YAML files as they are, tables as YAML.
fn prepare(paths: &[PathBuf], fresh: &Path) -> anyhow::Result<()> {
    clear(fresh)?;
    fs::create_dir_all(fresh).with_context(|| format!("cannot make {}", fresh.display()))?;
    let mut names = BTreeSet::new();
    for (file, table) in paths.iter().map(|path| files(path)).collect::<anyhow::Result<Vec<_>>>()?.concat() {
        let (name, bytes) = if table {
            let yaml = Collection::load(&file)?.to_file().to_yaml()?;
            (file.with_extension("yaml"), yaml.into_bytes())
        } else {
            (file.clone(), fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?)
        };
        let name = name.file_name().ok_or_else(|| anyhow!("{} has no name", file.display()))?;
        if !names.insert(name.to_owned()) {
            bail!("two files would be called {}; rename one", name.display());
        }
        save(&fresh.join(name), &bytes)?;
    }
    Ok(())
}

/// Writes a file and waits until it is on the disk.
pub(super) fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Puts the new folder in the old one's place; the old one is kept as `<folder>.before`.
fn exchange(fresh: &Path, to: &Path) -> anyhow::Result<()> {
    let before = beside(to, "before")?;
    if to.exists() {
        clear(&before)?;
        fs::rename(to, &before).with_context(|| format!("cannot set {} aside", to.display()))?;
    }
    let renamed = fs::rename(fresh, to);
    if renamed.is_err() && before.exists() && !to.exists() {
        // Better the old knowledge than none; the error below says that the new one did not get there.
        drop(fs::rename(&before, to));
    }
    renamed.with_context(|| format!("cannot make {} the new knowledge base", fresh.display()))
}

/// A file itself, and whether it is a table of entries; or what a folder of knowledge files consists of: YAML files, and the
/// glossary and the like beside them.
fn files(path: &Path) -> anyhow::Result<Vec<(PathBuf, bool)>> {
    let ends = |file: &Path, ends: &[&str]| {
        let end = file.extension().map(|e| e.to_string_lossy().to_lowercase());
        end.is_some_and(|end| ends.contains(&end.as_str()))
    };
    if path.is_file() {
        return Ok(vec![(path.to_owned(), ends(path, &["csv", "tsv", "xlsx"]))]);
    }
    let mut found = Vec::new();
    for item in fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
        let file = item?.path();
        if ends(&file, &["yaml", "yml", "tsv"]) {
            found.push((file, false));
        }
    }
    found.sort();
    Ok(found)
}
