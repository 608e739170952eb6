//! Putting a backup in the place of the database, or where there is none.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conversation::audit::{AuditActor, AuditEntry, AuditTrail as _};
use conversation::{Clock, ConversationId, PlaceBehind, Store as _, Timestamp};
use sqlx::ConnectOptions as _;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::{ALSO_IN, BackupError, DATABASE, Manifest, copy, io, key_file_of, unusable};
use crate::store::sqlite::{connect, newest_schema, options};
use crate::store::{SqlStore, absolute};
use crate::vault::erasure::read_journal;
use crate::vault::key_file::{KeyFile, sync_folder};
use crate::vault::verify::{self, Keys};
use crate::vault::{KeySource, Vault};

/// What to restore, and how.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// A backup, or a place with backups, of which the latest is taken.
    pub from: PathBuf,
    /// The folder of its key file, if that is not beside it.
    pub keys: Option<PathBuf>,
    /// Replace the database that is there.
    pub replace: bool,
    /// Who does it, for the audit trail.
    pub by: AuditActor,
}

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// From where.
    pub from: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Conversations that can be read again.
    pub conversations: u64,
    /// Conversations of the backup that had been erased since and stay so.
    pub erased: u64,
    /// Key files and journals that could not be told of erasures.
    pub behind: Vec<PlaceBehind>,
}

/// Restores into `data`. Everything is checked first, beside what is there; the change itself is one rename.
///
/// # Errors
/// [`BackupError`], which says what to do; nothing was changed then.
pub async fn restore(
    data: &Path,
    source: Box<dyn KeySource>,
    wanted: &RestoreOptions,
    clock: Arc<dyn Clock>,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Restored, BackupError> {
    let from = super::find(&wanted.from)?;
    let target = data.join(DATABASE);
    if target.exists() && !wanted.replace {
        let why =
            "there is a database already; stop the server and say --replace to put the backup in its place";
        return Err(unusable(&target, why));
    }
    let manifest = Manifest::read(&from)?;
    if manifest.schema > newest_schema() {
        return Err(unusable(&from, "it was made by a later version of this program; install that one"));
    }
    tell("checking the backup's files");
    if let Some(problem) = manifest.problems(&from).first() {
        return Err(unusable(&from, problem.clone()));
    }
    let keys = key_file(&from, wanted, &manifest)?;
    let journal = source.journal();
    let vault = Vault::open_existing(source)?;
    let erased = match &journal {
        Some(journal) => read_journal(journal).map_err(io(journal))?,
        None => HashSet::new(),
    };

    fs::create_dir_all(data).map_err(io(data))?;
    let draft = data.join(format!("{DATABASE}.restoring"));
    remove_database(&draft)?;
    let plan = Plan { from: &from, target: &target, keys: &keys, vault: &vault, now: clock.now() };
    let built = plan.build(&draft, erased, tell).await;
    let erased = match built {
        Ok(erased) => erased,
        Err(error) => {
            remove_database(&draft)?;
            return Err(error);
        }
    };
    tell("putting it in place");
    swap(&draft, &target).await?;
    also(&from, &manifest, data, wanted.replace)?;
    let store = SqlStore::open_file(&target, vault.into_source(), clock).await?;
    let entry = AuditEntry::new(wanted.by.clone(), "backup.restored");
    store.record(entry.on("backup", absolute(&from)).with("made_at", manifest.made_at.to_string())).await?;
    let behind = store.settle_erasures().await?;
    store.close().await;
    Ok(Restored { from, conversations: count(&target).await?, manifest, erased, behind })
}

fn key_file(from: &Path, wanted: &RestoreOptions, manifest: &Manifest) -> Result<KeyFile, BackupError> {
    let path = match &wanted.keys {
        Some(folder) => folder.join(crate::vault::key_file::NAME),
        None => key_file_of(from),
    };
    let missing = || unusable(&path, "there is no key file; name its folder with --keys");
    let keys = KeyFile::read(&path)?.ok_or_else(missing)?;
    if keys.database != manifest.database {
        return Err(unusable(&path, "it belongs to another database than the backup"));
    }
    Ok(keys)
}

/// What a restored database is made from.
struct Plan<'a> {
    from: &'a Path,
    target: &'a Path,
    keys: &'a KeyFile,
    vault: &'a Vault,
    now: Timestamp,
}

