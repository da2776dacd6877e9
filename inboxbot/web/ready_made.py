"""Ready-made replies with the values of one letter in them, for the person who answers it.

A value that the letter does not have stays as it is written, in braces: an answer with braces in
it is not sent, so somebody has to fill the place in.
"""

from dataclasses import replace
from typing import Any

from inboxbot import rehearsal
from inboxbot.errors import TemplateError
from inboxbot.reply import ready
from inboxbot.store import decisions, snippets
from inboxbot.store.decisions import Recorded
from inboxbot.store.snippets import Snippet
from inboxbot.web.site import db, site


def for_letter(recorded: Recorded) -> list[Snippet]:
    """Return every ready-made reply, filled for a letter as far as its values go."""
    return [_filled(each, recorded) for each in snippets.everything(db())]


def _filled(snippet: Snippet, recorded: Recorded) -> Snippet:
    acknowledger = site().acknowledger
    if acknowledger is None or "{" not in snippet.text:
        return snippet
    values = rehearsal.values_of(
        acknowledger,
        recorded,
        snippet.language,
        site().zone,
        first_contact=not decisions.heard_before(db(), recorded.reply_to or "", before=recorded.id),
    )
    left: dict[str, Any] = {
        name: f"{{{{ {name} }}}}"
        for name in ready.unfilled(snippet.text, values)
        if getattr(values, name) == ""
    }
    try:
        return replace(snippet, text=ready.fill(snippet.text, replace(values, **left)))
    except TemplateError:
        return snippet  # Written before it was checked: staff see it as it is.
