"""A transport in memory that does as it is told, under the same contract tests as the real one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from inboxbot.errors import OutcomeUnknownError
from inboxbot.mail.message import Reply
from inboxbot.mail.smtp import Outcome, Verdict

ACCEPTED = Outcome(Verdict.ACCEPTED, 250, "2.0.0 queued")


@dataclass
class FakeTransport:
    """Keeps what it accepts. `script` holds what to do with the next replies, in order.

    An `Outcome` is returned: a refusal before the dot with `at_envelope`, else after it. An
    exception is raised before it, but for `UNKNOWN` and `UNKNOWN_TAKEN`, which break off after
    it, the second having taken the reply.
    """

    script: list[Outcome | Exception] = field(default_factory=list)
    at_envelope: bool = False
    accepted: list[Reply] = field(default_factory=list)
    offered: int = 0
    opened: int = 0

    def __enter__(self) -> Self:
        self.opened += 1
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send(self, reply: Reply, before_dot: Callable[[], None]) -> Outcome:
        self.offered += 1
        step = self.script.pop(0) if self.script else ACCEPTED
        if isinstance(step, Exception) and not isinstance(step, OutcomeUnknownError):
            raise step
        if self.at_envelope and isinstance(step, Outcome) and step != ACCEPTED:
            return step
        before_dot()
        if isinstance(step, OutcomeUnknownError):
            if step is UNKNOWN_TAKEN:
                self.accepted.append(reply)
            raise step
        if step.verdict is Verdict.ACCEPTED:
            self.accepted.append(reply)
        return step

    @property
    def message_ids(self) -> list[str]:
        return [reply.message_id for reply in self.accepted]


UNKNOWN = OutcomeUnknownError("the answer never came")
UNKNOWN_TAKEN = OutcomeUnknownError("the answer never came, though the reply was taken")
