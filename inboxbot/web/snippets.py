"""Ready-made replies: the texts that staff insert into an answer.

Staff propose, an administrator approves: what goes out in our name again and again was read twice.
"""

import re

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from inboxbot.errors import Conflict, NotAllowed, TemplateError
from inboxbot.reply import ready, workbench
from inboxbot.store import audit, snippets
from inboxbot.store.database import write
from inboxbot.web import roles, words
from inboxbot.web.site import db, me, now

pages = Blueprint("snippets", __name__)

TEXT_LIMIT = 20_000
_SHORTCUT = re.compile(r"[a-z0-9][a-z0-9-]{0,23}\Z")
_LANGUAGE = re.compile(r"[a-z]{2}\Z")


@pages.get("/replies")
def listed() -> str:
    """Show the ready-made replies, and one of them to change."""
    shortcut = request.args.get("edit", "")
    found = None
    if shortcut:
        found = snippets.proposal(db(), shortcut) or snippets.get(db(), shortcut)
    return _page({"shortcut": "", "title": "", "language": "en", "text": "", "seen": ""}, found)


def _page(typed: dict[str, str], found: snippets.Snippet | None = None, wrong: str = "") -> str:
    if found is not None:
        typed = {
            "shortcut": found.shortcut,
            "title": found.title,
            "language": found.language,
            "text": found.text,
            "seen": _stored(found.shortcut),
        }
    wanted = request.args.get("q", "").strip()[:100]
    everything, proposed = snippets.everything(db()), snippets.proposals(db())
    return render_template(
        "replies.html",
        snippets=[each for each in everything if _fits(each, wanted)],
        proposals=proposed,
        advice={each.shortcut: _advice(each) for each in (*everything, *proposed)},
        wanted=wanted,
        values=workbench.values(),
        typed=typed,
        wrong=wrong,
    )


def _stored(shortcut: str) -> str:
    """Return what stands for the texts under a short word, as they are now; "" where it is free."""
    found = snippets.get(db(), shortcut), snippets.proposal(db(), shortcut)
    if not any(found):
        return ""
    return "/".join(f"{each.id}@{each.updated_at.isoformat()}" if each else "" for each in found)


def _fits(snippet: snippets.Snippet, wanted: str) -> bool:
    told = f"/{snippet.shortcut} {snippet.title} {snippet.language} {snippet.text}".casefold()
    return all(word in told for word in wanted.casefold().split())


def _advice(snippet: snippets.Snippet) -> tuple[str, ...]:
    """Return what to look at twice before sending it."""
    try:
        return ready.advice(snippet.text, snippet.language)
    except TemplateError as error:
        return (str(error),)


@pages.post("/replies")
def save() -> Response | tuple[str, int]:
    """Store a ready-made reply, or propose it; what was typed stays where something is wrong.

    A text that the form did not show is not replaced: it is shown first.
    """
    typed = {
        name: request.form.get(name, "").strip()
        for name in ("shortcut", "title", "language", "text", "seen")
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
    final = roles.allowed("snippets.approve", me().role)
    with write(db()):
        stored = _stored(typed["shortcut"])
        if stored not in ("", typed["seen"]):
            wrong = words._(
                "“/{}” is taken, or was changed meanwhile: what stands there now is shown above."
                " Choose another short word, or save once more to replace it."
            ).format(typed["shortcut"])
            return _page(typed | {"seen": stored}, wrong=wrong), 409
        (snippets.save if final else snippets.propose)(
            db(),
            typed["shortcut"],
            typed["title"][:80],
            typed["language"],
            typed["text"],
            me().name,
            now(),
        )
        what = "snippet saved" if final else "snippet proposed"
        audit.add(db(), me().name, what, now(), detail=typed["shortcut"])
    return redirect(url_for("snippets.listed"), 303)


@pages.post("/replies/approve")
def approve() -> Response:
    """Let a proposal go into answers from now on, as it was shown."""
    found = _proposal()
    with write(db()):
        snippets.approve(db(), found, now())
        audit.add(db(), me().name, "snippet approved", now(), detail=found.shortcut)
    return redirect(url_for("snippets.listed"), 303)


@pages.post("/replies/refuse")
def refuse() -> Response:
    """Throw a proposal away: an administrator any, others their own."""
    found = _proposal()
    if found.staff != me().name and not roles.allowed("snippets.approve", me().role):
        raise NotAllowed("This proposal is somebody else's.")
    with write(db()):
        snippets.refuse(db(), found.shortcut)
        audit.add(db(), me().name, "snippet refused", now(), detail=found.shortcut)
    return redirect(url_for("snippets.listed"), 303)


def _proposal() -> snippets.Snippet:
    """Return the proposal of a form, as it was when the page was shown."""
    found = snippets.proposal(db(), request.form.get("shortcut", ""))
    if found is None or found.updated_at.isoformat() != request.form.get("seen"):
        raise Conflict(
            words._("This proposal was changed or settled meanwhile. Please look again.")
        )
    return found


@pages.post("/replies/remove")
def remove() -> Response:
    """Remove a ready-made reply."""
    shortcut = request.form.get("shortcut", "")
    with write(db()):
        snippets.remove(db(), shortcut)
        audit.add(db(), me().name, "snippet removed", now(), detail=shortcut[:24])
    return redirect(url_for("snippets.listed"), 303)
