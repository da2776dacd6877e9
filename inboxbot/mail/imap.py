"""A mailbox on an IMAP server (RFC 3501, RFC 9051).

The mailbox is left as it was found: it is opened with EXAMINE and read with BODY.PEEK[].
"""

import imaplib
import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Self

from imapclient.datetime_util import parse_to_datetime
from imapclient.exceptions import IMAPClientError

from inboxbot.errors import PermanentError, TransientError
from inboxbot.mail.connection import BUSY, Client, Deadline, connect, response_code
from inboxbot.mail.connection import Settings as Settings
from inboxbot.mail.idling import RenewalRefusedError
from inboxbot.mail.mailbox import Details, FetchError, Status, identity

# RFC 2177: within 29 minutes an idle client must say something. So an hour has two renewals.
IDLE_RENEWAL_S = 29 * 60 - 5.0
# Of so many looks in which nothing was new one opens the folder anew: a server might not tell.
OPEN_ANEW_EVERY = 10

_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$&'+/=?^_`{|}~.@:\[\]-]{3,900}>")


class ImapMailbox:
    """A `Mailbox` on a server, on one connection that is kept between polls.

    Not to be shared between threads.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._deadline = Deadline(settings.timeout_s)
        # How the folder was found, as long as nothing but `open` used the connection since.
        self._found: Status | None = None
        self._looks = 0
        # How it was at the last look, whatever the connection was used for since.
        self._seen: Status | None = None
        self._renews = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def allow(self, seconds: float) -> None:
        """Let everything until the next call of `allow` take no longer than this."""
        self._deadline.move(seconds)

    def open(self, *, anew: bool = False) -> Status:
        """Open the folder with EXAMINE; a kept connection that has died is made again.

        Where it is open already, the server is asked for news first: none is the same answer.
        """
        if anew:
            self.close()
        if self._client is not None:
            try:
                return self._remember(self._as_found() or self._examine(self._settings.folder))
            except FetchError:
                if self._deadline.left <= 0:
                    raise
        return self._remember(self._examine(self._settings.folder))

    def _as_found(self) -> Status | None:
        """Return how the folder was found, where the server says that nothing has changed.

        What changed in an open folder is told with the answer to NOOP (RFC 9051, section 6.1.2),
        and its UIDVALIDITY cannot change; whatever is told, the folder is opened anew.
        """
        found = self._found
        if found is None or self._looks % OPEN_ANEW_EVERY == 0:
            return None
        with self._asking() as client:
            _, told = client.noop()
        return None if told else found

    def _remember(self, found: Status) -> Status:
        self._found = self._seen = found
        self._looks += 1
        return found

    def close(self) -> None:
        """Log out without waiting long, and end the connection."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(IMAPClientError, OSError, ValueError):
                client.socket().settimeout(2)
                client.logout()
            with suppress(IMAPClientError, OSError, ValueError):
                client.shutdown()

    def capabilities(self) -> tuple[str, ...]:
        """Return what the server says it can do, in capitals and sorted."""
        with self._asking() as client:
            return tuple(sorted(name.decode("ascii", "replace") for name in client.capabilities()))

    def certificate_until(self) -> datetime | None:
        """Return when the server's certificate ends, or None without encryption.

        Asks the server nothing where there is a connection.
        """
        found = self._found
        with self._asking() as client:
            sock = client.socket()
            certificate = sock.getpeercert() if isinstance(sock, ssl.SSLSocket) else None
        self._found = found
        ends = (certificate or {}).get("notAfter")
        if not isinstance(ends, str):
            return None
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)

    def uids(self, first: int, last: int | None, since: datetime | None = None) -> list[int]:
        """Return the UIDs from `first` to `last`; `n:*` alone would always give the last one."""
        criteria = f"UID {first}:{last if last is not None else '*'}"
        if since is not None:
            criteria += f" SINCE {since:%d}-{_MONTHS[since.month - 1]}-{since:%Y}"
        with self._asking() as client:
            found = {int(uid) for uid in client.search(criteria)}
        return sorted(uid for uid in found if first <= uid and (last is None or uid <= last))

    def details(self, uids: Sequence[int], *, identity: bool = False) -> list[Details]:
        """Return size, date and, where asked, identity of those of `uids` that are there."""
        items = ["UID", "INTERNALDATE", "RFC822.SIZE"]
        if identity:
            items.append("BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)]")
        with self._asking() as client:
            if client.has_capability("OBJECTID"):
                items.append("EMAILID")
            elif client.has_capability("X-GM-EXT-1"):
                items.append("X-GM-MSGID")
            answer = client.fetch_by_uid(uids, items)
            return [
                _details(uid, answer[uid]) for uid in uids if b"RFC822.SIZE" in answer.get(uid, {})
            ]

    def fetch(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Return the bytes of messages; what another session has just removed is left out."""
        with self._asking() as client:
            answer = client.fetch_by_uid(uids, ["UID", "BODY.PEEK[]"])
            bodies = {uid: answer[uid].get(b"BODY[]") for uid in uids if uid in answer}
            return {uid: _bytes(body) for uid, body in bodies.items() if body is not None}

    def fetch_start(self, uid: int, size: int) -> bytes | None:
        """Return the first `size` bytes of a message: its headers and first text part."""
        with self._asking() as client:
            answer = client.fetch_by_uid([uid], ["UID", f"BODY.PEEK[]<0.{size}>"])
            body = answer.get(uid, {}).get(b"BODY[]<0>")
            return None if body is None else _bytes(body)[:size]

    def can_wait(self) -> bool:
        """Say whether there is a connection on which the server can tell of letters (IDLE)."""
        if self._client is None:
            return False
        with self._asking() as client:
            return bool(client.has_capability("IDLE"))

    def wait(
        self,
        seconds: float,
        stop: Callable[[], bool] = lambda: False,
        beat: Callable[[], None] = lambda: None,
    ) -> bool:
        """Wait with IDLE until the server tells of a letter; False where it did not (RFC 2177).

        The wait is renewed before the server may end it, and the folder looked at with that; it
        ends where something has changed, and within a second when `stop` says so. About each
        second in which the other side is known to be there, `beat` is called. On a server without
        IDLE it returns False at once: the caller sleeps by itself.
        """
        if self._client is None:
            self._examine(self._settings.folder)
        with self._asking() as client:
            if not client.has_capability("IDLE"):
                return False
            self._deadline.move(seconds + self._settings.timeout_s)
            try:
                return client.hears_of_letters(
                    self._settings.folder,
                    seconds=seconds,
                    renew_every_s=IDLE_RENEWAL_S,
                    renews=self._renews,
                    known=(self._seen.uidvalidity, self._seen.uidnext) if self._seen else None,
                    stop=stop,
                    beat=beat,
                )
            except RenewalRefusedError:
                self._renews = False  # From now on a wait ends, and a look begins the next one.
                raise

    def sent_folder(self) -> str | None:
        r"""Return the folder that the server marks with \Sent, or None (RFC 6154)."""
        return next(self._marked(b"\\sent"), None)

    def holds_all_mail(self) -> bool:
        r"""Say whether the server marks the folder with \All: what we sent lies there, too."""
        return self._settings.folder in self._marked(b"\\all")

    def _marked(self, wanted: bytes) -> Iterator[str]:
        with self._asking() as client:
            folders = client.list_folders()
        for flags, _, name in folders:
            if wanted in {flag.lower() for flag in flags}:
                yield str(name)

    def holds(self, folder: str, message_id: str) -> bool:
        """Say whether a message with this Message-ID lies in `folder`.

        Raises `PermanentError` for text that is no plain msg-id: it would become a command.
        """
        if not _MESSAGE_ID.fullmatch(message_id):
            raise PermanentError("This Message-ID cannot be searched for: it is not one of ours.")
        self._examine(folder)
        with self._asking() as client:
            return bool(client.search(f'HEADER MESSAGE-ID "{message_id}"'))

    def append_sent(self, folder: str, raw: bytes, when: datetime) -> None:
        r"""Put a copy of what we sent into `folder`, marked \Seen."""
        with self._asking() as client:
            client.append(folder, raw, (b"\\Seen",), when)

    def mark(self, uids: Iterable[int], how: str, uidvalidity: int) -> None:
        """Set a keyword on messages, or move them, where the folder allows it."""
        kind, _, name = how.partition(":")
        wanted = list(uids)
        with self._asking() as client:
            opened = client.select_folder(self._settings.folder)
            if opened.get(b"UIDVALIDITY") != uidvalidity:
                raise TransientError("UIDVALIDITY changed before the mark; none is set.")
            if kind == "move":
                client.move(wanted, name)
            elif b"\\*" in opened.get(b"PERMANENTFLAGS", ()):
                client.add_flags(wanted, [name], silent=True)
        self._examine(self._settings.folder)

    def _examine(self, folder: str) -> Status:
        try:
            with self._asking() as client:
                opened = client.select_folder(folder, readonly=True)
                client.forget_counts()
                told = opened.get(b"UIDNEXT")
                uidnext = told or _highest(client) + 1
        except _RefusedError as refused:
            setting = "folder" if folder == self._settings.folder else "sent_folder"
            raise self._why_not_opened(refused, setting) from refused
        uidvalidity = opened.get(b"UIDVALIDITY")
        if not uidvalidity:
            self.close()
            raise PermanentError(
                f"The folder on {self._where} has no UIDVALIDITY: letters in it cannot be told "
                "apart safely. Choose another folder, or ask the provider."
            )
        return Status(
            uidvalidity,
            uidnext,
            opened[b"EXISTS"],
            opened.get(b"HIGHESTMODSEQ") or None,
            uidnext_told=bool(told),
        )

    def _why_not_opened(self, refused: "_RefusedError", setting: str) -> Exception:
        if refused.code == "SERVERBUG":
            return TransientError(f"{self._where} has trouble (SERVERBUG); trying later.")
        return PermanentError(
            f"The folder in `{setting}` cannot be opened on {self._where}: check its name "
            "(capitals and separators count) and that the account may read it."
        )

    @property
    def _where(self) -> str:
        return self._settings.where

    @contextmanager
    def _asking(self) -> Iterator["Client"]:
        """Give the connection; turn what goes wrong into an error of ours, and hang up."""
        self._found = None  # What is told with the answer to another command is lost.
        try:
            if self._client is None:
                self._client = connect(self._settings, self._deadline)
            yield self._client
        except (TransientError, PermanentError):
            self._drop()
            raise
        except imaplib.IMAP4.abort as error:
            self._drop()
            raise FetchError(f"The connection to {self._where} broke off.") from error
        except TimeoutError as error:
            self._drop()
            raise FetchError(f"{self._where} did not answer in time.") from error
        except IMAPClientError as error:
            self._drop()
            code = response_code(error)
            if code in BUSY:
                raise TransientError(f"{self._where} is busy ({code}); trying later.") from error
            said = code or "NO"
            raise _RefusedError(f"{self._where} refused a command ({said}).", code) from error
        except (OSError, EOFError) as error:
            self._drop()
            raise FetchError(f"The connection to {self._where} broke off.") from error
        except (ValueError, TypeError, LookupError, AttributeError, AssertionError) as error:
            self._drop()
            raise FetchError(f"{self._where} answered with what is not IMAP.") from error

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(IMAPClientError, OSError, ValueError):
                client.shutdown()


class _RefusedError(FetchError):
    """The server said NO or BAD to a command."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


def _highest(client: Client) -> int:
    return max(client.search("UID *"), default=0)


def _bytes(body: object) -> bytes:
    if not isinstance(body, bytes):
        raise TypeError("a letter that is no bytes")
    return body


def _details(uid: int, answer: dict[bytes, Any]) -> Details:
    header = next((answer[key] for key in answer if key.startswith(b"BODY[HEADER")), None)
    size = int(answer[b"RFC822.SIZE"])
    email_id = answer.get(b"EMAILID", answer.get(b"X-GM-MSGID"))
    if isinstance(email_id, tuple):
        email_id = email_id[0] if email_id else None
    if isinstance(email_id, bytes):
        email_id = email_id.decode("ascii", "replace")
    return Details(
        uid=uid,
        size=size,
        received_at=_utc(answer.get(b"INTERNALDATE")),
        email_id=None if email_id is None else str(email_id),
        identity=identity(_bytes(header), size) if header is not None else None,
    )


def _utc(text: object) -> datetime | None:
    """Return an INTERNALDATE in UTC, or None where it is none (RFC 9051, section 9)."""
    try:
        when: datetime = parse_to_datetime(_bytes(text), normalise=False)
        return when.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
