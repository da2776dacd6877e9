"""Tokens: the file is private and whole, and what a provider refuses is explained by what to do."""

import json
import os
import stat
from datetime import timedelta

import pytest
from authlib.integrations.base_client import OAuthError

from inboxbot import faults
from inboxbot.errors import TokenError, TransientError
from inboxbot.mail import oauth, refusals
from inboxbot.mail.oauth import Grant, Provider, Registration, explained, received
from inboxbot.tokens import TokenFile, Tokens, ends

PROVIDER = Provider(name="The provider", token_url="https://token.test/")
OURS = Registration(provider=PROVIDER, grant=Grant.BROWSER, client_id="c")


@pytest.fixture
def file(tmp_path):
    return TokenFile(tmp_path / "state" / "tokens", "support")


def tokens(now, refresh="refresh-1", **changes):
    return Tokens(
        **{
            "client": OURS.client,
            "access": "access-1",
            "access_until": now + timedelta(hours=1),
            "obtained_at": now,
            "refresh": refresh,
            "granted_at": now,
        }
        | changes
    )


def test_what_is_saved_is_read_back_and_only_its_owner_may_read_it(file, now, tmp_path):
    old = os.umask(0)
    try:
        with file.locked():
            file.save(tokens(now))
    finally:
        os.umask(old)
    assert file.load() == tokens(now)
    assert file.is_private()
    folder = tmp_path / "state" / "tokens"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    (folder / "support.json").chmod(0o644)
    assert not file.is_private()


def test_tokens_are_not_shown_when_printed(now):
    shown = repr(tokens(now))
    assert "access-1" not in shown
    assert "refresh-1" not in shown


def test_without_a_file_there_are_no_tokens_and_a_damaged_one_says_what_to_do(file, tmp_path, now):
    assert file.load() is None
    for text in ("", "{", "[]", '{"client": 1}', "null", '"x"', "\x00"):
        (tmp_path / "state" / "tokens").mkdir(parents=True, exist_ok=True)
        (tmp_path / "state" / "tokens" / "support.json").write_text(text)
        with pytest.raises(TokenError, match="inboxbot login support"):
            file.load()


def test_what_was_written_whole_and_not_yet_renamed_is_taken_up(file, now, monkeypatch):
    with file.locked():
        file.save(tokens(now))

    class Stop(BaseException):
        pass

    def strike(name):
        raise Stop

    monkeypatch.setattr(faults, "point", strike)
    with pytest.raises(Stop), file.locked():
        file.save(tokens(now, "refresh-2"))
    assert file.load().refresh == "refresh-1"
    monkeypatch.undo()
    with file.locked():
        assert file.load().refresh == "refresh-2"


def test_what_was_written_in_part_is_thrown_away(file, now, tmp_path):
    with file.locked():
        file.save(tokens(now))
    part = json.dumps({"client": "c", "access": "half"})[:-5]
    (tmp_path / "state" / "tokens" / "support.new").write_text(part)
    with file.locked():
        assert file.load() == tokens(now)
    assert not (tmp_path / "state" / "tokens" / "support.new").exists()


def test_the_ends_are_known_without_asking_the_provider(file, now, tmp_path):
    folder = tmp_path / "state" / "tokens"
    assert list(ends(folder, now)) == []
    with file.locked():
        file.save(tokens(now, grant_until=now + timedelta(days=90)))
    (folder / "broken.json").write_text("{")
    hour, days = now + timedelta(hours=1), now + timedelta(days=90)
    assert list(ends(folder, now)) == [("support", hour, days)]
    # A permission that has ended lets the access token live to its own end.
    assert list(ends(folder, now + timedelta(days=91))) == [("support", hour, hour)]


def test_a_refresh_token_that_is_not_changed_stays(now):
    got = received(OURS, {"access_token": "a"}, now, now, "kept")
    assert got.refresh == "kept"
    assert got.access_until == now + timedelta(hours=1)
    changed = received(OURS, {"access_token": "a", "refresh_token": "new"}, now, now, "kept")
    assert changed.refresh == "new"


@pytest.mark.parametrize("life", [0, -5, "soon", None, "nan", [], float("inf")])
def test_a_life_that_is_none_counts_as_an_hour_or_as_very_long(now, life):
    got = received(OURS, {"access_token": "a", "expires_in": life}, now, now)
    assert got.access_until > now


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": 5}])
def test_an_answer_without_a_token_is_tried_again_later(now, answer):
    with pytest.raises(TransientError):
        received(OURS, answer, now, now)


def test_the_end_of_a_permission_is_what_the_provider_says_else_what_it_documents(now):
    microsoft = Registration(
        provider=oauth.microsoft("t", Grant.DEVICE), grant=Grant.DEVICE, client_id="c"
    )
    assert received(microsoft, {"access_token": "a"}, now, now).grant_until == now + timedelta(90)
    said = {"access_token": "a", "refresh_token_expires_in": 86400}
    assert received(microsoft, said, now, now).grant_until == now + timedelta(1)
    assert received(OURS, {"access_token": "a"}, now, now).grant_until is None


@pytest.mark.parametrize(
    ("code", "description", "says"),
    [
        ("invalid_grant", None, "inboxbot login support"),
        ("invalid_client", None, "credential named in"),
        ("invalid_scope", None, "administrator consent"),
        ("unauthorized_client", None, "allow the grant"),
        ("access_denied", None, "account that may"),
        ("something_new", None, "Look at the registration"),
        ("invalid_client", "AADSTS7000222: ended for rosa@charity.test", "New client secret"),
        ("invalid_grant", "AADSTS50173: rosa@charity.test changed it", "password of the account"),
        ("unauthorized_client", "AADSTS700016: no such", "Overview"),
        ("invalid_grant", "AADSTS65001: consent", "Grant admin consent"),
        ("invalid_client", "AADSTS7000218: secret?", "Allow public client flows"),
    ],
)
def test_each_refusal_says_what_to_click_and_nothing_of_what_was_said(code, description, says):
    provider = oauth.microsoft("tenant", Grant.DEVICE)
    error = explained(provider, "support", OAuthError(code, description))
    assert isinstance(error, TokenError)
    assert says in str(error)
    assert "rosa" not in str(error)
    assert "{" not in str(error)


@pytest.mark.parametrize(
    ("provider", "code", "description"),
    [
        *(("The provider", code, "") for code in refusals.SENTENCES),
        *(("Google", code, "") for code in refusals.GOOGLE),
        *(("Microsoft", "invalid_grant", f"AADSTS{code}: x") for code in refusals.MICROSOFT),
    ],
)
def test_no_known_refusal_leaves_one_without_a_thing_to_do(provider, code, description):
    said = refusals.sentence(provider, "the pages", "support", code, description)
    assert "{" not in said
    assert any(hint in said for hint in ("→", "inboxbot login support", "[mailbox.oauth]")), said
    assert "Look at the registration" not in said


def test_google_says_why_a_permission_ends_every_seven_days():
    error = explained(oauth.google(), "support", OAuthError("invalid_grant"))
    assert "Internal" in str(error)


@pytest.mark.parametrize("code", ["temporarily_unavailable", "server_error", "slow_down"])
def test_a_busy_provider_is_tried_again_later(code):
    assert isinstance(explained(PROVIDER, "support", OAuthError(code)), TransientError)


@pytest.mark.parametrize("code", ["rosa@charity.test", "x" * 500, "a\nb"])
def test_a_code_that_is_none_is_never_repeated(code):
    assert "(unknown)" in str(explained(PROVIDER, "support", OAuthError(code)))
