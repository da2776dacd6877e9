"""The daemon while models change: it takes each at its next pass, and goes on through a bad one."""

from inboxbot.store import models
from inboxbot.store.sqlite import Database
from tests import lessons
from tests.dovecot import Account
from tests.installation import Installation, until


def test_the_daemon_takes_what_is_put_in_force_without_a_restart(
    installation: Installation, account: Account, taught: Database
) -> None:
    def categories() -> list[str]:
        rows = taught.execute("SELECT category FROM decision WHERE message_id > ?", [before])
        return [row[0] for row in rows]

    def decided(number: int) -> str:
        """Let a letter come in that is like those that staff corrected; return its category."""
        with account.client() as client:
            client.append(
                "INBOX",
                f"From: Ruth <ruth{number}@post.test>\r\nTo: support@example.org\r\n"
                f"Subject: {lessons.SUBJECT}\r\nMessage-ID: <{number}@post.test>\r\n\r\n"
                f"{lessons.SIMILAR}\r\n".encode(),
            )
        until(lambda: len(categories()) == number)
        return categories()[-1]

    before = taught.execute("SELECT max(id) FROM message").fetchone()[0]
    installation.run("poll")
    with installation.daemon():
        until(lambda: '"started"' in installation.log())
        assert decided(1) == "medication_question"
        installation.run("model", "promote", "1")
        assert decided(2) == "general_inquiry"
        (file,) = models.folder_of(taught).glob("*.model")
        file.write_bytes(b"damaged")
        assert decided(3) == "medication_question"
        until(
            lambda: any("shipped one sorts" in each for each in installation.status()["problems"])
        )
        installation.run("model", "rollback")
        assert decided(4) == "medication_question"
        until(lambda: not any("shipped one" in each for each in installation.status()["problems"]))
    assert '"model-unusable"' in installation.log()
