"""Intake from a real Dovecot: first start, new numbering, kills, tokens, flags."""

import random
import resource
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from inboxbot import history
from inboxbot.errors import AuthenticationError, PermanentError
from inboxbot.mail.imap import ImapMailbox
from inboxbot.store import messages, places
from inboxbot.store.sqlite import Database
from tests.dovecot import PASSWORD, Account, Dovecot
from tests.numbered import letter, letters
from tests.taking_in import ROOMY, SOURCE, TakingIn

ROOT = Path(__file__).parents[2]


@pytest.fixture
def taking(account: Account, db: Database) -> Iterator[TakingIn]:
    """Return an empty mailbox that was polled once."""
    account.client().logout()
    with ImapMailbox(account.settings()) as box:
        taking = TakingIn(db, box, datetime.now(UTC))
        taking.poll()
        yield taking


def renumber(account: Account, dice: random.Random) -> None:
    """Let Dovecot lose its list of UIDs, with the letters in another order."""
    account.server.doveadm("kick", account.name)
    for name in ("dovecot-uidlist", "dovecot.index", "dovecot.index.log", "dovecot.index.cache"):
        (account.maildir / name).unlink(missing_ok=True)
    for path in account.maildir.glob("dovecot-uidvalidity*"):
        path.unlink()
    # Without a list Dovecot numbers by the time in the name.
    for folder in ("new", "cur"):
        for path in (account.maildir / folder).iterdir():
            _, _, rest = path.name.partition(".")
            path.rename(path.with_name(f"{1_600_000_000 + dice.randrange(10**8)}.{rest}"))
    validity = str(int(time.time()) + 1000 + dice.randrange(1000))
    account.admin("mailbox", "update", "--uid-validity", validity, "INBOX")


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.long)])
def test_r17_dovecot_renumbered_shuffled_and_partly_new_gives_each_letter_once(
    account: Account, taking: TakingIn, count: int
) -> None:
    account.fill(letters(count))
    taking.poll()
    assert len(taking.stored()) == count
    before = taking.box.open().uidvalidity
    account.fill(letter(number) for number in range(count + 1, count + 6))
    renumber(account, random.Random(17))
    assert taking.box.open().uidvalidity != before
    taking.later(minutes=1)
    taking.poll()
    assert sorted(taking.stored()) == sorted(letter(number) for number in range(1, count + 6))
    assert len(taking.places()) == count + 5
    assert set(taking.places().values()) == {"ingested"}
    assert taking.sweep() == 0
    taking.check()


