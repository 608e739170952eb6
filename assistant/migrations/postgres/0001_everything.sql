-- The tables of SQLite (migrations/sqlite), column by column, so that one set of statements serves both and
-- `assistant migrate` can copy rows as they are. Times are milliseconds since the Unix epoch, UTC; ids are UUIDs as
-- text; truth is 1 and 0. Text is compared byte by byte, as SQLite does.

-- One row per conversation: the projection of its events, written in the same transaction as they are.
CREATE TABLE conversations (
    id            TEXT   COLLATE "C" PRIMARY KEY,
    -- SHA-256 of the citizen's token; the token itself is never stored.
    token_hash    BYTEA  NOT NULL UNIQUE,
    -- conversation::Status
    status        TEXT   NOT NULL,
    last_seq      BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    -- The whole projection, sealed. The columns here repeat what queries look for.
    state         TEXT   NOT NULL,
    queue_number  BIGINT,
    holder        TEXT   COLLATE "C",
    claimed_at    BIGINT,
    -- Where an open escalation stands: its queue time less its priority's head start. Ties by queue_number.
    queue_rank    BIGINT,
    -- When time alone changes something.
    deadline      BIGINT,
    -- Who is asked.
    offered_to    TEXT   COLLATE "C",
    -- How much of an agent it takes.
    weight        BIGINT NOT NULL DEFAULT 25
)
-- A projection is rewritten with every event: room in its page keeps the new version there and the indexes untouched.
WITH (fillfactor = 60);

-- Partial: what the assistant has, which is nearly everything, changes none of them but the last.
CREATE INDEX conversations_by_queue ON conversations (status, queue_rank, queue_number) WHERE queue_rank IS NOT NULL;
CREATE INDEX conversations_by_number ON conversations (queue_number) WHERE queue_number IS NOT NULL;
CREATE INDEX conversations_by_holder ON conversations (holder) WHERE holder IS NOT NULL;
CREATE INDEX conversations_by_deadline ON conversations (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX conversations_by_offer ON conversations (offered_to) WHERE offered_to IS NOT NULL;
CREATE INDEX conversations_by_rest ON conversations (status, last_at);

-- Order in the queue among equals: given by escalation, kept until the conversation leaves the people's hands.
CREATE SEQUENCE queue_numbers;

-- The log. `seq` is 1, 2, 3 … without a gap per conversation.
CREATE TABLE events (
    conversation  TEXT   COLLATE "C" NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq           BIGINT NOT NULL CHECK (seq > 0),
    at            BIGINT NOT NULL,
    body          TEXT   NOT NULL,
    PRIMARY KEY (conversation, seq)
);

CREATE FUNCTION is_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never changed', TG_TABLE_NAME;
END $$;

-- The log is append-only; only erasure deletes, a whole conversation at a time.
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
FOR EACH ROW EXECUTE FUNCTION is_never_changed();

-- Client messages that were accepted, so that each is accepted once.
CREATE TABLE client_messages (
    conversation  TEXT   COLLATE "C" NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    -- 'citizen', or the agent's id
    sender        TEXT   COLLATE "C" NOT NULL,
    id            TEXT   COLLATE "C" NOT NULL,
    -- The first event it made, where it made one.
    seq           BIGINT,
    PRIMARY KEY (conversation, sender, id)
);

-- Accounts. In a conversation they are agents, whatever else they may do.
CREATE TABLE agents (
    id                   TEXT   COLLATE "C" PRIMARY KEY,
    name                 TEXT   COLLATE "C" NOT NULL UNIQUE,
    display_name         TEXT   NOT NULL,
    -- JSON arrays: language codes, roles, skills
    languages            TEXT   NOT NULL,
    roles                TEXT   NOT NULL,
    skills               TEXT   NOT NULL DEFAULT '[]',
    capacity             BIGINT NOT NULL DEFAULT 100 CHECK (capacity >= 0),
    disabled             BIGINT NOT NULL DEFAULT 0,
    -- PHC string; NULL for one who logs in through the identity provider only.
    password_hash        TEXT,
    must_change_password BIGINT NOT NULL DEFAULT 0,
    failed_logins        BIGINT NOT NULL DEFAULT 0,
    locked_until         BIGINT,
    totp_secret          BYTEA,
    totp_confirmed       BIGINT NOT NULL DEFAULT 0,
    totp_last_step       BIGINT NOT NULL DEFAULT 0,
    oidc_issuer          TEXT   COLLATE "C",
    oidc_subject         TEXT   COLLATE "C",
    last_seen_at         BIGINT NOT NULL,
    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL))
);

CREATE UNIQUE INDEX agents_by_oidc ON agents (oidc_issuer, oidc_subject) WHERE oidc_issuer IS NOT NULL;

