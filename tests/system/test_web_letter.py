"""What stands on the page of a letter, and what its forms do, over real HTTP semantics."""

import email
import email.policy
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inboxbot.classify.category import Category
from inboxbot.reply.reason import Disposition, Reason
from inboxbot.store import audit, conversations, replies
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from tests import letters
from tests.letters import Letter
from tests.office import office
from tests.signed_in import SignedIn
from tests.stand import make_app


@pytest.fixture
def jo(db: Database, store_path: Path) -> SignedIn:
    return SignedIn(make_app(store_path), db, "jo", Role.STAFF)


def two_letters(db: Database) -> tuple[int, int]:
    """Store two letters of one person that have nothing to do with each other yet."""
    now = datetime.now(UTC)
    first = letters.add(db, Letter(subject="About the wheelchair"), now - timedelta(hours=3))
    second = letters.add(
        db,
        Letter(
            subject="Once more",
            reply="held",
            reply_reason="shadow",
            disposition=Disposition.HOLD,
            reason=Reason.NOT_ADDRESSED,
        ),
        now,
    )
    return first, second


def test_a_letter_is_put_with_another_undone_and_taken_out_without_a_script(
    jo: SignedIn, db: Database
) -> None:
    first, second = two_letters(db)
    page = jo.get(f"/m/{second}").text
    assert "This conversation" not in page
    assert re.search(rf'<option value="{first}">{first}: (?:&#x2068;)?About the wheelchair', page)
    done = jo.post(f"/m/{second}/do/merge", version="1", once="a", into=str(first))
    assert done.status_code == 303
    together = jo.get(done.headers["Location"]).text
    assert "Put into that conversation." in together
    assert "This conversation" in together
    assert "Another letter of this conversation was acknowledged" in together
    assert f"put the letter into the conversation of letter {first}" in together
    assert conversations.of_letter(db, second) == conversations.of_letter(db, first)
    token = re.search(r'name="token" value="([^"]+)"', together)
    assert token is not None
    assert jo.post("/undo", token=token[1]).status_code == 303
    assert conversations.of_letter(db, second) != conversations.of_letter(db, first)
    jo.post(f"/m/{second}/do/merge", version="3", once="b", into=f" {first} ")
    assert "Take this letter out" in jo.get(f"/m/{first}").text
    out = jo.post(f"/m/{second}/do/split", version="4", once="c")
    assert out.status_code == 303
    assert "This conversation" not in jo.get(f"/m/{second}").text
    done_with_it = [each.what for each in audit.entries(db, message=second)]
    assert [what for what in reversed(done_with_it) if what != "viewed"] == [
        "merged",
        "undone",
        "merged",
        "split",
    ]


@pytest.mark.parametrize(
    ("into", "said"),
    [
        ("", "by its number"),
        ("twelve", "by its number"),
        ("99", "There is no letter 99 of the same person."),
        ("3", "There is no letter 3 of the same person."),
        ("2", "in one conversation already"),
    ],
)
def test_what_does_not_go_together_is_said_and_nothing_is_done(
    jo: SignedIn, db: Database, into: str, said: str
) -> None:
    _, second = two_letters(db)
    letters.add(db, Letter(address="bob@example.net"), datetime.now(UTC))
    before = conversations.of_letter(db, second)
    answer = jo.post(f"/m/{second}/do/merge", version="1", once="a", into=into)
    assert answer.status_code == 409
    assert said in answer.text
    assert conversations.of_letter(db, second) == before


def test_a_long_subject_that_reorders_is_cut_before_its_signs_are_made(
    jo: SignedIn, db: Database
) -> None:
    now = datetime.now(UTC)
    letters.add(db, Letter(subject="x" * 50 + "\u202e" + "y" * 50), now)
    page = jo.get(f"/m/{letters.add(db, Letter(), now)}").text
    option = re.findall(r"<option [^>]*>(.*)</option>", page[page.index('name="into"') :])[0]
    sign = '<span class="hidden-sign" title="U+202E">¤</span>'
    assert f"{'x' * 50}{sign}yyyyyy...&#x2069;" in option


def test_a_stale_page_puts_no_letter_elsewhere(jo: SignedIn, db: Database) -> None:
    first, second = two_letters(db)
    jo.post(f"/m/{second}/do/claim", version="1", once="a")
    stale = jo.post(f"/m/{second}/do/merge", version="1", once="b", into=str(first))
    assert stale.status_code == 409
    assert f'name="into" value="{first}"' in stale.text
    assert conversations.of_letter(db, second) != conversations.of_letter(db, first)


