"""Delivery reports and read receipts that no header shows for what they are.

The only rules that read the body. Subject and body must agree, and the program's own words
must come first: a person who writes about a bounce, or forwards one, begins in their own.
"""

import re

from inboxbot.mail import phrases

_LINES = 60
_LINE = 200
_OPENING = 4
# An SMTP reply or an enhanced status code (RFC 3463) where a report puts it.
_STATUS = re.compile(r"[<(]?(?:[45]\d\d[ -]|[45]\.\d{1,3}\.\d{1,3}\b)")
# What qmail writes at the end of a line (its own format of reports, QSBMF).
_QMAIL_STATUS = re.compile(r"\(#[45]\.\d{1,3}\.\d{1,3}\)$")
_GREETING = re.compile(
    r"(?:hi|hello|dear|hallo|liebe|sehr|bonjour|hola|ciao|olá|beste)\b[^.]{0,60}$"
)


def is_bounce(subject: str, text: str) -> bool:
    """Say whether subject and text are those of a delivery report without its structure."""
    if not phrases.folded(subject[:500]).startswith(phrases.BOUNCE_SUBJECTS):
        return False
    lines = _own_lines(text)
    evidence = next((n for n, line in enumerate(lines) if _shows_failure(line)), None)
    if evidence is None:
        return False
    opening = lines[: min(evidence, _OPENING)]
    if any("?" in line or "\uff1f" in line for line in opening):
        return False
    if opening and _GREETING.match(opening[0]):
        return False
    return not opening or any(word in line for line in opening for word in phrases.BOUNCE_WORDS)


def is_receipt(subject: str, text: str) -> bool:
    """Say whether subject and text are those of a read receipt without its structure."""
    if not phrases.folded(subject[:500]).startswith(phrases.RECEIPT_SUBJECTS):
        return False
    opening = " ".join(_own_lines(text)[:12])
    return any(words in opening for words in phrases.RECEIPT_WORDS)


def _shows_failure(line: str) -> bool:
    if line.startswith(phrases.DSN_FIELDS):
        return True
    return bool(_STATUS.match(line) or _QMAIL_STATUS.search(line))


def _own_lines(text: str) -> list[str]:
    """Return the first lines that are not quoted, folded; bounded, so that it stays cheap."""
    stripped = (line[:_LINE].strip() for line in text[: _LINES * 400].splitlines())
    lines = [phrases.folded(line) for line in stripped if line and not line.startswith((">", "|"))]
    return lines[:_LINES]
