-- Deliveries to other systems, written in the transaction of the event that they tell of. They hold no citizen's words.
CREATE TABLE webhook_deliveries (
    -- The same for every attempt.
    id            TEXT    PRIMARY KEY,
    -- The receiver's name in the configuration.
    hook          TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    -- JSON, byte for byte as it is signed.
    body          TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    attempts      INTEGER NOT NULL DEFAULT 0,
    -- When it is tried next, and until when the one who tries has it for itself; NULL once given up.
    next_at       INTEGER,
    last_error    TEXT
) STRICT;

CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (next_at) WHERE next_at IS NOT NULL;