@pytest.mark.parametrize("count", [3_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_r34_an_old_mailbox_is_ready_in_seconds_with_flat_memory(
    account: Account, db: Database, count: int
) -> None:
    account.fill(letters(count))
    account.admin("mailbox", "status", "messages", "INBOX")  # Dovecot's own first look.
    taking = TakingIn(db, ImapMailbox(account.settings()), datetime.now(UTC))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    assert taking.poll().first
    assert time.monotonic() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 8 * 1024
    assert taking.stored() == []
    assert taking.poll().listed == 0
    assert taking.sweep() == 0
    assert places.counts(db) == {"baseline": count}
    started = time.monotonic()
    since = datetime.now(UTC) - timedelta(days=2)
    got = history.import_since(db, taking.box, SOURCE, since, now=taking.now, limits=ROOMY)
    assert got == count
    assert got / (time.monotonic() - started) >= 50
    silent = {each.keep_silent for each in messages.undecided(db, limit=100)}
    assert silent == {"baseline"}
    taking.box.close()


def token(dovecot: Dovecot, email: str, valid_s: int = 600) -> str:
    now = int(time.time())
    claims = {
        "iss": "https://issuer.test",
        "sub": email,
        "email": email,
        "iat": now - 1000,
        "nbf": now - 1000,
        "exp": now + valid_s,
    }
    key = OctKey.import_key(dovecot.token_key)
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, key)


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
def test_a_token_opens_the_mailbox_and_an_expired_one_is_refused(
    dovecot: Dovecot, account: Account, auth: str
) -> None:
    good = account.settings(auth=auth, secret=lambda: token(dovecot, account.name))
    with ImapMailbox(good) as box:
        assert box.open().exists == 0
    expired = account.settings(auth=auth, secret=lambda: token(dovecot, account.name, -60))
    with pytest.raises(AuthenticationError):
        ImapMailbox(expired).open()


def test_a_password_with_letters_beyond_ascii_is_refused_not_a_crash(account: Account) -> None:
    with pytest.raises(AuthenticationError):
        ImapMailbox(account.settings(secret=lambda: "pässwörd ☂")).open()


def test_r18_letters_moved_marked_and_copied_by_staff_change_nothing(
    account: Account, taking: TakingIn
) -> None:
    client = account.client()
    for number in range(1, 9):
        client.append("INBOX", letter(number))
    client.add_flags([1, 2, 3], [b"\\Seen"])
    client.move([4], "Sent")
    client.copy([5], "INBOX")
    client.delete_messages([6])
    client.expunge()
    taking.poll()
    assert sorted(taking.stored()) == [letter(number) for number in (1, 2, 3, 5, 7, 8)]
    client.select_folder("Sent")
    client.move(client.search("ALL"), "INBOX")
    client.append("INBOX", letter(9), (), datetime(2001, 1, 1, tzinfo=UTC))
    client.logout()
    taking.poll()
    assert letter(4) in taking.stored()
    assert letter(9) in taking.stored()
    assert taking.sweep() == 0


def test_an_idle_poll_is_one_turn_on_the_kept_connection(
    account: Account, taking: TakingIn
) -> None:
    account.fill(letters(3))
    result = taking.poll()
    assert isinstance(taking.box, ImapMailbox)
    tag_before = taking.box._client._imap.tagnum  # type: ignore[union-attr]
    taking.poll(previous=result.status)
    assert taking.box._client._imap.tagnum - tag_before == 1  # type: ignore[union-attr]


def test_waiting_hears_of_a_letter_over_tls(account: Account, taking: TakingIn) -> None:
    assert isinstance(taking.box, ImapMailbox)
    child = subprocess.Popen(
        [sys.executable, "-c", DELIVER, str(account.server.port), account.name, PASSWORD],
        cwd=ROOT,
    )
    try:
        assert taking.box.wait(15) is True
    finally:
        child.wait(10)
    taking.poll()
    assert len(taking.stored()) == 1


DELIVER = """
import sys, time, imapclient
client = imapclient.IMAPClient("127.0.0.1", int(sys.argv[1]), ssl=False)
client.login(sys.argv[2], sys.argv[3])
client.append("INBOX", b"Subject: here\\r\\n\\r\\nHello\\r\\n")
client.logout()
"""


def test_a_copy_of_a_reply_is_found_by_its_message_id_in_the_sent_folder(
    account: Account,
) -> None:
    name = f"<{secrets.token_hex(8)}@inboxbot.test>"
    with ImapMailbox(account.settings()) as box:
        box.open()
        folder = box.sent_folder()
        assert folder == "Sent"
        assert not box.holds(folder, name)
        raw = b"Message-ID: " + name.encode() + b"\r\n\r\nThank you\r\n"
        box.append_sent(folder, raw, datetime.now(UTC))
        assert box.holds(folder, name)
        assert not box.holds(folder, "<another@inboxbot.test>")
        assert box.open().exists == 0


@pytest.mark.parametrize("text", ['<a"@b>', "<a@b>\r\nX LOGOUT", "", "a@b", "<a b@c>", "<é@b>"])
def test_what_is_no_plain_message_id_is_never_searched_for(account: Account, text: str) -> None:
    with ImapMailbox(account.settings()) as box, pytest.raises(PermanentError):
        box.holds("Sent", text)


def test_a_keyword_marks_what_was_taken_in_and_nothing_else(
    account: Account, taking: TakingIn
) -> None:
    account.fill(letters(2))
    taking.poll(mark="keyword:$InboxbotSeen")
    account.fill([letter(3)])
    client = account.client(None)
    client.select_folder("INBOX", readonly=True)
    flags = client.get_flags(client.search("ALL"))
    client.logout()
    assert [b"$InboxbotSeen" in flags[uid] for uid in sorted(flags)] == [True, True, False]
    assert taking.places() == {1: "ingested", 2: "ingested"}


def test_a_server_put_back_to_its_own_copy_keeps_its_uidvalidity_and_no_new_letter_is_lost(
    account: Account, taking: TakingIn
) -> None:
    home = account.maildir.parent
    copied = home.with_name(f"{account.name}-copy")
    account.fill(letter(number) for number in range(5))
    taking.poll()
    shutil.copytree(home, copied, symlinks=True)
    account.fill(letter(number) for number in range(5, 10))
    taking.poll()
    account.server.doveadm("kick", account.name)
    before = taking.box.open()
    taking.box.close()
    shutil.rmtree(home)
    shutil.copytree(copied, home, symlinks=True)
    account.server.give(home)
    account.fill(letter(number) for number in range(10, 13))
    after = taking.box.open(anew=True)
    assert (after.uidvalidity, after.uidnext) == (before.uidvalidity, before.uidnext - 2)
    taking.poll()
    assert sorted(taking.stored()) == sorted(letter(number) for number in range(13))
    assert set(taking.places().values()) == {"ingested"}
    assert taking.sweep() == 0
    taking.check()


def test_where_letters_were_numbered_anew_before_the_mark_none_that_was_not_read_is_moved(
    account: Account, taking: TakingIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with account.client() as client:
        client.create_folder("Done")
    account.fill([letter(1), letter(2)])
    mark = ImapMailbox.mark

    def late(box: ImapMailbox, *arguments: Any) -> None:
        account.fill(letter(number) for number in (11, 12, 13))
        renumber(account, random.Random(7))
        box.close()  # The kick ended the session.
        mark(box, *arguments)

    monkeypatch.setattr(ImapMailbox, "mark", late)
    taking.poll(mark="move:Done")
    assert sorted(taking.stored()) == [letter(1), letter(2)]
    with account.client("Done") as client:
        assert client.search("ALL") == []
    taking.poll()
    assert sorted(taking.stored()) == sorted(letter(number) for number in (1, 2, 11, 12, 13))
    monkeypatch.undo()
    account.fill([letter(14)])
    taking.poll(mark="move:Done")
    with account.client("Done") as client:
        assert len(client.search("ALL")) == 1
