"""Who may sign in, and what they are signed in with; nothing here can be read back as is."""

SCRIPT = """
CREATE TABLE user (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,             -- lower case; what is typed and shown
    role TEXT NOT NULL CHECK (role IN ('staff', 'administrator', 'auditor')),
    password_hash TEXT,                    -- NULL until the link was used
    totp_secret TEXT,
    totp_step INTEGER NOT NULL DEFAULT 0,  -- the last one used: each code counts once
    disabled INTEGER NOT NULL DEFAULT 0,
    theme TEXT NOT NULL DEFAULT 'system' CHECK (theme IN ('system', 'light', 'dark')),
    text_size TEXT NOT NULL DEFAULT 'normal'
        CHECK (text_size IN ('normal', 'large', 'largest')),
    shortcuts INTEGER NOT NULL DEFAULT 1,
    afterwards TEXT NOT NULL DEFAULT 'next' CHECK (afterwards IN ('next', 'stay', 'list')),
    created_at TEXT NOT NULL
) STRICT;
CREATE TABLE recovery_code (
    user_id INTEGER NOT NULL REFERENCES user ON DELETE CASCADE,
    hash TEXT NOT NULL,
    used_at TEXT,
    PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE sign_in_link (
    hash TEXT PRIMARY KEY,                 -- of the token in the link
    user_id INTEGER NOT NULL REFERENCES user ON DELETE CASCADE,
    purpose TEXT NOT NULL CHECK (purpose IN ('password', 'enter')),
    expires_at TEXT NOT NULL,
    used_at TEXT
) STRICT;
CREATE TABLE failed_sign_in (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    account TEXT NOT NULL,                 -- hash of the name that was typed
    origin TEXT NOT NULL                   -- hash of the address it came from
) STRICT;
CREATE INDEX failed_sign_in_at ON failed_sign_in (at);
CREATE TABLE session (
    hash TEXT PRIMARY KEY,                 -- of the token in the cookie
    user_id INTEGER NOT NULL REFERENCES user ON DELETE CASCADE,
    stage TEXT NOT NULL CHECK (stage IN ('code', 'enrol', 'open')),
    form_token TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    confirmed_at TEXT NOT NULL             -- when the password was last typed
) STRICT;
CREATE INDEX session_user ON session (user_id);
"""
