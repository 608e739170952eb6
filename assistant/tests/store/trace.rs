//! Reads a record of `strace -f -y`: which system calls began and returned, in which order.

use std::collections::HashMap;

/// A moment in the record: a call of a thread begins, or returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub thread: String,
    /// `write`, `pwrite64`, `fsync`, `fdatasync` …
    pub name: String,
    /// The arguments, as far as they were printed when it began; `-y` puts a file's path beside its number.
    pub arguments: String,
    pub edge: Edge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// It begins.
    Begins,
    /// It has returned, and well.
    Returns,
}

impl Moment {
    pub fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync")
    }

    fn concerns_the_log(&self) -> bool {
        self.arguments.contains("-wal>")
    }

    fn writes_the_log(&self) -> bool {
        self.name.contains("write") && self.concerns_the_log()
    }

    fn acknowledges(&self, mark: &str) -> bool {
        self.name == "write" && self.edge == Edge::Begins && self.arguments.contains(mark)
    }
}

/// The record's moments, in order. A call that other threads interrupted stands in two lines
/// (`… <unfinished ...>`, `<... name resumed> …`).
pub fn calls(record: &str) -> Vec<Moment> {
    let mut moments = Vec::new();
    let mut unfinished: HashMap<String, (String, String)> = HashMap::new();
    for line in record.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let (thread, rest) = (thread.to_owned(), rest.trim_start());
        let moment = |(name, arguments): (String, String), edge| Moment {
            thread: thread.clone(),
            name,
            arguments,
            edge,
        };
        if rest.starts_with("<... ") {
            if let Some(call) = unfinished.remove(&thread)
                && returned_well(rest)
            {
                moments.push(moment(call, Edge::Returns));
            }
            continue;
        }
        let Some((name, arguments)) = rest.split_once('(') else { continue };
        let call = (name.to_owned(), arguments.to_owned());
        moments.push(moment(call.clone(), Edge::Begins));
        if rest.ends_with("<unfinished ...>") {
            unfinished.insert(thread.clone(), call);
        } else if returned_well(rest) {
            moments.push(moment(call, Edge::Returns));
        }
    }
    moments
}

fn returned_well(line: &str) -> bool {
    line.rsplit_once(" = ")
        .is_some_and(|(_, value)| value.trim().parse::<i64>().is_ok_and(|value| value >= 0))
}

/// How many acknowledgements there are, and those before which the log was not written, or its last write was not
/// followed by a sync that had returned.
pub fn unsynced_acknowledgements(moments: &[Moment], mark: &str) -> (usize, Vec<String>) {
    let (mut seen, mut unsynced) = (0, Vec::new());
    let mut log = Log::Clean { written: false };
    for moment in moments {
        if moment.acknowledges(mark) {
            seen += 1;
            if log != (Log::Clean { written: true }) {
                unsynced.push(format!("{log:?} at {}", moment.arguments));
            }
            log = Log::Clean { written: false };
        } else if moment.writes_the_log() {
            log = Log::Dirty;
        } else if moment.is_sync() && moment.concerns_the_log() {
            log = match (moment.edge, log) {
                (Edge::Begins, Log::Dirty) => Log::Syncing,
                (Edge::Returns, Log::Syncing) => Log::Clean { written: true },
                (_, log) => log,
            };
        }
    }
    (seen, unsynced)
}

/// Where the write-ahead log is, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    /// Everything written is on disk; `written` since the last acknowledgement, or nothing was.
    Clean { written: bool },
    /// Something was written that no sync has begun for.
    Dirty,
    /// A sync has begun.
    Syncing,
}

/// The same record, as a store would have made it that acknowledges while its sync is still under way.
pub fn syncs_after_the_next_acknowledgement(moments: &[Moment], mark: &str) -> Vec<Moment> {
    let (mut doctored, mut held) = (Vec::new(), Vec::new());
    for moment in moments {
        if moment.is_sync() && moment.edge == Edge::Returns {
            held.push(moment.clone());
        } else {
            doctored.push(moment.clone());
            if moment.acknowledges(mark) {
                doctored.append(&mut held);
            }
        }
    }
    doctored
}
