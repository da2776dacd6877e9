"""The words of the log: one function for each thing that can happen.

Nothing else in inboxbot writes to the log, so what the log can say about a person is decided
on this page: row numbers, counts and outcomes; never an address, a name, a subject or a line
of a letter. One event is one line of JSON on standard output, for journald.
"""

import json
import logging
import sys
from datetime import UTC, datetime

log = logging.getLogger("inboxbot")

# Libraries whose log lines quote letters, addresses or passwords.
TALKATIVE = ("imapclient", "mailparser", "mail.log", "apscheduler", "waitress", "werkzeug", "pymap")


class JsonLines(logging.Formatter):
    """One line of JSON an event: `ts` (UTC), `level`, `event`, then the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; the text of a foreign library's record never gets into it."""
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        fields = getattr(record, "fields", None)
        if record.name == log.name and isinstance(fields, dict):
            line |= {"event": record.msg, **fields}
        else:
            line |= {"event": "library", "logger": record.name}
        return json.dumps(line, ensure_ascii=True, default=str)


def configure(level: int = logging.INFO) -> None:
    """Send every event to standard output as JSON, and silence talkative libraries."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    log.setLevel(level)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _say(level: int, event: str, **fields: object) -> None:
    log.log(level, event, extra={"fields": fields})


# The process


def started(version: str, mode: str) -> None:
    """Say that the daemon is ready."""
    _say(logging.INFO, "started", version=version, mode=mode)


def stopping(signal: str) -> None:
    """Say that the daemon was asked to stop."""
    _say(logging.INFO, "stopping", signal=signal)


def stopped() -> None:
    """Say that the daemon has ended in good order."""
    _say(logging.INFO, "stopped")


def job_failed(job: str, error: BaseException) -> None:
    """Say that a job ended with an error that nobody foresaw; only its kind is named."""
    _say(logging.ERROR, "job-failed", job=job, error=type(error).__name__)


def mode_changed(mode: str, held: int) -> None:
    """Say that the mode was set, and how many replies are held."""
    _say(logging.WARNING, "mode-changed", mode=mode, held=held)


# Triage


def decided(message: int, category: str, confidence: float, disposition: str, reason: str) -> None:
    """Say what was decided on a message, and why."""
    _say(
        logging.INFO,
        "decided",
        message=message,
        category=category,
        confidence=round(confidence, 3),
        disposition=disposition,
        reason=reason,
    )


def unreadable(message: int, why: str) -> None:
    """Say that a message could not be read safely and went to staff as it is."""
    _say(logging.WARNING, "unreadable", message=message, why=why)


def triage_failed(message: int, error: BaseException) -> None:
    """Say that deciding on a message failed; it is tried again."""
    _say(logging.ERROR, "triage-failed", message=message, error=type(error).__name__)


def urgent(message: int, flags: str) -> None:
    """Say that a letter carries an urgent flag."""
    _say(logging.WARNING, "urgent", message=message, flags=flags)
