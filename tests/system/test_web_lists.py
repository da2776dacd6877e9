"""What is done with a whole list is done with the letters that were shown in it, and no others."""

import re
from datetime import UTC, datetime

import pytest
from flask import Flask

from inboxbot.reply.reason import Disposition, Reason
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from tests import letters
from tests.letters import Letter
from tests.signed_in import SignedIn

GONE = "This search is no longer kept"


@pytest.fixture
def kim(app: Flask, db: Database) -> SignedIn:
    return SignedIn(app, db, "kim", Role.STAFF)


def add(db: Database, letter: Letter = Letter()) -> int:  # noqa: B008  (it is frozen)
    return letters.add(db, letter, datetime.now(UTC))


def held(name: str) -> Letter:
    return Letter(
        address=f"{name}@example.net",
        disposition=Disposition.HOLD,
        reason=Reason.SHADOW,
        reply="held",
    )


def search(who: SignedIn, query: str) -> str:
    """Search for something; return the token that stands in the address."""
    where = who.post("/search", q=query).headers["Location"]
    return re.search(r"s=([\w-]+)", where)[1]  # type: ignore[index]


def shown(who: SignedIn, path: str) -> dict[str, str]:
    """Return the fields of the form that a list is in."""
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', who.get(path).text)
    return {name: value for name, value in found if name != "form_token"}


def state(db: Database, letter: int) -> str:
    found = db.execute("SELECT state FROM review WHERE message_id = ?", [letter]).fetchone()
    return str(found[0])


@pytest.mark.parametrize("lost", ["removed", "no longer shared", "forgotten"])
def test_a_list_whose_search_is_gone_is_not_taken_for_another(
    jo: SignedIn, kim: SignedIn, db: Database, lost: str
) -> None:
    wanted, other = add(db, Letter(subject="lottery")), add(db)
    token = search(kim, "lottery")
    kim.post("/queue/views", s=token, name="Junk", shared="on")
    form = shown(jo, f"/queue?s={token}")
    assert form["s"] == token
    if lost == "removed":
        kim.post("/queue/views/remove", s=token)
    elif lost == "no longer shared":
        kim.post("/queue/views", s=token, name="Junk")
    else:
        db.execute("DELETE FROM search")
    done = jo.post("/queue/bulk", **form, do="not-for-us", everything="on")
    assert done.status_code == 409
    assert "Nothing was done." in done.text
    assert [state(db, each) for each in (wanted, other)] == ["new", "new"]
    page = jo.get(f"/queue?s={token}")
    assert page.status_code == 400
    assert GONE in page.text
    assert "data-row" not in page.text
    # The letters themselves were seen: what was chosen of them by hand is meant.
    jo.post("/queue/bulk", **form, do="not-for-us", letter=f"{wanted}:1")
    assert [state(db, each) for each in (wanted, other)] == ["closed", "new"]


def test_a_list_whose_search_makes_no_sense_is_not_taken_for_another(
    jo: SignedIn, db: Database
) -> None:
    letter = add(db)
    form = {"s": search(jo, "ack:maybe"), "newest": str(letter), "once": "a"}
    assert jo.post("/queue/bulk", **form, do="close", everything="on").status_code == 409
    assert state(db, letter) == "new"


def test_all_of_a_list_are_the_letters_that_had_come_in_when_it_was_shown(
    jo: SignedIn, db: Database
) -> None:
    before = [add(db), add(db)]
    form = shown(jo, "/queue")
    since = add(db, Letter(subject="I do not want to live any more"))
    assert jo.post("/queue/bulk", **form, do="close", everything="on").status_code == 303
    assert [state(db, each) for each in (*before, since)] == ["closed", "closed", "new"]


def test_a_form_that_does_not_say_what_was_shown_does_nothing(jo: SignedIn, db: Database) -> None:
    letter = add(db)
    assert jo.post("/queue/bulk", do="close", everything="on", once="a").status_code == 409
    assert state(db, letter) == "new"


def test_no_more_acknowledgements_leave_than_were_agreed_to(jo: SignedIn, db: Database) -> None:
    before = [add(db, held("ana")), add(db, held("bea"))]
    form = shown(jo, "/queue?view=held")
    asked = jo.post("/queue/bulk", **form, do="release", everything="on")
    assert "Send 2 replies?" in asked.text
    agreed = re.findall(r'name="letter" value="([^"]*)"', asked.text)
    since = add(db, held("cleo"))
    done = jo.post("/queue/bulk", **form, do="release", sure="1", letter=agreed)
    assert done.status_code == 303
    states = dict(db.execute("SELECT message_id, state FROM outbox").fetchall())
    assert [states[each] for each in (*before, since)] == ["queued", "queued", "held"]


def test_a_view_of_the_team_is_changed_by_whoever_made_it_and_stays_of_the_team(
    jo: SignedIn, kim: SignedIn, db: Database
) -> None:
    add(db, Letter(subject="lottery"))
    token = search(kim, "lottery")
    kim.post("/queue/views", s=token, name="Junk", shared="on")
    assert re.search(r'name="shared" checked', kim.get(f"/queue?s={token}").text)
    page = jo.get(f"/queue?s={token}").text
    assert "lottery" in page
    assert "/queue/views" not in page


def test_an_undo_says_of_which_letters_it_could_not_be(
    jo: SignedIn, kim: SignedIn, db: Database
) -> None:
    ids = [add(db), add(db), add(db)]
    chosen = [f"{each}:1" for each in ids]
    jo.post("/queue/bulk", do="close", letter=chosen, once="a")
    kim.post(f"/m/{ids[1]}/do/note", text="She called.", version="2", once="b")
    page = jo.post("/undo", token="a-close")
    assert [state(db, each) for each in ids] == ["new", "closed", "new"]
    assert "2 letters are as they were before" in page.text
    assert "1 letter could not be." in page.text
    assert f'href="/m/{ids[1]}">' in page.text
    assert "undone=1" not in page.text


def test_a_day_that_is_searched_for_is_the_day_that_the_pages_show(
    jo: SignedIn, db: Database
) -> None:
    evening = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
    letters.add(db, Letter(minutes_ago=0), evening)
    for day, count in ((19, 0), (20, 1), (21, 0)):
        token = search(jo, f"after:2026-11-{day} before:2026-11-{day + 1}")
        page = jo.get(f"/queue?s={token}").text
        assert page.count(" data-row") == count
        assert ("Fri 20 Nov 2026, 20:30" in page) is bool(count)
