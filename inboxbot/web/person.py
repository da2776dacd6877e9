"""One correspondent: every letter of theirs, and what the team knows.

A person is found by one of their letters: no address stands in the address bar.
"""

import re

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from inboxbot.acting import NOTE_LIMIT
from inboxbot.mail.conversation import folded
from inboxbot.store import audit, people
from inboxbot.store.database import write
from inboxbot.web import words
from inboxbot.web.letter import recorded_or_404
from inboxbot.web.site import db, me, now, number

pages = Blueprint("person", __name__)

SHOWN = 100
PAGE = 50
_LANGUAGE = re.compile(r"[a-z]{2}\Z")


@pages.get("/people")
def listed() -> str:
    """Show who wrote, the newest first."""
    before = number(request.args.get("before", ""))
    rows = people.correspondents(db(), limit=PAGE + 1, before=before)
    return render_template(
        "people.html",
        rows=rows[:PAGE],
        more=rows[PAGE - 1].newest if len(rows) > PAGE else None,
        before=before,
    )


@pages.get("/person/<int:letter>")
def show(letter: int) -> str | tuple[str, int]:
    """Show everything from the person who wrote a letter."""
    return _page(letter)


def _page(letter: int, problem: str = "", typed: str = "", note: str = "") -> str:
    address = address_of(letter)
    person = people.person(db(), address)
    count, first = people.letters_counted(db(), person.addresses)
    return render_template(
        "person.html",
        letter=letter,
        address=folded(address),
        person=person,
        # One that staff linked on a letter out of sight is out of sight, too.
        addresses=[
            each
            for each in person.addresses
            if each == folded(address) or people.exists(db(), each)
        ],
        count=count,
        first=first,
        letters=people.letters(db(), person.addresses, limit=SHOWN),
        notes=people.notes(db(), person.id),
        problem=problem,
        typed=typed,
        note=note,
    )


def address_of(letter: int) -> str:
    """Return the address of whoever wrote a letter, or answer that there is none."""
    recorded = recorded_or_404(letter)
    address = recorded.reply_to or recorded.sender_address
    if not address:
        abort(404)
    return address


def _back(letter: int) -> Response:
    return redirect(url_for("person.show", letter=letter), 303)


@pages.post("/person/<int:letter>/note")
def note(letter: int) -> Response | tuple[str, int]:
    """Write a note on a person, for the team."""
    address = address_of(letter)
    text = request.form.get("text", "").strip()
    if len(text) > NOTE_LIMIT:
        problem = words._("This note is too long: it was not added. Make two of it.")
        return _page(letter, problem, note=text), 422
    if text:
        with write(db()):
            row = people.known(db(), address)
            people.add_note(db(), row, me().name, text, now(), letter=letter)
            audit.add(db(), me().name, "person noted", now(), message=letter)
    return _back(letter)


@pages.post("/person/<int:letter>/change")
def change(letter: int) -> Response | tuple[str, int]:
    """Set the preferred language and whether the person is acknowledged, each if it was changed.

    What somebody left as the page showed it stays as it is now: a colleague may have changed it.
    """
    address = address_of(letter)
    language = request.form.get("language", "").strip().lower()
    if language and not _LANGUAGE.match(language):
        problem = words._("Write a language as two letters, such as es.")
        return _page(letter, problem), 422
    silent = "silent" in request.form
    changed: list[str] = []
    with write(db()):
        if language != request.form.get("language_shown", ""):
            people.set_language(db(), people.known(db(), address), language or None)
            changed.append(f"language {language or '-'}")
        if silent != ("silent_shown" in request.form):
            people.known(db(), address)
            people.set_silent(db(), people.person(db(), address).addresses, silent, now())
            changed.append("silent" if silent else "acknowledged")
        if changed:
            detail = ", ".join(changed)
            audit.add(db(), me().name, "person changed", now(), message=letter, detail=detail)
    return _back(letter)


@pages.post("/person/<int:letter>/link")
def link(letter: int) -> Response | tuple[str, int]:
    """Say that another address is the same person."""
    address, other = address_of(letter), request.form.get("address", "").strip()
    if not people.exists(db(), other):
        problem = words._("Nobody has written from this address.")
        return _page(letter, problem, other), 422
    with write(db()):
        people.link(db(), people.known(db(), address), other)
        person = people.person(db(), address)
        if person.do_not_acknowledge:  # Said of one address, it is meant of the person.
            people.set_silent(db(), person.addresses, True, now())
        audit.add(db(), me().name, "person changed", now(), message=letter, detail="linked")
    return _back(letter)


@pages.post("/person/<int:letter>/unlink")
def unlink(letter: int) -> Response:
    """Say that an address is somebody else after all."""
    address, other = address_of(letter), request.form.get("address", "")
    if folded(other) != folded(address):
        with write(db()):
            people.unlink(db(), people.known(db(), address), other)
            audit.add(db(), me().name, "person changed", now(), message=letter, detail="unlinked")
    return _back(letter)
