"""Replies that are held, by why; letters that were erased.

What the daemon looks for again and again is found among these, not among all that ever were.
"""

SCRIPT = """
DROP INDEX outbox_person;
CREATE INDEX outbox_person ON outbox (state, reason)
    WHERE state IN ('uncertain', 'held', 'failed');
CREATE INDEX message_erased ON message (erased_at) WHERE erased_at IS NOT NULL;
"""