def test_who_wrote_very_often_is_asked_for_the_number(jo: SignedIn, db: Database) -> None:
    now = datetime.now(UTC)
    rows = [letters.add(db, Letter(minutes_ago=number), now) for number in range(52)]
    page = jo.get(f"/m/{rows[0]}").text
    assert '<input name="into"' in page
    answer = jo.post(f"/m/{rows[0]}/do/merge", version="1", once="a", into=str(rows[51]))
    assert answer.status_code == 303
    assert conversations.of_letter(db, rows[0]) == conversations.of_letter(db, rows[51])


def damage(db: Database, letter: int, encoding: str) -> None:
    db.execute(
        "UPDATE raw SET encoding = ?, bytes = zeroblob(100) WHERE message_id = ?",
        [encoding, letter],
    )


@pytest.mark.parametrize("encoding", ["zlib", "plain"])
def test_a_letter_whose_stored_bytes_are_damaged_says_so_and_what_to_do(
    jo: SignedIn, db: Database, encoding: str
) -> None:
    letter = letters.add(db, Letter(html="<p>Hello</p>"), datetime.now(UTC))
    damage(db, letter, encoding)
    assert "my father started riluzole" in re.sub("<[^>]+>", "", jo.get(f"/m/{letter}").text)
    for view in ("whole", "formatted", "source"):
        page = jo.get(f"/m/{letter}?show={view}").text
        assert "The stored letter is damaged" in page
        assert "<code>inboxbot doctor</code>" in page
        assert "erased" not in page
    for path in ("raw", "formatted", "attachment/1"):
        answer = jo.get(f"/m/{letter}/{path}")
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"/m/{letter}?show=source"
    assert "downloaded" not in [each.what for each in audit.entries(db, message=letter)]


def test_a_letter_that_was_damaged_before_anybody_read_it_says_so_at_once(
    jo: SignedIn, db: Database
) -> None:
    letter = letters.add(
        db,
        Letter(text="", disposition=Disposition.HOLD, reason=Reason.UNREADABLE, reply=""),
        datetime.now(UTC),
    )
    assert "could not be read safely" in jo.get(f"/m/{letter}").text
    damage(db, letter, "zlib")
    assert "The stored letter is damaged" in jo.get(f"/m/{letter}").text


def test_an_acknowledgement_that_needs_a_damaged_letter_is_refused_in_words(
    db: Database, store_path: Path, tmp_path: Path
) -> None:
    letter = letters.add(
        db,
        Letter(disposition=Disposition.SUPPRESS, reason=Reason.AUTO_SUBMITTED, reply=""),
        datetime.now(UTC),
    )
    damage(db, letter, "plain")
    with office(store_path, tmp_path) as stand:
        ada = SignedIn(stand.app, db, "ada", Role.STAFF)
        answer = ada.post(f"/m/{letter}/do/release", version="1", once="a")
        assert stand.faults == []
    assert answer.status_code == 409
    assert f"The stored bytes of letter {letter} are damaged" in answer.text


def test_a_held_acknowledgement_of_another_kind_is_told_and_written_anew_when_released(
    db: Database, store_path: Path, tmp_path: Path
) -> None:
    letter = letters.add(
        db,
        Letter(
            category=Category.GENERAL_INQUIRY,
            reply="held",
            reply_reason="not_addressed",
            disposition=Disposition.HOLD,
            reason=Reason.NOT_ADDRESSED,
        ),
        datetime.now(UTC),
    )
    told = "it is written again for the present kind"
    with office(store_path, tmp_path) as stand:
        ada = SignedIn(stand.app, db, "ada", Role.STAFF)
        assert told not in ada.get(f"/m/{letter}").text
        ada.post(f"/m/{letter}/do/correct", version="1", once="a", kind="medication_question")
        assert told in ada.get(f"/m/{letter}").text
        ada.post(f"/m/{letter}/do/release", version="2", once="b")
        assert told not in ada.get(f"/m/{letter}").text
        assert stand.faults == []
    reply = replies.acknowledgement(db, letter)
    assert reply is not None
    assert (reply.state, reply.template) == ("queued", "medication_question")
    text = email.message_from_bytes(reply.raw, policy=email.policy.default)
    assert "your own doctor or pharmacist" in " ".join(
        text.get_body(("plain",)).get_content().split()
    )
