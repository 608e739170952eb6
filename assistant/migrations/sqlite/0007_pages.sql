-- What operators keep beside conversations: canned replies, changes of the knowledge base on their way, hours, the published files.
CREATE TABLE papers (
    -- canned_reply, proposal, setting, knowledge
    kind          TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    -- Counts from 1, one more with every change.
    version       INTEGER NOT NULL,
    -- JSON
    body          TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    -- The name that whoever changed it last logs in with.
    by            TEXT    NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Counts for the console, written with the events that they count. No citizen's words; a place is a prefecture at the closest.
CREATE TABLE figures (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Days since 1970-01-01, in China (UTC+8).
    day           INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    -- bo, zh
    language      TEXT    NOT NULL,
    -- What it is divided by: a topic, a prefecture, an entry; empty where by nothing.
    key           TEXT    NOT NULL,
    count         INTEGER NOT NULL,
    -- The sum of what was measured, such as seconds of waiting.
    total         REAL    NOT NULL
) STRICT;

CREATE INDEX figures_by_day ON figures (day, name);

-- Questions that the assistant did not resolve: where they stand, not what they say.
CREATE TABLE unresolved (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq           INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    language      TEXT    NOT NULL,
    -- not_understood, wrong_answer, handed_over
    kind          TEXT    NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX unresolved_by_time ON unresolved (at);

-- Recordings that citizens have left, with the question that they confirmed. They end with their conversation.
CREATE TABLE recordings (
    id            TEXT    PRIMARY KEY,
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    at            INTEGER NOT NULL,
    language      TEXT    NOT NULL,
    seconds       REAL    NOT NULL,
    -- JSON with what was confirmed, sealed like an event.
    body          TEXT    NOT NULL,
    -- The sound, sealed.
    sound         BLOB    NOT NULL
) STRICT;

CREATE INDEX recordings_by_time ON recordings (at);
CREATE INDEX recordings_by_conversation ON recordings (conversation);
