"""What a report asks of a review, in the order of the letters: no row of it is read."""

SCRIPT = """
CREATE INDEX review_figures ON review (received_at, message_id, category, confirmed_at);
DROP INDEX review_received_at;
"""
