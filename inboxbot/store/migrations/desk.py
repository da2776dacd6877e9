"""Why a reply is in its language; when an acknowledgement goes; a person's own keys."""

_COUNTED = (
    "kind = 'acknowledgement' AND (state IN ('queued', 'claimed', 'sending', 'sent',"
    " 'deferred', 'uncertain', 'bounced')"
    " OR (state = 'held' AND reason IN ('shadow', 'paused')))"
)

SCRIPT = """
ALTER TABLE decision ADD COLUMN language_because TEXT
    CHECK (language_because IN ('person', 'detected', 'default', 'built_in'));
-- One that staff released counts from then on.
ALTER TABLE outbox ADD COLUMN goes_at TEXT
    GENERATED ALWAYS AS (coalesce(requeued_at, created_at)) VIRTUAL;
DROP INDEX outbox_reserved;
DROP INDEX outbox_reserved_recipient;
DROP INDEX outbox_reserved_domain;
DROP INDEX outbox_reserved_relay;
CREATE INDEX outbox_reserved ON outbox (goes_at, message_id) WHERE COUNTED;
CREATE INDEX outbox_reserved_recipient ON outbox (recipient_key, goes_at) WHERE COUNTED;
CREATE INDEX outbox_reserved_domain ON outbox (recipient_domain, goes_at) WHERE COUNTED;
CREATE INDEX outbox_reserved_relay ON outbox (relay, goes_at) WHERE COUNTED;
-- JSON: the key that the pages name, and the one that this person presses instead
ALTER TABLE user ADD COLUMN keys TEXT NOT NULL DEFAULT '{}';
-- Proven by a code that was mailed to it; of the code only a hash is kept.
ALTER TABLE user ADD COLUMN address TEXT;
ALTER TABLE user ADD COLUMN address_asked TEXT;
ALTER TABLE user ADD COLUMN address_code TEXT;
ALTER TABLE user ADD COLUMN address_until TEXT;
CREATE TABLE tag (
    message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    name TEXT NOT NULL,
    PRIMARY KEY (message_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_name ON tag (name, message_id);
-- In how many answers it was sent.
ALTER TABLE snippet ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
CREATE TABLE snippet_proposal (
    id INTEGER PRIMARY KEY,
    shortcut TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL,
    staff TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
""".replace("COUNTED", _COUNTED)
