-- Conversations are sealed from here on (docs/adr/0012-a-key-per-conversation.md): `events.body` and
-- `conversations.state` hold base64url text of what was sealed instead of JSON. Rows from before are sealed by the
-- program when it opens the file, since SQL cannot.

-- One key per conversation, wrapped with a master key that is not in this file. Backups are made without this table.
CREATE TABLE data_keys (
    conversation  TEXT    PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
    -- The master key that opens it.
    master        TEXT    NOT NULL,
    -- cipher (1 byte), nonce (12), ciphertext (32), tag (16)
    sealed        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX data_keys_by_master ON data_keys (master);

-- Erased conversations: what is left of them. No citizen's words.
CREATE TABLE erasures (
    -- In this order places learn of them.
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation  TEXT    NOT NULL UNIQUE,
    at            INTEGER NOT NULL,
    -- 'retention', or who
    by            TEXT    NOT NULL,
    why           TEXT    NOT NULL
) STRICT;

-- Files elsewhere that have to learn of erasures: the backups' key files, and the journal beside the master key.
CREATE TABLE key_places (
    path          TEXT    PRIMARY KEY,
    -- keys, journal
    kind          TEXT    NOT NULL,
    -- The last erasure that it knows of.
    settled       INTEGER NOT NULL DEFAULT 0,
    last_backup_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE vault (
    name          TEXT    PRIMARY KEY,
    value         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Tells this database from others, so that a backup is not mixed with another's.
INSERT INTO vault (name, value) VALUES ('database', lower(hex(randomblob(16))));
-- Until rows from before are sealed, and the file has been rewritten without what they held.
INSERT INTO vault (name, value) SELECT 'unsealed', 'rows' WHERE EXISTS (SELECT 1 FROM conversations);

-- Sealing what was plain is the one change that an event may see.
DROP TRIGGER events_are_never_changed;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
WHEN NOT (substr(OLD.body, 1, 1) = '{' AND substr(NEW.body, 1, 1) <> '{'
          AND NEW.conversation = OLD.conversation AND NEW.seq = OLD.seq AND NEW.at = OLD.at)
BEGIN
    SELECT RAISE(ABORT, 'events are never changed');
END;
