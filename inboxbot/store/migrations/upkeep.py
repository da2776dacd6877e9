"""What was erased, and what may not be erased yet.

The row of an erased message stays, without a word of it: its fingerprint keeps the letter
from coming in again.
"""

SCRIPT = """
ALTER TABLE message ADD COLUMN erased_at TEXT;
-- 1: no attachments left
ALTER TABLE raw ADD COLUMN stripped INTEGER NOT NULL DEFAULT 0;
CREATE TABLE legal_hold (
    address TEXT PRIMARY KEY,              -- folded; nothing of it is erased
    at TEXT NOT NULL,
    staff TEXT NOT NULL,
    why TEXT NOT NULL
) STRICT;
"""
