-- What citizens and agents say to each other, kept to be heard. They end with their conversation.
CREATE TABLE sounds (
    id            TEXT    PRIMARY KEY,
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    at            INTEGER NOT NULL,
    -- The agent who speaks; NULL: the citizen.
    agent         TEXT,
    ms            INTEGER NOT NULL,
    -- The file, sealed.
    sound         BLOB    NOT NULL
) STRICT;

CREATE INDEX sounds_by_conversation ON sounds (conversation);

-- How far a citizen has come with what was written to them: places of events.
CREATE TABLE receipts (
    conversation  TEXT    PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
    delivered     INTEGER NOT NULL,
    seen          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
