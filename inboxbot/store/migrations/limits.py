"""What was sent of late, for the limits of mail providers; whom a mailbox is open to."""

SCRIPT = """
CREATE INDEX outbox_sent_at ON outbox (sent_at) WHERE sent_at IS NOT NULL;
-- JSON list of mailboxes that somebody may look into; NULL: all of them
ALTER TABLE user ADD COLUMN mailboxes TEXT;
"""
