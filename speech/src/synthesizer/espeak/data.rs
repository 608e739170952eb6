//! A copy of the parts of espeak-ng's data that we need, plus the voice that it lacks.
//!
//! espeak-ng has no Tibetan. A voice file of five lines under a copied data directory makes it read phonemes of its
//! Mandarin table; see [`VOICE`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::failed;
use crate::SynthesisError;

/// The voice file, found in a trial with espeak-ng 1.51: the Mandarin phoneme table and dictionary, a narrower pitch range.
const VOICE: &str =
    "name Tibetan (Mandarin phonemes)\nlanguage bo\nphonemes cmn\ndictionary cmn\npitch 80 180\n";
/// What the voice needs of the installed data directory.
const PARTS: [&str; 7] =
    ["phondata", "phonindex", "phontab", "intonations", "cmn_dict", "lang/sit/cmn-Latn-pinyin", "voices/!v"];

/// Creates `folder/espeak-ng-data` unless it is complete, and returns `folder`, which is what `--path` wants.
///
/// # Errors
/// Where espeak-ng is missing, or its data cannot be copied.
pub fn prepare(program: &str, folder: &Path) -> Result<PathBuf, SynthesisError> {
    let target = folder.join("espeak-ng-data");
    let voice = target.join("lang/sit/bo");
    if fs::read_to_string(&voice).is_ok_and(|text| text == VOICE) {
        return Ok(folder.to_owned());
    }
    let source = installed_data(program)?;
    for part in PARTS {
        copy(&source.join(part), &target.join(part))?;
    }
    if let Some(parent) = voice.parent() {
        fs::create_dir_all(parent).map_err(|e| cannot(parent, &e))?;
    }
    // Written last: its presence says that the copy is complete.
    fs::write(&voice, VOICE).map_err(|e| cannot(&voice, &e))?;
    Ok(folder.to_owned())
}

/// The data directory that `espeak-ng --version` names.
fn installed_data(program: &str) -> Result<PathBuf, SynthesisError> {
    let output = Command::new(program).arg("--version").output().map_err(|error| {
        failed(format!("{program} cannot be started ({error}): install it (apt-get install espeak-ng)"))
    })?;
    let said = String::from_utf8_lossy(&output.stdout);
    let path = said
        .split_once("Data at: ")
        .ok_or_else(|| failed(format!("{program} --version does not say where its data is: {said}")))?
        .1;
    Ok(PathBuf::from(path.trim()))
}

fn copy(from: &Path, to: &Path) -> Result<(), SynthesisError> {
    if from.is_dir() {
        fs::create_dir_all(to).map_err(|e| cannot(to, &e))?;
        for entry in fs::read_dir(from).map_err(|e| cannot(from, &e))? {
            let entry = entry.map_err(|e| cannot(from, &e))?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|e| cannot(parent, &e))?;
    }
    fs::copy(from, to).map_err(|e| cannot(from, &e))?;
    Ok(())
}

fn cannot(path: &Path, error: &std::io::Error) -> SynthesisError {
    failed(format!("its data cannot be copied ({}: {error})", path.display()))
}
