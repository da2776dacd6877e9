"""Whether a reply counts towards the limits, in a column of its own; indexes of what is rare.

The indexes of what counts hung on the state: each of the three steps that a reply takes as it is
sent took it out of four of them and put it back in. What the daemon looks for again and again,
replies held for a reason and letters that are erased, is not looked for among all that ever were.
"""

_COUNTS = """(new.kind = 'acknowledgement' AND (new.state IN ('queued', 'claimed', 'sending',
    'sent', 'deferred', 'uncertain', 'bounced')
    OR (new.state = 'held' AND coalesce(new.reason IN ('shadow', 'paused'), 0))))"""

SCRIPT = """
DROP INDEX outbox_person;
CREATE INDEX outbox_person ON outbox (state, reason)
    WHERE state IN ('uncertain', 'held', 'failed');
CREATE INDEX message_erased ON message (erased_at) WHERE erased_at IS NOT NULL;
DROP INDEX outbox_reserved;
DROP INDEX outbox_reserved_recipient;
DROP INDEX outbox_reserved_domain;
DROP INDEX outbox_reserved_relay;
-- right when it is put in, and kept by the trigger below: one on INSERT would make SQLite write
-- down every page before it changes it, so that it could take a single row back
ALTER TABLE outbox ADD COLUMN reserved INTEGER NOT NULL DEFAULT 1 CHECK (reserved IN (0, 1));
UPDATE outbox AS new SET reserved = 0 WHERE NOT COUNTS;
CREATE INDEX outbox_reserved ON outbox (goes_at, message_id) WHERE reserved = 1;
CREATE INDEX outbox_reserved_recipient ON outbox (recipient_key, goes_at) WHERE reserved = 1;
CREATE INDEX outbox_reserved_domain ON outbox (recipient_domain, goes_at) WHERE reserved = 1;
CREATE INDEX outbox_reserved_relay ON outbox (relay, goes_at) WHERE reserved = 1;
CREATE TRIGGER outbox_reserved_update AFTER UPDATE OF kind, state, reason ON outbox
    WHEN new.reserved <> COUNTS BEGIN
    UPDATE outbox SET reserved = 1 - reserved WHERE id = new.id;
END;
""".replace("COUNTS", _COUNTS)
