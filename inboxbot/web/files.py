"""What a letter brought: its own HTML in a cage, its bytes, its attachments.

Whatever is handed out here came from a stranger: it is a file to keep, never a page of ours.
"""

import re
from datetime import timedelta
from urllib.parse import quote

from flask import Blueprint, Response, abort, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from inboxbot import writing
from inboxbot.errors import StoreError
from inboxbot.mail.parse import attachment_bytes
from inboxbot.store import audit, messages
from inboxbot.store.audit import Narrowed
from inboxbot.store.database import write
from inboxbot.web import formatted, headers, marks
from inboxbot.web.letter import recorded_or_404
from inboxbot.web.site import db, me, now

pages = Blueprint("files", __name__)

OF_ITS_PAGE = timedelta(minutes=5)
# Types that a browser may be told; everything else is bytes to keep.
_TYPES = {"image/png", "image/jpeg", "image/gif", "application/pdf", "text/plain"}


@pages.get("/m/<int:letter>/formatted")
def formatted_page(letter: int) -> AnyResponse:
    """Return the letter's own HTML, harmless, for the sandboxed frame and nothing else."""
    if (
        request.headers.get("Sec-Fetch-Dest", "iframe") != "iframe"
        or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin"
    ):
        abort(403)
    recorded = recorded_or_404(letter)
    if not writing.may_be_read(recorded):
        abort(404)
    html = formatted.html_of(_raw(letter))
    if html is None or formatted.is_too_tangled(html):
        abort(404)
    _viewed(letter)
    response = make_response(
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title>inboxbot</title></head>'
        '<body dir="auto" style="font-family: sans-serif; line-height: 1.5; margin: 1em;'
        f' color: #1d2327; background-color: #fff">{formatted.harmless(html)}</body></html>'
    )
    response.headers["Content-Security-Policy"] = headers.FRAME_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _viewed(letter: int) -> None:
    """Write down that somebody saw the letter; in the frame of its page they were seen to."""
    page = Narrowed(who=me().name, what="viewed", message=letter, since=now() - OF_ITS_PAGE)
    if next(audit.entries(db(), page, limit=1), None) is None:
        with write(db()):
            audit.add(db(), me().name, "viewed", now(), message=letter)


def _raw(letter: int) -> bytes:
    """Return the letter's bytes, or else answer with what became of them."""
    try:
        return messages.raw(db(), letter)
    except messages.Damaged:
        abort(redirect(url_for("letter.show", letter=letter, show="source"), 303))
    except StoreError:
        abort(404)


@pages.get("/m/<int:letter>/raw")
def download(letter: int) -> AnyResponse:
    """Return the letter as received, as a file."""
    raw = _raw(letter)
    _downloaded(letter, "raw")
    return _file(raw, f"letter-{letter}.eml", "application/octet-stream")


@pages.get("/m/<int:letter>/attachment/<int:index>")
def attachment(letter: int, index: int) -> AnyResponse:
    """Return one attachment, as a file that nothing opens by itself."""
    if not writing.may_be_read(recorded_or_404(letter)):
        abort(404)
    try:
        found, data = attachment_bytes(_raw(letter), index)
    except LookupError:
        abort(404)
    _downloaded(letter, str(index))
    return _file(data, found.name, found.type)


def _downloaded(letter: int, what: str) -> None:
    with write(db()):
        audit.add(db(), me().name, "downloaded", now(), message=letter, detail=what)


def _file(data: bytes, name: str, kind: str) -> AnyResponse:
    name = safe_name(name)
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    response = Response(data, mimetype=kind if kind in _TYPES else "application/octet-stream")
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    response.headers["Content-Security-Policy"] = headers.FILE_POLICY
    return response


def safe_name(name: str) -> str:
    """Return a file's name without paths, controls and signs that reorder text."""
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(c for c in name if c.isprintable() and not marks.reorders(c))
    return name.strip(" .")[-120:] or "file"
