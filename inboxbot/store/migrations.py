"""The schema, as the list of steps that built it.

Rules: append only; never edit a step that has been released; a step may not use code from
elsewhere in inboxbot (that code changes, history does not). Each step and the record of it
commit together, or not at all.
"""

from inboxbot.errors import StoreError
from inboxbot.store.database import emptied, file_of, marker, write
from inboxbot.store.sqlite import Database, Migrations

steps = Migrations("inboxbot")


def migrate(db: Database) -> list[str]:
    """Bring the schema up to date; return the names of the steps applied.

    Raises `StoreError` where the database was written by a newer program, or has lost the
    tables that it had: made anew, every letter would be new again.
    """
    check_not_newer(db)
    path = file_of(db)
    if marker(path).exists() and not list(steps.applied(db)):
        raise StoreError(emptied(path))
    with write(db):  # Two processes starting together: the second finds nothing to do.
        pending = [step.name for step in steps.pending(db)]
        steps.apply(db)
    marker(path).touch(mode=0o600)
    return pending


def pending(db: Database) -> list[str]:
    """Return the names of the steps that this database still lacks."""
    return [step.name for step in steps.pending(db)]


def check_not_newer(db: Database) -> None:
    """Raise `StoreError` where the database has steps that this program does not know."""
    known = {step.name for step in steps.pending(Database(memory=True))}
    unknown = sorted({step.name for step in steps.applied(db)} - known)
    if unknown:
        raise StoreError(
            f"The database was written by a newer inboxbot (step {unknown[-1]}): install that "
            "version again, or restore the backup that was made before the upgrade."
        )


