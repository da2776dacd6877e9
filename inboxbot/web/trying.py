"""Test mails to oneself: prove one's own address, and send a draft there as people would get it.

Nothing of it counts as an acknowledgement; the daemon hands the mails in, also in shadow mode.
"""

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from inboxbot import own_address, trial
from inboxbot.errors import Conflict, InboxbotError
from inboxbot.mail.message import Identity
from inboxbot.web import bench as benches
from inboxbot.web.account import page
from inboxbot.web.bench import bench
from inboxbot.web.site import db, me, now, site
from inboxbot.web.templates import editor
from inboxbot.web.words import _

pages = Blueprint("trying", __name__)


def _identity() -> Identity:
    found = next(iter(site().identities.values()), None)
    if found is None:
        abort(404)
    return found


def _envelope_sender(identity: Identity) -> str:
    return site().envelope_senders.get(identity.mailbox, "")


@pages.post("/me/address")
def ask() -> Response | tuple[str, int]:
    """Mail a code to the address that somebody says is theirs."""
    address = request.form.get("address", "").strip()[:200]
    ours = site().in_force
    identity = _identity()
    if ours is None or not ours.is_ours(address):
        return page(wrong=_("It must be an address of your own organisation.")), 422
    try:
        own_address.ask(
            db(), me(), address, identity, envelope_sender=_envelope_sender(identity), now=now()
        )
    except InboxbotError as error:
        return page(wrong=str(error)), 422
    return redirect(url_for("account.settings", _anchor="address"), 303)


@pages.post("/me/address/code")
def prove() -> Response | tuple[str, int]:
    """Take the address as one's own, once the code that was mailed there is typed."""
    code = request.form.get("code", "")[:20]
    try:
        own_address.prove(db(), me(), code, origin=request.remote_addr or "", now=now())
    except InboxbotError as error:
        return page(wrong=str(error)), 422
    return redirect(url_for("account.settings", _anchor="address"), 303)


@pages.post("/templates/<name>/<language>/test")
def send(name: str, language: str) -> Response | tuple[str, int]:
    """Send the draft to one's own address, filled for whom the preview is for."""
    here = bench(name, language)
    person = benches.reader(here, request.form.get("who", ""))
    filled = benches.preview(here, here.source, person)
    identity = _identity()
    address = me().address
    if address is None:
        raise Conflict(_("Prove your own address on your own page first."))
    if filled is None:
        return editor(here, wrong=_("It can be sent once the problems are mended.")), 422
    try:
        trial.ask_for_draft(
            db(),
            identity,
            filled,
            address=address,
            template=name,
            language=language,
            envelope_sender=_envelope_sender(identity),
            who=me().name,
            now=now(),
        )
    except InboxbotError as error:
        return editor(here, wrong=str(error)), 422
    return redirect(url_for("templates.edit", **here.at, who=person.key, tested=1), 303)