impl Plan<'_> {
    /// Makes the restored database beside the present one and checks it. Tells how many of its conversations stay
    /// erased.
    async fn build(
        &self,
        draft: &Path,
        journal: HashSet<ConversationId>,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<u64, BackupError> {
        copy(&self.from.join(DATABASE), draft)?;
        let mut connection = options(draft).connect().await?;
        if self.target.exists() {
            stopped(self.target).await?;
            adopt(&mut connection, self.target).await?;
        }
        for conversation in journal {
            sqlx::query("INSERT OR IGNORE INTO erasures (conversation, at, by, why) VALUES (?, ?, 'journal', 'erased after the backup was made')")
                .bind(conversation.to_string())
                .bind(self.now.as_millis())
                .execute(&mut connection)
                .await?;
        }
        tell("putting keys to conversations");
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await?;
        let gone = put_keys(&mut connection, self.keys, self.now).await?;
        agree_on_master(&mut connection, self.vault).await?;
        // Logins of that time may have been ended since.
        sqlx::query("DELETE FROM agent_sessions").execute(&mut connection).await?;
        sqlx::query("COMMIT").execute(&mut connection).await?;
        tell("opening every conversation");
        connection.close().await?;
        let mut connection = connect(options(draft)).await?;
        let report = verify::database(&mut connection, self.vault, Keys::InDatabase, tell).await?;
        connection.close().await?;
        match report.problems.first() {
            None => Ok(gone),
            Some(problem) => {
                Err(unusable(self.from, format!("{problem}; `assistant verify` on it tells more")))
            }
        }
    }
}