def _run(db: Database, script: str) -> None:
    """Run each statement of `script`; `executescript` would commit the open transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if line.rstrip().endswith(";") and not _inside_trigger(statement):
            db.execute(statement)
            statement = ""


def _inside_trigger(statement: str) -> bool:
    words = statement.upper().split()
    return "TRIGGER" in words[:3] and words[-1] != "END;"


@steps(name="0001_places_and_messages")
def places_and_messages(db: Database) -> None:
    """Where each message lies on its server, and its bytes.

    A new UIDVALIDITY gives every message a new place; the fingerprint keeps it one message.
    """
    _run(
        db,
        """
        CREATE TABLE setting (
            name TEXT PRIMARY KEY,
            value TEXT NOT NULL
        ) STRICT;
        CREATE TABLE mailbox (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            server TEXT NOT NULL,                  -- user name and host: another one starts anew
            folder TEXT NOT NULL,
            uidvalidity INTEGER,
            baseline_uid INTEGER NOT NULL DEFAULT 0,
            floor_uid INTEGER NOT NULL DEFAULT 0,  -- every place up to here is final
            started_at TEXT NOT NULL,
            epoch_at TEXT,                         -- when the present UIDVALIDITY was first seen
            matched INTEGER NOT NULL DEFAULT 1,    -- 0: letters of the era before not found again
            silent_before TEXT,                    -- unknown letters older than this: no reply
            restored_uid INTEGER NOT NULL DEFAULT 0,  -- letters up to here may have been answered
                                                   -- since the backup; -1: not looked since
            baseline_recorded_uid INTEGER NOT NULL DEFAULT 0,
            last_good_poll_at TEXT,
            last_sweep_at TEXT,
            unaccounted INTEGER,
            healed INTEGER NOT NULL DEFAULT 0,
            last_error TEXT,
            last_error_at TEXT,
            UNIQUE (name, server, folder)
        ) STRICT;
        CREATE TABLE message (
            id INTEGER PRIMARY KEY,
            fingerprint TEXT NOT NULL UNIQUE,      -- SHA-256 of raw; stays when raw is erased
            mailbox_id INTEGER NOT NULL REFERENCES mailbox,
            origin TEXT NOT NULL CHECK (origin IN ('imap', 'import')),
            received_at TEXT NOT NULL,
            stored_at TEXT NOT NULL,
            size INTEGER NOT NULL,                 -- on the server; more than raw when truncated
            truncated INTEGER NOT NULL DEFAULT 0,
            rfc_message_id TEXT,
            keep_silent TEXT CHECK (keep_silent IN ('baseline', 'uidvalidity', 'restored')),
            attempts INTEGER NOT NULL DEFAULT 0,   -- to decide; counted before each one
            decided_at TEXT
        ) STRICT;
        CREATE INDEX message_undecided ON message (id) WHERE decided_at IS NULL;
        CREATE INDEX message_rfc_message_id ON message (rfc_message_id);
        CREATE INDEX message_received_at ON message (received_at);
        CREATE TABLE raw (
            message_id INTEGER PRIMARY KEY REFERENCES message ON DELETE CASCADE,
            encoding TEXT NOT NULL CHECK (encoding IN ('zlib', 'plain')),
            bytes BLOB NOT NULL
        ) STRICT;
        CREATE TABLE place (
            mailbox_id INTEGER NOT NULL REFERENCES mailbox,
            uidvalidity INTEGER NOT NULL,
            uid INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('listed', 'ingested', 'duplicate', 'baseline',
                'retry', 'quarantined', 'oversize', 'vanished')),
            attempts INTEGER NOT NULL DEFAULT 0,
            next_try_at TEXT,
            message_id INTEGER REFERENCES message,
            received_at TEXT,
            size INTEGER,
            email_id TEXT,                         -- the server's own name for it (RFC 8474)
            identity TEXT,                         -- Message-ID, Date and size, as one hash
            last_error TEXT,
            first_seen_at TEXT NOT NULL,
            PRIMARY KEY (mailbox_id, uidvalidity, uid)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX place_email_id ON place (mailbox_id, email_id) WHERE email_id IS NOT NULL;
        CREATE INDEX place_identity ON place (mailbox_id, identity) WHERE identity IS NOT NULL;
        CREATE INDEX place_open ON place (mailbox_id, uidvalidity, attempts, uid)
            WHERE state IN ('listed', 'retry');
        CREATE INDEX place_message ON place (message_id);
        CREATE INDEX place_trouble ON place (state)
            WHERE state IN ('quarantined', 'oversize', 'vanished');
        """,
    )


@steps(name="0002_decisions_and_outbox")
def decisions_and_outbox(db: Database) -> None:
    """What was read in each message, what was decided on it and why, and the replies."""
    _run(
        db,
        """
        CREATE TABLE conversation (
            id INTEGER PRIMARY KEY,
            address TEXT NOT NULL,                 -- folded return address of its one writer
            started_at TEXT NOT NULL,
            related_to INTEGER REFERENCES conversation  -- quoted, but of another person
        ) STRICT;
        CREATE TABLE reading (
            message_id INTEGER PRIMARY KEY REFERENCES message ON DELETE CASCADE,
            conversation_id INTEGER REFERENCES conversation,
            identity_key TEXT NOT NULL,            -- Message-ID, author and text, as one hash
            rfc_message_id TEXT,
            sender_name TEXT NOT NULL,
            sender_address TEXT,
            return_address TEXT,                   -- folded
            subject TEXT NOT NULL,
            text TEXT NOT NULL,                    -- the sender's own new words
            sent_at TEXT,
            parser TEXT NOT NULL,
            defects TEXT NOT NULL,                 -- JSON list of sentences
            attachments TEXT NOT NULL              -- JSON list of objects
        ) STRICT;
        CREATE INDEX reading_identity_key ON reading (identity_key);
        CREATE INDEX reading_rfc_message_id ON reading (rfc_message_id);
        CREATE INDEX reading_return_address ON reading (return_address);
        CREATE INDEX reading_conversation ON reading (conversation_id);
        CREATE TABLE decision (
            message_id INTEGER PRIMARY KEY REFERENCES message ON DELETE CASCADE,
            decided_at TEXT NOT NULL,
            category TEXT NOT NULL CHECK (category IN
                ('profile_request', 'medication_question', 'general_inquiry')),
            confidence REAL NOT NULL,
            runner_up TEXT NOT NULL,
            runner_up_confidence REAL NOT NULL,
            needs_review INTEGER NOT NULL,
            unsure_because TEXT NOT NULL,
            evidence TEXT NOT NULL,                -- JSON, as are the next four
            urgent TEXT NOT NULL,
            sensitive TEXT NOT NULL,
            medicines TEXT NOT NULL,
            suggestions TEXT NOT NULL,
            language TEXT,
            language_confidence REAL NOT NULL,
            model_version TEXT NOT NULL,
            disposition TEXT NOT NULL CHECK (disposition IN ('acknowledge', 'hold', 'suppress')),
            reason TEXT,
            hits TEXT NOT NULL,                    -- JSON list of every rule that applied
            reply_to TEXT,
            template TEXT,
            template_language TEXT,
            authenticated INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE outbox (
            id INTEGER PRIMARY KEY,
            message_id INTEGER NOT NULL REFERENCES message,
            kind TEXT NOT NULL CHECK (kind IN ('acknowledgement', 'answer')),
            template TEXT,
            template_version TEXT,
            recipient TEXT NOT NULL,
            recipient_key TEXT NOT NULL,           -- folded: case and plus-tag removed
            recipient_domain TEXT NOT NULL,
            relay TEXT,                            -- the form relay it came through
            envelope_sender TEXT NOT NULL,
            rfc_message_id TEXT NOT NULL UNIQUE,
            in_reply_to TEXT,
            raw BLOB NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('queued', 'claimed', 'sending', 'sent', 'bounced',
                'deferred', 'failed', 'uncertain', 'held', 'cancelled')),
            reason TEXT,
            attempts INTEGER NOT NULL DEFAULT 0,
            due_at TEXT NOT NULL,
            lease_owner TEXT,
            lease_until TEXT,
            smtp_reply TEXT,
            created_by TEXT,                       -- staff, for answers and released replies
            created_at TEXT NOT NULL,
            requeued_at TEXT,                      -- when staff released it or sent it again
            sent_at TEXT,
            updated_at TEXT NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX outbox_one_acknowledgement ON outbox (message_id)
            WHERE kind = 'acknowledgement';
        CREATE INDEX outbox_message ON outbox (message_id);
        CREATE INDEX outbox_open ON outbox (due_at)
            WHERE state IN ('queued', 'claimed', 'sending', 'deferred');
        CREATE INDEX outbox_person ON outbox (state) WHERE state IN ('uncertain', 'held', 'failed');
        CREATE INDEX outbox_recipient ON outbox (recipient_key, created_at);
        CREATE INDEX outbox_created_at ON outbox (created_at);
        -- What counts toward the limits, so that a flood that is held makes no letter dearer:
        -- word for word the conditions of the queries.
        CREATE INDEX outbox_reserved ON outbox (created_at, message_id)
            WHERE kind = 'acknowledgement' AND (state IN ('queued', 'claimed', 'sending', 'sent',
            'deferred', 'uncertain', 'bounced')
            OR (state = 'held' AND reason IN ('shadow', 'paused')));
        CREATE INDEX outbox_reserved_recipient ON outbox (recipient_key, created_at)
            WHERE kind = 'acknowledgement' AND (state IN ('queued', 'claimed', 'sending', 'sent',
            'deferred', 'uncertain', 'bounced')
            OR (state = 'held' AND reason IN ('shadow', 'paused')));
        CREATE INDEX outbox_reserved_domain ON outbox (recipient_domain, created_at)
            WHERE kind = 'acknowledgement' AND (state IN ('queued', 'claimed', 'sending', 'sent',
            'deferred', 'uncertain', 'bounced')
            OR (state = 'held' AND reason IN ('shadow', 'paused')));
        CREATE INDEX outbox_reserved_relay ON outbox (relay, created_at)
            WHERE kind = 'acknowledgement' AND (state IN ('queued', 'claimed', 'sending', 'sent',
            'deferred', 'uncertain', 'bounced')
            OR (state = 'held' AND reason IN ('shadow', 'paused')));
        CREATE INDEX outbox_judged ON outbox (created_at)
            WHERE kind = 'acknowledgement' AND state IN ('sent', 'bounced');
        CREATE TABLE suppression (
            address TEXT PRIMARY KEY,              -- folded
            reason TEXT NOT NULL CHECK (reason IN ('bounced', 'staff')),
            until TEXT,                            -- NULL: until staff lift it
            created_at TEXT NOT NULL,
            outbox_id INTEGER REFERENCES outbox
        ) STRICT;
        CREATE TABLE bounce (
            message_id INTEGER PRIMARY KEY REFERENCES message ON DELETE CASCADE,
            outbox_id INTEGER NOT NULL REFERENCES outbox,
            at TEXT NOT NULL
        ) STRICT;
        CREATE INDEX bounce_at ON bounce (at);
        """,
    )


@steps(name="0003_reviews")
def reviews(db: Database) -> None:
    """What staff do with each letter, and the record of who did what."""
    _run(
        db,
        """
        CREATE TABLE review (
            message_id INTEGER PRIMARY KEY REFERENCES message ON DELETE CASCADE,
            state TEXT NOT NULL DEFAULT 'new'
                CHECK (state IN ('new', 'claimed', 'answered', 'closed', 'reopened')),
            category TEXT NOT NULL,                -- as decided, or as staff corrected it
            confidence REAL NOT NULL,
            urgent INTEGER NOT NULL DEFAULT 0,
            needs_review INTEGER NOT NULL DEFAULT 0,
            assignee TEXT,
            confirmed_at TEXT,                     -- when staff confirmed or corrected
            snoozed_until TEXT,
            closed_as TEXT,
            version INTEGER NOT NULL DEFAULT 1,
            received_at TEXT NOT NULL,
            updated_at TEXT NOT NULL
        ) STRICT;
        CREATE INDEX review_state ON review (state, received_at, message_id);
        CREATE INDEX review_assignee ON review (assignee, state) WHERE assignee IS NOT NULL;
        CREATE TABLE correction (
            id INTEGER PRIMARY KEY,
            message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
            at TEXT NOT NULL,
            staff TEXT NOT NULL,
            from_category TEXT NOT NULL,
            to_category TEXT NOT NULL,             -- the same as before: a confirmation
            why TEXT NOT NULL DEFAULT '',
            undone INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE INDEX correction_message ON correction (message_id);
        CREATE TABLE verdict (
            id INTEGER PRIMARY KEY,
            message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
            at TEXT NOT NULL,
            staff TEXT NOT NULL,
            reason TEXT NOT NULL,                  -- why the gate held the acknowledgement back
            released INTEGER NOT NULL              -- 1 staff sent it, 0 staff dropped it
        ) STRICT;
        CREATE TABLE note (
            id INTEGER PRIMARY KEY,
            message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
            at TEXT NOT NULL,
            staff TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT;
        CREATE INDEX note_message ON note (message_id);
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            who TEXT NOT NULL,
            what TEXT NOT NULL,
            message_id INTEGER,
            detail TEXT NOT NULL DEFAULT '',       -- codes and numbers, never content
            previous TEXT NOT NULL,
            hash TEXT NOT NULL
        ) STRICT;
        CREATE INDEX audit_message ON audit (message_id);
        CREATE TRIGGER audit_is_append_only_update BEFORE UPDATE ON audit BEGIN
            SELECT RAISE(ABORT, 'the audit is append only');
        END;
        CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit BEGIN
            SELECT RAISE(ABORT, 'the audit is append only');
        END;
        CREATE TABLE alert (
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            code TEXT NOT NULL,
            message_id INTEGER,
            detail TEXT NOT NULL DEFAULT '',
            ended_at TEXT,
            announced_at TEXT
        ) STRICT;
        CREATE INDEX alert_open ON alert (code) WHERE ended_at IS NULL;
        """,
    )


@steps(name="0010_staff")
def staff(db: Database) -> None:
    """Who may sign in, and what they are signed in with; nothing here can be read back as is."""
    _run(
        db,
        """
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
        """,
    )


@steps(name="0011_staff_work")
def staff_work(db: Database) -> None:
    """What staff leave on letters and people while they work; the way back from each action."""
    _run(
        db,
        """
        CREATE TABLE undo (
            token TEXT PRIMARY KEY,                -- of the form: a double click is one action
            staff TEXT NOT NULL,
            at TEXT NOT NULL,
            action TEXT NOT NULL,
            items TEXT NOT NULL,                   -- JSON: each letter as it was before
            used_at TEXT
        ) STRICT;
        CREATE INDEX undo_at ON undo (at);
        CREATE TABLE draft (
            id INTEGER PRIMARY KEY,
            message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
            staff TEXT NOT NULL,
            text TEXT NOT NULL,
            version INTEGER NOT NULL DEFAULT 1,
            updated_at TEXT NOT NULL
        ) STRICT;
        CREATE INDEX draft_message ON draft (message_id);
        CREATE TABLE presence (
            message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
            staff TEXT NOT NULL,
            writing INTEGER NOT NULL DEFAULT 0,
            seen_at TEXT NOT NULL,
            PRIMARY KEY (message_id, staff)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX presence_seen_at ON presence (seen_at);
        CREATE TABLE search (
            token TEXT PRIMARY KEY,                -- stands in the address bar instead of the words
            staff TEXT NOT NULL,
            query TEXT NOT NULL,
            name TEXT,                             -- a saved view; NULL is forgotten after a day
            shared INTEGER NOT NULL DEFAULT 0,
            created_at TEXT NOT NULL
        ) STRICT;
        CREATE INDEX search_saved ON search (name) WHERE name IS NOT NULL;
        CREATE TABLE snippet (
            id INTEGER PRIMARY KEY,
            shortcut TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL,
            language TEXT NOT NULL DEFAULT 'en',
            text TEXT NOT NULL,
            staff TEXT NOT NULL,
            updated_at TEXT NOT NULL
        ) STRICT;
        CREATE TABLE person (
            id INTEGER PRIMARY KEY,
            language TEXT                          -- preferred, as staff know it
        ) STRICT;
        CREATE TABLE person_address (
            address TEXT PRIMARY KEY,              -- folded
            person_id INTEGER NOT NULL REFERENCES person ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX person_address_person ON person_address (person_id);
        CREATE TABLE person_note (
            id INTEGER PRIMARY KEY,
            person_id INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
            at TEXT NOT NULL,
            staff TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT;
        CREATE INDEX person_note_person ON person_note (person_id);
        -- Urgent letters first, as a column that an index can go on from.
        ALTER TABLE review ADD COLUMN rank INTEGER GENERATED ALWAYS AS (-urgent) VIRTUAL;
        CREATE INDEX review_open ON review (rank, received_at, message_id)
            WHERE state IN ('new', 'claimed', 'reopened');
        CREATE INDEX review_rank ON review (rank, received_at, message_id);
        CREATE INDEX review_unsure ON review (rank, received_at, message_id)
            WHERE needs_review = 1 AND confirmed_at IS NULL
            AND state IN ('new', 'claimed', 'reopened');
        CREATE INDEX review_received_at ON review (received_at, message_id);
        CREATE INDEX review_confidence ON review (confidence, message_id);
        CREATE INDEX review_snoozed ON review (snoozed_until) WHERE snoozed_until IS NOT NULL;
        CREATE INDEX review_done ON review (received_at, message_id)
            WHERE state IN ('answered', 'closed');
        CREATE INDEX outbox_held ON outbox (message_id) WHERE state = 'held';
        CREATE INDEX outbox_uncertain ON outbox (message_id) WHERE state = 'uncertain';
        CREATE INDEX outbox_undone ON outbox (message_id) WHERE state IN ('failed', 'bounced');
        CREATE INDEX decision_trouble ON decision (message_id)
            WHERE reason IN ('unreadable', 'template_error', 'compose_mismatch', 'guard');
        CREATE INDEX message_truncated ON message (id) WHERE truncated = 1;
        """,
    )


@steps(name="0012_search")
def full_text_search(db: Database) -> None:
    """The words of every reading; those of scripts without spaces also by three letters each.

    Both indexes hold no text of their own. After erasing a reading, `optimize` them: until then
    their pages may still name its words.
    """
    unspaced = "'*[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]*'"
    columns = "subject, text, sender_name, sender_address"
    script = """
        CREATE VIRTUAL TABLE reading_words USING fts5 (COLUMNS, content='reading',
            content_rowid='message_id', tokenize="unicode61 remove_diacritics 2");
        CREATE VIRTUAL TABLE reading_unspaced USING fts5 (COLUMNS, content='reading',
            content_rowid='message_id', tokenize="trigram");
        CREATE TRIGGER reading_words_insert AFTER INSERT ON reading BEGIN
            INSERT INTO reading_words (rowid, COLUMNS) VALUES (new.message_id, new.subject,
                new.text, new.sender_name, new.sender_address);
        END;
        CREATE TRIGGER reading_words_delete AFTER DELETE ON reading BEGIN
            INSERT INTO reading_words (reading_words, rowid, COLUMNS) VALUES ('delete',
                old.message_id, old.subject, old.text, old.sender_name, old.sender_address);
        END;
        CREATE TRIGGER reading_words_update AFTER UPDATE ON reading BEGIN
            INSERT INTO reading_words (reading_words, rowid, COLUMNS) VALUES ('delete',
                old.message_id, old.subject, old.text, old.sender_name, old.sender_address);
            INSERT INTO reading_words (rowid, COLUMNS) VALUES (new.message_id, new.subject,
                new.text, new.sender_name, new.sender_address);
        END;
        CREATE TRIGGER reading_unspaced_insert AFTER INSERT ON reading
            WHEN new.subject || new.text || new.sender_name GLOB UNSPACED BEGIN
            INSERT INTO reading_unspaced (rowid, COLUMNS) VALUES (new.message_id, new.subject,
                new.text, new.sender_name, new.sender_address);
        END;
        CREATE TRIGGER reading_unspaced_delete AFTER DELETE ON reading
            WHEN old.subject || old.text || old.sender_name GLOB UNSPACED BEGIN
            INSERT INTO reading_unspaced (reading_unspaced, rowid, COLUMNS) VALUES ('delete',
                old.message_id, old.subject, old.text, old.sender_name, old.sender_address);
        END;
        CREATE TRIGGER reading_unspaced_update AFTER UPDATE ON reading BEGIN
            INSERT INTO reading_unspaced (reading_unspaced, rowid, COLUMNS)
                SELECT 'delete', old.message_id, old.subject, old.text, old.sender_name,
                    old.sender_address
                WHERE old.subject || old.text || old.sender_name GLOB UNSPACED;
            INSERT INTO reading_unspaced (rowid, COLUMNS)
                SELECT new.message_id, new.subject, new.text, new.sender_name, new.sender_address
                WHERE new.subject || new.text || new.sender_name GLOB UNSPACED;
        END;
        """
    _run(db, script.replace("COLUMNS", columns).replace("UNSPACED", unspaced))


@steps(name="0013_desk")
def desk(db: Database) -> None:
    """Why a reply is in its language; when an acknowledgement goes; a person's own keys."""
    counted = (
        "kind = 'acknowledgement' AND (state IN ('queued', 'claimed', 'sending', 'sent',"
        " 'deferred', 'uncertain', 'bounced')"
        " OR (state = 'held' AND reason IN ('shadow', 'paused')))"
    )
    script = """
        ALTER TABLE decision ADD COLUMN language_because TEXT
            CHECK (language_because IN ('person', 'detected', 'default', 'built_in'));
        -- One that staff released counts from then on.
        ALTER TABLE outbox ADD COLUMN goes_at TEXT
            GENERATED ALWAYS AS (coalesce(requeued_at, created_at)) VIRTUAL;
        DROP INDEX outbox_reserved;
        DROP INDEX outbox_reserved_recipient;
        DROP INDEX outbox_reserved_domain;
        DROP INDEX outbox_reserved_relay;
        CREATE INDEX outbox_reserved ON outbox (goes_at, message_id) WHERE COUNTED;
        CREATE INDEX outbox_reserved_recipient ON outbox (recipient_key, goes_at) WHERE COUNTED;
        CREATE INDEX outbox_reserved_domain ON outbox (recipient_domain, goes_at) WHERE COUNTED;
        CREATE INDEX outbox_reserved_relay ON outbox (relay, goes_at) WHERE COUNTED;
        -- JSON: the key that the pages name, and the one that this person presses instead
        ALTER TABLE user ADD COLUMN keys TEXT NOT NULL DEFAULT '{}';
        -- Proven by a code that was mailed to it; of the code only a hash is kept.
        ALTER TABLE user ADD COLUMN address TEXT;
        ALTER TABLE user ADD COLUMN address_asked TEXT;
        ALTER TABLE user ADD COLUMN address_code TEXT;
        ALTER TABLE user ADD COLUMN address_until TEXT;
        CREATE TABLE tag (
            message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
            name TEXT NOT NULL,
            PRIMARY KEY (message_id, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tag_name ON tag (name, message_id);
        -- In how many answers it was sent.
        ALTER TABLE snippet ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE snippet_proposal (
            id INTEGER PRIMARY KEY,
            shortcut TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL,
            language TEXT NOT NULL,
            text TEXT NOT NULL,
            staff TEXT NOT NULL,
            updated_at TEXT NOT NULL
        ) STRICT;
        """
    _run(db, script.replace("COUNTED", counted))


@steps(name="0020_templates")
def templates(db: Database) -> None:
    """Every version of every reply template, and the drafts that administrators work on."""
    _run(
        db,
        """
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
        """,
    )


@steps(name="0030_upkeep")
def upkeep(db: Database) -> None:
    """What was erased, and what may not be erased yet.

    The row of an erased message stays, without a word of it: its fingerprint keeps the letter
    from coming in again.
    """
    _run(
        db,
        """
        ALTER TABLE message ADD COLUMN erased_at TEXT;
        -- 1: no attachments left
        ALTER TABLE raw ADD COLUMN stripped INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE legal_hold (
            address TEXT PRIMARY KEY,              -- folded; nothing of it is erased
            at TEXT NOT NULL,
            staff TEXT NOT NULL,
            why TEXT NOT NULL
        ) STRICT;
        """,
    )


@steps(name="0040_administration")
def administration(db: Database) -> None:
    """What reports and the record are looked up by, and the test mails of administrators."""
    _run(
        db,
        """
        -- All that a report asks of a decision and of a reply: neither evidence nor bytes are read.
        CREATE INDEX decision_figures ON decision
            (message_id, category, confidence, needs_review, language, model_version);
        CREATE INDEX outbox_waited ON outbox (message_id, kind, created_by, sent_at)
            WHERE sent_at IS NOT NULL;
        CREATE INDEX audit_at ON audit (at);
        CREATE INDEX audit_who ON audit (who);
        CREATE INDEX audit_what ON audit (what);
        CREATE TABLE test_mail (
            id INTEGER PRIMARY KEY,
            asked_at TEXT NOT NULL,
            staff TEXT NOT NULL,
            template TEXT NOT NULL,
            language TEXT NOT NULL,
            recipient TEXT NOT NULL,               -- emptied with raw when it has ended
            envelope_sender TEXT NOT NULL,
            rfc_message_id TEXT NOT NULL,
            raw BLOB NOT NULL,
            state TEXT NOT NULL DEFAULT 'waiting'
                CHECK (state IN ('waiting', 'sent', 'failed')),
            ended_at TEXT,
            answer TEXT NOT NULL DEFAULT ''
        ) STRICT;
        """,
    )


@steps(name="0050_models")
def models(db: Database) -> None:
    """The models trained here, what each learned from, and which was in force when.

    Their numbers are files beside the database. A removed model leaves no row but in the audit,
    and its number is not given again.
    """
    _run(
        db,
        """
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
        """,
    )
