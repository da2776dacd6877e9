"""Every version of every reply template, and the drafts that administrators work on."""

SCRIPT = """
CREATE TABLE template_version (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    html TEXT,                             -- NULL: made from the text
    fingerprint TEXT NOT NULL,             -- as outbox.template_version names it
    who TEXT NOT NULL,                     -- 'file' for an edit by hand
    comment TEXT NOT NULL DEFAULT '',
    at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'live', 'past')),
    UNIQUE (name, language, number)
) STRICT;
CREATE UNIQUE INDEX template_version_live ON template_version (name, language)
    WHERE state = 'live';
CREATE UNIQUE INDEX template_version_pending ON template_version (name, language)
    WHERE state = 'pending';
CREATE INDEX template_version_fingerprint ON template_version (fingerprint);
CREATE TABLE template_draft (
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    staff TEXT NOT NULL,
    text TEXT NOT NULL,
    html TEXT,
    based_on INTEGER NOT NULL,             -- number of the version it began with; 0: none
    revision INTEGER NOT NULL DEFAULT 1,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (name, language, staff)
) STRICT, WITHOUT ROWID;
CREATE TABLE template_presence (
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    staff TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (name, language, staff)
) STRICT, WITHOUT ROWID;
"""
