"""What staff leave on letters and people while they work; the way back from each action."""

SCRIPT = """
CREATE TABLE undo (
    token TEXT PRIMARY KEY,                -- of the form: a double click is one action
    staff TEXT NOT NULL,
    at TEXT NOT NULL,
    action TEXT NOT NULL,
    items TEXT NOT NULL,                   -- JSON: each letter as it was before
    used_at TEXT
) STRICT;
CREATE INDEX undo_at ON undo (at);
CREATE TABLE draft (
    id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    staff TEXT NOT NULL,
    text TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX draft_message ON draft (message_id);
CREATE TABLE presence (
    message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    staff TEXT NOT NULL,
    writing INTEGER NOT NULL DEFAULT 0,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (message_id, staff)
) STRICT, WITHOUT ROWID;
CREATE INDEX presence_seen_at ON presence (seen_at);
CREATE TABLE search (
    token TEXT PRIMARY KEY,                -- stands in the address bar instead of the words
    staff TEXT NOT NULL,
    query TEXT NOT NULL,
    name TEXT,                             -- a saved view; NULL is forgotten after a day
    shared INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX search_saved ON search (name) WHERE name IS NOT NULL;
CREATE TABLE snippet (
    id INTEGER PRIMARY KEY,
    shortcut TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    language TEXT NOT NULL DEFAULT 'en',
    text TEXT NOT NULL,
    staff TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    language TEXT                          -- preferred, as staff know it
) STRICT;
CREATE TABLE person_address (
    address TEXT PRIMARY KEY,              -- folded
    person_id INTEGER NOT NULL REFERENCES person ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX person_address_person ON person_address (person_id);
CREATE TABLE person_note (
    id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
    at TEXT NOT NULL,
    staff TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX person_note_person ON person_note (person_id);
-- Urgent letters first, as a column that an index can go on from.
ALTER TABLE review ADD COLUMN rank INTEGER GENERATED ALWAYS AS (-urgent) VIRTUAL;
CREATE INDEX review_open ON review (rank, received_at, message_id)
    WHERE state IN ('new', 'claimed', 'reopened');
CREATE INDEX review_rank ON review (rank, received_at, message_id);
CREATE INDEX review_unsure ON review (rank, received_at, message_id)
    WHERE needs_review = 1 AND confirmed_at IS NULL
    AND state IN ('new', 'claimed', 'reopened');
CREATE INDEX review_received_at ON review (received_at, message_id);
CREATE INDEX review_confidence ON review (confidence, message_id);
CREATE INDEX review_snoozed ON review (snoozed_until) WHERE snoozed_until IS NOT NULL;
CREATE INDEX review_done ON review (received_at, message_id)
    WHERE state IN ('answered', 'closed');
CREATE INDEX outbox_held ON outbox (message_id) WHERE state = 'held';
CREATE INDEX outbox_uncertain ON outbox (message_id) WHERE state = 'uncertain';
CREATE INDEX outbox_undone ON outbox (message_id) WHERE state IN ('failed', 'bounced');
CREATE INDEX decision_trouble ON decision (message_id)
    WHERE reason IN ('unreadable', 'template_error', 'compose_mismatch', 'guard');
CREATE INDEX message_truncated ON message (id) WHERE truncated = 1;
"""
