//! Making a backup beside a running server.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use conversation::Timestamp;
use conversation::audit::{AuditActor, AuditEntry, AuditTrail as _};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, Connection as _};

use super::{ALSO, ALSO_IN, BackupError, Counts, DATABASE, Manifest, copy, files_under, io, manifest};
use crate::store::{SqlStore, absolute, sqlite};
use crate::vault::KeyId;
use crate::vault::key_file::{self, KeyFile, KeyFileError, sync_folder};

/// How to make a backup.
#[derive(Clone, Debug)]
pub struct Options {
    /// Into which place.
    pub place: PathBuf,
    /// Where the place's key file is, if not in the place itself.
    pub keys: Option<PathBuf>,
    /// How many backups of this database stay in the place, this one included; all where it is not said.
    pub keep: Option<usize>,
    /// Who makes it, for the audit trail.
    pub by: AuditActor,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Where.
    pub path: PathBuf,
    /// Where its keys are.
    pub keys: PathBuf,
    /// What it is made of.
    pub manifest: Manifest,
    /// Older backups that went.
    pub removed: Vec<PathBuf>,
}

/// Makes a backup of a store and of what else `data` holds that cannot be made again. `tell` is told each step.
///
/// # Errors
/// [`BackupError`]; a backup that was not finished leaves at most a folder whose name begins with a dot, which the next
/// one removes.
pub async fn make(
    store: &SqlStore,
    data: &Path,
    options: &Options,
    now: Timestamp,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Made, BackupError> {
    let place = &options.place;
    private_folder(place)?;
    remove_drafts(place)?;
    let path = free_name(place, now);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let draft = place.join(format!(".{name}.part"));
    private_folder(&draft)?;

    // Before, since a copy that is out cannot be called back; the backup holds the record of itself.
    let entry = AuditEntry::new(options.by.clone(), "backup.made");
    store.record(entry.on("backup", absolute(&path))).await?;
    tell("copying the database");
    store.copy_without_keys(&draft.join(DATABASE)).await?;
    sync(&draft.join(DATABASE))?;
    let mut manifest = describe(&draft.join(DATABASE), now).await?;
    tell("computing hashes");
    manifest.add(&draft, Path::new(DATABASE))?;
    for also in ALSO {
        for file in files_under(data, Path::new(also)).map_err(io(data))? {
            let inside = Path::new(ALSO_IN).join(&file);
            copy(&data.join(&file), &draft.join(&inside))?;
            manifest.add(&draft, &inside)?;
        }
    }

    tell("writing the key file");
    let keys = options.keys.clone().unwrap_or_else(|| place.clone()).join(key_file::NAME);
    if let Some(folder) = &options.keys {
        private_folder(folder)?;
    }
    manifest.masters = write_keys(store, &keys).await?;
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| io(&draft)(error.into()))?;
    fs::write(draft.join(manifest::NAME), text).map_err(io(&draft))?;
    sync(&draft.join(manifest::NAME))?;
    fs::rename(&draft, &path).map_err(io(&path))?;
    sync_folder(&path).map_err(io(&path))?;
    let removed = options.keep.map(|keep| rotate(place, &manifest.database, keep)).transpose()?;
    Ok(Made { path, keys, manifest, removed: removed.unwrap_or_default() })
}

/// Only this user may enter.
fn private_folder(path: &Path) -> Result<(), BackupError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io(path))
}

fn sync(path: &Path) -> Result<(), BackupError> {
    fs::File::open(path).and_then(|file| file.sync_all()).map_err(io(path))
}

/// A name that sorts by time: 2026-11-30T043151Z.
fn free_name(place: &Path, now: Timestamp) -> PathBuf {
    let time = now.to_string();
    let seconds = time.split('.').next().unwrap_or(&time).replace(':', "");
    let first = place.join(format!("{seconds}Z"));
    let others = (2..).map(|n| place.join(format!("{seconds}Z-{n}")));
    std::iter::once(first.clone()).chain(others).find(|path| !path.exists()).unwrap_or(first)
}

fn remove_drafts(place: &Path) -> Result<(), BackupError> {
    for entry in fs::read_dir(place).map_err(io(place))? {
        let entry = entry.map_err(io(place))?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") && name.as_encoded_bytes().ends_with(b".part") {
            fs::remove_dir_all(entry.path()).map_err(io(&entry.path()))?;
        }
    }
    Ok(())
}

async fn describe(copy: &Path, now: Timestamp) -> Result<Manifest, BackupError> {
    let mut connection = read_only(copy).await?;
    let number = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql);
    let counts = Counts {
        conversations: number("SELECT count(*) FROM conversations").fetch_one(&mut connection).await?,
        events: number("SELECT count(*) FROM events").fetch_one(&mut connection).await?,
        agents: number("SELECT count(*) FROM agents").fetch_one(&mut connection).await?,
        erased: number("SELECT count(*) FROM erasures").fetch_one(&mut connection).await?,
    };
    let schema = number("SELECT max(version) FROM _sqlx_migrations").fetch_one(&mut connection).await?;
    let database: String = sqlx::query_scalar("SELECT value FROM vault WHERE name = 'database'")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(Manifest::new(now, schema, database, counts))
}

/// Opens a backup's database, which nobody writes and which must not be changed.
pub(crate) async fn read_only(path: &Path) -> Result<AnyConnection, BackupError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
    Ok(sqlite::connect(options).await?)
}

/// Brings the key file up to date: what the database has, and what earlier backups here still need, without what was
/// erased. Under its lock, and with keys read only once the lock is held, so that no erasure is overtaken.
async fn write_keys(store: &SqlStore, path: &Path) -> Result<Vec<String>, BackupError> {
    let place = path.to_owned();
    let locking = tokio::task::spawn_blocking(move || key_file::lock(&place)).await;
    let locked = locking.map_err(|error| io(path)(error.into()))??;
    let now = store.keys_now().await?;
    let mut file =
        locked.read()?.unwrap_or_else(|| KeyFile { database: now.database.clone(), keys: [].into() });
    if file.database != now.database {
        return Err(KeyFileError::OtherDatabase { path: path.to_owned(), found: file.database }.into());
    }
    file.keys.extend(now.keys);
    file.keys.retain(|conversation, _| !now.erased.contains(conversation));
    locked.write(&file)?;
    drop(locked);
    store.register_key_file(path, now.settled).await?;
    let mut masters: Vec<KeyId> = file.keys.into_values().map(|key| key.master).collect();
    masters.sort();
    masters.dedup();
    Ok(masters.iter().map(ToString::to_string).collect())
}

/// Removes the oldest backups of this database, so that `keep` stay.
fn rotate(place: &Path, database: &str, keep: usize) -> Result<Vec<PathBuf>, BackupError> {
    let mut ours: Vec<PathBuf> = super::all(place)?
        .into_iter()
        .filter(|path| Manifest::read(path).is_ok_and(|manifest| manifest.database == database))
        .collect();
    ours.truncate(ours.len().saturating_sub(keep.max(1)));
    for old in &ours {
        fs::remove_dir_all(old).map_err(io(old))?;
    }
    Ok(ours)
}
