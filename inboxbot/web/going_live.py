"""From a new installation to one that answers people: each step, how it stands, what to do."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from inboxbot import going_live, modes, trial
from inboxbot.errors import InboxbotError
from inboxbot.going_live import Way
from inboxbot.reply.folder import ALL_NAMES
from inboxbot.reply.library import Library
from inboxbot.reply.template import TITLES
from inboxbot.store.settings import Mode
from inboxbot.web.site import db, me, now, site
from inboxbot.web.words import _

pages = Blueprint("going_live", __name__)

# Whole replies; a short note only ever stands above one of them.
TESTED = tuple(name for name in ALL_NAMES if not name.startswith("short"))


def _library() -> Library | None:
    acknowledger = site().acknowledger
    return acknowledger.library if acknowledger else None


def _way() -> Way:
    return going_live.way(db(), site().identities, _library())


@pages.get("/going-live")
def show() -> str:
    """Show the steps."""
    return _page()


def _page(wrong: str = "", address: str = "") -> str:
    library = _library()
    languages = library.languages() if library else ()
    return render_template(
        "going_live.html",
        way=_way(),
        wrong=wrong,
        typed=address,
        templates=TESTED,
        titles=TITLES,
        shown=going_live.fingerprint(library) if library else "",
        languages=[each for each in languages if library and each.code in library.enabled()],
        own=_own(),
        can_test=bool(library and site().identities),
    )


def _own() -> list[str]:
    """Return the domains and single addresses that a test mail may go to, as people write them."""
    found = site().in_force
    if found is None:
        return []
    return [*(f"…@{domain}" for domain in sorted(found.own_domains)), *sorted(found.told)]


@pages.post("/going-live/templates")
def approve() -> Response | tuple[str, int]:
    """Note that the templates were read and may go out: those of the page, and no later ones."""
    library = _library()
    if library is None or library.check():
        return _page(_("Mend the problems of the templates first.")), 422
    read = going_live.fingerprint(library)
    if request.form.get("shown") != read:
        return _page(
            _("The templates have changed since this page was shown. Read them again.")
        ), 409
    going_live.approve_templates(db(), read, who=me().name, now=now())
    return _back()


@pages.post("/going-live/test")
def test() -> Response | tuple[str, int]:
    """Ask the daemon to send a test mail to one of our own people."""
    address = request.form.get("address", "").strip()[:200]
    template = request.form.get("template", "")
    acknowledger = site().acknowledger
    if acknowledger is None or not site().identities:
        return _page(
            _("Nothing can be written here: this page was started without templates.")
        ), 422
    found = site().in_force
    if found is None or not found.is_ours(address):
        wrong = _("A test mail goes to your own organisation only: an address at {}.")
        return _page(wrong.format(", ".join(_own()) or "?"), address), 422
    language = request.form.get("language", "")
    known = acknowledger.library.enabled()
    try:
        trial.ask(
            db(),
            acknowledger,
            next(iter(site().identities.values())),
            address=address,
            template=template if template in TESTED else TESTED[0],
            language=language if language in known else sorted(known)[0],
            who=me().name,
            now=now(),
        )
    except InboxbotError as error:
        return _page(str(error), address), 422
    return _back()


@pages.post("/going-live/live")
def go() -> Response | tuple[str, int]:
    """Let acknowledgements leave from now on; with open steps only where that was ticked."""
    way = _way()
    if way.open_steps and "although" not in request.form:
        return _page(_("Some steps are open. Tick that you go live all the same, or do them.")), 422
    modes.set_mode(db(), Mode.LIVE, who=me().name, now=now())
    return _back()


@pages.post("/going-live/shadow")
def back_to_shadow() -> Response:
    """Keep every acknowledgement back again, and show it."""
    modes.set_mode(db(), Mode.SHADOW, who=me().name, now=now())
    return _back()


def _back() -> Response:
    return redirect(url_for("going_live.show"), 303)
