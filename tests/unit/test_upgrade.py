"""A store of each older schema, with something in every table, becomes one of the present."""

import hashlib
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from inboxbot.errors import StoreError
from inboxbot.store import audit, backup, invariants, migrations, queue, search
from inboxbot.store.database import connect, create, stamp, write
from inboxbot.store.queue import Listing, View
from inboxbot.store.sqlite import Database

STEPS = list(migrations.STEPS)
RAW = b"Subject: an old letter\r\n\r\nWhat about riluzole?"
UNREAD = b"Subject: a letter that nobody has read yet\r\n\r\nHello"


def rows(now: datetime) -> list[tuple[str, dict[str, Any]]]:
    """Return a row or two for each table, with the columns that it had from the beginning."""
    at = stamp(now)

    def letter(number: int, raw: bytes, **more: Any) -> dict[str, Any]:
        return {
            "id": number, "fingerprint": hashlib.sha256(raw).hexdigest(), "mailbox_id": 1,
            "origin": "imap", "received_at": at, "stored_at": at, "size": len(raw),
        } | more  # fmt: skip

    def place(uid: int, **more: Any) -> dict[str, Any]:
        return {"mailbox_id": 1, "uidvalidity": 7, "uid": uid, "first_seen_at": at} | more

    return [
        ("setting", {"name": "mode", "value": "live"}),
        ("mailbox", {"id": 1, "name": "support", "server": "s", "folder": "INBOX",
                     "uidvalidity": 7, "baseline_uid": 1, "started_at": at}),
        ("message", letter(1, RAW, decided_at=at)),
        ("message", letter(2, UNREAD)),
        ("raw", {"message_id": 1, "encoding": "plain", "bytes": RAW}),
        ("raw", {"message_id": 2, "encoding": "plain", "bytes": UNREAD}),
        ("place", place(1, state="baseline")),
        ("place", place(2, state="ingested", message_id=1)),
        ("place", place(3, state="ingested", message_id=2)),
        ("conversation", {"id": 1, "address": "ana@example.net", "started_at": at}),
        ("reading", {"message_id": 1, "conversation_id": 1, "identity_key": "k",
                     "rfc_message_id": "<1@example.net>", "sender_name": "Ana",
                     "sender_address": "ana@example.net", "return_address": "ana@example.net",
                     "subject": "an old letter", "text": "What about riluzole?", "parser": "p",
                     "defects": "[]", "attachments": "[]"}),
        ("decision", {"message_id": 1, "decided_at": at, "category": "medication_question",
                      "confidence": 0.9, "runner_up": "general_inquiry",
                      "runner_up_confidence": 0.1, "needs_review": 0, "unsure_because": "",
                      "evidence": "[]", "urgent": "[]", "sensitive": "[]", "medicines": "[]",
                      "suggestions": "[]", "language": "en", "language_confidence": 1.0,
                      "model_version": "v", "disposition": "acknowledge", "hits": "[]",
                      "authenticated": 0}),
        ("outbox", {"id": 1, "message_id": 1, "kind": "acknowledgement", "recipient": "Ana@x.net",
                    "recipient_key": "ana@x.net", "recipient_domain": "x.net",
                    "envelope_sender": "", "rfc_message_id": "<ack@example.org>",
                    "raw": b"Thank you", "state": "sent", "attempts": 1, "due_at": at,
                    "created_at": at, "sent_at": at, "updated_at": at}),
        ("suppression", {"address": "robot@x.net", "reason": "staff", "created_at": at}),
        ("bounce", {"message_id": 2, "outbox_id": 1, "at": at}),
        ("review", {"message_id": 1, "category": "medication_question", "confidence": 0.9,
                    "received_at": at, "updated_at": at}),
        ("correction", {"message_id": 1, "at": at, "staff": "kim", "to_category": "general_inquiry",
                        "from_category": "medication_question"}),
        ("verdict", {"message_id": 1, "at": at, "staff": "kim", "reason": "list", "released": 1}),
        ("note", {"message_id": 1, "at": at, "staff": "kim", "text": "called her"}),
        ("alert", {"at": at, "code": "disk"}),
        ("user", {"id": 1, "name": "kim", "role": "staff", "created_at": at}),
        ("recovery_code", {"user_id": 1, "hash": "h"}),
        ("sign_in_link", {"hash": "h", "user_id": 1, "purpose": "password", "expires_at": at}),
        ("failed_sign_in", {"at": at, "account": "a", "origin": "o"}),
        ("session", {"hash": "h", "user_id": 1, "stage": "open", "form_token": "f", "agent": "",
                     "created_at": at, "seen_at": at, "confirmed_at": at}),
        ("undo", {"token": "t", "staff": "kim", "at": at, "action": "close", "items": "[]"}),
        ("draft", {"message_id": 1, "staff": "kim", "text": "Dear Ana", "updated_at": at}),
        ("presence", {"message_id": 1, "staff": "kim", "seen_at": at}),
        ("search", {"token": "t", "staff": "kim", "query": "riluzole", "created_at": at}),
        ("snippet", {"shortcut": "hi", "title": "Hi", "text": "Hello", "staff": "kim",
                     "updated_at": at}),
        ("person", {"id": 1, "language": "es"}),
        ("person_address", {"address": "ana@example.net", "person_id": 1}),
        ("person_note", {"person_id": 1, "at": at, "staff": "kim", "text": "a carer"}),
        ("tag", {"message_id": 1, "name": "gift"}),
        ("snippet_proposal", {"shortcut": "bye", "title": "Bye", "language": "en", "text": "Bye",
                              "staff": "kim", "updated_at": at}),
        ("template_version", {"name": "general_inquiry", "language": "en", "number": 1,
                              "text": "Hello", "fingerprint": "f", "who": "file", "at": at,
                              "state": "live"}),
        ("template_draft", {"name": "general_inquiry", "language": "en", "staff": "ada",
                            "text": "Hello!", "based_on": 1, "updated_at": at}),
        ("template_presence", {"name": "general_inquiry", "language": "en", "staff": "ada",
                               "seen_at": at}),
        ("legal_hold", {"address": "ana@example.net", "at": at, "staff": "ada", "why": "a court"}),
        ("test_mail", {"asked_at": at, "staff": "ada", "template": "t", "language": "en",
                       "recipient": "ada@example.org", "envelope_sender": "",
                       "rfc_message_id": "<t@example.org>", "raw": b"x"}),
        ("model", {"id": 1, "at": at, "kind": "light", "version": "v", "fingerprint": "f",
                   "shipped": "s", "compared_with": 0, "comparison": "{}"}),
        ("model_letter", {"model_id": 1, "message_id": 1, "words": "w", "category": "c",
                          "corrected": 0}),
        ("promotion", {"at": at, "kind": "light", "model_id": 1}),
    ]  # fmt: skip


