"""The main job, with the installed command, a real Dovecot and a real SMTP server."""

import email
import email.policy
import hashlib
import signal
import sqlite3
import time
import zlib

import pytest

from tests.installation import until

PROFILE = b"""From: Rosa Delgado <rosa@homemail.test>\r
To: support@example.org\r
Subject: the profile form\r
Message-ID: <profile@homemail.test>\r
Date: Mon, 02 Mar 2026 09:00:00 +0000\r
\r
My husband was diagnosed last week. How do we fill out the Online Profile Form?\r
"""
MEDICATION = b"""From: Ana <ana@postbox.test>\r
To: support@example.org\r
Subject: riluzole\r
Message-ID: <medication@postbox.test>\r
\r
Can my father take riluzole with food, and what are the side effects?\r
"""
GENERAL = b"""From: Albert <albert@post.test>\r
To: support@example.org\r
Subject: ramp\r
Message-ID: <general@post.test>\r
\r
Where can I borrow a wheelchair ramp for my front door in Wisconsin?\r
"""
OUT_OF_OFFICE = b"""From: Tom <tom@office.test>\r
To: support@example.org\r
Subject: Automatic reply: hello\r
Message-ID: <away@office.test>\r
Auto-Submitted: auto-replied\r
\r
I am away.\r
"""
LETTERS = {
    "rosa@homemail.test": PROFILE,
    "ana@postbox.test": MEDICATION,
    "albert@post.test": GENERAL,
    "tom@office.test": OUT_OF_OFFICE,
}
EXPECTED = {
    "rosa@homemail.test": "profile_request",
    "ana@postbox.test": "medication_question",
    "albert@post.test": "general_inquiry",
}


@pytest.fixture
def live(installation):
    installation.run("poll")
    installation.run("mode", "live")
    return installation


def deliver(account, *letters):
    with account.client() as client:
        for letter in letters:
            client.append("INBOX", letter)


def stored_bytes(installation):
    db = sqlite3.connect(installation.store)
    rows = db.execute(
        "SELECT fingerprint, encoding, bytes FROM message JOIN raw ON message_id = id ORDER BY id"
    ).fetchall()
    db.close()
    return [
        (mark, zlib.decompress(raw) if encoding == "zlib" else raw) for mark, encoding, raw in rows
    ]


def test_each_letter_is_recorded_once_and_the_right_ones_are_acknowledged_once(live, account, sink):
    with live.script():
        until(lambda: live.status()["last_good_poll_at"])
        deliver(account, *LETTERS.values())
        until(lambda: live.status()["outbox"].get("sent") == len(EXPECTED))
        until(lambda: live.status()["queue"].get("new") == len(LETTERS))

    assert [raw for _, raw in stored_bytes(live)] == list(LETTERS.values())
    assert all(hashlib.sha256(raw).hexdigest() == mark for mark, raw in stored_bytes(live))
    with account.client() as client:
        for data in client.fetch(client.search(), ["FLAGS"]).values():
            assert b"\\Seen" not in data[b"FLAGS"]

    queue = {row["message_id"]: row for row in live.objects("queue")}
    for sender, category in EXPECTED.items():
        message_id = email.message_from_bytes(LETTERS[sender])["Message-ID"]
        assert queue[message_id]["category"] == category
        assert queue[message_id]["disposition"] == "acknowledge"
    away = queue["<away@office.test>"]
    assert (away["disposition"], away["reason"]) == ("suppress", "auto_submitted")

    answered = {mail.recipients for mail in sink.accepted}
    assert answered == {(sender,) for sender in EXPECTED}
    assert len(sink.accepted) == len(EXPECTED)
    for mail in sink.accepted:
        reply = email.message_from_bytes(mail.raw, policy=email.policy.default)
        original = email.message_from_bytes(LETTERS[mail.recipients[0]])
        assert mail.envelope_sender == ""
        assert reply["Auto-Submitted"] == "auto-replied"
        assert reply["In-Reply-To"] == original["Message-ID"]
        assert reply["To"] == mail.recipients[0]
        text = reply.get_body(("plain",)).get_content()
        assert "1-608-663-0920" in text
        for line in original.get_payload().splitlines():
            assert line.strip() not in text or not line.strip()

    with live.daemon():
        until(lambda: live.log().count('"started"') == 2)
        before = live.status()["last_good_poll_at"]
        until(lambda: live.status()["last_good_poll_at"] > before)
    assert len(sink.accepted) == len(EXPECTED)
    assert len(stored_bytes(live)) == len(LETTERS)
    assert live.status()["unaccounted"] == 0


