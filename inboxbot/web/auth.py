"""Sign in and out, and the guard in front of every page.

The guard knows three things: whether the request came from our own page, whose session it is,
and whether their role may open the page. What is not in the table of `roles` is denied.
"""

import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    abort,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from inboxbot import accounts
from inboxbot.accounts import SignedIn, TooManyFailures
from inboxbot.store import audit, scope, users
from inboxbot.store.database import write
from inboxbot.store.users import Purpose, Session, Stage
from inboxbot.web import roles
from inboxbot.web.site import db, me, now, session, site, span
from inboxbot.web.words import _

pages = Blueprint("auth", __name__)

COOKIE = "__Host-inboxbot"
FORM_COOKIE = "__Host-inboxbot-form"
SEEN_EVERY = timedelta(minutes=1)


def guard() -> AnyResponse | None:
    """Let a request through, or answer it; called before every page."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        _must_be_ours()
    if request.endpoint is None:
        return None  # Not found, whoever asks.
    found = _session()
    if request.endpoint in roles.OPEN:
        if request.method == "POST" and request.endpoint != "static":
            _check_form_token(request.cookies.get(FORM_COOKIE, ""))
        return None
    if found is None:
        return _to_sign_in()
    if request.method == "POST":
        _check_form_token(found.form_token)
    if found.stage is Stage.CODE and request.endpoint not in roles.BEFORE_CODE:
        return redirect(url_for("auth.code"))
    if found.stage is Stage.ENROL and request.endpoint not in roles.BEFORE_FACTOR:
        return redirect(url_for("account.factor"))
    if not roles.allowed(request.endpoint, me().role):
        abort(403)
    _keep_to_their_mailboxes()
    return None


def _keep_to_their_mailboxes() -> None:
    """Limit the connection to what somebody may see, and refuse what names another letter."""
    mailboxes = me().limited_to
    if mailboxes is None:
        return
    scope.limit(db(), mailboxes)
    named = [str((request.view_args or {}).get("letter", ""))]
    for field in ("letter", "into"):
        named += [text.partition(":")[0].strip() for text in request.form.getlist(field)]
    if not scope.sees(db(), [int(each[:15]) for each in named if each.isdecimal()]):
        abort(404)


def _must_be_ours() -> None:
    """Refuse what another site's page sent.

    Our Referrer-Policy makes browsers send `Origin: null`, so Sec-Fetch-Site decides where a
    browser sends it; the form's token is checked in any case.
    """
    site_ = request.headers.get("Sec-Fetch-Site")
    if site_ is not None:
        if site_ != "same-origin":
            abort(403)
        return
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        abort(403)


def _check_form_token(expected: str) -> None:
    given = request.headers.get("X-Form-Token") or request.form.get("form_token", "")
    if not expected or not secrets.compare_digest(given.encode(), expected.encode()):
        abort(403)


def _session() -> Session | None:
    """Find the session of the request and its user; end it where its time is over."""
    g.user, g.session = None, None
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    found = users.session(db(), token)
    if found is None:
        return None
    user = users.get(db(), found.user_id)
    over = not span().holds(found)
    if user is None or user.disabled or over:
        with write(db()):
            users.end_session(db(), found.hash)
            if user is not None and over:
                audit.add(db(), user.name, "session over", now())
        return None
    if now() - found.seen_at > SEEN_EVERY and request.endpoint not in roles.BY_ITSELF:
        with write(db()):
            users.seen(db(), found.hash, now())
    g.user, g.session = user, found
    return found


def _to_sign_in() -> AnyResponse:
    if request.method != "GET" or request.headers.get("Sec-Fetch-Mode") == "cors":
        abort(401)
    back = request.full_path.rstrip("?")
    return redirect(url_for("auth.sign_in", next=back if back != "/" else None))


def form_token() -> str:
    """Return the token that the forms of this page carry: that which the guard asks for."""
    if g.get("session") is not None and request.endpoint not in roles.OPEN:
        return session().form_token
    if "form_token" not in g:
        g.form_token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
        g.new_form_token = FORM_COOKIE not in request.cookies
    return str(g.form_token)


def put_form_cookie(response: Response) -> Response:
    """Give the browser the token of a form that was shown before anybody signed in."""
    if g.get("new_form_token"):
        _set_cookie(response, FORM_COOKIE, g.form_token)
    return response


def _set_cookie(response: AnyResponse, name: str, value: str) -> None:
    response.set_cookie(name, value, secure=True, httponly=True, samesite="Strict", path="/")


@pages.route("/login", methods=["GET", "POST"])
def sign_in() -> AnyResponse | tuple[str, int] | str:
    """Ask for name and password; one text for whatever was wrong."""
    if request.method == "GET":
        if g.get("session") is not None and session().stage is Stage.OPEN:
            return redirect(url_for("app.start"))
        return render_template("sign_in.html", name="", wrong="")
    name = request.form.get("name", "")
    try:
        signed = accounts.sign_in(
            db(),
            name,
            request.form.get("password", ""),
            origin=request.remote_addr or "",
            agent=request.user_agent.string,
            now=now(),
        )
    except TooManyFailures as error:
        return render_template("sign_in.html", name=name, wrong=str(error)), 429
    if signed is None:
        wrong = _("This name and password do not go together.")
        return render_template("sign_in.html", name=name, wrong=wrong), 401
    return _welcome(signed)


@pages.route("/login/code", methods=["GET", "POST"])
def code() -> AnyResponse | tuple[str, int] | str:
    """Ask for the code of the authenticator, or a recovery code."""
    if session().stage is not Stage.CODE:
        return redirect(url_for("app.start"))
    if request.method == "GET":
        return render_template("code.html", wrong="")
    try:
        signed = accounts.give_code(
            db(),
            me(),
            request.form.get("code", ""),
            session=session().hash,
            origin=request.remote_addr or "",
            agent=request.user_agent.string,
            now=now(),
        )
    except TooManyFailures as error:
        return render_template("code.html", wrong=str(error)), 429
    if signed is None:
        return render_template("code.html", wrong=_("This code is not right, or was used.")), 401
    return _welcome(signed)


@pages.route("/welcome/<token>", methods=["GET", "POST"])
def welcome(token: str) -> AnyResponse | tuple[str, int] | str:
    """Let somebody with a one-time link choose a password."""
    user = users.behind_link(db(), token, Purpose.PASSWORD, now())
    if user is None:
        return render_template("link_over.html"), 410
    if request.method == "GET":
        return render_template("welcome.html", name=user.name, wrong="")
    password = request.form.get("password", "")
    wrong = accounts.password_problem(password, user.name, site().organisation)
    if wrong is None and password != request.form.get("again", ""):
        wrong = _("The two passwords differ.")
    if wrong is not None:
        return render_template("welcome.html", name=user.name, wrong=wrong), 422
    signed = accounts.choose_password(
        db(), token, password, agent=request.user_agent.string, now=now()
    )
    if signed is None:
        return render_template("link_over.html"), 410
    return _welcome(signed)


@pages.route("/enter/<token>", methods=["GET", "POST"])
def enter(token: str) -> AnyResponse | tuple[str, int] | str:
    """Let somebody with a one-time link in; the link alone changes nothing, the button does."""
    if request.method == "GET":
        user = users.behind_link(db(), token, Purpose.ENTER, now())
        if user is None:
            return render_template("link_over.html"), 410
        return render_template("enter.html", name=user.name)
    signed = accounts.enter(db(), token, agent=request.user_agent.string, now=now())
    if signed is None:
        return render_template("link_over.html"), 410
    return _welcome(signed)


def left() -> int:
    """Return for how many seconds this session goes on if nobody does anything."""
    idle = session().seen_at + site().session_idle
    longest = session().created_at + site().session_longest
    return max(0, int((min(idle, longest) - now()).total_seconds()))


@pages.get("/session", endpoint="left")
def how_long() -> Response:
    """Say how long the session goes on, and whether it could go on longer; for the script."""
    ends = session().created_at + site().session_longest
    may_stay = ends - now() > timedelta(seconds=left() + 1)
    return jsonify(left=left(), may_stay=may_stay)


@pages.post("/session")
def stay() -> AnyResponse:
    """Go on with the session: somebody is there."""
    with write(db()):
        users.seen(db(), session().hash, now())
    if request.headers.get("X-Form-Token"):
        return Response(status=204)
    return redirect(url_for("app.start"), 303)


@pages.post("/logout")
def sign_out() -> AnyResponse:
    """End this session."""
    with write(db()):
        users.end_session(db(), session().hash)
        audit.add(db(), me().name, "signed out", now())
    response = redirect(url_for("auth.sign_in"))
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Strict", path="/")
    # What a browser kept of letters goes with the session.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _welcome(signed: SignedIn) -> AnyResponse:
    with write(db()):
        users.end_old_sessions(db(), span())
    target = own_path(request.form.get("next", "")) or url_for("app.start")
    if signed.stage is Stage.CODE:
        target = url_for("auth.code", next=own_path(request.form.get("next", "")))
    response = redirect(target, 303)
    _set_cookie(response, COOKIE, signed.token)
    return response


def own_path(text: str) -> str | None:
    """Return a path of ours to go on to, or None: never another site."""
    if not text.startswith("/") or text.startswith(("//", "/\\")) or "\\" in text:
        return None
    parts = urlsplit(text)
    return None if parts.scheme or parts.netloc or any(ord(c) < 32 for c in text) else text
