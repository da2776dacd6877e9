"""What every transport does: the fake, and SmtpTransport over real sockets."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from inboxbot.errors import (
    OutcomeUnknownError,
)
from inboxbot.mail.smtp import Outcome, SmtpTransport, Verdict
from inboxbot.sender import Transport
from tests.fake_transport import UNKNOWN, UNKNOWN_TAKEN, FakeTransport
from tests.handing_in import nothing, reply, settings
from tests.smtp_sink import (
    ACCEPT_AND_DROP,
    DROP,
    Once,
    SmtpSink,
)


class Stage:
    """A transport, and the ways to make its server do what a contract test is about."""

    def __init__(
        self,
        transport: AbstractContextManager[Transport],
        answer: Callable[[str], None],
        drop_after_dot: Callable[[bool], None],
        taken: Callable[[], list[str]],
    ) -> None:
        self.transport = transport
        self.answer = answer
        self.drop_after_dot = drop_after_dot
        self.taken = taken


def fake_stage() -> Stage:
    fake = FakeTransport()

    def answer(text: str) -> None:
        verdict = Verdict.DEFERRED if text[0] == "4" else Verdict.REFUSED
        fake.script.append(Outcome(verdict, int(text[:3]), text[4:]))

    return Stage(
        fake,
        answer,
        lambda taken: fake.script.append(UNKNOWN_TAKEN if taken else UNKNOWN),
        lambda: fake.message_ids,
    )


def real_stage(sink: SmtpSink) -> Stage:
    return Stage(
        SmtpTransport(settings(sink.port)),
        lambda text: sink.faults.update(DOT=Once(text)),
        lambda taken: sink.faults.update(DOT=Once(ACCEPT_AND_DROP if taken else DROP)),
        lambda: sink.message_ids,
    )


@pytest.fixture(params=["fake", "pipelining", "one by one"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "fake":
        yield fake_stage()
        return
    extensions = ("PIPELINING", "DSN") if request.param == "pipelining" else ()
    with SmtpSink(extensions=extensions) as server:
        yield real_stage(server)


def test_an_accepted_reply_is_taken_once_and_the_note_is_made_before_it_is(stage: Stage) -> None:
    taken_at_note: list[list[str]] = []
    with stage.transport as transport:
        outcome = transport.send(reply(), lambda: taken_at_note.append(stage.taken()))
    assert outcome.verdict is Verdict.ACCEPTED
    assert outcome.code == 250
    assert taken_at_note == [[]]
    assert stage.taken() == ["<ack-1@example.org>"]


def test_many_replies_go_through_one_transport(stage: Stage) -> None:
    with stage.transport as transport:
        verdicts = [transport.send(reply(n), nothing).verdict for n in range(20)]
    assert verdicts == [Verdict.ACCEPTED] * 20
    assert stage.taken() == [f"<ack-{n}@example.org>" for n in range(20)]


def test_a_note_that_cannot_be_made_sends_nothing(stage: Stage) -> None:
    class NoteError(Exception):
        pass

    def fail() -> None:
        raise NoteError

    with stage.transport as transport:
        with pytest.raises(NoteError):
            transport.send(reply(1), fail)
        assert transport.send(reply(2), nothing).verdict is Verdict.ACCEPTED
    assert stage.taken() == ["<ack-2@example.org>"]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("451 4.3.0 later", Verdict.DEFERRED), ("554 5.6.0 no", Verdict.REFUSED)],
)
def test_a_verdict_on_the_whole_text_is_definite(
    stage: Stage, answer: str, verdict: Verdict
) -> None:
    with stage.transport as transport:
        stage.answer(answer)
        outcome = transport.send(reply(1), nothing)
        assert (outcome.verdict, outcome.code) == (verdict, int(answer[:3]))
        assert transport.send(reply(2), nothing).verdict is Verdict.ACCEPTED
    assert stage.taken() == ["<ack-2@example.org>"]


@pytest.mark.parametrize("taken", [False, True])
def test_no_answer_after_the_dot_is_an_unknown_outcome(stage: Stage, taken: bool) -> None:
    with stage.transport as transport:
        stage.drop_after_dot(taken)
        with pytest.raises(OutcomeUnknownError):
            transport.send(reply(1), nothing)
        assert transport.send(reply(2), nothing).verdict is Verdict.ACCEPTED
    assert stage.taken() == [*(["<ack-1@example.org>"] if taken else []), "<ack-2@example.org>"]