def test_a_fresh_installation_sends_nothing_and_shows_what_it_would_have_sent(
    installation, account, sink
):
    installation.run("poll")
    deliver(account, PROFILE)
    installation.run("poll")
    installation.run("send")
    assert sink.accepted == []
    (reply,) = installation.objects("outbox", "list")
    assert (reply["state"], reply["reason"]) == ("held", "shadow")
    assert reply["recipient"] == "rosa@homemail.test"
    said = installation.run("mode", "live").stdout
    assert "Acknowledgements that are held: 1 shadow" in said
    assert "release" in said
    installation.run("send")
    assert sink.accepted == []
    installation.run("release", str(reply["letter"]))
    installation.run("send")
    assert [mail.recipients for mail in sink.accepted] == [("rosa@homemail.test",)]


def test_what_lay_in_the_mailbox_before_the_first_start_is_never_acknowledged(
    installation, account, sink
):
    deliver(account, PROFILE, MEDICATION)
    installation.run("poll")
    installation.run("mode", "live")
    installation.run("poll")
    installation.run("send")
    assert installation.objects("outbox", "list") == []
    deliver(account, GENERAL)
    installation.run("poll")
    installation.run("send")
    assert [mail.recipients for mail in sink.accepted] == [("albert@post.test",)]


def test_a_second_daemon_says_who_has_the_store_and_ends_at_once(live):
    with live.daemon() as first:
        until(lambda: '"started"' in live.log())
        began = time.monotonic()
        live.run("mode")
        start_up_s = time.monotonic() - began
        refused = live.run("run", code=75)
        assert time.monotonic() - began < 2 * start_up_s + 2
        assert str(first.pid) in refused.stderr
        live.run("poll", code=75)


def test_sigint_ends_the_daemon_as_well(live):
    with live.daemon() as process:
        until(lambda: '"started"' in live.log())
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("port = {imap}", "port = 1", "127.0.0.1:1"),
        ('username = "{user}"', 'username = "nobody"', None),
    ],
)
def test_an_imap_server_that_cannot_be_used_is_named_and_nothing_is_lost(
    live, account, old, new, says
):
    text = live.configuration.read_text()
    live.configuration.write_text(
        text.replace(old.format(imap=account.server.port, user=account.name), new, 1)
    )
    environment = {} if says else {"INBOXBOT_IMAP_PASSWORD": "wrong"}
    done = live.run("poll", code=69, **environment)
    assert (says or "credential") in done.stdout + done.stderr
    deliver(account, PROFILE)
    live.configuration.write_text(text)
    live.run("poll")
    assert len(live.objects("queue")) == 1


def test_an_smtp_server_that_is_not_there_leaves_the_reply_for_later(live, account, sink):
    deliver(account, PROFILE)
    live.run("poll")
    text = live.configuration.read_text()
    live.configuration.write_text(text.replace(f"port = {sink.port}", "port = 1"))
    done = live.run("send", code=69)
    assert "127.0.0.1:1" in done.stdout + done.stderr
    live.configuration.write_text(text)
    live.run("send")
    assert [mail.recipients for mail in sink.accepted] == [("rosa@homemail.test",)]


def test_a_broken_configuration_lists_every_problem_without_a_traceback(installation):
    text = installation.configuration.read_text()
    text = text.replace("hours_to_answer = 48", 'hours_to_answer = "48"')
    installation.configuration.write_text(text.replace("poll_every_s = 1", "pol_every_s = 1"))
    for command in (["run"], ["poll"], ["check"], ["status"], ["queue"]):
        done = installation.run(*command, code=78)
        output = done.stdout + done.stderr
        assert "organisation.hours_to_answer" in output
        assert "Did you mean poll_every_s?" in output
