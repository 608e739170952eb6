-- The audit trail: a chain of hashes (conversation::audit). Rows are appended, and nothing else ever happens to them.
CREATE TABLE audit (
    -- 1, 2, 3 … without a gap
    id            INTEGER PRIMARY KEY,
    at            INTEGER NOT NULL,
    -- person, command, system
    actor_kind    TEXT    NOT NULL,
    -- The account of a person, else empty.
    actor_id      TEXT    NOT NULL,
    actor_name    TEXT    NOT NULL,
    action        TEXT    NOT NULL,
    -- kind:id, or empty
    subject       TEXT    NOT NULL,
    -- A JSON object, byte for byte as it was hashed.
    detail        TEXT    NOT NULL,
    -- SHA-256 over the hash before it and this row
    hash          BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is never changed');
END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is never deleted');
END;

-- Also against INSERT OR REPLACE, which deletes without firing the trigger above.
CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit
WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM audit)
BEGIN
    SELECT RAISE(ABORT, 'the audit trail grows at its end only');
END;

-- Accounts. The table keeps its name: in a conversation they are agents, whatever else they may do.
-- Open sessions end with this migration; everybody logs in again.
DROP TABLE agent_sessions;

CREATE TABLE people (
    id                   TEXT    PRIMARY KEY,
    -- The name to log in with.
    name                 TEXT    NOT NULL UNIQUE,
    -- The name that citizens and colleagues see.
    display_name         TEXT    NOT NULL,
    -- JSON arrays: language codes, roles, skills
    languages            TEXT    NOT NULL,
    roles                TEXT    NOT NULL,
    skills               TEXT    NOT NULL DEFAULT '[]',
    -- How much at once: a voice conversation weighs 100, a chat 25.
    capacity             INTEGER NOT NULL DEFAULT 100 CHECK (capacity >= 0),
    disabled             INTEGER NOT NULL DEFAULT 0,
    -- PHC string; NULL for one who logs in through the identity provider only.
    password_hash        TEXT,
    must_change_password INTEGER NOT NULL DEFAULT 0,
    failed_logins        INTEGER NOT NULL DEFAULT 0,
    locked_until         INTEGER,
    -- As the server sealed it; NULL without a second factor.
    totp_secret          BLOB,
    totp_confirmed       INTEGER NOT NULL DEFAULT 0,
    -- The last time step whose code was used: no code is good twice.
    totp_last_step       INTEGER NOT NULL DEFAULT 0,
    -- Who this is at the identity provider.
    oidc_issuer          TEXT,
    oidc_subject         TEXT,
    last_seen_at         INTEGER NOT NULL,
    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL))
) STRICT;

INSERT INTO people (id, name, display_name, languages, roles, password_hash, failed_logins, locked_until, last_seen_at)
SELECT id, name, name, languages, '["agent"]', password_hash, failed_logins, locked_until, last_seen_at FROM agents;

DROP TABLE agents;
ALTER TABLE people RENAME TO agents;

CREATE UNIQUE INDEX agents_by_oidc ON agents (oidc_issuer, oidc_subject) WHERE oidc_issuer IS NOT NULL;

CREATE TABLE agent_sessions (
    token_hash    BLOB    PRIMARY KEY,
    -- What lists name it by; it opens nothing.
    id            TEXT    NOT NULL UNIQUE,
    agent         TEXT    NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER NOT NULL,
    -- Ends when it was not used for so long …
    idle_ms       INTEGER NOT NULL,
    -- … and in any case then.
    expires_at    INTEGER NOT NULL,
    -- password, totp, recovery, oidc
    method        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX agent_sessions_by_agent ON agent_sessions (agent);

-- SHA-256 of codes that stand in for a lost second factor; a used one is deleted.
CREATE TABLE recovery_codes (
    agent         TEXT    NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    hash          BLOB    NOT NULL,
    PRIMARY KEY (agent, hash)
) STRICT, WITHOUT ROWID;
