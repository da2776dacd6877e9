"""What was read in each message, what was decided on it and why, and the replies."""

SCRIPT = """
CREATE TABLE conversation (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL,                 -- folded return address of its one writer
    started_at TEXT NOT NULL,
    related_to INTEGER REFERENCES conversation  -- quoted, but of another person
) STRICT;
CREATE TABLE reading (
    message_id INTEGER PRIMARY KEY REFERENCES message ON DELETE CASCADE,
    conversation_id INTEGER REFERENCES conversation,
    identity_key TEXT NOT NULL,            -- Message-ID, author and text, as one hash
    rfc_message_id TEXT,
    sender_name TEXT NOT NULL,
    sender_address TEXT,
    return_address TEXT,                   -- folded
    subject TEXT NOT NULL,
    text TEXT NOT NULL,                    -- the sender's own new words
    sent_at TEXT,
    parser TEXT NOT NULL,
    defects TEXT NOT NULL,                 -- JSON list of sentences
    attachments TEXT NOT NULL              -- JSON list of objects
) STRICT;
CREATE INDEX reading_identity_key ON reading (identity_key);
CREATE INDEX reading_rfc_message_id ON reading (rfc_message_id);
CREATE INDEX reading_return_address ON reading (return_address);
CREATE INDEX reading_conversation ON reading (conversation_id);
CREATE TABLE decision (
    message_id INTEGER PRIMARY KEY REFERENCES message ON DELETE CASCADE,
    decided_at TEXT NOT NULL,
    category TEXT NOT NULL CHECK (category IN
        ('profile_request', 'medication_question', 'general_inquiry')),
    confidence REAL NOT NULL,
    runner_up TEXT NOT NULL,
    runner_up_confidence REAL NOT NULL,
    needs_review INTEGER NOT NULL,
    unsure_because TEXT NOT NULL,
    evidence TEXT NOT NULL,                -- JSON, as are the next four
    urgent TEXT NOT NULL,
    sensitive TEXT NOT NULL,
    medicines TEXT NOT NULL,
    suggestions TEXT NOT NULL,
    language TEXT,
    language_confidence REAL NOT NULL,
    model_version TEXT NOT NULL,
    disposition TEXT NOT NULL CHECK (disposition IN ('acknowledge', 'hold', 'suppress')),
    reason TEXT,
    hits TEXT NOT NULL,                    -- JSON list of every rule that applied
    reply_to TEXT,
    template TEXT,
    template_language TEXT,
    authenticated INTEGER NOT NULL
) STRICT;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL REFERENCES message,
    kind TEXT NOT NULL CHECK (kind IN ('acknowledgement', 'answer')),
    template TEXT,
    template_version TEXT,
    recipient TEXT NOT NULL,
    recipient_key TEXT NOT NULL,           -- folded: case and plus-tag removed
    recipient_domain TEXT NOT NULL,
    relay TEXT,                            -- the form relay it came through
    envelope_sender TEXT NOT NULL,
    rfc_message_id TEXT NOT NULL UNIQUE,
    in_reply_to TEXT,
    raw BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'claimed', 'sending', 'sent', 'bounced',
        'deferred', 'failed', 'uncertain', 'held', 'cancelled')),
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at TEXT NOT NULL,
    lease_owner TEXT,
    lease_until TEXT,
    smtp_reply TEXT,
    created_by TEXT,                       -- staff, for answers and released replies
    created_at TEXT NOT NULL,
    requeued_at TEXT,                      -- when staff released it or sent it again
    sent_at TEXT,
    updated_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX outbox_one_acknowledgement ON outbox (message_id)
    WHERE kind = 'acknowledgement';
CREATE INDEX outbox_message ON outbox (message_id);
CREATE INDEX outbox_open ON outbox (due_at)
    WHERE state IN ('queued', 'claimed', 'sending', 'deferred');
CREATE INDEX outbox_person ON outbox (state) WHERE state IN ('uncertain', 'held', 'failed');
CREATE INDEX outbox_recipient ON outbox (recipient_key, created_at);
CREATE INDEX outbox_created_at ON outbox (created_at);
-- What counts toward the limits, so that a flood that is held makes no letter dearer:
-- word for word the conditions of the queries.
CREATE INDEX outbox_reserved ON outbox (created_at, message_id)
    WHERE kind = 'acknowledgement' AND (state IN ('queued', 'claimed', 'sending', 'sent',
    'deferred', 'uncertain', 'bounced')
    OR (state = 'held' AND reason IN ('shadow', 'paused')));
CREATE INDEX outbox_reserved_recipient ON outbox (recipient_key, created_at)
    WHERE kind = 'acknowledgement' AND (state IN ('queued', 'claimed', 'sending', 'sent',
    'deferred', 'uncertain', 'bounced')
    OR (state = 'held' AND reason IN ('shadow', 'paused')));
CREATE INDEX outbox_reserved_domain ON outbox (recipient_domain, created_at)
    WHERE kind = 'acknowledgement' AND (state IN ('queued', 'claimed', 'sending', 'sent',
    'deferred', 'uncertain', 'bounced')
    OR (state = 'held' AND reason IN ('shadow', 'paused')));
CREATE INDEX outbox_reserved_relay ON outbox (relay, created_at)
    WHERE kind = 'acknowledgement' AND (state IN ('queued', 'claimed', 'sending', 'sent',
    'deferred', 'uncertain', 'bounced')
    OR (state = 'held' AND reason IN ('shadow', 'paused')));
CREATE INDEX outbox_judged ON outbox (created_at)
    WHERE kind = 'acknowledgement' AND state IN ('sent', 'bounced');
CREATE TABLE suppression (
    address TEXT PRIMARY KEY,              -- folded
    reason TEXT NOT NULL CHECK (reason IN ('bounced', 'staff')),
    until TEXT,                            -- NULL: until staff lift it
    created_at TEXT NOT NULL,
    outbox_id INTEGER REFERENCES outbox
) STRICT;
CREATE TABLE bounce (
    message_id INTEGER PRIMARY KEY REFERENCES message ON DELETE CASCADE,
    outbox_id INTEGER NOT NULL REFERENCES outbox,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX bounce_at ON bounce (at);
"""
