"""The queue: views, search, a page of letters, and actions on many of them."""

from dataclasses import replace
from datetime import datetime

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from inboxbot import review
from inboxbot.actions import Release
from inboxbot.errors import Conflict
from inboxbot.review import Letter
from inboxbot.store import (
    drafts,
    figures,
    mailboxes,
    places,
    queue,
    replies,
    reviews,
    searches,
    tags,
    users,
)
from inboxbot.store.database import write
from inboxbot.store.queue import View
from inboxbot.web import asked
from inboxbot.web.listing import Chosen, chosen, just_done
from inboxbot.web.site import db, me, now, number, site
from inboxbot.web.words import _

pages = Blueprint("queue", __name__)

PAGE = 50
BULK_LIMIT = 500


@pages.get("/queue")
def letters() -> str | tuple[str, int]:
    """Show a page of a list."""
    here = chosen()
    if here.problem:
        return _page(here, []), 400
    rows = queue.rows(
        db(), here.listing, staff=me().name, now=now(), limit=PAGE + 1, after=_after()
    )
    return _page(here, rows)


def _page(here: Chosen, rows: list[queue.Row]) -> str:
    shown = rows[:PAGE]
    boxes = mailboxes.in_sight(db())
    return render_template(
        "queue.html",
        here=here,
        rows=shown,
        unfetched=places.unfetched(db()) if here.listing.view is View.PROBLEMS else (),
        more=shown[-1].id if len(rows) > PAGE else None,
        after=_after(),
        counts=queue.counts(db(), staff=me().name, now=now()),
        mailboxes=boxes,
        tags=tags.of_letters(db(), [row.id for row in shown]),
        known_tags=tags.known(db()),
        saved=searches.saved(db(), me().name),
        present=drafts.present(db(), [row.id for row in shown], other_than=me().name, now=now()),
        colleagues=[
            user.name for user in users.everybody(db()) if any(map(user.may_work_on, boxes))
        ],
        done=just_done(),
        newest=reviews.newest(db()),
        last_look=None if shown else _last_look(),
    )


def _last_look() -> datetime | None:
    """Return when every mailbox had been looked into: an empty list is believed by that."""
    times = [box.last_good_poll_at for box in figures.mailboxes(db())]
    return min((at for at in times if at), default=None)


def _after() -> int | None:
    return number(request.args.get("after", ""))


@pages.get("/queue/news")
def news() -> Response:
    """Say how many letters of the list came in since the page was made; for the script."""
    here = chosen()
    since = number(request.args.get("since", ""))
    count = 0
    if since is not None and not here.problem:
        listing = replace(here.listing, above=since)
        count = queue.count(db(), listing, staff=me().name, now=now())
    return jsonify(new=count)


@pages.post("/search")
def search() -> Response:
    """Keep what was typed under a token, and go to its list."""
    query = request.form.get("q", "").strip()[:1000]
    if not query:
        return redirect(url_for("queue.letters"), 303)
    with write(db()):
        token = searches.add(db(), me().name, query, now())
    return redirect(url_for("queue.letters", s=token), 303)


@pages.post("/queue/views")
def save_view() -> Response:
    """Give the search of the page a name."""
    token = request.form.get("s", "")
    name = " ".join(request.form.get("name", "").split())[:40]
    if name:
        with write(db()):
            searches.save(db(), token, me().name, name, shared="shared" in request.form)
    return redirect(url_for("queue.letters", s=token), 303)


@pages.post("/queue/views/remove")
def remove_view() -> Response:
    """Remove a saved view of one's own."""
    with write(db()):
        searches.remove(db(), request.form.get("s", ""), me().name)
    return redirect(url_for("queue.letters"), 303)


@pages.post("/queue/bulk")
def bulk() -> Response | tuple[str, int] | str:
    """Do one action with every letter that was chosen."""
    here = chosen()
    name, form = request.form.get("do", ""), dict(request.form)
    if name.startswith("correct-"):
        name, form["kind"] = "correct", name.removeprefix("correct-")
    if name not in asked.BULK:
        raise asked.NotUnderstood(_("There is no such action."))
    try:
        letters_ = _selected(here)
    except Conflict as error:
        return render_template("sorry.html", text=str(error)), 409
    if not letters_:
        return redirect(url_for("queue.letters", **here.arguments()), 303)
    if name == "release" and "sure" not in request.form:
        return render_template("release_many.html", here=here, letters=letters_)
    wanted = asked.action(name, form)
    if isinstance(wanted, Release) and len(letters_) > 1:
        # Nobody gets two: answers go first, and of acknowledgements the newest letter's.
        wanted = replace(wanted, rules=site().rules)
        first = {letter: place for place, letter in enumerate(replies.letters_held(db()))}
        letters_ = sorted(letters_, key=lambda each: first.get(each.id, len(first)))
    done = review.perform(
        db(),
        wanted,
        letters_,
        staff=me().name,
        now=now(),
        token=request.form.get("once", "")[:60] + f"-{name}",
    )
    if done.refused:
        return render_template("bulk_done.html", here=here, done=done, undone=False)
    return redirect(url_for("queue.letters", **here.arguments(done=done.token)), 303)


def _selected(here: Chosen) -> list[Letter]:
    """Return the chosen letters with the versions that were shown, or all of the list.

    All of it are those that had come in when the page was made: the others nobody has seen.
    Raises `Conflict` where it cannot be known any more which letters those are.
    """
    if "everything" in request.form:
        newest = number(request.form.get("newest", ""))
        if here.problem or newest is None:
            raise Conflict(_("This list is no longer the one that was shown. Nothing was done."))
        listing = replace(here.listing, upto=newest)
        found = queue.ids(db(), listing, staff=me().name, now=now(), limit=BULK_LIMIT)
        return [Letter(each) for each in found]
    chosen_: list[Letter] = []
    for text in request.form.getlist("letter")[:BULK_LIMIT]:
        name, colon, shown = text.partition(":")
        letter, version = number(name), number(shown)
        if letter is not None and colon and (version is not None or not shown):
            chosen_.append(Letter(letter, version))
    return chosen_


@pages.post("/undo")
def undo() -> Response | tuple[str, int] | str:
    """Take the last action back, and go where it was done; say what could not be taken back."""
    token = request.form.get("token", "")[:80]
    try:
        done = review.take_back(db(), token, staff=me().name, now=now())
    except Conflict as error:
        return render_template("sorry.html", text=str(error)), 409
    here = chosen()
    if done.refused:
        return render_template("bulk_done.html", here=here, done=done, undone=True)
    if len(done.letters) == 1:
        return redirect(
            url_for("letter.show", letter=done.letters[0], **here.arguments(undone=1)), 303
        )
    return redirect(url_for("queue.letters", **here.arguments(undone=1)), 303)
