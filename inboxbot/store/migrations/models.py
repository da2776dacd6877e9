"""The models trained here, what each learned from, and which was in force when.

Their numbers are files beside the database. A removed model leaves no row but in the audit,
and its number is not given again.
"""

SCRIPT = """
CREATE TABLE model (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('encoder', 'light')),
    version TEXT NOT NULL,                 -- as decision.model_version names it
    fingerprint TEXT NOT NULL,             -- SHA-256 of its file
    shipped TEXT NOT NULL,                 -- SHA-256 of the shipped model then
    compared_with INTEGER NOT NULL,        -- the model in force then; 0: the shipped one
    comparison TEXT NOT NULL               -- JSON: figures, and what got better and worse
) STRICT;
CREATE TABLE model_letter (
    model_id INTEGER NOT NULL REFERENCES model ON DELETE CASCADE,
    message_id INTEGER NOT NULL,           -- no reference: it outlives the letter's words
    words TEXT NOT NULL,                   -- SHA-256 of subject and text as learned from
    category TEXT NOT NULL,
    corrected INTEGER NOT NULL,            -- 0: staff confirmed it
    PRIMARY KEY (model_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE promotion (
    id INTEGER PRIMARY KEY,                -- the last one of a kind is in force
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    model_id INTEGER REFERENCES model ON DELETE CASCADE  -- NULL: the shipped one
) STRICT;
CREATE INDEX promotion_model ON promotion (model_id);
"""
