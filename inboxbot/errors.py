"""The errors of inboxbot; the class says what the caller does next.

Texts carry row numbers, settings and what to do, never a line of a letter, a name
or an address. Exceptions of libraries become one of these in the module that owns
the library, and nowhere else. A bad letter is not an error: it is a `Message` with
`defects`.
"""

from inboxbot.frozen import dataclass

AS_THE_SERVICE = "Run it as the user of the service, or let it use another file."


class InboxbotError(Exception):
    """Anything that inboxbot reports to a person as a sentence, without a traceback."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend in a file that people edit.

    `place` is a key (`mailbox[0].imap.host`) or `file:line:column`; `text` is a whole
    sentence that says what was found and what to write instead.
    """

    place: str
    text: str


class ConfigError(InboxbotError):
    """The configuration cannot be used: stop, and show every problem with its place."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{p.place}: {p.text}" for p in problems))
        self.problems = problems


class TemplateError(InboxbotError):
    """A template cannot be used: keep the last good one and tell staff."""


class GuardError(TemplateError):
    """The finished text holds something that an automatic mail may not say."""


class TransientError(InboxbotError):
    """Leave the work as it is and try again later."""


class PermanentError(InboxbotError):
    """Trying again will not help: a person must look."""


class DataError(PermanentError):
    """What was handed in or named is not there, or is not of the form that is needed."""


class UsageError(InboxbotError):
    """The command was not written right: it names what the configuration does not have."""


class AuthenticationError(PermanentError):
    """The server refused our credentials: no hammering, an alarm at once."""


class TokenError(AuthenticationError):
    """No access token can be had until a person acts; the text says what to click."""


class OutcomeUnknownError(InboxbotError):
    """The text was offered and the answer never came: sent or not, nobody knows (RFC 1047)."""


class NotAllowed(InboxbotError):  # noqa: N818  (the word of the design)
    """This person may not do that."""


class Conflict(InboxbotError):  # noqa: N818  (the word of the design)
    """Somebody else changed it meanwhile: show both, overwrite nothing."""


class NotPossible(Conflict):
    """It cannot be done as things are, and nobody else is at it: to wait changes nothing."""


class Locked(InboxbotError):  # noqa: N818  (the word of the design)
    """Another process has the state folder."""


class StoreError(InboxbotError):
    """The database cannot be used: corrupt, missing after first use, or of a newer program."""
