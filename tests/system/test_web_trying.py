"""Test mails to oneself: an address that is proven first, and a draft as people would get it."""

import email
import re
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path

import pytest

from inboxbot.mail.message import Reply
from inboxbot.store import audit, outbox, templates, test_mails, users
from inboxbot.store.database import stamp, write
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from tests.office import parts
from tests.signed_in import SignedIn
from tests.stand import make_app

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EDITOR = "/templates/general_inquiry/en"


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ada(db: Database, store_path: Path, tmp_path: Path, clock: Clock) -> SignedIn:
    return SignedIn(
        make_app(store_path, clock=clock, **parts(tmp_path)), db, "ada", Role.ADMINISTRATOR, now=NOW
    )


def waiting(db: Database) -> list[Reply]:
    return [reply for _mail, reply in test_mails.waiting(db)]


def mailed_code(db: Database) -> str:
    text = email.message_from_bytes(waiting(db)[-1].raw, policy=policy.default)
    found = re.search(r"\d{6}", str(text["Subject"]))
    assert found is not None
    return found[0]


def prove(ada: SignedIn, db: Database) -> None:
    assert ada.post("/me/address", address="ada@example.org").status_code == 303
    assert ada.post("/me/address/code", code=mailed_code(db)).status_code == 303


def address(db: Database) -> str | None:
    user = users.named(db, "ada")
    assert user is not None
    return user.address


def test_an_address_is_ones_own_once_the_code_that_went_there_is_typed(
    ada: SignedIn, db: Database
) -> None:
    assert ada.post("/me/address", address="ada@example.org").status_code == 303
    (reply,) = waiting(db)
    assert reply.recipient == "ada@example.org"
    assert b"Auto-Submitted: auto-replied" in reply.raw
    code = mailed_code(db)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert ada.post("/me/address/code", code=wrong).status_code == 422
    assert address(db) is None
    assert ada.post("/me/address/code", code=code).status_code == 303
    assert address(db) == "ada@example.org"
    assert ada.post("/me/address/code", code=code).status_code == 422  # Each code counts once.
    assert "address proven" in [entry.what for entry in audit.entries(db)]


@pytest.mark.parametrize(
    "stranger",
    [
        "tom@stranger.example",
        "support@example.org",
        "no address",
        "a@b@example.org,x@y.example",
        "",
    ],
)
def test_no_code_goes_to_a_stranger_or_into_our_own_mailbox(
    ada: SignedIn, db: Database, stranger: str
) -> None:
    assert ada.post("/me/address", address=stranger).status_code == 422
    assert waiting(db) == []


def test_a_code_is_guessed_five_times_at_most_and_is_over_after_half_an_hour(
    ada: SignedIn, db: Database, clock: Clock
) -> None:
    ada.post("/me/address", address="ada@example.org")
    code = mailed_code(db)
    for _ in range(5):
        assert ada.post("/me/address/code", code="no").status_code == 422
    assert "Too many tries" in ada.post("/me/address/code", code=code).text
    clock.now += timedelta(minutes=16)
    assert "Too many tries" not in ada.post("/me/address/code", code="no").text
    clock.now += timedelta(minutes=15)
    assert ada.post("/me/address/code", code=code).status_code == 422
    assert address(db) is None


def test_a_draft_goes_to_oneself_marked_as_a_test_and_counts_as_no_acknowledgement(
    ada: SignedIn, db: Database
) -> None:
    assert ada.post(f"{EDITOR}/test").status_code == 409  # There is no address yet.
    prove(ada, db)
    live = ada.client.get(EDITOR).text
    assert "Send it to me as a test" in live
    source = (
        "Subject: A new word\n\n{% if first_name %}Dear {{ first_name }}{% endif %} hello from"
        " {{ organisation }}.\n"
    )
    with write(db):
        templates.save_draft(
            db,
            "general_inquiry",
            "en",
            "ada",
            text=source,
            html=None,
            based_on=0,
            revision=0,
            now=NOW,
        )
    answer = ada.post(f"{EDITOR}/test", who="s1")
    assert answer.status_code == 303, answer.text
    reply = waiting(db)[-1]
    mail = email.message_from_bytes(reply.raw, policy=policy.default)
    assert (reply.recipient, mail["Subject"]) == ("ada@example.org", "[TEST] A new word")
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Dear Rosa hello from" in body.get_content()
    assert list(outbox.listed(db)) == []
    assert "it leaves in a moment." in ada.client.get(answer.headers["Location"]).text
    assert db.execute("SELECT count(*) FROM test_mail WHERE asked_at = ?", [stamp(NOW)]).fetchone()


def test_at_most_five_in_ten_minutes_and_none_of_what_cannot_be_filled(
    ada: SignedIn, db: Database
) -> None:
    prove(ada, db)
    for _ in range(4):
        assert ada.post(f"{EDITOR}/test").status_code == 303
    assert "At most 5 test mails" in ada.post(f"{EDITOR}/test").text
    with write(db):
        templates.save_draft(
            db,
            "urgent",
            "en",
            "ada",
            text="Subject: x\n\n{{ fone }}",
            html=None,
            based_on=0,
            revision=0,
            now=NOW,
        )
    assert ada.post("/templates/urgent/en/test").status_code == 422
    assert len(waiting(db)) == 5
