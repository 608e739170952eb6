//! Recordings that citizens have left.

use std::sync::Arc;

use async_trait::async_trait;
use conversation::audit::AuditEntry;
use conversation::recordings::{NewRecording, Recording, Recordings};
use conversation::{ConversationId, StoreError, Timestamp};

use super::append::corrupt;
use super::keys::{self, KeyColumns};
use super::writer::{OrUnavailable as _, Subject, Unit, Write};
use super::{SqlStore, audit, rows};
use crate::vault::DataKey;

/// A row without its sound, with the key of its conversation.
type Told = (String, String, i64, String, f64, String, Option<String>, Option<Vec<u8>>);

/// A row with its sound and the key of its conversation.
type Whole = (String, i64, String, f64, String, Vec<u8>, Option<String>, Option<Vec<u8>>);

#[async_trait]
impl Recordings for SqlStore {
    async fn keep_recording(&self, new: NewRecording) -> Result<bool, StoreError> {
        self.writer.run(Keep(new)).await
    }

    async fn recordings(&self, before: Timestamp, limit: u32) -> Result<Vec<Recording>, StoreError> {
        let reading = self.vault().reading();
        let rows: Vec<Told> = sqlx::query_as(
            "SELECT recordings.id, recordings.conversation, at, language, seconds, body, master, sealed FROM recordings \
             LEFT JOIN data_keys ON data_keys.conversation = recordings.conversation \
             WHERE at < $1 ORDER BY at DESC, recordings.id LIMIT $2",
        )
        .bind(before.as_millis())
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .or_unavailable()?;
        rows.into_iter().map(|row| self.told(reading, row)).collect()
    }

    async fn recordings_of(&self, conversation: ConversationId) -> Result<Vec<Recording>, StoreError> {
        let reading = self.vault().reading();
        let rows: Vec<Told> = sqlx::query_as(
            "SELECT recordings.id, recordings.conversation, at, language, seconds, body, master, sealed FROM recordings \
             LEFT JOIN data_keys ON data_keys.conversation = recordings.conversation \
             WHERE recordings.conversation = $1",
        )
        .bind(conversation.to_string())
        .fetch_all(&self.readers)
        .await
        .or_unavailable()?;
        rows.into_iter().map(|row| self.told(reading, row)).collect()
    }

    async fn recording(&self, id: &str) -> Result<Option<(Recording, Vec<u8>)>, StoreError> {
        let reading = self.vault().reading();
        let row: Option<Whole> = sqlx::query_as(
            "SELECT recordings.conversation, at, language, seconds, body, sound, master, sealed FROM recordings \
             LEFT JOIN data_keys ON data_keys.conversation = recordings.conversation WHERE recordings.id = $1",
        )
        .bind(id)
        .fetch_optional(&self.readers)
        .await
        .or_unavailable()?;
        let Some((conversation, at, language, seconds, body, sound, master, sealed)) = row else {
            return Ok(None);
        };
        let row = Row { id: id.to_owned(), conversation, at, language, seconds, body };
        let key = self.key(reading, &row, (master, sealed))?;
        let sound = key.open_sound(id, &sound)?;
        Ok(Some((row.open(&key)?, sound)))
    }

    async fn write_down(&self, id: &str, said: &str, entry: AuditEntry) -> Result<bool, StoreError> {
        self.writer.run(WriteDown { id: id.to_owned(), said: said.to_owned(), entry }).await
    }

    async fn remove_recording(
        &self,
        id: &str,
        of: Option<ConversationId>,
        entry: Option<AuditEntry>,
    ) -> Result<bool, StoreError> {
        self.writer.run(Remove { id: id.to_owned(), of, entry }).await
    }
}

impl SqlStore {
    fn told(&self, reading: crate::vault::Reading, row: Told) -> Result<Recording, StoreError> {
        let (id, conversation, at, language, seconds, body, master, sealed) = row;
        let row = Row { id, conversation, at, language, seconds, body };
        let key = self.key(reading, &row, (master, sealed))?;
        row.open(&key)
    }

    fn key(
        &self,
        reading: crate::vault::Reading,
        row: &Row,
        columns: KeyColumns,
    ) -> Result<Arc<DataKey>, StoreError> {
        let conversation = row.conversation.parse().map_err(corrupt)?;
        Ok(self.vault().data_key(reading, conversation, &keys::wrapped(conversation, columns)?)?)
    }
}

/// A row without its sound.
struct Row {
    id: String,
    conversation: String,
    at: i64,
    language: String,
    seconds: f64,
    body: String,
}

impl Row {
    fn open(self, key: &DataKey) -> Result<Recording, StoreError> {
        Ok(Recording {
            confirmed: key.open_recording(&self.id, &self.body)?,
            id: self.id,
            conversation: self.conversation.parse().map_err(corrupt)?,
            at: Timestamp::from_millis(self.at),
            language: self.language.parse().map_err(corrupt)?,
            seconds: self.seconds,
        })
    }
}

/// Keeps a recording.
struct Keep(NewRecording);

#[async_trait]
impl Write for Keep {
    type Output = bool;

    fn subject(&self) -> Subject {
        Subject::Conversation(self.0.conversation)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<bool, StoreError> {
        let new = &self.0;
        let (_, key) = rows::take_state_with_key(unit.connection, unit.vault, new.conversation)
            .await?
            .ok_or(StoreError::NotFound("conversation"))?;
        let done = sqlx::query(
            "INSERT INTO recordings (id, conversation, at, language, seconds, body, sound) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&new.id)
        .bind(new.conversation.to_string())
        .bind(unit.now.as_millis())
        .bind(new.language.code())
        .bind(new.seconds)
        .bind(key.seal_recording(&new.id, &new.confirmed)?)
        .bind(key.seal_sound(&new.id, &new.sound)?)
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        Ok(done.rows_affected() > 0)
    }
}

/// Writes down what is said in a recording.
struct WriteDown {
    id: String,
    said: String,
    entry: AuditEntry,
}

#[async_trait]
impl Write for WriteDown {
    type Output = bool;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<bool, StoreError> {
        let row: Option<(String, String)> =
            sqlx::query_as("SELECT conversation, body FROM recordings WHERE id = $1")
                .bind(&self.id)
                .fetch_optional(&mut *unit.connection)
                .await
                .or_unavailable()?;
        let Some((conversation, body)) = row else { return Ok(false) };
        let conversation = conversation.parse().map_err(corrupt)?;
        let Some((_, key)) = rows::take_state_with_key(unit.connection, unit.vault, conversation).await?
        else {
            return Ok(false);
        };
        let mut confirmed = key.open_recording(&self.id, &body)?;
        confirmed.said.clone_from(&self.said);
        sqlx::query("UPDATE recordings SET body = $1 WHERE id = $2")
            .bind(key.seal_recording(&self.id, &confirmed)?)
            .bind(&self.id)
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        audit::record(unit, self.entry.clone());
        Ok(true)
    }
}

/// Removes a recording; what it held is overwritten (`secure_delete`).
struct Remove {
    id: String,
    of: Option<ConversationId>,
    entry: Option<AuditEntry>,
}

#[async_trait]
impl Write for Remove {
    type Output = bool;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM recordings WHERE id = $1 AND ($2 = '' OR conversation = $2)")
            .bind(&self.id)
            .bind(self.of.map(|of| of.to_string()).unwrap_or_default())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        let removed = done.rows_affected() > 0;
        if let Some(entry) = self.entry.as_ref().filter(|_| removed) {
            audit::record(unit, entry.clone());
        }
        Ok(removed)
    }
}
