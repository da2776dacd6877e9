"""Somebody who may look into one mailbox sees nothing of the other, whatever they ask for."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from inboxbot import team
from inboxbot.errors import Conflict
from inboxbot.store import alerts, audit, drafts, figures, people, queue, reviews, scope, users
from inboxbot.store.audit import Narrowed
from inboxbot.store.database import connect, stamp, write
from inboxbot.store.queue import Listing, View
from inboxbot.store.sqlite import Database
from inboxbot.store.users import Role
from inboxbot.web import roles
from tests import letters
from tests.letters import Letter
from tests.signed_in import SignedIn
from tests.stand import make_app
from tests.system.test_web_pages import pages

SECRET = "quixotic"
HERE = "riluzole"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def both(db: Database) -> tuple[int, int]:
    """Return a letter to the mailbox `support` and one of the same person to `board`."""
    here = letters.add(db, Letter(subject=f"About {HERE}", html="<p>Hello</p>"), now())
    there = letters.add(
        db,
        Letter(
            subject=f"A {SECRET} matter",
            text=f"The {SECRET} plan of the board.",
            html=f"<p>The {SECRET} plan</p>",
            reply="held",
            language="es",
        ),
        now(),
    )
    with write(db):
        row = db.execute(
            "INSERT INTO mailbox (name, server, folder, started_at) VALUES ('board', 'b', 'INBOX',"
            " ?) RETURNING id",
            [stamp(now())],
        ).fetchone()
        db.execute("UPDATE message SET mailbox_id = ? WHERE id = ?", [row[0], there])
        drafts.save(db, there, "ada", f"The {SECRET} answer", draft=None, version=0, now=now())
    return here, there


@pytest.fixture
def app(db: Database, both: tuple[int, int], store_path: Path) -> Flask:
    return make_app(store_path)


@pytest.fixture
def ada(app: Flask, db: Database) -> SignedIn:
    return SignedIn(app, db, "ada", Role.ADMINISTRATOR)


@pytest.fixture
def kim(app: Flask, db: Database, ada: SignedIn) -> SignedIn:
    """Return somebody of the staff who is limited to the mailbox `support`."""
    kim = SignedIn(app, db, "kim", Role.STAFF)
    limit(db, "kim", ("support",))
    with write(db):
        kim.token = users.open_session(db, kim.id, users.Stage.OPEN, "test", now())
    kim.client.set_cookie("__Host-inboxbot", kim.token, domain="localhost", secure=True)
    return kim


def limit(db: Database, name: str, mailboxes: tuple[str, ...] | None) -> None:
    user, by = users.named(db, name), users.named(db, "ada")
    assert user is not None
    assert by is not None
    team.limit(db, user.id, mailboxes, by=by, now=now())


def test_the_limit_of_one_request_is_not_that_of_the_next(
    ada: SignedIn, kim: SignedIn, both: tuple[int, int]
) -> None:
    _, there = both
    for _ in range(3):
        assert kim.get(f"/m/{there}").status_code == 404
        assert SECRET in ada.get("/queue?view=everything").text
        assert SECRET not in kim.get("/queue?view=everything").text
        assert ada.get(f"/m/{there}").status_code == 200


def test_no_page_shows_a_word_of_the_other_mailbox_and_every_page_of_its_letters_is_not_there(
    app: Flask, kim: SignedIn, both: tuple[int, int]
) -> None:
    here, there = both
    of_a_letter = 0
    for endpoint, method, path in pages(app):
        if endpoint in ("static", "auth.sign_out", "account.end_sessions"):
            continue
        asked = path.replace("/1", f"/{there}") if "/m/" in path or "/person/" in path else path
        sent = (kim.get if method == "GET" else kim.post)(asked)
        assert SECRET not in sent.text, asked
        if asked != path:
            of_a_letter += 1
            may = Role.STAFF in roles.ROLES[endpoint]
            assert sent.status_code == (404 if may else 403), (method, asked)
    assert of_a_letter >= 14
    for path in (f"/m/{here}", f"/m/{here}/formatted", f"/m/{here}/raw", f"/person/{here}"):
        assert kim.get(path).status_code == 200, path


def test_with_several_mailboxes_a_list_is_narrowed_to_one(
    ada: SignedIn, both: tuple[int, int]
) -> None:
    here, there = both
    everything = ada.get("/queue?view=everything").text
    assert "<bdi>support</bdi>" in everything  # Of each letter it is said where it came in.
    assert "<bdi>board</bdi>" in everything
    for name, shown, other in (("board", there, here), ("support", here, there)):
        page = ada.get(f"/queue?view=everything&mailbox={name}").text
        assert f'<option value="{name}" selected>' in page
        assert f'href="/m/{shown}?' in page
        assert f'"/m/{other}?' not in page
        # The next letter of the list is one of the same mailbox.
        assert f"/m/{other}?" not in ada.get(f"/m/{shown}?view=everything&mailbox={name}").text
        assert ada.get(f"/queue/news?since=0&view=everything&mailbox={name}").json == {"new": 1}
    assert ada.get("/queue?view=everything&mailbox=elsewhere").text.count("data-row") == 2


def test_who_may_look_into_one_mailbox_only_is_asked_for_none(
    kim: SignedIn, both: tuple[int, int]
) -> None:
    assert "board" not in kim.get("/queue?view=everything").text
    for path in ("/queue?view=everything", "/queue?view=everything&mailbox=board"):
        page = kim.get(path).text
        assert 'name="mailbox"' not in page
        assert page.count("data-row") == 1


@pytest.mark.parametrize("view", list(View))
def test_no_list_no_count_and_no_search_holds_the_other_letter(
    kim: SignedIn, ada: SignedIn, view: View
) -> None:
    assert SECRET not in kim.get(f"/queue?view={view}").text
    for words in (SECRET, "is:acked OR ack:held", "to:board", "person:ana@example.net"):
        token = kim.post("/search", q=words).headers["Location"].partition("s=")[2]
        page = kim.get(f"/queue?view={view}&s={token}")
        assert page.status_code == 200
        assert "of the board" not in page.text, words
        assert f"A {SECRET} matter" not in page.text, words
    assert SECRET in ada.get("/queue?view=everything").text


def test_counts_people_and_reports_are_those_of_the_mailboxes_in_sight(
    kim: SignedIn, ada: SignedIn, both: tuple[int, int]
) -> None:
    here, _ = both
    for who, count in ((kim, 1), (ada, 2)):
        assert who.get("/queue/news?since=0&view=everything").json == {"new": count}
        assert f"{count} letter" in who.get("/people").text
        received = f"<dt>Letters received</dt><dd><strong>{count}</strong>"
        assert received in who.get("/reports").text
        assert (SECRET in who.get(f"/person/{here}").text) is (who is ada)
        assert (SECRET in who.get(f"/m/{here}").text) is (who is ada)
    assert "<bdi>board</bdi>" not in kim.get("/health").text


def test_notes_on_a_person_and_further_addresses_are_seen_where_their_letters_are(
    kim: SignedIn, ada: SignedIn, db: Database, both: tuple[int, int]
) -> None:
    here, there = both
    elsewhere = letters.add(db, Letter(address=f"{SECRET}@example.net"), now())
    with write(db):
        db.execute(
            "UPDATE message SET mailbox_id = (SELECT mailbox_id FROM message WHERE id = ?)"
            " WHERE id = ?",
            [there, elsewhere],
        )
    ada.post(f"/person/{here}/note", text="likes to be called in the morning")
    ada.post(f"/person/{there}/note", text=f"the {SECRET} note")
    ada.post(f"/person/{there}/link", address=f"{SECRET}@example.net")
    for path in (f"/person/{here}", f"/m/{here}"):
        assert "in the morning" in kim.get(path).text
        assert SECRET not in kim.get(path).text
        assert f"the {SECRET} note" in ada.get(path).text
    assert f"{SECRET}@example.net" in ada.get(f"/person/{here}").text


def test_nobody_is_shown_the_trouble_of_a_mailbox_out_of_sight(
    app: Flask, kim: SignedIn, ada: SignedIn, db: Database
) -> None:
    made = app.extensions["inboxbot"]
    app.extensions["inboxbot"] = replace(
        made, health=lambda db, now: tuple(f"{box.name}!" for box in figures.figures(db).mailboxes)
    )
    with write(db):
        db.execute("UPDATE mailbox SET uidvalidity = 1")
        alerts.open_alert(db, alerts.Code.INTAKE_FAILED, now(), detail="board")
    for who, named in ((ada, True), (kim, False), (ada, True)):
        page = who.get("/health").text
        assert ("board" in page) is named, "a look of one is not shown to another"
        assert "support!" in page


def test_no_action_reaches_a_letter_out_of_sight(
    kim: SignedIn, db: Database, both: tuple[int, int]
) -> None:
    here, there = both
    before = db.execute("SELECT * FROM review WHERE message_id = ?", [there]).fetchone()
    assert kim.post("/queue/bulk", do="close", letter=f"{there}:1", once="a").status_code == 404
    kim.post(
        "/queue/bulk", do="close", everything="1", view="everything", newest=str(there), once="b"
    )
    assert kim.post(f"/m/{here}/do/merge", into=str(there), once="c").status_code == 404
    held = db.execute("SELECT id FROM outbox WHERE message_id = ?", [there]).fetchone()[0]
    kim.post(f"/m/{here}/do/resolve", reply=str(held), outcome="again", once="d")
    assert db.execute("SELECT * FROM review WHERE message_id = ?", [there]).fetchone() == before
    assert db.execute("SELECT state FROM outbox WHERE id = ?", [held]).fetchone()[0] == "held"
    found = reviews.get(db, here)
    assert found is not None
    assert found.state == "closed", "what is in sight is acted on"


def test_the_terminal_and_the_other_roles_are_not_limited(
    app: Flask, ada: SignedIn, kim: SignedIn, db: Database, store_path: Path
) -> None:
    other = connect(store_path)
    listing = Listing(view=View.EVERYTHING)
    assert queue.count(other, listing, staff="kim", now=now()) == 2
    assert people.letters_counted(other, ("ana@example.net",))[0] == 2
    scope.limit(other, ("board",))
    assert queue.count(other, listing, staff="root@terminal", now=now()) == 1
    other.close()
    by = users.named(db, "ada")
    assert by is not None
    team.change_role(db, kim.id, Role.ADMINISTRATOR, by=by, now=now())
    changed = users.named(db, "kim")
    assert changed is not None
    assert changed.limited_to is None
    with pytest.raises(Conflict, match="Only staff"):
        limit(db, "kim", ("board",))


def test_somebody_who_may_look_into_none_sees_an_empty_queue(kim: SignedIn, db: Database) -> None:
    user = users.named(db, "kim")
    assert user is not None
    with write(db):
        users.change(db, user.id, mailboxes="[]")
    assert "riluzole" not in kim.get("/queue?view=everything").text


def test_an_administrator_limits_somebody_who_is_signed_out_by_it(
    ada: SignedIn, kim: SignedIn, db: Database
) -> None:
    page = ada.get(f"/users/{kim.id}").text
    assert 'value="board"' in page
    assert kim.get("/queue").status_code == 200
    ada.post(f"/users/{kim.id}/mailboxes", which="some", mailbox="board")
    assert kim.get("/queue").status_code == 302
    user = users.named(db, "kim")
    assert user is not None
    assert user.mailboxes == ("board",)
    assert [entry.detail for entry in audit.entries(db, Narrowed(what="mailboxes limited"))] == [
        "kim: board", "kim: support"
    ]  # fmt: skip
    ada.post(f"/users/{kim.id}/mailboxes", which="all", mailbox="board")
    user = users.named(db, "kim")
    assert user is not None
    assert user.mailboxes is None


def offered(who: SignedIn, path: str) -> set[str]:
    """Return the colleagues that a page offers to give a letter to."""
    found = re.search(r'<select name="assignee">(.*?)</select>', who.get(path).text, re.DOTALL)
    assert found is not None
    return set(re.findall(r"<option[^>]*>(\w+)</option>", found[1]))


def test_a_letter_is_given_to_those_alone_who_may_open_it(
    app: Flask, ada: SignedIn, kim: SignedIn, db: Database, both: tuple[int, int]
) -> None:
    here, there = both
    SignedIn(app, db, "odd", Role.AUDITOR)
    assert offered(ada, "/queue") == offered(ada, f"/m/{here}") == {"ada", "kim"}
    assert offered(ada, f"/m/{there}") == {"ada"}
    for letter, name in ((there, "kim"), (here, "odd")):
        form = {"assignee": name, "version": "1", "once": name}
        answer = ada.post(f"/m/{letter}/do/claim", **form)
        assert answer.status_code == 409
        assert f"This colleague may not open letter {letter}." in answer.text
    chosen = [f"{here}:1", f"{there}:1"]
    done = ada.post("/queue/bulk", do="claim", assignee="kim", letter=chosen, once="a")
    assert "1 letter could not be." in done.text
    assert f"This colleague may not open letter {there}." in done.text
    assignees = [review.assignee for each in both if (review := reviews.get(db, each))]
    assert assignees == ["kim", None]


def test_whoever_a_letter_may_be_given_to_may_act_on_it(
    app: Flask, ada: SignedIn, db: Database
) -> None:
    for role in Role:
        SignedIn(app, db, f"a-{role}", role)
        user = users.named(db, f"a-{role}")
        assert user is not None
        assert user.may_work_on("support") is roles.allowed("letter.act", role)
        with write(db):
            users.change(db, user.id, disabled=True)
        shut_out = users.named(db, f"a-{role}")
        assert shut_out is not None
        assert not shut_out.may_work_on("support")


def test_a_tag_is_offered_to_those_who_see_a_letter_with_it(
    ada: SignedIn, kim: SignedIn, both: tuple[int, int]
) -> None:
    here, there = both
    ada.post(f"/m/{here}/do/tag", tag="equipment", version="1", once="a")
    ada.post(f"/m/{there}/do/tag", tag=SECRET, version="1", once="b")
    for path in ("/queue", f"/m/{here}"):
        page = kim.get(path).text
        assert "<option>equipment" in page
        assert SECRET not in page
        assert f"<option>{SECRET}" in ada.get(path).text
