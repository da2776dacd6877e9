"""What the structure of a message shows: reports, read receipts, calendar messages.

The type counts that the message itself says it has, never that of what a person attached; and
two kinds of report that say it in their words alone (`broken_report`).
"""

import re
from collections.abc import Iterator

from inboxbot.mail import broken_report, headers
from inboxbot.mail.lexical import first_word, without_comments
from inboxbot.mail.message import Mark, Message, Part, Strength

# RFC 3464, 8098, and 6533 for those with addresses beyond ASCII.
_DELIVERY_STATUSES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RECEIPTS = frozenset(
    {"message/disposition-notification", "message/global-disposition-notification"}
)
_RECEIPT_REPORTS = frozenset({"disposition-notification", "global-disposition-notification"})
_NOT_IN_TYPE = re.compile(r"[^A-Za-z0-9/+._-]")


def reports(message: Message) -> Iterator[Mark]:
    """Yield the marks of delivery reports and receipts (RFC 6522, 3464, 8098, 5965).

    Only the top level counts: a person may attach a bounce.
    """
    tops = tuple(_tops(message))
    kinds = [_parameter(top, "report-type") for top in tops if top.type == "multipart/report"]
    types = {top.type for top in tops}
    receipt = not types.isdisjoint(_RECEIPTS) or not _RECEIPT_REPORTS.isdisjoint(kinds)
    for kind in kinds:
        if kind not in _RECEIPT_REPORTS:
            yield Mark("bounce", f"multipart/report {first_word(kind)}".rstrip())
            break
    for status in sorted(types & _DELIVERY_STATUSES):
        yield Mark("bounce", status)
    if message.header("X-Failed-Recipients"):
        yield Mark("bounce", "X-Failed-Recipients")
    if any(a.address.lower().startswith("mailer-daemon@") for a in message.authors):
        yield Mark("bounce", "From: mailer-daemon")
    if broken_report.is_bounce(message.subject, message.full_text):
        yield Mark("bounce", "subject and text of a delivery report")
    if receipt:
        yield Mark("read_receipt", "disposition-notification")
    elif broken_report.is_receipt(message.subject, message.full_text):
        yield Mark("read_receipt", "subject and text of a read receipt")


def calendars(message: Message) -> Iterator[Mark]:
    """Yield the mark of a calendar message (RFC 6047, section 2.4: its method is a parameter)."""
    shown = [*_own_parts(message), *((part, False) for part in _tops(message))]
    methods = [
        (_parameter(part, "method"), part.depth == 0 or alternative)
        for part, alternative in shown
        if part.type == "text/calendar" and part.disposition != "attachment"
    ]
    for method, _ in methods:
        if method in ("reply", "cancel", "counter", "declinecounter", "refresh"):
            yield Mark("calendar", f"text/calendar {method.upper()}")
            return
    for method, in_place_of_text in methods:
        if method in ("request", "add") or (not method and in_place_of_text):
            # A person may well have invited us.
            yield Mark("calendar", f"text/calendar {method.upper()}".rstrip(), Strength.DOUBT)
            return


def _tops(message: Message) -> Iterator[Part]:
    """Yield what the message is by its structure, and by every Content-Type field that it has.

    The fields count as well where the structure could not be read, or where a reader takes
    another one of them, or a comment in one, for the type.
    """
    yield from message.parts[:1]
    values = message.header("Content-Type")
    if message.parts and len(values) == 1 and not _NOT_IN_TYPE.search(values[0].partition(";")[0]):
        return
    for value in values:
        kind, parameters = headers.parameters(without_comments(value))
        yield Part(0, "".join(kind.split()), parameters)


def _own_parts(message: Message) -> Iterator[tuple[Part, bool]]:
    """Yield the parts that are the message's own, and whether each is an alternative to others.

    What an attached message holds is not this message's own.
    """
    above: list[Part] = []
    for part in message.parts:
        while above and above[-1].depth >= part.depth:
            above.pop()
        if not any(container.type.startswith("message/") for container in above):
            yield part, bool(above) and above[-1].type == "multipart/alternative"
        above.append(part)


def _parameter(part: Part, name: str) -> str:
    value = next((value for key, value in part.parameters if key == name), "")
    return without_comments(value).lower()
