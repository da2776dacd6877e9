"""The personal answer: drafts that are never lost, a last look before it leaves.

It goes through the same outbox as an acknowledgement, so it is sent at most once; it waits ten
seconds there, in which it can be taken back.
"""

import re

from flask import Blueprint, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from inboxbot import review
from inboxbot.actions import Answer
from inboxbot.errors import Conflict, InboxbotError
from inboxbot.mail import compose
from inboxbot.mail.message import identity_for
from inboxbot.review import Letter
from inboxbot.store import drafts, replies, snippets, undo
from inboxbot.store.database import write
from inboxbot.store.decisions import Recorded
from inboxbot.web import words
from inboxbot.web.asked import TAKE_BACK
from inboxbot.web.letter import conflict, page, recorded_or_404
from inboxbot.web.listing import chosen
from inboxbot.web.site import db, me, now, site
from inboxbot.writing import reopened

pages = Blueprint("answer", __name__)

_UNFILLED = re.compile(r"\{\{|\}\}|\{%|\[(?:name|date|link|\.\.\.|…)\]", re.IGNORECASE)
_ATTACHED = re.compile(
    r"\b(?:attach(?:ed|ment)?|enclosed|adjunt[oa]|anbei|im anhang|ci-joint)\b", re.IGNORECASE
)


@pages.post("/m/<int:letter>/draft")
def draft(letter: int) -> Response:
    """Keep what is being written; for the script, which does so every two seconds."""
    recorded_or_404(letter)
    with write(db()):
        saved = _save(letter)
        drafts.touch(db(), letter, me().name, writing=True, now=now())
    said = f"{words._('Kept')} {words.clock(site().zone)(saved.updated_at)}"
    return jsonify(draft=saved.id, version=saved.version, said=said)


def _save(letter: int) -> drafts.Draft:
    return drafts.save(
        db(),
        letter,
        me().name,
        request.form.get("text", ""),
        draft=_number("draft"),
        version=_number("draft_version"),
        now=now(),
    )


def _number(name: str) -> int:
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


@pages.post("/m/<int:letter>/draft/discard")
def discard(letter: int) -> Response:
    """Throw one's own draft away."""
    recorded_or_404(letter)
    with write(db()):
        drafts.remove(db(), _number("draft"), me().name)
    return redirect(url_for("letter.show", letter=letter, **chosen().arguments()), 303)


@pages.post("/m/<int:letter>/answer")
def send(letter: int) -> Response | tuple[str, int]:
    """Put an answer into the outbox; first keep its text, whatever happens then."""
    recorded = recorded_or_404(letter)
    text = request.form.get("text", "").strip()
    with write(db()):
        saved = _save(letter)
    if "keep" in request.form:
        return redirect(url_for("letter.show", letter=letter, **chosen().arguments()), 303)
    blocking, warnings = _problems(recorded, text)
    token = f"{request.form.get('once', '')[:60]}-answer"
    # Read after the answers: of one that this very form sent, nobody is warned.
    before = undo.get(db(), token)
    if before is not None and before.staff == me().name and not before.used:
        return _sent(saved, token, again=True)
    if blocking or (warnings and "anyway" not in request.form):
        found = page(recorded, draft=saved, blocking=blocking, warnings=warnings)
        return found, 422
    try:
        done = review.perform(
            db(),
            _answer(recorded, text, saved),
            [Letter(letter, _number("version"))],
            staff=me().name,
            now=now(),
            token=token,
        )
    except Conflict as error:
        return conflict(recorded, "answer", error), 409
    except InboxbotError as error:
        return page(recorded, draft=saved, blocking=[str(error)]), 409
    return _sent(saved, token, again=done.again)


def _sent(saved: drafts.Draft, token: str, *, again: bool) -> Response:
    """Go on to the letter; its draft stays, so that taking the answer back brings it back."""
    letter = saved.letter
    with write(db()):
        if again:
            _remove_copy(saved)
        else:
            snippets.count_used(db(), request.form.getlist("used")[:50])
        drafts.touch(db(), letter, me().name, writing=False, now=now())
    return redirect(url_for("letter.show", letter=letter, **chosen().arguments(done=token)), 303)


def _remove_copy(saved: drafts.Draft) -> None:
    """Remove what a form that was sent twice kept a second time; other words of it stay."""
    mine = [each for each in drafts.of_letter(db(), saved.letter) if each.staff == me().name]
    if any(each.text == saved.text and each.id != saved.id for each in mine):
        drafts.remove(db(), saved.id, me().name)


def _answer(recorded: Recorded, text: str, saved: drafts.Draft) -> Answer:
    _, message = reopened(db(), recorded.id)
    if recorded.reply_to is None:
        raise Conflict(words._("This letter has no address that an answer could go to."))
    identity = identity_for(site().identities, recorded.mailbox)
    reply = compose.answer(
        message,
        identity,
        compose.answer_subject(message.subject),
        text,
        recipient=recorded.reply_to,
        # The same draft sent again is the same message: nobody gets it twice.
        token=f"answer {recorded.fingerprint} {saved.id} {saved.version}",
        now=now(),
        envelope_sender=site().envelope_senders.get(recorded.mailbox, ""),
    )
    return Answer(reply, message.message_id, TAKE_BACK)


def _problems(recorded: Recorded, text: str) -> tuple[list[str], list[str]]:
    """Return what stands against sending, and what should be looked at first."""
    blocking: list[str] = []
    warnings: list[str] = []
    if not text:
        blocking.append(words._("There is nothing to send yet."))
    if _UNFILLED.search(text):
        blocking.append(words._("A place in the text is not filled in yet: look for { or [."))
    if _ATTACHED.search(text):
        warnings.append(
            words._("The text speaks of an attachment, and answers from here carry none.")
        )
    seen = _number("answers")
    answers = [each for each in replies.of_letter(db(), recorded.id) if each.kind == "answer"]
    for newer in answers[seen:]:
        warnings.append(
            words._("{} answered this letter at {} while you were writing.").format(
                newer.created_by, f"{newer.created_at.astimezone(site().zone):%H:%M}"
            )
        )
    return blocking, warnings
