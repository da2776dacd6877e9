"""What happened to a letter, in words: what came in, what left, and who did what with it."""

from typing import Any

from inboxbot.store import audit
from inboxbot.store.database import moment
from inboxbot.store.decisions import Recorded
from inboxbot.store.replies import SentReply
from inboxbot.web import words
from inboxbot.web.site import db
from inboxbot.web.words import _


def events(recorded: Recorded, sent: list[SentReply]) -> list[tuple[Any, str, str]]:
    """Return what happened to a letter, the oldest first: when, who, what."""
    found: list[tuple[Any, str, str]] = [
        (recorded.received_at, "", _("The letter came in.")),
    ]
    for reply in sent:
        if reply.sent_at:
            kind = (
                _("Acknowledgement sent.") if reply.kind == "acknowledgement" else _("Answer sent.")
            )
            found.append((reply.sent_at, "", kind))
    viewed: set[str] = set()
    for entry in reversed(list(audit.entries(db(), message=recorded.id))):
        if entry.what == "viewed":
            if entry.who in viewed:
                continue  # Each opening is in the audit; here the first is enough.
            viewed.add(entry.who)
        found.append((moment(entry.at), entry.who, said(entry.what, entry.detail)))
    return sorted(found, key=lambda event: event[0])


def said(what: str, detail: str) -> str:
    """Return what somebody did, as the rest of a sentence that begins with who."""
    text = words.audited(what)
    if what == "corrected" and " -> " in detail:
        return f"{text}: {words.category(detail.split(' -> ')[1])}"
    if what == "merged" and detail.startswith("into "):
        return _("put the letter into the conversation of letter {}").format(detail[5:])
    if what == "claimed" and detail.startswith("for "):
        return _("assigned the letter to {}").format(detail[4:])
    return text
