"""The words of the log: one function for each thing that can happen.

Nothing else in inboxbot writes to the log, so what the log can say about a person is decided
on this page: row numbers, counts and outcomes; never an address, a name, a subject or a line
of a letter. One event is one line of JSON on standard output, for journald.
"""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger("inboxbot")
# Commands print for people: until `configure` is called, events go nowhere.
log.addHandler(logging.NullHandler())

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


def reloaded() -> None:
    """Say that the changed configuration is in force."""
    _say(logging.INFO, "reloaded")


def reload_refused(problems: int, error: Exception | None = None) -> None:
    """Say that the changed configuration cannot be used; the previous one stays in force.

    Where it could be read and the daemon could not start with it, the kind of `error` is named.
    """
    kind = "" if error is None else type(error).__name__
    _say(logging.ERROR, "reload-refused", problems=problems, error=kind)


def job_failed(job: str, error: BaseException) -> None:
    """Say that a job ended with an error that nobody foresaw; only its kind is named."""
    _say(logging.ERROR, "job-failed", job=job, error=type(error).__name__)


def mode_changed(mode: str, held: int) -> None:
    """Say that the mode was set, and how many replies are held."""
    _say(logging.WARNING, "mode-changed", mode=mode, held=held)


# Intake


def baseline(mailbox: int, uid: int) -> None:
    """Say that a mailbox is watched from now on, and up to which UID it was there before us."""
    _say(logging.INFO, "baseline", mailbox=mailbox, uid=uid)


def polled(mailbox: int, listed: int, waiting: int, states: Mapping[Any, int]) -> None:
    """Say what a poll found and what became of it."""
    _say(logging.INFO, "polled", mailbox=mailbox, listed=listed, waiting=waiting, **states)


def fetch_failed(mailbox: int, uid: int, attempt: int) -> None:
    """Say that a letter could not be fetched and is tried again."""
    _say(logging.WARNING, "fetch-failed", mailbox=mailbox, uid=uid, attempt=attempt)


def quarantined(mailbox: int, uid: int) -> None:
    """Say that a letter was given up after its last attempt; a person must look."""
    _say(logging.ERROR, "quarantined", mailbox=mailbox, uid=uid)


def oversize(message: int) -> None:
    """Say that only the beginning of a letter was kept."""
    _say(logging.WARNING, "oversize", message=message)


def vanished(mailbox: int, uid: int) -> None:
    """Say that a letter was removed from the server before it could be fetched."""
    _say(logging.WARNING, "vanished", mailbox=mailbox, uid=uid)


def uidvalidity_changed(mailbox: int, matched: int, unmatched: int, silenced: bool) -> None:
    """Say that the server numbered its letters anew, and how many were found again."""
    _say(
        logging.WARNING,
        "uidvalidity-changed",
        mailbox=mailbox,
        matched=matched,
        unmatched=unmatched,
        silenced=silenced,
    )


def swept(mailbox: int, unaccounted: int) -> None:
    """Say how many letters on the server had no row; they have one now."""
    level = logging.ERROR if unaccounted else logging.INFO
    _say(level, "swept", mailbox=mailbox, unaccounted=unaccounted)


def mark_failed(mailbox: int) -> None:
    """Say that the cosmetic mark on the server could not be set; nothing depends on it."""
    _say(logging.INFO, "mark-failed", mailbox=mailbox)


# Triage


def decided(
    message: int,
    category: str,
    confidence: float,
    disposition: str,
    reason: str,
    classified_s: float = 0.0,
) -> None:
    """Say what was decided on a message, and why; classifying it took so much work."""
    _say(
        logging.INFO,
        "decided",
        message=message,
        category=category,
        confidence=round(confidence, 3),
        disposition=disposition,
        reason=reason,
        classified_s=round(classified_s, 4),
    )


def unreadable(message: int, why: str) -> None:
    """Say that a message could not be read safely and went to staff as it is."""
    _say(logging.WARNING, "unreadable", message=message, why=why)


def batch_failed(count: int, error: BaseException) -> None:
    """Say that a batch of decisions failed together; each is tried by itself."""
    _say(logging.WARNING, "batch-failed", count=count, error=type(error).__name__)


def knowledge_unreadable() -> None:
    """Say that knowledge.toml cannot be used: no article is linked until it is mended."""
    _say(logging.WARNING, "knowledge-unreadable")


def triage_failed(message: int, error: BaseException) -> None:
    """Say that deciding on a message failed; it is tried again."""
    _say(logging.ERROR, "triage-failed", message=message, error=type(error).__name__)


def held_too_long(count: int) -> None:
    """Say that the breaker held acknowledgements for so long that they are too old to go."""
    _say(logging.WARNING, "held-too-long", count=count)


def urgent(message: int, flags: str) -> None:
    """Say that a letter carries an urgent flag."""
    _say(logging.WARNING, "urgent", message=message, flags=flags)


# Sending


def reply_ended(reply: int, state: str, attempt: int, code: int) -> None:
    """Say what became of an attempt to send a reply; `code` is the server's, 0 for none."""
    level = logging.WARNING if state in ("failed", "uncertain") else logging.INFO
    _say(level, "reply", reply=reply, state=state, attempt=attempt, code=code)


def reply_kept(reply: int, state: str, reason: str) -> None:
    """Say that a reply that was due is held or cancelled instead."""
    _say(logging.INFO, "reply-kept", reply=reply, state=state, reason=reason)


