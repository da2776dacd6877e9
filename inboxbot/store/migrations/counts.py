"""What the counts above the queue ask, and what nothing asks any more.

Each count reads its index alone, and no row of a letter.
"""

SCRIPT = """
DROP INDEX review_open;
CREATE INDEX review_open ON review (rank, received_at, message_id, snoozed_until, confirmed_at,
    assignee, needs_review, category, state) WHERE state IN ('new', 'claimed', 'reopened');
DROP INDEX review_unsure;
CREATE INDEX review_unsure ON review (rank, received_at, message_id, snoozed_until, confirmed_at,
    needs_review, category, state) WHERE needs_review = 1 AND confirmed_at IS NULL
    AND state IN ('new', 'claimed', 'reopened');
DROP INDEX message_rfc_message_id;
"""
