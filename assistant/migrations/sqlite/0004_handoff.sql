-- The queue has priorities, offers and things that are due. Times are milliseconds since the Unix epoch.

-- Where an open escalation stands: its queue time less its priority's head start. Ties by queue_number.
ALTER TABLE conversations ADD COLUMN queue_rank INTEGER;
-- When time alone changes something.
ALTER TABLE conversations ADD COLUMN deadline INTEGER;
-- Who is asked.
ALTER TABLE conversations ADD COLUMN offered_to TEXT;
-- How much of an agent it takes.
ALTER TABLE conversations ADD COLUMN weight INTEGER NOT NULL DEFAULT 25;

-- The old order, which was that of the numbers alone.
UPDATE conversations SET queue_rank = 0 WHERE queue_number IS NOT NULL;

DROP INDEX conversations_by_queue;
CREATE INDEX conversations_by_queue ON conversations (status, queue_rank, queue_number);
CREATE INDEX conversations_by_deadline ON conversations (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX conversations_by_offer ON conversations (offered_to) WHERE offered_to IS NOT NULL;

-- What agents are ready for, by their own word. None: at work, and picks by hand.
CREATE TABLE presence (
    agent         TEXT    PRIMARY KEY REFERENCES agents (id) ON DELETE CASCADE,
    -- available, busy, leaving, away
    presence      TEXT    NOT NULL,
    -- Since when nothing new has come to them.
    free_since    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How long agents had conversations lately, for estimates of the wait.
CREATE TABLE handling_times (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    seconds       REAL    NOT NULL
) STRICT;
