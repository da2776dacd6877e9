"""One's own account: how the pages look and behave, password, second factor, sessions."""

import json

import pyotp
from flask import Blueprint, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from inboxbot import accounts
from inboxbot.accounts import TooManyFailures
from inboxbot.store import audit, users
from inboxbot.store.database import write
from inboxbot.store.users import Stage
from inboxbot.web import keys, words
from inboxbot.web.auth import COOKIE
from inboxbot.web.confirming import confirmed
from inboxbot.web.site import db, me, now, session, site, span

pages = Blueprint("account", __name__)

THEMES = ("system", "light", "dark")
SIZES = ("normal", "large", "largest")
AFTERWARDS = ("next", "stay", "list")


@pages.get("/me")
def settings() -> str:
    """Show one's own settings."""
    return page()


def page(wrong: str = "", typed: dict[str, str] | None = None) -> str:
    """Return the page, with what is wrong with a form of it."""
    return render_template(
        "account.html",
        wrong=wrong,
        own=me().keys if typed is None else typed,
        keys=[each for each in keys.KEYS if each.own],
        sessions=users.sessions(db(), me().id, span()),
        this=session().hash,
        codes_left=users.recovery_codes_left(db(), me().id),
    )


@pages.post("/me/preferences")
def preferences() -> Response:
    """Set how the pages look and behave."""
    form = request.form
    with write(db()):
        users.change(
            db(),
            me().id,
            theme=_one_of(THEMES, form.get("theme")),
            text_size=_one_of(SIZES, form.get("text_size")),
            afterwards=_one_of(AFTERWARDS, form.get("afterwards")),
            shortcuts="shortcuts" in form,
        )
    return redirect(url_for("account.settings"), 303)


@pages.post("/me/keys")
def own_keys() -> Response | tuple[str, int]:
    """Set which keys do what, for this person."""
    usual = "reset" in request.form
    typed = {} if usual else {each: request.form.get(f"key-{each}", "") for each in keys.CHANGEABLE}
    own, wrong = keys.chosen(typed)
    if wrong:
        said = words._("“{}” cannot be the key for “{}”: it is taken, or is no single sign.")
        return page(said.format(own[wrong], wrong), own), 422
    with write(db()):
        users.change(db(), me().id, keys=json.dumps(own))
    return redirect(url_for("account.settings"), 303)


def _one_of(known: tuple[str, ...], text: str | None) -> str:
    return text if text in known else known[0]


@pages.post("/me/password")
def password() -> Response | tuple[str, int]:
    """Set a new password; every session ends, this one too."""
    try:
        right = accounts.confirm(
            db(),
            me(),
            request.form.get("old", ""),
            session=session().hash,
            origin=request.remote_addr or "",
            now=now(),
        )
    except TooManyFailures as error:
        return page(wrong=str(error)), 429
    if not right:
        return page(wrong=words._("The present password is not right.")), 422
    new = request.form.get("new", "")
    wrong = accounts.password_problem(new, me().name, site().organisation)
    if wrong is not None:
        return page(wrong=wrong), 422
    with write(db()):
        accounts.set_password(db(), me(), new, who=me().name, now=now())
    return _signed_out()


@pages.route("/me/second-factor", methods=["GET", "POST"])
def factor() -> Response | tuple[str, int] | str:
    """Set up the authenticator; a code must show that it works."""
    if me().totp_secret is not None:
        return redirect(url_for("account.settings"))
    if session().stage is not Stage.ENROL and not confirmed():
        return redirect(url_for("confirming.confirm", next=url_for("account.factor")), 303)
    if request.method == "GET":
        return _factor_page(pyotp.random_base32())
    secret = request.form.get("secret", "")
    if len(secret) != 32 or not set(secret) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"):
        return _factor_page(pyotp.random_base32()), 422
    codes = accounts.enrol(db(), me(), secret, request.form.get("code", ""), now())
    if codes is None:
        return _factor_page(secret, words._("This code does not fit. Try the next one.")), 422
    if session().stage is Stage.ENROL:
        with write(db()):
            users.open_up(db(), session().hash)
            audit.add(db(), me().name, "signed in", now())
    return render_template("recovery_codes.html", codes=codes)


def _factor_page(secret: str, wrong: str = "") -> str:
    address = pyotp.TOTP(secret).provisioning_uri(name=me().name, issuer_name="inboxbot")
    spaced = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    return render_template(
        "factor.html",
        secret=secret,
        spaced=spaced,
        address=address,
        picture=_picture(address),
        wrong=wrong,
    )


def _picture(address: str) -> Markup:
    """Return an address as a QR code, drawn in the page itself: the key is sent nowhere."""
    import segno  # Only who sets up an authenticator waits for it.

    code = segno.make_qr(address, error="m")
    return Markup(code.svg_inline(omitsize=True, svgclass=None, lineclass=None, light="#fff"))  # noqa: S704  (of our own making)


@pages.post("/me/session/end")
def end_session() -> Response:
    """End one session of one's own, in another browser."""
    chosen = request.form.get("session", "")
    if chosen != session().hash and chosen in {each.hash for each in users.sessions(db(), me().id)}:
        with write(db()):
            users.end_session(db(), chosen)
            audit.add(db(), me().name, "session ended", now())
    return redirect(url_for("account.settings"), 303)


@pages.post("/me/sessions/end")
def end_sessions() -> Response:
    """End every session of one's own, in every browser."""
    with write(db()):
        users.end_sessions(db(), me().id)
        audit.add(db(), me().name, "sessions ended", now())
    return _signed_out()


def _signed_out() -> Response:
    response = make_response(redirect(url_for("auth.sign_in"), 303))
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Strict", path="/")
    return response
