"""What reports and the record are looked up by, and the test mails of administrators."""

SCRIPT = """
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
"""
