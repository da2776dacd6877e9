"""What every `Mailbox` does: the fake one, the scripted server, and a real Dovecot."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from inboxbot.mail.imap import ImapMailbox
from inboxbot.mail.mailbox import Mailbox, identity
from tests.dovecot import Account
from tests.fakes import FakeMailbox
from tests.imap_script import ScriptedServer
from tests.numbered import letter

WHEN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Post(Protocol):
    """The other side of a mailbox: who delivers letters into it and reads it elsewhere."""

    box: Mailbox

    def deliver(self, raw: bytes, when: datetime = WHEN) -> int: ...
    def remove(self, uid: int) -> None: ...
    def flags(self, uid: int) -> set[str]: ...


@dataclass
class FakePost:
    box: FakeMailbox = field(default_factory=FakeMailbox)

    def deliver(self, raw: bytes, when: datetime = WHEN) -> int:
        return self.box.deliver(raw, when)

    def remove(self, uid: int) -> None:
        del self.box.letters[uid]

    def flags(self, uid: int) -> set[str]:
        return self.box.letters[uid].flags


@dataclass
class ScriptedPost:
    server: ScriptedServer
    box: ImapMailbox

    def deliver(self, raw: bytes, when: datetime = WHEN) -> int:
        return self.server.deliver(raw, when)

    def remove(self, uid: int) -> None:
        del self.server.letters[uid]

    def flags(self, uid: int) -> set[str]:
        return {flag.decode() for flag in self.server.letters[uid].flags}


@dataclass
class DovecotPost:
    account: Account
    box: ImapMailbox

    def deliver(self, raw: bytes, when: datetime = WHEN) -> int:
        client = self.account.client()
        answer = client.append("INBOX", raw, (), when)
        client.logout()
        return int(answer.split(b"]")[0].split()[-1])

    def remove(self, uid: int) -> None:
        client = self.account.client()
        client.delete_messages([uid])
        client.expunge([uid])
        client.logout()

    def flags(self, uid: int) -> set[str]:
        client = self.account.client(None)
        client.select_folder("INBOX", readonly=True)
        found = client.get_flags([uid])[uid]
        client.logout()
        return {flag.decode() for flag in found if flag != b"\\Recent"}


@pytest.fixture(params=["fake", "scripted", "dovecot"])
def post(request: pytest.FixtureRequest) -> Iterator[Post]:
    if request.param == "fake":
        yield FakePost()
    elif request.param == "scripted":
        with ScriptedServer() as server, ImapMailbox(server.settings()) as box:
            yield ScriptedPost(server, box)
    else:
        account = request.getfixturevalue("dovecot").account()
        with ImapMailbox(account.settings()) as box:
            yield DovecotPost(account, box)


def test_an_empty_mailbox_opens_with_the_uid_that_comes_next(post: Post) -> None:
    status = post.box.open()
    assert (status.exists, status.uidnext) == (0, 1)
    assert status.uidvalidity > 0


def test_opening_again_sees_what_came_meanwhile_under_the_same_uidvalidity(post: Post) -> None:
    before = post.box.open()
    post.deliver(letter(1))
    after = post.box.open()
    assert (after.exists, after.uidnext) == (1, 2)
    assert after.uidvalidity == before.uidvalidity


def test_uids_are_those_in_the_range_and_no_others(post: Post) -> None:
    for number in range(1, 7):
        post.deliver(letter(number))
    post.box.open()
    assert post.box.uids(2, 4) == [2, 3, 4]
    assert post.box.uids(5, None) == [5, 6]
    # RFC 9051, section 9: "100:*" alone names the last message.
    assert post.box.uids(100, None) == []
    assert post.box.uids(7, 9) == []


def test_uids_since_a_day_leave_out_what_is_older(post: Post) -> None:
    post.deliver(letter(1), WHEN - timedelta(days=30))
    post.deliver(letter(2), WHEN)
    post.box.open()
    assert post.box.uids(1, None, WHEN - timedelta(days=3)) == [2]


def test_a_letter_with_an_old_date_gets_the_highest_uid(post: Post) -> None:
    post.deliver(letter(1), WHEN)
    post.deliver(letter(2), datetime(2001, 1, 1, tzinfo=UTC))
    post.box.open()
    (details,) = post.box.details([2])
    assert details.received_at == datetime(2001, 1, 1, tzinfo=UTC)


def test_details_say_size_and_date_and_leave_out_what_is_gone(post: Post) -> None:
    raw = letter(1)
    post.deliver(raw)
    post.deliver(letter(2))
    post.box.open()
    found = {each.uid: each for each in post.box.details([1, 2, 9])}
    assert found.keys() == {1, 2}
    assert (found[1].size, found[1].received_at) == (len(raw), WHEN)
    assert found[1].identity is None


def test_the_identity_on_the_server_is_that_of_the_bytes(post: Post) -> None:
    folded = letter(1, message_id="\r\n <a.long.one@sender.test>")
    for raw in (folded, letter(2, message_id=""), letter(3)):
        post.deliver(raw)
    post.box.open()
    found = [each.identity for each in post.box.details([1, 2, 3], identity=True)]
    raws = post.box.fetch([1, 2, 3])
    assert found == [identity(raws[uid], len(raws[uid])) for uid in (1, 2, 3)]
    assert found[0] is not None
    assert found[1] is None


def test_the_bytes_come_exactly_as_they_were_delivered(post: Post) -> None:
    # Dovecot itself mends NUL and bare CR or LF: those are left out.
    odd_bytes = bytes(set(range(1, 256)) - set(b"\r\n"))
    odd = b"Subject: \xff\xfe raw 8-bit\r\n\r\n" + odd_bytes + b"\r\n.\r\n) OK x\r\n"
    uids = [post.deliver(raw) for raw in (letter(1), odd)]
    post.box.open()
    assert post.box.fetch(uids) == {uids[0]: letter(1), uids[1]: odd}


def test_a_letter_removed_by_another_session_is_left_out(post: Post) -> None:
    post.deliver(letter(1))
    post.deliver(letter(2))
    post.box.open()
    post.remove(1)
    assert post.box.fetch([1, 2]) == {2: letter(2)}
    assert post.box.fetch_start(1, 100) is None


def test_the_start_of_a_letter_is_its_first_bytes(post: Post) -> None:
    raw = letter(1, "x" * 5000)
    uid = post.deliver(raw)
    post.box.open()
    assert post.box.fetch_start(uid, 300) == raw[:300]


def test_reading_leaves_no_trace_on_the_flags(post: Post) -> None:
    uid = post.deliver(letter(1))
    post.box.open()
    post.box.details([uid], identity=True)
    post.box.fetch([uid])
    post.box.fetch_start(uid, 10)
    assert post.flags(uid) == set()


def test_a_closed_mailbox_opens_again(post: Post) -> None:
    post.deliver(letter(1))
    post.box.open()
    post.box.close()
    assert post.box.open(anew=True).exists == 1