CREATE TABLE agent_sessions (
    token_hash    BYTEA  PRIMARY KEY,
    id            TEXT   COLLATE "C" NOT NULL UNIQUE,
    agent         TEXT   COLLATE "C" NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL,
    idle_ms       BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    -- password, totp, recovery, oidc
    method        TEXT   NOT NULL
);

CREATE INDEX agent_sessions_by_agent ON agent_sessions (agent);

CREATE TABLE recovery_codes (
    agent         TEXT   COLLATE "C" NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    hash          BYTEA  NOT NULL,
    PRIMARY KEY (agent, hash)
);

CREATE TABLE presence (
    agent         TEXT   COLLATE "C" PRIMARY KEY REFERENCES agents (id) ON DELETE CASCADE,
    -- available, busy, leaving, away
    presence      TEXT   NOT NULL,
    free_since    BIGINT NOT NULL
);

CREATE TABLE handling_times (
    number        BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    seconds       DOUBLE PRECISION NOT NULL
);

-- The audit trail: a chain of hashes (conversation::audit). Rows are appended, and nothing else ever happens to them.
CREATE TABLE audit (
    -- 1, 2, 3 … without a gap
    id            BIGINT PRIMARY KEY,
    at            BIGINT NOT NULL,
    actor_kind    TEXT   NOT NULL,
    actor_id      TEXT   NOT NULL,
    actor_name    TEXT   NOT NULL,
    action        TEXT   NOT NULL,
    subject       TEXT   NOT NULL,
    -- A JSON object, byte for byte as it was hashed.
    detail        TEXT   NOT NULL,
    hash          BYTEA  NOT NULL CHECK (length(hash) = 32)
);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION is_never_changed();

CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id IS DISTINCT FROM (SELECT coalesce(max(id), 0) + 1 FROM audit) THEN
        RAISE EXCEPTION 'the audit trail grows at its end only';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_only_grows();

-- One key per conversation, wrapped with a master key that is not in this database. Dumps are made without its rows.
CREATE TABLE data_keys (
    conversation  TEXT   COLLATE "C" PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
    master        TEXT   COLLATE "C" NOT NULL,
    sealed        BYTEA  NOT NULL
);

CREATE INDEX data_keys_by_master ON data_keys (master);

-- Erased conversations: what is left of them. No citizen's words.
CREATE TABLE erasures (
    number        BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    conversation  TEXT   COLLATE "C" NOT NULL UNIQUE,
    at            BIGINT NOT NULL,
    by            TEXT   NOT NULL,
    why           TEXT   NOT NULL
);

-- Files elsewhere that have to learn of erasures, as `node:path`.
CREATE TABLE key_places (
    path          TEXT   COLLATE "C" PRIMARY KEY,
    kind          TEXT   NOT NULL,
    settled       BIGINT NOT NULL DEFAULT 0,
    last_backup_at BIGINT
);

CREATE TABLE vault (
    name          TEXT   COLLATE "C" PRIMARY KEY,
    value         TEXT   NOT NULL
);

INSERT INTO vault (name, value) VALUES ('database', replace(CAST(gen_random_uuid() AS TEXT), '-', ''));

-- Deliveries to other systems, written in the transaction of the event that they tell of. They hold no citizen's words.
CREATE TABLE webhook_deliveries (
    -- The same for every attempt.
    id            TEXT   COLLATE "C" PRIMARY KEY,
    -- The receiver's name in the configuration.
    hook          TEXT   NOT NULL,
    kind          TEXT   NOT NULL,
    -- JSON, byte for byte as it is signed.
    body          TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    attempts      BIGINT NOT NULL DEFAULT 0,
    -- When it is tried next, and until when the one who tries has it for itself; NULL once given up.
    next_at       BIGINT,
    last_error    TEXT
);

CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (next_at) WHERE next_at IS NOT NULL;

-- What other nodes have to be told of: a row per transaction, written in it. A node reads what was committed since its
-- last look by transaction ids, because numbers given by a sequence are not committed in their order.
CREATE TABLE outbox (
    number        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid           BIGINT NOT NULL,
    -- Random. Whoever got no reply to a commit looks for it: a transaction's id is given again after a crash.
    token         TEXT   COLLATE "C" NOT NULL UNIQUE,
    -- Whose transaction it was.
    node          TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    -- JSON: store::postgres::outbox::News; empty where there is nothing to tell
    news          TEXT   NOT NULL
);

CREATE INDEX outbox_by_xid ON outbox (xid);

-- The servers on this database.
CREATE TABLE nodes (
    -- One per process.
    id            TEXT   COLLATE "C" PRIMARY KEY,
    name          TEXT   NOT NULL,
    version       TEXT   NOT NULL,
    started_at    BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    -- Takes no new conversations.
    draining      BIGINT NOT NULL DEFAULT 0
);
