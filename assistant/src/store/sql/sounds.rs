//! What citizens and agents say to each other, and how far citizens have come with it.

use async_trait::async_trait;
use conversation::sounds::{KeptSound, NewSound, Receipts, Sounds};
use conversation::{ConversationId, SoundId, StoreError};

use super::append::corrupt;
use super::writer::{OrUnavailable as _, Subject, Unit, Write};
use super::{SqlStore, keys, rows};

/// A row with the key of its conversation.
type Row = (String, Option<String>, i64, Vec<u8>, Option<String>, Option<Vec<u8>>);

#[async_trait]
impl Sounds for SqlStore {
    async fn keep_sound(&self, new: NewSound) -> Result<(), StoreError> {
        self.writer.run(Keep(new)).await
    }

    async fn sound(&self, id: SoundId) -> Result<Option<KeptSound>, StoreError> {
        let reading = self.vault().reading();
        let row: Option<Row> = sqlx::query_as(
            "SELECT sounds.conversation, agent, ms, sound, master, sealed FROM sounds \
             LEFT JOIN data_keys ON data_keys.conversation = sounds.conversation WHERE sounds.id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(&self.readers)
        .await
        .or_unavailable()?;
        let Some((conversation, agent, ms, sound, master, sealed)) = row else { return Ok(None) };
        let conversation: ConversationId = conversation.parse().map_err(corrupt)?;
        let wrapped = keys::wrapped(conversation, (master, sealed))?;
        let key = self.vault().data_key(reading, conversation, &wrapped)?;
        Ok(Some(KeptSound {
            conversation,
            by: agent.map(|agent| agent.parse()).transpose().map_err(corrupt)?,
            ms: ms.cast_unsigned(),
            file: key.open_sound(&id.to_string(), &sound)?,
        }))
    }

    async fn remove_sound(&self, id: SoundId) -> Result<bool, StoreError> {
        self.writer.run(Remove(id)).await
    }

    async fn note_receipts(
        &self,
        conversation: ConversationId,
        receipts: Receipts,
    ) -> Result<(), StoreError> {
        self.writer.run(Note { conversation, receipts }).await
    }

    async fn receipts(&self, conversation: ConversationId) -> Result<Receipts, StoreError> {
        let row: Option<(i64, i64)> =
            sqlx::query_as("SELECT delivered, seen FROM receipts WHERE conversation = $1")
                .bind(conversation.to_string())
                .fetch_optional(&self.readers)
                .await
                .or_unavailable()?;
        let (delivered, seen) = row.unwrap_or_default();
        Ok(Receipts { delivered: delivered.cast_unsigned(), seen: seen.cast_unsigned() })
    }
}

/// Keeps a sound.
struct Keep(NewSound);

#[async_trait]
impl Write for Keep {
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Conversation(self.0.conversation)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let new = &self.0;
        let (_, key) = rows::take_state_with_key(unit.connection, unit.vault, new.conversation)
            .await?
            .ok_or(StoreError::NotFound("conversation"))?;
        let id = new.id.to_string();
        sqlx::query(
            "INSERT INTO sounds (id, conversation, at, agent, ms, sound) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&id)
        .bind(new.conversation.to_string())
        .bind(unit.now.as_millis())
        .bind(new.by.map(|agent| agent.to_string()))
        .bind(i64::try_from(new.ms).unwrap_or(i64::MAX))
        .bind(key.seal_sound(&id, &new.file)?)
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        Ok(())
    }
}

/// Removes a sound; what it held is overwritten (`secure_delete`).
struct Remove(SoundId);

#[async_trait]
impl Write for Remove {
    type Output = bool;

    async fn write(&self, unit: &mut Unit<'_>) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM sounds WHERE id = $1")
            .bind(self.0.to_string())
            .execute(&mut *unit.connection)
            .await
            .or_unavailable()?;
        Ok(done.rows_affected() > 0)
    }
}

/// Notes how far a citizen has come.
struct Note {
    conversation: ConversationId,
    receipts: Receipts,
}

#[async_trait]
impl Write for Note {
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Conversation(self.conversation)
    }

    async fn write(&self, unit: &mut Unit<'_>) -> Result<(), StoreError> {
        let place = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
        // Without such a conversation nothing is selected and nothing written.
        let done = sqlx::query(
            "INSERT INTO receipts (conversation, delivered, seen) \
             SELECT id, CAST($2 AS BIGINT), CAST($3 AS BIGINT) FROM conversations WHERE id = $1 \
             ON CONFLICT (conversation) DO UPDATE SET \
             delivered = CASE WHEN receipts.delivered > excluded.delivered THEN receipts.delivered ELSE excluded.delivered END, \
             seen = CASE WHEN receipts.seen > excluded.seen THEN receipts.seen ELSE excluded.seen END",
        )
        .bind(self.conversation.to_string())
        .bind(place(self.receipts.delivered))
        .bind(place(self.receipts.seen))
        .execute(&mut *unit.connection)
        .await
        .or_unavailable()?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound("conversation")) } else { Ok(()) }
    }
}