/// Fails unless nobody else has the present database open.
pub(crate) async fn stopped(target: &Path) -> Result<(), BackupError> {
    let busy = |_| unusable(target, "it is in use: stop the server first");
    let mut connection = alone(target).await?;
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await.map_err(busy)?;
    sqlx::query("ROLLBACK").execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// A connection that can only be the only one.
async fn alone(target: &Path) -> Result<SqliteConnection, BackupError> {
    let options = SqliteConnectOptions::new()
        .filename(target)
        .locking_mode(sqlx::sqlite::SqliteLockingMode::Exclusive)
        .busy_timeout(std::time::Duration::from_millis(500))
        .disable_statement_logging();
    Ok(options.connect().await?)
}

/// What the present database knows that a backup cannot, lives on: marks of erasures, the places that learn of them (their
/// numbers begin anew), and what the audit trail has recorded since.
async fn adopt(connection: &mut SqliteConnection, present: &Path) -> Result<(), BackupError> {
    sqlx::query("ATTACH DATABASE ? AS present")
        .bind(present.to_string_lossy())
        .execute(&mut *connection)
        .await?;
    if both_have(connection, "key_places").await? {
        for statement in [
            "INSERT OR IGNORE INTO main.erasures (conversation, at, by, why) \
             SELECT conversation, at, by, why FROM present.erasures ORDER BY number",
            "INSERT OR IGNORE INTO main.key_places (path, kind) SELECT path, kind FROM present.key_places",
            "UPDATE main.key_places SET settled = 0",
        ] {
            sqlx::query(statement).execute(&mut *connection).await?;
        }
    }
    if both_have(connection, "audit").await? {
        // Only where the present trail goes on from the backup's: another one would break its chain.
        sqlx::query(
            "INSERT INTO main.audit (id, at, actor_kind, actor_id, actor_name, action, subject, detail, hash) \
             SELECT id, at, actor_kind, actor_id, actor_name, action, subject, detail, hash FROM present.audit \
             WHERE id > (SELECT coalesce(max(id), 0) FROM main.audit) \
             AND (SELECT hash FROM main.audit ORDER BY id DESC LIMIT 1) IS \
                 (SELECT hash FROM present.audit WHERE id = (SELECT max(id) FROM main.audit)) ORDER BY id",
        )
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query("DETACH DATABASE present").execute(connection).await?;
    Ok(())
}

/// Whether a table stands in both databases: one of them may be of an earlier version.
async fn both_have(connection: &mut SqliteConnection, table: &str) -> Result<bool, BackupError> {
    let both = "SELECT (SELECT count(*) FROM main.sqlite_master WHERE name = ?1) > 0 \
                AND (SELECT count(*) FROM present.sqlite_master WHERE name = ?1) > 0";
    Ok(sqlx::query_scalar(both).bind(table).fetch_one(connection).await?)
}

/// Gives conversations their keys back; those without one, and those erased since, go. Tells how many went.
async fn put_keys(
    connection: &mut SqliteConnection,
    keys: &KeyFile,
    now: Timestamp,
) -> Result<u64, BackupError> {
    for (conversation, key) in &keys.keys {
        sqlx::query(
            "INSERT INTO data_keys (conversation, master, sealed) SELECT id, ?, ? FROM conversations \
             WHERE id = ? AND id NOT IN (SELECT conversation FROM erasures)",
        )
        .bind(key.master.as_str())
        .bind(&key.sealed[..])
        .bind(conversation.to_string())
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query(
        "INSERT OR IGNORE INTO erasures (conversation, at, by, why) \
         SELECT id, ?, 'restore', 'its key was destroyed' FROM conversations \
         WHERE id NOT IN (SELECT conversation FROM data_keys)",
    )
    .bind(now.as_millis())
    .execute(&mut *connection)
    .await?;
    let gone = sqlx::query("DELETE FROM conversations WHERE id NOT IN (SELECT conversation FROM data_keys)")
        .execute(connection)
        .await?;
    Ok(gone.rows_affected())
}

/// The master key may have changed since the backup was made.
async fn agree_on_master(connection: &mut SqliteConnection, vault: &Vault) -> Result<(), BackupError> {
    let agreed: Option<String> = sqlx::query_scalar("SELECT value FROM vault WHERE name = 'master'")
        .fetch_optional(&mut *connection)
        .await?;
    if agreed.is_some_and(|id| vault.knows(&id.into())) {
        return Ok(());
    }
    sqlx::query("INSERT OR REPLACE INTO vault (name, value) VALUES ('master', ?)")
        .bind(vault.first_master().as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// The one moment at which something changes.
async fn swap(draft: &Path, target: &Path) -> Result<(), BackupError> {
    if target.exists() {
        // Closing the only connection folds the write-ahead log in and removes it: a log that stayed would be played
        // into the restored file.
        let mut connection = alone(target).await?;
        let busy = |_| unusable(target, "it is in use: stop the server first");
        sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await.map_err(busy)?;
        sqlx::query("ROLLBACK").execute(&mut connection).await?;
        connection.close().await?;
        for ending in ["-wal", "-shm"] {
            let beside = with_ending(target, ending);
            if beside.exists() {
                fs::remove_file(&beside).map_err(io(&beside))?;
            }
        }
    }
    fs::File::open(draft).and_then(|file| file.sync_all()).map_err(io(draft))?;
    fs::rename(draft, target).map_err(io(target))?;
    sync_folder(target).map_err(io(target))
}

/// Knowledge and calibration, where there are none or all is to be replaced.
fn also(from: &Path, manifest: &Manifest, data: &Path, replace: bool) -> Result<(), BackupError> {
    let mut cleared = HashSet::new();
    for file in &manifest.files {
        let Ok(name) = Path::new(&file.path).strip_prefix(ALSO_IN) else { continue };
        let Some(top) = name.components().next() else { continue };
        let there = data.join(top);
        if cleared.insert(there.clone()) && there.exists() {
            if !replace {
                cleared.remove(&there);
                continue;
            }
            if there.is_dir() { fs::remove_dir_all(&there) } else { fs::remove_file(&there) }
                .map_err(io(&there))?;
        }
        copy(&from.join(&file.path), &data.join(name))?;
    }
    Ok(())
}

async fn count(target: &Path) -> Result<u64, BackupError> {
    let mut connection = options(target).connect().await?;
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM conversations").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(count.cast_unsigned())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn remove_database(path: &Path) -> Result<(), BackupError> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let file = with_ending(path, ending);
        if file.exists() {
            fs::remove_file(&file).map_err(io(&file))?;
        }
    }
    Ok(())
}
