-- Which conversation a telephone call is, by the id that the PBX knows it by: opaque, no number. What an agent's screen asks for.
CREATE TABLE calls (
    call          TEXT    PRIMARY KEY,
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX calls_by_conversation ON calls (conversation);