def sending_paced(mailbox: str, limit: int, span_s: int) -> None:
    """Say that replies wait because the provider takes no more of them for now."""
    _say(logging.INFO, "sending-paced", mailbox=mailbox, limit=limit, span_s=span_s)


def replies_recovered(queued: int, uncertain: int) -> None:
    """Say how many replies were in flight when a process ended, and what became of them."""
    _say(logging.WARNING, "replies-recovered", queued=queued, uncertain=uncertain)


def uncertain_resolved(reply: int, state: str) -> None:
    """Say that the Sent folder told what had become of a reply."""
    _say(logging.INFO, "uncertain-resolved", reply=reply, state=state)


def reply_not_sendable(reply: int, error: BaseException) -> None:
    """Say that sending one reply failed in a way that nobody foresaw; only its kind is named."""
    _say(logging.ERROR, "reply-not-sendable", reply=reply, error=type(error).__name__)


def mailbox_failed(mailbox: str, error: BaseException, retry_in_s: float) -> None:
    """Say that a mailbox cannot be read, and when it is tried again."""
    _say(
        logging.WARNING,
        "mailbox-failed",
        mailbox=mailbox,
        error=type(error).__name__,
        retry_in_s=round(retry_in_s),
    )


def token_renewed(mailbox: str) -> None:
    """Say that a mailbox has another access token."""
    _say(logging.INFO, "token-renewed", mailbox=mailbox)


def token_not_renewed(mailbox: str, error: BaseException, retry_in_s: float) -> None:
    """Say that a mailbox gets no access token, and when the provider is asked again."""
    _say(
        logging.WARNING,
        "token-not-renewed",
        mailbox=mailbox,
        error=type(error).__name__,
        retry_in_s=round(retry_in_s),
    )


def mail_server_failed(mailbox: str, error: BaseException, retry_in_s: float) -> None:
    """Say that a mail server takes no replies at all, and when it is tried again."""
    _say(
        logging.WARNING,
        "mail-server-failed",
        mailbox=mailbox,
        error=type(error).__name__,
        retry_in_s=round(retry_in_s),
    )


def sent_copy_failed(reply: int, error: BaseException) -> None:
    """Say that no copy of a sent reply could be put into the Sent folder."""
    _say(logging.WARNING, "sent-copy-failed", reply=reply, error=type(error).__name__)


# Templates


def template_published(name: str, language: str, version: int) -> None:
    """Say that another version of a template is sent from now on."""
    _say(logging.INFO, "template-published", name=name, language=language, version=version)


def template_broken(file: str) -> None:
    """Say that a template file cannot be used; the last good version stays in use."""
    _say(logging.WARNING, "template-broken", file=file)


# Models


def model_trained(model: int, letters: int, corrections: int, worse: int) -> None:
    """Say that a model was trained, from how many letters of staff, and how much got worse."""
    _say(
        logging.INFO,
        "model-trained",
        model=model,
        letters=letters,
        corrections=corrections,
        worse=worse,
    )


def model_promoted(model: int, before: int) -> None:
    """Say that another model sorts the letters from now on; 0 is the shipped one."""
    _say(logging.WARNING, "model-promoted", model=model, before=before)


def models_removed(count: int) -> None:
    """Say that models were removed which had learned from letters that are erased."""
    _say(logging.WARNING, "models-removed", count=count)


def model_unusable() -> None:
    """Say that the promoted model cannot be used; the shipped one is used meanwhile."""
    _say(logging.ERROR, "model-unusable")


def learning_ended(code: int) -> None:
    """Say how the process that trains by itself ended; 0 is well, 1 that nothing was promoted."""
    _say(logging.INFO if code in (0, 1) else logging.WARNING, "learning-ended", code=code)


# The review app


def web_started(host: str, port: int) -> None:
    """Say where the review app listens."""
    _say(logging.INFO, "web-started", host=host, port=port)


def page_failed(mark: str, page: str, error: BaseException) -> None:
    """Say that a page could not be made; `mark` is what the person was shown."""
    _say(logging.ERROR, "page-failed", mark=mark, page=page, error=type(error).__name__)


# Upkeep


def backed_up(messages: int, size: int, removed: int) -> None:
    """Say that a verified copy of the database was made, and how many old ones were removed."""
    _say(logging.INFO, "backed-up", messages=messages, size=size, removed=removed)


def restored(held: int, erased: int, kept: int) -> None:
    """Say that a copy was put in the place of the database: what is held, what erased again.

    `kept` counts letters that would have been erased again but for a legal hold.
    """
    _say(logging.WARNING, "restored", held=held, erased=erased, kept=kept)


def person_erased(letters: int, quoting: int) -> None:
    """Say that a person was forgotten, by the number of letters; never who."""
    _say(logging.WARNING, "person-erased", letters=letters, quoting=quoting)


def retention_due(raw: int, attachments: int, text: int, metadata: int) -> None:
    """Say how many letters are old enough for each part to be erased, before it is done."""
    _say(
        logging.INFO,
        "retention-due",
        raw=raw,
        attachments=attachments,
        text=text,
        metadata=metadata,
    )


def retention_done(letters: int) -> None:
    """Say of how many letters something was erased by age."""
    _say(logging.INFO, "retention-done", letters=letters)


def announced(alerts: int) -> None:
    """Say that staff were told of alerts by mail."""
    _say(logging.INFO, "announced", alerts=alerts)


def summary_sent() -> None:
    """Say that the daily summary went to staff."""
    _say(logging.INFO, "summary-sent")
