//! Where the tests' material lies.

#![allow(dead_code, clippy::unwrap_used, reason = "test code, of which every test file uses a part")]

use std::{
    env,
    path::{Path, PathBuf},
};

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// A file or folder of the measuring data, which people who clone the project do not have; `None`, with a message,
/// where it is absent.
pub fn data(name: &str) -> Option<PathBuf> {
    let folder = env::var_os("DRILEN_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    present(folder.join(name), "measuring data (set DRILEN_DATA)")
}

/// The shipped model's folder; `None`, with a message, where it has not been trained yet.
pub fn seed() -> Option<PathBuf> {
    present(root().join("models/seed"), "the shipped model")
}

fn present(path: PathBuf, what: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {what} is absent: {}", path.display());
    None
}

/// The files of a folder with that extension, sorted.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}
