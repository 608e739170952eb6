//! `assistant kb import`: all or nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use kb::Collection;

use super::super::{Failure, Outcome, counted};
use crate::{
    config::Configuration,
    editing::{Files, beside, exchange},
    knowledge::Brain,
};

pub(super) fn run(configuration: &Configuration, paths: &[PathBuf], into: Option<&Path>) -> Outcome {
    let collection = Collection::load_all(paths)?;
    if !super::say(paths, &collection) {
        eprintln!("error: nothing was imported; mend the errors above and try again");
        return Err(Failure::Said);
    }
    let to = into.map_or_else(|| configuration.data("knowledge"), Path::to_owned);
    let fresh = beside(&to, "new")?;
    // Publishing is the real proof; and it must not be the running server that finds out.
    let prepared = prepare(paths, &fresh)
        .and_then(|()| Ok(Brain::open(&fresh, configuration)?.publication().entries().len()));
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

/// Makes a folder with everything that will be served: YAML files as they are, tables as YAML.
fn prepare(paths: &[PathBuf], fresh: &Path) -> anyhow::Result<()> {
    Ok(Files::read(paths)?.write(fresh)?)
}
