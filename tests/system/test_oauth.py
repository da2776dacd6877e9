"""Access tokens against a token server that changes them, refuses and goes down, and a Dovecot
that takes them; R13 of the fault matrix.
"""

import json
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inboxbot import config
from inboxbot.doctor import Level, servers
from inboxbot.errors import PermanentError, TokenError, TransientError
from inboxbot.mail import consent, submission
from inboxbot.mail.imap import ImapMailbox
from inboxbot.mail.message import Reply
from inboxbot.mail.oauth import AccessTokens, Grant
from inboxbot.mail.smtp import SmtpTransport, Verdict
from inboxbot.tokens import TokenFile
from tests import smtp_sink
from tests.installation import install, until
from tests.token_server import CLIENT, SECRET, TokenServer, token_for
from tests.token_zygote import NOT_ALLOWED

ROOT = Path(__file__).parents[2]
LETTER = b"""From: Rosa Delgado <rosa@homemail.test>\r
To: support@example.org\r
Subject: the profile form\r
Message-ID: <%d@homemail.test>\r
\r
How do we fill out the Online Profile Form?\r
"""


@dataclass
class Clock:
    """The time of day and the monotonic clock, moved by hand."""

    at: object
    passed: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self):
        return self.at

    def monotonic(self) -> float:
        return self.passed

    def move(self, **much: float) -> None:
        self.at += timedelta(**much)
        self.passed += timedelta(**much).total_seconds()


@pytest.fixture
def server():
    with TokenServer() as running:
        yield running


@pytest.fixture
def clock(now):
    return Clock(now)


@pytest.fixture
def file(tmp_path):
    return TokenFile(tmp_path / "tokens", "support")


def sign_in(server, file, clock, grant=Grant.BROWSER, **changes):
    """Sign in as the owner of the mailbox does; return what gives the tokens from then on."""
    registration = server.registration(grant, **changes)

    def browse(invitation):
        if not invitation.code:
            threading.Thread(target=urllib.request.urlopen, args=(invitation.url,)).start()

    consent.log_in(registration, file, browse, clock, clock.slept.append)
    return AccessTokens(registration, file, clock, clock.monotonic)


def test_the_browser_comes_back_with_a_code_bound_to_our_request(server, file, clock):
    tokens = sign_in(server, file, clock)
    assert tokens() == server.given[-1]
    assert file.load().refresh == server.current
    assert {asked["who"] for asked in server.asked} == {f"{CLIENT}:{SECRET}"}


def test_a_stranger_who_calls_the_port_of_the_browser_is_not_heard(server, file, clock):
    registration = server.registration()
    answers = []

    def browse(invitation):
        def walk():
            port = int(invitation.url.split("127.0.0.1%3A")[1].split("%2F")[0])
            for path in ("/?code=evil", "/?code=evil&state=x", "/?error=x", "/favicon.ico"):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{path}")
                except urllib.error.HTTPError as error:
                    answers.append(error.code)
            urllib.request.urlopen(invitation.url)

        threading.Thread(target=walk).start()

    consent.log_in(registration, file, browse, clock)
    assert answers == [404] * 4
    assert file.load().refresh == server.current


def test_who_refuses_in_the_browser_is_heard(server, file, clock):
    server.error = "access_denied"
    with pytest.raises(TokenError, match="account that may"):
        sign_in(server, file, clock)
    assert file.load() is None


def test_a_taken_port_is_named(server, file, clock):
    with consent._Redirect(0) as taken, pytest.raises(PermanentError, match="redirect_port"):
        sign_in(server, file, clock, redirect_port=taken.server_port)


def test_a_code_is_typed_on_another_device_and_we_ask_as_slowly_as_told(server, file, clock):
    server.public, server.approved_after, server.slow_down_once = True, 2, True
    tokens = sign_in(server, file, clock, Grant.DEVICE)
    assert clock.slept == [0, 5, 5, 5]
    assert tokens() == server.given[-1]
    assert all(asked["client_id"] == CLIENT for asked in server.asked)