def tables(db: Database) -> set[str]:
    """Return the tables that hold what somebody would miss."""
    return {
        name
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith(("sqlite_", "_sqlite", "reading_"))
    }


def fill(db: Database, now: datetime) -> None:
    """Put something into every table that this schema has."""
    there = tables(db)
    with write(db):
        for table, values in rows(now):
            if table not in there:
                continue
            if table in ("decision", "bounce") and "review" not in there:
                continue  # A decided letter is in front of somebody.
            if table == "message" and "review" not in there:
                values.pop("decided_at", None)
            columns, places = ", ".join(values), ", ".join("?" * len(values))
            db.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({places})",
                list(values.values()),
            )
        if "audit" in there:
            for number in range(3):
                audit.add(db, "kim", "viewed", now, message=1, detail=str(number))


def content(db: Database, columns: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows, but for the note of the copy that an upgrade makes."""
    found = {
        table: db.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY 1, 2").fetchall()
        for table, names in columns.items()
    }
    found["setting"] = [row for row in found["setting"] if row[0] != backup.VERIFIED_AT]
    return found


@pytest.mark.parametrize("step", STEPS)
def test_r27_what_is_in_a_store_of_any_earlier_step_is_all_there_after_the_upgrade(
    step: str, store_path: Path, tmp_path: Path, now: datetime
) -> None:
    later = STEPS[STEPS.index(step) + 1 :]
    with closing(create(store_path)) as db:
        with write(db):
            migrations.apply(db, STEPS[: STEPS.index(step) + 1])
        fill(db, now)
        columns = {
            table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            for table in tables(db)
        }
        before = content(db, columns)
    with closing(connect(store_path)) as db:
        assert backup.upgrade(db, tmp_path / "backups", now) == later
        assert content(db, columns) == before
        assert invariants.check(db, now=now) == ()
        copies = backup.copies(tmp_path / "backups")
        assert [copy.manifest.steps for copy in copies if copy.manifest] == (
            [tuple(STEPS[: STEPS.index(step) + 1])] if later else []
        )
        if "review" in before:
            found = search.narrowed(Listing(view=View.EVERYTHING), "riluzole", now)
            assert queue.count(db, found, staff="kim", now=now) == 1, "old letters are searched"
    for copy in copies:
        backup.verify(copy.file)
        with closing(connect(copy.file)) as db:
            assert content(db, columns) == before


def test_every_table_of_the_present_schema_has_a_row_in_these_tests(
    db: Database, now: datetime
) -> None:
    assert tables(db) == {table for table, _ in rows(now)} | {"audit"}


@pytest.mark.parametrize("step", STEPS[:-1])
def test_r27_each_earlier_program_refuses_what_a_later_one_has_written(
    step: str, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "STEPS", dict.fromkeys(STEPS[: STEPS.index(step) + 1], ""))
    with pytest.raises(StoreError, match=rf"newer inboxbot \(step {STEPS[-1]}\).*restore the back"):
        migrations.migrate(db)
