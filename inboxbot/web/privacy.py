"""A person's data: hand it over, hold it, erase it; and who has read their letters.

Erasing shows first what would go, and wants the address typed. No address stands in an address
bar: a person is found by one of their letters, a search by its token.
"""

import tempfile
from pathlib import Path

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from inboxbot import erasing, exporting, upkeep
from inboxbot.mail.conversation import folded
from inboxbot.store import audit, backup, holds, people
from inboxbot.store.database import write
from inboxbot.web import headers
from inboxbot.web.confirming import confirmed
from inboxbot.web.erasures import Erasure, Stage
from inboxbot.web.person import address_of
from inboxbot.web.site import db, me, now, site
from inboxbot.web.words import _

pages = Blueprint("privacy", __name__)

READ = 50


@pages.get("/person/<int:letter>/data")
def show(letter: int) -> str:
    """Show what can be done with a person's data, and who has read it."""
    address = address_of(letter)
    person = people.person(db(), address)
    return render_template(
        "person_data.html",
        letter=letter,
        address=folded(address),
        count=people.letters_counted(db(), person.addresses)[0],
        person=person,
        held=next(
            (each for each in holds.all_holds(db()) if each.address in person.addresses), None
        ),
        read=upkeep.entries(db(), person=address, limit=READ),
        confirmed=confirmed(),
    )


@pages.post("/person/<int:letter>/export")
def export(letter: int) -> AnyResponse:
    """Return everything about a person as a zip file."""
    if not confirmed():
        return _back(letter)
    address = address_of(letter)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "person.zip"
        done = exporting.export(db(), address, file, now())
        content = file.open("rb")  # It stays readable when the folder is gone.
    with write(db()):
        audit.add(db(), me().name, "exported person", now(), detail=f"{done.letters}")
    response = Response(
        iter(lambda: content.read(1 << 16), b""),
        mimetype="application/zip",
    )
    response.call_on_close(content.close)
    response.headers["Content-Disposition"] = (
        f'attachment; filename="inboxbot-person-{now():%Y%m%dT%H%M%SZ}.zip"'
    )
    response.headers["Content-Security-Policy"] = headers.FILE_POLICY
    return response


@pages.post("/person/<int:letter>/hold")
def hold(letter: int) -> AnyResponse:
    """Put a legal hold on a person, or lift it."""
    if confirmed():
        address = address_of(letter)
        with write(db()):
            if "lift" in request.form:
                for each in people.person(db(), address).addresses:
                    holds.lift(db(), each, who=me().name, now=now())
            else:
                why = " ".join(request.form.get("why", "").split())[:200]
                holds.put(db(), address, who=me().name, why=why, now=now())
    return _back(letter)


@pages.post("/person/<int:letter>/erase")
def look(letter: int) -> AnyResponse:
    """Begin to look for everything of a person; nothing is erased by it."""
    if not confirmed():
        return _back(letter)
    address = address_of(letter)
    token = site().erasures.look(site().open, address, staff=me().name, now=now())
    return redirect(url_for("privacy.erasure", token=token), 303)


@pages.get("/erasures/<token>")
def erasure(token: str) -> str:
    """Show what was found, or how far it is."""
    return _page(_begun(token), token)


def _page(begun: Erasure, token: str, wrong: str = "") -> str:
    return render_template(
        "erasure.html",
        begun=begun,
        token=token,
        wrong=wrong,
        outside=_outside() if begun.stage in (Stage.FOUND, Stage.DONE) else (),
        confirmed=confirmed(),
        going_on=begun.stage in (Stage.LOOKING, Stage.ERASING),
    )


@pages.post("/erasures/<token>")
def erase(token: str) -> AnyResponse | tuple[str, int]:
    """Erase what was found, once the address was typed."""
    begun = _begun(token)
    if begun.stage is Stage.FOUND and confirmed():
        if folded(request.form.get("address", "").strip()) != folded(begun.address):
            return _page(begun, token, _("This is not the address. Nothing was erased.")), 422
        site().erasures.erase(site().open, begun, now())
    return redirect(url_for("privacy.erasure", token=token), 303)


def _begun(token: str) -> Erasure:
    found = site().erasures.get(token, me().name)
    if found is None:
        abort(404)
    return found


def _outside() -> list[str]:
    found = site().in_force
    try:
        copies = backup.copies(found.backups) if found else []
    except OSError:
        copies = []
    weeks = found.backups_kept_weeks if found else 0
    return erasing.outside(copies, weeks, backup.kept_aside(site().store))


def _back(letter: int) -> AnyResponse:
    return redirect(url_for("privacy.show", letter=letter), 303)
