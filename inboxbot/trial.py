"""A test mail: an administrator sees in their own mailbox exactly what people would get.

It is written as an acknowledgement is, and goes to the organisation's own people only. It leaves
also in shadow mode: somebody asked for it.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from inboxbot.acknowledge import Acknowledger
from inboxbot.classify.category import Category, Classification
from inboxbot.errors import InboxbotError, NotAllowed, TransientError
from inboxbot.mail import compose
from inboxbot.mail.message import Address, Identity, Message, Reply
from inboxbot.mail.smtp import Outcome, Verdict
from inboxbot.reply.policy import Decision
from inboxbot.reply.reason import Disposition
from inboxbot.reply.template import Filled
from inboxbot.store import audit, test_mails
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.store.test_mails import State

WITHIN = timedelta(minutes=10)
AT_MOST = 5
GIVEN_UP_AFTER = timedelta(minutes=30)

Send = Callable[[Reply], Outcome]


def ask(
    db: Database,
    acknowledger: Acknowledger,
    identity: Identity,
    *,
    address: str,
    template: str,
    language: str,
    who: str,
    now: datetime,
) -> None:
    """Write a test mail to `address` and leave it to the daemon.

    Raises `NotAllowed` after too many in a short time, and what `Acknowledger.prepare` raises.
    """
    prepared = acknowledger.prepare(
        Message(sender=Address("", address)),
        Classification(
            category=Category.GENERAL_INQUIRY,
            confidence=1.0,
            runner_up=Category.GENERAL_INQUIRY,
            runner_up_confidence=0.0,
        ),
        Decision(
            disposition=Disposition.ACKNOWLEDGE,
            reason=None,
            hits=(),
            reply_to=address,
            template=template,
            language=language,
        ),
        identity,
        fingerprint=secrets.token_hex(32),  # Each has a Message-ID of its own.
        received_at=now,
        first_contact=True,
        now=now,
    )
    keep(
        db,
        prepared.reply,
        template=prepared.template,
        language=prepared.language,
        who=who,
        now=now,
    )


def ask_for_draft(
    db: Database,
    identity: Identity,
    filled: Filled,
    *,
    address: str,
    template: str,
    language: str,
    envelope_sender: str,
    who: str,
    now: datetime,
) -> None:
    """Leave a draft, as its writer sees it in the preview, to the daemon; its subject says [TEST].

    Raises `NotAllowed` after too many in a short time, and `ComposeMismatchError`.
    """
    reply = compose.acknowledgement(
        Message(sender=Address("", address)),
        identity,
        f"[TEST] {filled.subject}",
        filled.text,
        filled.html,
        recipient=address,
        kind=template,
        language=language,
        now=now,
        fingerprint=secrets.token_hex(32),
        envelope_sender=envelope_sender,
    )
    keep(db, reply, template=template, language=language, who=who, now=now)


def keep(
    db: Database, reply: Reply, *, template: str, language: str, who: str, now: datetime
) -> None:
    """Leave a finished mail to the daemon; raises `NotAllowed` after too many in a short time."""
    with write(db):
        if test_mails.asked_since(db, now - WITHIN) >= AT_MOST:
            raise NotAllowed(f"At most {AT_MOST} test mails in ten minutes: wait a little.")
        test_mails.add(db, reply, staff=who, template=template, language=language, now=now)
        audit.add(db, who, "test mail", now, detail=f"{template} {language}")


def hand_in(db: Database, send: Send, now: datetime) -> int:
    """Hand in the test mails that wait; return how many the mail server took.

    What is wrong with the way there is noted on the mail; nothing is raised for it.
    """
    taken = 0
    for mail, reply in test_mails.waiting(db):
        late = now - mail.asked_at > GIVEN_UP_AFTER
        try:
            outcome = send(reply)
        except InboxbotError as error:
            passes = isinstance(error, TransientError) and not late
            state, answer = (State.WAITING if passes else State.FAILED), str(error)
        else:
            state, answer = _became(outcome, late), f"{outcome.code}"
        with write(db):
            if state is State.WAITING:
                test_mails.goes_on(db, mail.id, answer)
            else:
                test_mails.ended(db, mail.id, state, answer, now)
        taken += state is State.SENT
    return taken


def _became(outcome: Outcome, late: bool) -> State:
    if outcome.verdict is Verdict.ACCEPTED:
        return State.SENT
    return State.WAITING if outcome.verdict is Verdict.DEFERRED and not late else State.FAILED
