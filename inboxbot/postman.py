"""The sender with its servers: where replies are handed in, filed, and looked up again."""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from inboxbot import servers
from inboxbot.config import Config, Mailbox
from inboxbot.errors import ConfigError, Problem, TransientError
from inboxbot.mail.imap import ImapMailbox
from inboxbot.mail.message import Reply
from inboxbot.mail.smtp import SmtpTransport
from inboxbot.pace import Pace
from inboxbot.sender import Sender
from inboxbot.store import settings
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.uncertain import Resolver

if TYPE_CHECKING:
    from inboxbot.acknowledge import Acknowledger
    from inboxbot.writing import Writer


class Postman:
    """Sends what is due and finds out what became of uncertain replies.

    `name` tells the postmen of one process apart; each serves the mailboxes that it is told to.
    """

    def __init__(
        self,
        configuration: Config,
        db: Database,
        now: Callable[[], datetime],
        *,
        name: str = "",
        serves: Callable[[str], bool] = lambda _mailbox: True,
    ) -> None:
        self._configuration = configuration
        self._db = db
        self._boxes = {box.name: box for box in configuration.mailbox}
        copies = any(box.sent_copy == "append" for box in configuration.mailbox)
        self.sender = Sender(
            db,
            transport_for=self._transport_for,
            owner=f"{socket.gethostname()}:{os.getpid()}{name and f':{name}'}",
            now=now,
            copy=self._copy if copies else None,
            serves=serves,
            pace_of=self._pace_of,
            written_anew=lambda letter: self._writer(now()).anew(letter),
        )
        self.resolver = Resolver(
            db,
            lookup=self._sent,
            files_all=lambda name: name in self._boxes and self._boxes[name].sent_copy == "server",
            now=now,
        )

    def _box(self, name: str) -> Mailbox:
        if name not in self._boxes:
            raise ConfigError(
                (
                    Problem(
                        "mailbox",
                        f'Replies of the mailbox "{name}" wait, and the configuration has it no '
                        "more: put it back, or cancel them with `inboxbot outbox cancel`.",
                    ),
                )
            )
        return self._boxes[name]

    def _pace_of(self, name: str) -> Pace:
        return servers.pace_of(self._box(name))

    @cached_property
    def _acknowledger(self) -> "Acknowledger":
        from inboxbot import assembly

        return assembly.acknowledger(self._configuration, assembly.library(self._configuration))

    def _writer(self, now: datetime) -> "Writer":
        # For the few letters that staff sort anew while their reply waits.
        from inboxbot import assembly
        from inboxbot.writing import Writer

        return Writer(
            self._db,
            self._acknowledger,
            assembly.identities(self._configuration, settings.instance(self._db)),
            now,
            assembly.rules(self._configuration, self._acknowledger.library),
        )

    @contextmanager
    def _transport_for(self, name: str) -> Iterator[SmtpTransport]:
        way_in = servers.smtp_settings(self._configuration, self._box(name))
        with SmtpTransport(way_in) as transport:
            try:
                yield transport
            finally:
                self._note_certificate(name, transport.certificate_until)

    def _note_certificate(self, name: str, until: datetime | None) -> None:
        """Keep when the server's certificate ends, for the metrics."""
        key = f"{settings.SMTP_CERTIFICATE_UNTIL}{name}"
        # What keeps the database busy is no fault of the mail server.
        with suppress(TransientError):
            if until is not None and until != settings.get_moment(self._db, key):
                with write(self._db):
                    settings.put_moment(self._db, key, until)

    def _copy(self, name: str, reply: Reply, when: datetime) -> None:
        box = self._box(name)
        if box.sent_copy != "append":
            return
        with ImapMailbox(servers.imap_settings(self._configuration, box)) as mailbox:
            folder = box.sent_folder or mailbox.sent_folder()
            if folder is not None:
                mailbox.append_sent(folder, reply.raw, when)

    def _sent(self, name: str, message_ids: Sequence[str]) -> set[str] | None:
        box = self._box(name)
        if box.sent_copy == "none" and not box.sent_folder:
            return None
        with ImapMailbox(servers.imap_settings(self._configuration, box)) as mailbox:
            folder = box.sent_folder or mailbox.sent_folder()
            if folder is None:
                return None
            return {known for known in message_ids if mailbox.holds(folder, known)}
