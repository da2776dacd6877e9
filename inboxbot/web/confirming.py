"""Typing one's password again before something grave: users, a person's data, one's second factor.

A browser that was left open does not do either.
"""

from datetime import timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from inboxbot import accounts
from inboxbot.accounts import TooManyFailures
from inboxbot.web.auth import own_path
from inboxbot.web.site import db, me, now, session
from inboxbot.web.words import _

pages = Blueprint("confirming", __name__)

FOR = timedelta(minutes=15)


def confirmed() -> bool:
    """Say whether the password was typed of late; who has none came by a link of the demo."""
    return me().password_hash is None or now() - session().confirmed_at <= FOR


@pages.route("/me/confirm", methods=["GET", "POST"])
def confirm() -> Response | tuple[str, int] | str:
    """Ask for the password again, and go on to the page that wanted it."""
    target = own_path(request.values.get("next", "")) or url_for("app.start")
    if request.method == "GET":
        return render_template("confirm.html", next=target, wrong="")
    try:
        right = accounts.confirm(
            db(),
            me(),
            request.form.get("password", ""),
            session=session().hash,
            origin=request.remote_addr or "",
            now=now(),
        )
    except TooManyFailures as error:
        return render_template("confirm.html", next=target, wrong=str(error)), 429
    if not right:
        wrong = _("This is not your password.")
        return render_template("confirm.html", next=target, wrong=wrong), 422
    return redirect(target, 303)
