"""The schema, as the list of steps that built it.

Rules: append only; never edit a step that has been released; a step may not use code from
elsewhere in inboxbot (that code changes, history does not). Each step and the record of it
commit together, or not at all.
"""

from sqlite_utils import Database, Migrations

from inboxbot.errors import StoreError
from inboxbot.store.database import write

steps = Migrations("inboxbot")


def migrate(db: Database) -> list[str]:
    """Bring the schema up to date; return the names of the steps applied.

    Raises `StoreError` where the database was written by a newer program.
    """
    check_not_newer(db)
    with write(db):  # Two processes starting together: the second finds nothing to do.
        pending = [step.name for step in steps.pending(db)]
        steps.apply(db)
    return pending


def pending(db: Database) -> list[str]:
    """Return the names of the steps that this database still lacks."""
    return [step.name for step in steps.pending(db)]


def check_not_newer(db: Database) -> None:
    """Raise `StoreError` where the database has steps that this program does not know."""
    known = {step.name for step in steps.pending(db)} | {step.name for step in steps.applied(db)}
    if "_sqlite_migrations" not in db.table_names():
        return
    rows = db.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = 'inboxbot'")
    unknown = sorted({row[0] for row in rows} - known)
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
        CREATE INDEX place_open ON place (mailbox_id, uidvalidity, uid)
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
            needs_smtputf8 INTEGER NOT NULL DEFAULT 0,
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
        CREATE INDEX outbox_domain ON outbox (recipient_domain, created_at);
        CREATE INDEX outbox_relay ON outbox (relay, created_at) WHERE relay IS NOT NULL;
        CREATE INDEX outbox_created_at ON outbox (created_at);
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
        CREATE INDEX review_open ON review (urgent DESC, received_at, message_id)
            WHERE state IN ('new', 'claimed', 'reopened');
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
