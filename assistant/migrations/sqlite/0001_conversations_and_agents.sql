-- Times are milliseconds since the Unix epoch, UTC. Ids are UUIDs as text.

-- One row per conversation: the projection of its events, written in the same transaction as they are.
CREATE TABLE conversations (
    id            TEXT    PRIMARY KEY,
    -- SHA-256 of the citizen's token; the token itself is never stored.
    token_hash    BLOB    NOT NULL UNIQUE,
    -- bot, queued, assigned, closed
    status        TEXT    NOT NULL,
    last_seq      INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    -- The whole projection as JSON. The columns here repeat what queries look for.
    state         TEXT    NOT NULL,
    -- Order in the queue: given by escalation, kept until the conversation leaves the people's hands, so that one
    -- that comes back stands where it stood.
    queue_number  INTEGER,
    holder        TEXT,
    claimed_at    INTEGER
) STRICT;

CREATE INDEX conversations_by_queue ON conversations (status, queue_number);
CREATE INDEX conversations_by_number ON conversations (queue_number) WHERE queue_number IS NOT NULL;
CREATE INDEX conversations_by_holder ON conversations (holder) WHERE holder IS NOT NULL;
CREATE INDEX conversations_by_rest ON conversations (status, last_at);

-- The log. `seq` is 1, 2, 3 … without a gap per conversation.
CREATE TABLE events (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq           INTEGER NOT NULL CHECK (seq > 0),
    at            INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;

-- The log is append-only; only retention deletes, a whole conversation at a time.
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are never changed');
END;

-- Client messages that were accepted, so that each is accepted once.
CREATE TABLE client_messages (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    -- 'citizen', or the agent's id
    sender        TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    -- The first event it made, where it made one.
    seq           INTEGER,
    PRIMARY KEY (conversation, sender, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
    id            TEXT    PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    -- JSON array of language codes
    languages     TEXT    NOT NULL,
    -- PHC string
    password_hash TEXT    NOT NULL,
    failed_logins INTEGER NOT NULL DEFAULT 0,
    locked_until  INTEGER,
    last_seen_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE agent_sessions (
    token_hash    BLOB    PRIMARY KEY,
    agent         TEXT    NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX agent_sessions_by_agent ON agent_sessions (agent);
