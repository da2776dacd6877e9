"""`inboxbot template preview` shows the letter as this organisation's people would get it."""

from click.testing import CliRunner

from inboxbot.cli import cli
from tests.installation import CONFIGURATION


def test_the_preview_has_the_organisations_own_address_and_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    text = CONFIGURATION.format(
        mailbox="", imap="", more="", imap_host="localhost", imap_port=993, imap_security="tls",
        imap_user="u", smtp_port=25, smtp_user="u",
    )  # fmt: skip
    text = text.replace("1-608-663-0920", "030 1234").replace("www.example.org", "help.charity.org")
    (tmp_path / "config" / "inboxbot.toml").write_text(text, "utf-8")
    shown = CliRunner().invoke(cli, ["template", "preview", "general_inquiry"])
    assert shown.exit_code == 0, shown.output
    assert "030 1234" in shown.output
    assert "https://help.charity.org/profile" in shown.output
    odd = CliRunner().invoke(cli, ["template", "preview", "general_inquiry", "--sample", "9"])
    assert "💙" in odd.output
