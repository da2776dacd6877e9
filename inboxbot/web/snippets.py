"""Ready-made replies: the texts that staff insert into an answer."""

import re

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from inboxbot.errors import TemplateError
from inboxbot.reply import ready, workbench
from inboxbot.store import audit, snippets
from inboxbot.store.database import write
from inboxbot.web import words
from inboxbot.web.site import db, me, now

pages = Blueprint("snippets", __name__)

TEXT_LIMIT = 20_000
_SHORTCUT = re.compile(r"[a-z0-9][a-z0-9-]{0,23}\Z")
_LANGUAGE = re.compile(r"[a-z]{2}\Z")


@pages.get("/replies")
def listed() -> str:
    """Show the ready-made replies, and one of them to change."""
    shortcut = request.args.get("edit", "")
    found = snippets.get(db(), shortcut) if shortcut else None
    return _page({"shortcut": "", "title": "", "language": "en", "text": ""}, found)


def _page(typed: dict[str, str], found: snippets.Snippet | None = None, wrong: str = "") -> str:
    if found is not None:
        typed = {
            "shortcut": found.shortcut,
            "title": found.title,
            "language": found.language,
            "text": found.text,
        }
    everything = snippets.everything(db())
    return render_template(
        "replies.html",
        snippets=everything,
        advice={each.shortcut: _advice(each) for each in everything},
        values=workbench.values(),
        typed=typed,
        wrong=wrong,
    )


def _advice(snippet: snippets.Snippet) -> tuple[str, ...]:
    """Return what to look at twice before sending it."""
    try:
        return ready.advice(snippet.text, snippet.language)
    except TemplateError as error:
        return (str(error),)


@pages.post("/replies")
def save() -> Response | tuple[str, int]:
    """Store a ready-made reply; what was typed stays on the page where something is wrong."""
    typed = {
        name: request.form.get(name, "").strip()
        for name in ("shortcut", "title", "language", "text")
    }
    typed["shortcut"] = typed["shortcut"].lstrip("/").lower()
    wrong = ""
    if not _SHORTCUT.match(typed["shortcut"]):
        wrong = words._("The short word is 1 to 24 of: a-z, 0-9 and dash.")
    elif not _LANGUAGE.match(typed["language"]):
        wrong = words._("Write a language as two letters, such as es.")
    elif not typed["title"] or not typed["text"]:
        wrong = words._("A ready-made reply needs a title and a text.")
    elif len(typed["text"]) > TEXT_LIMIT:
        wrong = words._("The text is too long.")
    elif found := ready.problems(typed["text"]):
        wrong = " ".join(
            words._("Line {}, column {}: {} {}").format(
                each.line, each.column, each.message, each.suggestion
            )
            for each in found
        )
    if wrong:
        return _page(typed, wrong=wrong), 422
    with write(db()):
        snippets.save(
            db(),
            typed["shortcut"],
            typed["title"][:80],
            typed["language"],
            typed["text"],
            me().name,
            now(),
        )
        audit.add(db(), me().name, "snippet saved", now(), detail=typed["shortcut"])
    return redirect(url_for("snippets.listed"), 303)


@pages.post("/replies/remove")
def remove() -> Response:
    """Remove a ready-made reply."""
    shortcut = request.form.get("shortcut", "")
    with write(db()):
        snippets.remove(db(), shortcut)
        audit.add(db(), me().name, "snippet removed", now(), detail=shortcut[:24])
    return redirect(url_for("snippets.listed"), 303)
