-- What citizens and agents say to each other, kept to be heard. They end with their conversation.
CREATE TABLE sounds (
    id            TEXT    COLLATE "C" PRIMARY KEY,
    conversation  TEXT    COLLATE "C" NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    at            BIGINT  NOT NULL,
    -- The agent who speaks; NULL: the citizen.
    agent         TEXT    COLLATE "C",
    ms            BIGINT  NOT NULL,
    -- The file, sealed.
    sound         BYTEA   NOT NULL
);

CREATE INDEX sounds_by_conversation ON sounds (conversation);

-- How far a citizen has come with what was written to them: places of events.
CREATE TABLE receipts (
    conversation  TEXT    COLLATE "C" PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
    delivered     BIGINT  NOT NULL,
    seen          BIGINT  NOT NULL
);
