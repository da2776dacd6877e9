"""The review app: made here from its parts, with the guard, the headers and the error pages."""

import hashlib
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from jinja2 import pass_context
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from inboxbot import dossier, events
from inboxbot.errors import Conflict, NotAllowed, TransientError
from inboxbot.store import settings as store_settings
from inboxbot.store.queue import Sort, View
from inboxbot.store.users import Role
from inboxbot.web import (
    account,
    admin,
    answer,
    audit,
    auth,
    confirming,
    files,
    going_live,
    headers,
    kept,
    keys,
    languages,
    letter,
    marks,
    person,
    privacy,
    queue,
    refused,
    reports,
    roles,
    settings,
    snippets,
    team,
    templates,
    trying,
    versions,
    words,
)
from inboxbot.web import site as site_module
from inboxbot.web.site import Site, db, now

BODY_LIMIT = 1_000_000
FOLDER = Path(__file__).parent

pages = Blueprint("app", __name__)

PARTS = (
    *(auth, queue, letter, files, answer, person, account, snippets, admin, templates, trying),
    *(versions, reports, audit, settings, going_live, team, confirming, privacy),
)


def create_app(made: Site) -> Flask:
    """Return the app over an existing store.

    Without identities and an acknowledger nothing new can be written: held acknowledgements
    can be released, but no answer sent.
    """
    app = Flask("inboxbot.web", root_path=str(FOLDER), template_folder="pages")
    app.extensions["inboxbot"] = made
    app.config.update(MAX_CONTENT_LENGTH=BODY_LIMIT, MAX_FORM_MEMORY_SIZE=BODY_LIMIT)
    app.url_map.strict_slashes = False
    app.url_map.converters["int"] = site_module.Number
    for part in PARTS:
        app.register_blueprint(part.pages)
    app.register_blueprint(pages)
    app.before_request(_speak)
    app.before_request(auth.guard)
    app.after_request(auth.put_form_cookie)
    app.after_request(headers.put)
    app.teardown_appcontext(site_module.give_back_db)
    _put_words(app)
    _put_errors(app)
    return app


def _speak() -> None:
    """Choose the language of this request: as with the colours, the browser knows what is liked."""
    known = site_module.site().languages
    languages.speak(known[request.accept_languages.best_match(known, languages.ENGLISH)])


def _put_words(app: Flask) -> None:
    """Give the pages their words and helpers."""
    environment = app.jinja_env
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters |= {
        "category": words.category,
        "reason": words.reason,
        "said": words.said,
        "visible": marks.visible,
        "kept": kept.keeper(),
        "ago": pass_context(lambda page, moment: words.ago(moment, page["now"])),
        "clock": pass_context(lambda page, moment: words.clock(page["zone"])(moment)),
        "due": pass_context(lambda page, at: words.due(at, page["hours"], page["now"])),
        "dated": pass_context(lambda page, at: words.dated(at, page["zone"], page["now"])),
    }
    environment.globals |= {
        "words": words,
        "_": words._,
        "n_": words.n_,
        "View": View,
        "Sort": Sort,
        "Role": Role,
        "band": words.band,
        "sent_text": dossier.sent_text,
        "asset": _assets(),
        "url_for": _addresses(app),
    }

    @app.context_processor
    def _values() -> dict[str, Any]:
        user = g.get("user")
        signed_in = user is not None and g.session is not None and g.session.stage == "open"
        # These pages are nobody's, whoever is signed in: their forms carry another token.
        signed_in = signed_in and request.endpoint not in roles.OPEN
        made, at = site_module.site(), now()
        values: dict[str, Any] = {
            "me": user if signed_in else None,
            "organisation": made.organisation,
            "form_token": auth.form_token,
            "once": secrets.token_urlsafe(16),
            "now": at,
            "session_left": auth.left,
            "page_language": languages.spoken().code,
            "page_direction": languages.direction(),
            "zone": made.zone,
            "hours": made.hours_to_answer,
            "may": lambda endpoint: signed_in and roles.allowed(endpoint, user.role),
        }
        if signed_in:
            values |= {"mode": store_settings.mode(db()), "problems": admin.problems()}
        return values


def _addresses(app: Flask) -> Callable[..., str]:
    """Return how a page names another one; addresses without values are made once."""
    known: dict[tuple[str, str], str] = {}

    def address(endpoint: str, **values: Any) -> str:
        if values:
            return app.url_for(endpoint, **values)
        key = (request.root_path, endpoint)
        if key not in known:
            known[key] = app.url_for(endpoint)
        return known[key]

    return address


def _assets() -> Callable[[str], str]:
    """Return how a page names a static file: with its version, so that it may be kept."""
    versions = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in (FOLDER / "static").iterdir()
        if path.is_file()
    }
    return lambda name: url_for("static", filename=name, v=versions[name])


def _put_errors(app: Flask) -> None:
    """Answer every error with a page of ours, and without a word of what went wrong inside."""

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> AnyResponse | tuple[str, int]:
        if error.response is not None or (error.code or 500) < 400:
            return error.get_response()
        return refused.answer(error)

    @app.errorhandler(Conflict)
    def _conflict(error: Conflict) -> tuple[str, int]:
        return render_template("sorry.html", text=str(error)), 409

    @app.errorhandler(NotAllowed)
    def _not_allowed(_error: NotAllowed) -> tuple[str, int]:
        return render_template("error.html", code=403), 403

    @app.errorhandler(TransientError)
    @app.errorhandler(sqlite3.OperationalError)
    def _busy(error: Exception) -> tuple[str, int]:
        return _unforeseen(error, 503)

    @app.errorhandler(Exception)
    def _fault(error: Exception) -> tuple[str, int]:
        return _unforeseen(error, 500)


def _unforeseen(error: Exception, code: int) -> tuple[str, int]:
    mark = secrets.token_hex(3).upper()
    events.page_failed(mark, request.endpoint or "", error)
    return render_template("error.html", code=code, mark=mark), code


@pages.get("/")
def start() -> AnyResponse:
    """Go to where the person works."""
    user = site_module.me()
    return redirect(url_for("audit.show" if user.role is Role.AUDITOR else "queue.letters"))


@pages.get("/help")
def help_page() -> str:
    """Explain the pages, and list the keys."""
    return render_template("help.html", keys=keys.KEYS, own=site_module.me().keys)


@pages.get("/alive")
def alive() -> Response:
    """Say that the app answers; nothing else."""
    return Response("ok\n", mimetype="text/plain")
