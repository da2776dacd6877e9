"""What staff do with each letter, and the record of who did what."""

SCRIPT = """
CREATE TABLE review (
    message_id INTEGER PRIMARY KEY REFERENCES message ON DELETE CASCADE,
    state TEXT NOT NULL DEFAULT 'new'
        CHECK (state IN ('new', 'claimed', 'answered', 'closed', 'reopened')),
    category TEXT NOT NULL,                -- as decided, or as staff corrected it
    confidence REAL NOT NULL,
    urgent INTEGER NOT NULL DEFAULT 0,
    needs_review INTEGER NOT NULL DEFAULT 0,
    assignee TEXT,
    confirmed_at TEXT,                     -- when staff confirmed or corrected
    snoozed_until TEXT,
    closed_as TEXT,
    version INTEGER NOT NULL DEFAULT 1,
    received_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX review_state ON review (state, received_at, message_id);
CREATE INDEX review_assignee ON review (assignee, state) WHERE assignee IS NOT NULL;
CREATE TABLE correction (
    id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    at TEXT NOT NULL,
    staff TEXT NOT NULL,
    from_category TEXT NOT NULL,
    to_category TEXT NOT NULL,             -- the same as before: a confirmation
    why TEXT NOT NULL DEFAULT '',
    undone INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX correction_message ON correction (message_id);
CREATE TABLE verdict (
    id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    at TEXT NOT NULL,
    staff TEXT NOT NULL,
    reason TEXT NOT NULL,                  -- why the gate held the acknowledgement back
    released INTEGER NOT NULL              -- 1 staff sent it, 0 staff dropped it
) STRICT;
CREATE TABLE note (
    id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    at TEXT NOT NULL,
    staff TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX note_message ON note (message_id);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    message_id INTEGER,
    detail TEXT NOT NULL DEFAULT '',       -- codes and numbers, never content
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_message ON audit (message_id);
CREATE TRIGGER audit_is_append_only_update BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is append only');
END;
CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit is append only');
END;
CREATE TABLE alert (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    code TEXT NOT NULL,
    message_id INTEGER,
    detail TEXT NOT NULL DEFAULT '',
    ended_at TEXT,
    announced_at TEXT
) STRICT;
CREATE INDEX alert_open ON alert (code) WHERE ended_at IS NULL;
"""
