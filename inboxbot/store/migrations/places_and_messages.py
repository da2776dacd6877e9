"""Where each message lies on its server, and its bytes.

A new UIDVALIDITY gives every message a new place; the fingerprint keeps it one message.
"""

SCRIPT = """
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    server TEXT NOT NULL,                  -- user name and host: another one starts anew
    folder TEXT NOT NULL,
    uidvalidity INTEGER,
    baseline_uid INTEGER NOT NULL DEFAULT 0,
    floor_uid INTEGER NOT NULL DEFAULT 0,  -- every place up to here is final
    started_at TEXT NOT NULL,
    epoch_at TEXT,                         -- when the present UIDVALIDITY was first seen
    matched INTEGER NOT NULL DEFAULT 1,    -- 0: letters of the era before not found again
    silent_before TEXT,                    -- unknown letters older than this: no reply
    restored_uid INTEGER NOT NULL DEFAULT 0,  -- letters up to here may have been answered
                                           -- since the backup; -1: not looked since
    baseline_recorded_uid INTEGER NOT NULL DEFAULT 0,
    last_good_poll_at TEXT,
    last_sweep_at TEXT,
    unaccounted INTEGER,
    healed INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    last_error_at TEXT,
    UNIQUE (name, server, folder)
) STRICT;
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,      -- SHA-256 of raw; stays when raw is erased
    mailbox_id INTEGER NOT NULL REFERENCES mailbox,
    origin TEXT NOT NULL CHECK (origin IN ('imap', 'import')),
    received_at TEXT NOT NULL,
    stored_at TEXT NOT NULL,
    size INTEGER NOT NULL,                 -- on the server; more than raw when truncated
    truncated INTEGER NOT NULL DEFAULT 0,
    rfc_message_id TEXT,
    keep_silent TEXT CHECK (keep_silent IN ('baseline', 'uidvalidity', 'restored')),
    attempts INTEGER NOT NULL DEFAULT 0,   -- to decide; counted before each one
    decided_at TEXT
) STRICT;
CREATE INDEX message_undecided ON message (id) WHERE decided_at IS NULL;
CREATE INDEX message_rfc_message_id ON message (rfc_message_id);
CREATE INDEX message_received_at ON message (received_at);
CREATE TABLE raw (
    message_id INTEGER PRIMARY KEY REFERENCES message ON DELETE CASCADE,
    encoding TEXT NOT NULL CHECK (encoding IN ('zlib', 'plain')),
    bytes BLOB NOT NULL
) STRICT;
CREATE TABLE place (
    mailbox_id INTEGER NOT NULL REFERENCES mailbox,
    uidvalidity INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('listed', 'ingested', 'duplicate', 'baseline',
        'retry', 'quarantined', 'oversize', 'vanished')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at TEXT,
    message_id INTEGER REFERENCES message,
    received_at TEXT,
    size INTEGER,
    email_id TEXT,                         -- the server's own name for it (RFC 8474)
    identity TEXT,                         -- Message-ID, Date and size, as one hash
    last_error TEXT,
    first_seen_at TEXT NOT NULL,
    PRIMARY KEY (mailbox_id, uidvalidity, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX place_email_id ON place (mailbox_id, email_id) WHERE email_id IS NOT NULL;
CREATE INDEX place_identity ON place (mailbox_id, identity) WHERE identity IS NOT NULL;
CREATE INDEX place_open ON place (mailbox_id, uidvalidity, attempts, uid)
    WHERE state IN ('listed', 'retry');
CREATE INDEX place_message ON place (message_id);
CREATE INDEX place_trouble ON place (state)
    WHERE state IN ('quarantined', 'oversize', 'vanished');
"""
