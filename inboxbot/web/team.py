"""Users and roles: who may sign in, as what, and where they are signed in.

A link for a new user is shown once. To change anything, one's own password was typed of late.
"""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from inboxbot import accounts, team
from inboxbot.config import is_loopback
from inboxbot.errors import Conflict
from inboxbot.store import mailboxes, users
from inboxbot.store.users import Purpose, Role, User
from inboxbot.web.confirming import confirmed
from inboxbot.web.site import db, me, now, session, span

pages = Blueprint("team", __name__)


@pages.get("/users")
def listed() -> str:
    """Show everybody who may sign in."""
    return _page()


def _page(wrong: str = "", name: str = "", role: Role = Role.STAFF) -> str:
    everybody = users.everybody(db())
    return render_template(
        "users.html",
        users=everybody,
        sessions={user.id: users.sessions(db(), user.id, span()) for user in everybody},
        confirmed=confirmed(),
        wrong=wrong,
        typed_name=name,
        typed_role=role,
    )


@pages.post("/users/add")
def add() -> Response | tuple[str, int] | str:
    """Add somebody, and show their link once."""
    if not confirmed():
        return _back()
    name, role = request.form.get("name", "")[:60], _role()
    try:
        token = accounts.add_user(
            db(), name, role, who=me().name, now=now(), purpose=Purpose.PASSWORD
        )
    except Conflict as error:
        return _page(str(error), name, role), 422
    return _link(name.strip().lower(), token)


@pages.post("/users/sessions/end")
def end_everybodys_sessions() -> Response:
    """Sign everybody out everywhere, but for this browser."""
    if confirmed():
        team.end_everybodys_sessions(db(), by=me(), apart_from=session().hash, now=now())
    return _back()


@pages.get("/users/<int:user>")
def show(user: int) -> str:
    """Show one account, its sessions, and what can be done."""
    found = users.get(db(), user)
    if found is None:
        abort(404)
    return render_template(
        "user.html",
        user=found,
        own=found.id == me().id,
        sessions=users.sessions(db(), found.id, span()),
        codes_left=users.recovery_codes_left(db(), found.id),
        last=accounts.is_last_administrator(db(), found),
        confirmed=confirmed(),
        mailboxes=mailboxes.names(db()),
    )


@pages.post("/users/<int:user>/role")
def change_role(user: int) -> Response:
    """Give somebody another role."""
    if confirmed():
        team.change_role(db(), user, _role(), by=me(), now=now())
    return _back(user)


@pages.post("/users/<int:user>/mailboxes")
def limit(user: int) -> Response:
    """Let somebody look into some mailboxes alone, or into all of them."""
    if confirmed():
        wanted = request.form.getlist("mailbox")
        chosen = tuple(name for name in mailboxes.names(db()) if name in wanted)
        every = request.form.get("which") != "some"
        team.limit(db(), user, None if every else chosen, by=me(), now=now())
    return _back(user)


@pages.post("/users/<int:user>/disable")
def disable(user: int) -> Response:
    """Let somebody no longer sign in."""
    if confirmed():
        accounts.disable(db(), _other(user).name, who=me().name, now=now())
    return _back(user)


@pages.post("/users/<int:user>/reset")
def reset(user: int) -> Response | str:
    """Take password, second step and sessions away, and show a new link once."""
    if not confirmed():
        return _back(user)
    found = _other(user)
    return _link(found.name, accounts.reset(db(), found.name, who=me().name, now=now()))


@pages.post("/users/<int:user>/second-step/remove")
def remove_factor(user: int) -> Response:
    """Take the second step away from somebody who lost their telephone."""
    if confirmed():
        team.remove_factor(db(), user, by=me(), now=now())
    return _back(user)


@pages.post("/users/<int:user>/sessions/end")
def end_sessions(user: int) -> Response:
    """Sign somebody out everywhere."""
    if confirmed():
        team.end_sessions(db(), user, by=me(), now=now())
    return _back(user)


def _other(user: int) -> User:
    return team.somebody_else(db(), user, by=me())


def _role() -> Role:
    text = request.form.get("role", "")
    return Role(text) if text in set(Role) else Role.STAFF


def _back(user: int | None = None) -> Response:
    if user is None:
        return redirect(url_for("team.listed"), 303)
    return redirect(url_for("team.show", user=user), 303)


def _link(name: str, token: str) -> str:
    # Behind a proxy the scheme is not known here; our cookies only work over https or on loopback.
    host = request.host.partition(":")[0]
    scheme = "http" if is_loopback(host) else "https"
    link = url_for("auth.welcome", token=token, _external=True, _scheme=scheme)
    return render_template("user_link.html", name=name, link=link)
