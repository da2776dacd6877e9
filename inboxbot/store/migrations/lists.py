"""The lists of staff, read in their order.

An index by state made SQLite gather and sort all open letters for each page. States are counted
by indexes that are written so that no list can take them.
"""

SCRIPT = """
DROP INDEX review_state;
CREATE INDEX review_counted ON review (state || '');
CREATE INDEX outbox_counted ON outbox (state || '');
"""
