"""The lists of staff, read in their order.

An index by state made SQLite gather and sort all open letters for each page. States are still
counted by an index, written so that no list can take it.
"""

SCRIPT = """
DROP INDEX review_state;
CREATE INDEX review_counted ON review (state || '');
"""
