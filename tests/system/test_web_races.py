"""Two people at once: what either of them did is there, whatever the order."""

import random
import re
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from inboxbot.classify.category import Category
from inboxbot.store import audit, drafts, reviews
from inboxbot.store.database import connect
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from tests import letters
from tests.letters import Letter
from tests.stand import new_app, new_store
from tests.system.test_web_pages import signed_in

CATEGORIES = [category.value for category in Category]


@pytest.mark.parametrize("edits", [60, pytest.param(500, marks=pytest.mark.long)])
def test_two_people_racing_lose_no_update_and_no_draft(store_path: Path, edits: int) -> None:
    db = new_store(store_path)
    row = letters.add(db, Letter(), datetime.now(UTC))
    app = new_app(store_path)
    done: list[tuple[str, int, str]] = []
    people = [
        threading.Thread(target=edit, args=(app, db, row, role, edits // 2, done))
        for role in (Role.STAFF, Role.ADMINISTRATOR)
    ]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join()
    assert len(done) == edits
    assert {code for _, code, _ in done} <= {200, 303, 409}

    accepted = [each for each in done if each[0] != "draft" and each[1] == 303]
    review = reviews.get(db, row)
    assert review is not None
    assert review.version == 1 + len(accepted)
    changes = [entry for entry in audit.entries(db, message=row) if entry.what != "viewed"]
    assert len(changes) == len(accepted)
    notes = {note.text for note in reviews.notes(db, row)}
    assert notes == {text for kind, _, text in accepted if kind == "note"}
    kept = " ".join(draft.text for draft in drafts.of_letter(db, row))
    for kind, _, text in done:
        if kind == "draft":
            assert text in kept
    assert audit.verify(db) == []


def edit(
    app: Flask, db: Database, row: int, role: Role, count: int, done: list[tuple[str, int, str]]
) -> None:
    """Read the page and change something, again and again."""
    own = connect(Path(db.execute("PRAGMA database_list").fetchone()[2]))
    client = signed_in(app, own, role)
    dice = random.Random(role)
    draft, version = "0", "0"
    for number in range(count):
        page = client.get(f"/m/{row}").text
        values = {
            name: find(page, rf'name="{name}" value="([^"]*)"')
            for name in ("form_token", "version", "once")
        }
        text = f"{role}{number}."
        kind = dice.choice(("note", "correct", "confirm", "draft"))
        if kind == "draft":
            # The page of somebody with two windows: one text grows, an older one is sent too.
            base = f" {text}"
            answer = client.post(
                f"/m/{row}/draft",
                data={"text": base, "draft": draft, "draft_version": version},
                headers={"X-Form-Token": values["form_token"]},
            )
            draft, version = "0", "0"
        else:
            answer = client.post(
                f"/m/{row}/do/{kind}",
                data=values | {"text": text, "kind": dice.choice(CATEGORIES)},
            )
        done.append((kind, answer.status_code, text))
    own.close()


def find(page: str, pattern: str) -> str:
    found = re.search(pattern, page)
    assert found is not None
    return found[1]


def test_an_older_window_keeps_its_draft_beside_the_newer_one(db: Database, now: datetime) -> None:
    row = letters.add(db, Letter(), now)
    first = drafts.save(db, row, "jo", "one", draft=0, version=0, now=now)
    newer = drafts.save(db, row, "jo", "one two", draft=first.id, version=first.version, now=now)
    older = drafts.save(db, row, "jo", "other", draft=first.id, version=first.version, now=now)
    stranger = drafts.save(db, row, "kim", "mine", draft=first.id, version=newer.version, now=now)
    assert newer.id == first.id
    assert {draft.text for draft in drafts.of_letter(db, row)} == {"one two", "other", "mine"}
    assert len({newer.id, older.id, stranger.id}) == 3