def test_without_a_person_a_secret_is_enough(server, file, clock):
    tokens = AccessTokens(server.registration(Grant.CLIENT_CREDENTIALS), file, clock)
    assert tokens() == tokens() == server.given[-1]
    clock.move(minutes=56)
    assert tokens() == server.given[-1]
    assert len(server.given) == 2


def test_r13_a_token_is_renewed_five_minutes_before_it_ends_and_not_sooner(server, file, clock):
    tokens = sign_in(server, file, clock)
    first = tokens()
    clock.move(minutes=54, seconds=59)
    assert tokens() == first
    clock.move(seconds=1)
    assert tokens() != first
    assert file.load().refresh == server.current


def test_a_changed_refresh_token_is_on_disk_before_the_access_token_is_used(
    server, file, clock, monkeypatch
):
    tokens = sign_in(server, file, clock)
    clock.move(minutes=56)
    before = file.load()

    def refuse(saved):
        assert saved.refresh == server.current
        raise TransientError("disk full")

    monkeypatch.setattr(file, "save", refuse)
    assert tokens() == before.access  # It is still good for four minutes.
    clock.move(minutes=10)
    with pytest.raises(TransientError):
        tokens()


def test_two_processes_that_renew_at_once_ask_once(server, file, clock):
    sign_in(server, file, clock)
    clock.move(minutes=56)
    registration = server.registration()
    got = []

    def renew():
        got.append(AccessTokens(registration, file, clock)())

    threads = [threading.Thread(target=renew) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert got == [server.given[-1]] * 8
    assert len(server.given) == 2


def test_r13_a_permission_that_was_taken_back_says_what_to_do_and_is_not_asked_for_again(
    server, file, clock
):
    tokens = sign_in(server, file, clock)
    server.error = "invalid_grant"
    clock.move(minutes=56)
    good = file.load().access
    with pytest.raises(TokenError, match="inboxbot login support"):
        tokens.check()
    assert tokens() == good
    clock.move(minutes=5)
    asked = len(server.asked)
    for _ in range(5):
        with pytest.raises(TokenError):
            tokens()
    assert len(server.asked) == asked
    server.error = ""
    sign_in(server, file, clock)
    assert tokens() == server.given[-1]


@pytest.mark.parametrize("body", [None, b"", b"<html>", b"[]", b"{}", b"\xff\xfe"])
def test_r13_a_token_server_that_is_down_or_odd_is_left_alone_and_tried_again(
    server, file, clock, body
):
    tokens = sign_in(server, file, clock)
    clock.move(hours=2)
    server.down, server.body = body is None, body
    for _ in range(5):
        with pytest.raises(TransientError):
            tokens()
    server.down, server.body = False, None
    with pytest.raises(TransientError):
        tokens()
    clock.move(seconds=10)
    assert tokens() == server.given[-1]


def test_another_registration_needs_another_permission(server, file, clock):
    sign_in(server, file, clock)
    other = AccessTokens(server.registration(client_id="another"), file, clock)
    with pytest.raises(TokenError, match="inboxbot login support"):
        other()


def test_a_young_token_that_is_refused_is_not_renewed_and_an_older_one_is(server, file, clock):
    tokens = sign_in(server, file, clock)
    assert tokens.renew() is False
    clock.move(minutes=2)
    assert tokens.renew() is True
    assert tokens() == server.given[-1]


@contextmanager
def zygote(server, folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.token_zygote", f"{server.url}/token", str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def ask(point, hour):
        process.stdin.write(f"{point} {hour}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    try:
        yield ask
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


# Two thirds of the kills fall between the answer and the saved token.
@pytest.mark.parametrize("kills", [12, pytest.param(300, marks=pytest.mark.long)])
def test_r13_killed_around_the_saving_of_a_token_it_is_never_locked_out(
    server, file, clock, tmp_path, kills
):
    sign_in(server, file, clock)
    points = ("tokens.received", "tokens.written", "tokens.saved")
    with zygote(server, tmp_path / "tokens") as ask:
        for number in range(1, kills + 1):
            assert ask(points[number % 3], 2 * number) == -9
            # A kill on top of a kill, before the new one was used.
            if number % 5 == 0:
                assert ask("tokens.written", 2 * number) in (-9, 0)
            assert ask("-", 2 * number) == 0
    assert file.load().refresh == server.current
    assert not (tmp_path / "tokens" / "support.new").exists()


def test_where_the_old_token_ends_at_once_only_the_answer_on_its_way_can_be_lost(
    server, file, clock, tmp_path
):
    sign_in(server, file, clock)
    server.strict = True
    with zygote(server, tmp_path / "tokens") as ask:
        for number in range(1, 11):
            assert ask(("tokens.written", "tokens.saved")[number % 2], 2 * number) == -9
            assert ask("-", 2 * number) == 0
        assert ask("tokens.received", 100) == -9
        assert ask("-", 100) == NOT_ALLOWED


# With a mail server


@pytest.fixture
def account_tokens(server, account, dovecot, file, clock):
    server.mint = lambda: token_for(dovecot.token_key, account.name)
    return sign_in(server, file, clock)


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
def test_r13_a_token_that_the_server_ended_early_is_renewed_once(
    server, account, dovecot, account_tokens, clock, auth
):
    settings = account.settings(auth=auth, secret=account_tokens, renew=account_tokens.renew)
    with ImapMailbox(settings) as box:
        assert box.open().exists == 0
    server.mint = lambda: token_for(dovecot.token_key, account.name, -60)
    clock.move(minutes=56)
    with pytest.raises(PermanentError, match="inboxbot login"), ImapMailbox(settings) as box:
        box.open()
    asked = len(server.asked)
    server.mint = lambda: token_for(dovecot.token_key, account.name)
    clock.move(minutes=2)
    with ImapMailbox(settings) as box:
        assert box.open().exists == 0
    assert len(server.asked) == asked + 1


@pytest.mark.parametrize("auth", ["xoauth2", "oauthbearer"])
def test_r13_a_token_that_the_mail_server_refuses_is_renewed_in_the_middle_of_sending(
    server, file, clock, sink, auth
):
    tokens = sign_in(server, file, clock)
    settings = submission.Settings(
        host="127.0.0.1", port=sink.port, security="none", username=smtp_sink.USER,
        auth=auth, secret=tokens, renew=tokens.renew,
    )  # fmt: skip
    marks = []
    with SmtpTransport(settings) as transport:
        for number in (1, 2):
            reply = Reply(
                raw=f"Message-ID: <ack-{number}@example.org>\r\n\r\nThank you".encode(),
                recipient="ana@example.net", envelope_sender="",
                message_id=f"<ack-{number}@example.org>",
            )  # fmt: skip
            # The first is refused at the login; the second in a session that outlives its token,
            # and at the next login too. Either is offered again with another one, and taken once.
            clock.move(minutes=2)
            for verb in ("AUTH", "MAIL")[:number]:
                sink.faults[verb] = smtp_sink.Once("535 5.7.8 has ended")
            assert transport.send(reply, lambda: marks.append(1)).verdict is Verdict.ACCEPTED
    assert sink.message_ids == ["<ack-1@example.org>", "<ack-2@example.org>"]
    assert len(marks) == 2
    assert [form["grant_type"] for form in server.asked].count("refresh_token") == 2
    assert len(set(sink.bearers)) == len(sink.bearers) == 2


OAUTH = """
[mailbox.oauth]
client_id = "{client}"
credential = "oauth-secret"
grant = "{grant}"
redirect_port = {port}
token_url = "{url}/token"
authorize_url = "{url}/authorize"
device_url = "{url}/device"
scope = "mail"
"""


@pytest.fixture
def installed(tmp_path, account, dovecot, sink, server):
    server.mint = lambda: token_for(dovecot.token_key, account.name)
    installation = install(
        tmp_path,
        imap_host="127.0.0.1",
        imap_port=dovecot.port,
        imap_user=account.name,
        smtp_port=sink.port,
        imap='auth = "xoauth2"',
        more=OAUTH.format(client=CLIENT, grant="device", url=server.url, port=8765),
    )
    installation.environment["INBOXBOT_OAUTH_SECRET"] = SECRET
    return installation


def deliver(account, number):
    with account.client() as client:
        client.append("INBOX", LETTER % number)


def alerts(installation):
    return installation.status()["problems"]


def test_r13_login_gives_the_daemon_its_permission_and_losing_it_is_told_at_the_next_look(
    installed, account, server
):
    done = installed.run("poll", code=69)
    assert "inboxbot login support" in done.stdout + done.stderr
    server.life_s = 1
    shown = installed.run("login", "support").stdout
    assert "ABCD-EFGH" in shown
    assert f"{server.url}/enter" in shown
    installed.run("poll")
    with installed.daemon():
        until(lambda: '"started"' in installed.log())
        deliver(account, 1)
        until(lambda: len(installed.objects("queue")) == 1)
        server.error = "invalid_grant"
        until(lambda: any("permission" in problem for problem in alerts(installed)))
        server.error = ""
        installed.run("login", "support")
        deliver(account, 2)
        until(lambda: len(installed.objects("queue")) == 2)
        until(lambda: not any("permission" in problem for problem in alerts(installed)))
    tokens = json.loads((installed.folder / "state" / "tokens" / "support.json").read_text())
    said = installed.log() + shown
    for secret in (tokens["access"], tokens["refresh"], SECRET, *server.given):
        assert secret not in said


def test_the_doctor_says_how_long_it_lasts_and_what_to_click(installed, server):
    def found(what="token"):
        rows = installed.objects("doctor", code=None)
        return next(row for row in rows if row.get("what") == f"support: {what}")

    assert "inboxbot login support" in str(found())
    mint, server.mint = server.mint, lambda: "a-token-that-is-none"
    installed.run("login", "support")
    refused = found("IMAP")
    assert refused["level"] == "FAIL"
    assert "inboxbot login support" in refused["fix"]
    assert "password" not in refused["fix"]
    server.mint = mint
    installed.run("login", "support")
    assert found()["level"] == "PASS"
    server.error, server.life_s = "invalid_client", 1
    installed.configuration.write_text(
        installed.configuration.read_text().replace(CLIENT, "another")
    )
    assert "inboxbot login support" in str(found())


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("invalid_grant", "run `inboxbot login support` and allow it again"),
        ("invalid_client", "make a new secret and put it in place of the credential"),
        ("unauthorized_client", "allow the grant that [mailbox.oauth] names"),
        ("invalid_scope", "let an administrator consent"),
        ("unsupported_grant_type", "set another `grant` in [mailbox.oauth]"),
        ("temporarily_unavailable", "trying later"),
        ("down", "cannot be used"),
        ("no secret", "INBOXBOT_OAUTH_SECRET"),
    ],
)
def test_the_doctor_says_of_each_failure_of_a_token_what_to_do(
    installed, server, monkeypatch, broken, says
):
    for name, value in installed.environment.items():
        monkeypatch.setenv(name, value)
    server.life_s = 0.001
    installed.run("login", "support")
    server.error = broken if "_" in broken else ""
    server.down = broken == "down"
    if broken == "no secret":
        monkeypatch.delenv("INBOXBOT_OAUTH_SECRET")
    configuration = config.load(installed.configuration)
    box = configuration.mailbox[0]
    (finding,) = servers.of_token(box, configuration, datetime.now(UTC))
    assert finding.level is Level.FAIL
    assert says in f"{finding.found} {finding.fix}"
    assert finding.found.count(". ") <= 2


def test_login_to_a_mailbox_with_a_password_says_so(installation):
    done = installation.run("login", "support", code=78)
    assert "xoauth2" in done.stderr
    assert "nobody" in installation.run("login", "nobody", code=64).stderr
