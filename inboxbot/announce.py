"""Tell staff by mail: what needs them now, and once a day that the service lives.

No mail says anything of a letter beyond its number. What was told is noted after it was handed
in: after a crash in between it is told twice, never not at all.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from zoneinfo import ZoneInfo

from inboxbot import events
from inboxbot.errors import PermanentError
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Reply
from inboxbot.mail.smtp import Outcome, Verdict
from inboxbot.store import alerts, daybook, settings
from inboxbot.store.alerts import Alert, Code
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database

SUMMARY_SENT_ON = "summary_sent_on"
# Trouble with a server often passes by itself: nobody is woken for a minute of it.
MAY_PASS = frozenset({Code.INTAKE_FAILED, Code.MAIL_OUT_FAILED})

Send = Callable[[Reply], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """Who is told, from which address, and where they can look (a web address, or "")."""

    to: tuple[str, ...]
    sender: str
    envelope_sender: str
    page: str = ""


def announce(
    db: Database, send: Send, recipients: Recipients, *, may_pass_within: timedelta, now: datetime
) -> int:
    """Tell of every alert that nobody was told of; return how many there were.

    Those that ended before are only noted. Raises the errors of `send` where the mail server
    cannot be used, and `PermanentError` where it refuses; the next call tries again.
    """
    open_ones = {alert.id for alert in alerts.unfinished(db)}
    untold = alerts.unannounced(db)
    over = [alert for alert in untold if alert.id not in open_ones]
    due = [
        alert
        for alert in untold
        if alert.id in open_ones
        and (alert.code not in MAY_PASS or now - alert.at >= may_pass_within)
    ]
    if due and recipients.to:
        _to_all(send, recipients, _subject(due), _alert_lines(due, recipients.page), now)
        events.announced(len(due))
    if due or over:
        with write(db):
            for alert in (*due, *over):
                alerts.announced(db, alert.id, now)
    return len(due)


def summarise(
    db: Database, send: Send, recipients: Recipients, *, hour: int, time_zone: str, now: datetime
) -> bool:
    """Send the daily summary once a day, from `hour` on in `time_zone`; say whether it went.

    Its absence is the alarm: a machine that is off cannot tell of itself.
    """
    here = now.astimezone(ZoneInfo(time_zone))
    today = here.date().isoformat()
    if not recipients.to or here.hour < hour or settings.get(db, SUMMARY_SENT_ON) == today:
        return False
    day = daybook.day_before(db, here)
    troubles = [alert for alert in alerts.unfinished(db) if alert.code is not Code.URGENT]
    lines = [
        f"Yesterday: {day.arrived} in, {day.acknowledged} acknowledged, {day.held} held, "
        f"{day.failed} failed.",
        f"Waiting for a person: {day.waiting}, of which {day.urgent} urgent.",
        f"Mode: {day.mode}.",
        *(f"Not over: {alert.sentence}" for alert in troubles),
    ]
    if recipients.page:
        lines += ["", recipients.page]
    _to_all(send, recipients, f"inboxbot: {here:%d %B}", lines, now)
    with write(db):
        settings.put(db, SUMMARY_SENT_ON, today)
    events.summary_sent()
    return True


def _subject(due: Sequence[Alert]) -> str:
    urgent = any(alert.code is Code.URGENT for alert in due)
    return "inboxbot: please look now" if urgent else "inboxbot: something needs you"


def _alert_lines(due: Sequence[Alert], page: str) -> list[str]:
    lines = []
    for alert in due:
        letter = f" (letter {alert.message_id})" if alert.message_id else ""
        lines.append(f"- {alert.sentence}{letter} Since {alert.at:%Y-%m-%d %H:%M} UTC.")
    return [*lines, "", page] if page else lines


def _to_all(
    send: Send, recipients: Recipients, subject: str, lines: Sequence[str], now: datetime
) -> None:
    for address in recipients.to:
        outcome = send(_message(recipients, address, subject, lines, now))
        if outcome.verdict is not Verdict.ACCEPTED:
            raise PermanentError(f"The mail server did not take a mail to staff ({outcome.code}).")


def _message(
    recipients: Recipients, to: str, subject: str, lines: Sequence[str], now: datetime
) -> Reply:
    """Return a mail that no machine answers, ours included (RFC 3834)."""
    message = EmailMessage(policy=SMTP)
    message["From"] = recipients.sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=recipients.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content("\n".join([*lines, "", "-- ", "inboxbot, for staff only"]))
    return Reply(
        raw=message.as_bytes(),
        recipient=to,
        message_id=str(message["Message-ID"]),
        envelope_sender=recipients.envelope_sender,
    )
