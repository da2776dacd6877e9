"""Twenty things that can be wrong, each with a message that says what and where, and what to do."""

import socketserver
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import dns.message
import dns.resolver
import dns.rrset
import pytest

from inboxbot import doctor, domain_records
from inboxbot.doctor import Level, servers
from inboxbot.store import backup, settings
from inboxbot.store.database import connect, write
from tests import smtp_sink
from tests.installation import Installation, install
from tests.new_store import new_store
from tests.smtp_sink import SmtpSink


@pytest.fixture
def well(tmp_path, dovecot, monkeypatch):
    """Return an installation with which nothing is wrong, and its mail server."""
    account = dovecot.account()
    monkeypatch.setattr(smtp_sink, "USER", "support@charity.org")
    with SmtpSink() as sink:
        installation = install(
            tmp_path,
            imap_host="127.0.0.1",
            imap_port=dovecot.port,
            imap_user=account.name,
            smtp_port=sink.port,
        )
        change(installation, "example.org", "charity.org")
        (tmp_path / "templates").mkdir()
        new_store(installation.store).close()
        for name, value in installation.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(domain_records, "hints", lambda domain: [])
        yield installation, sink


def findings(installation: Installation, now: datetime | None = None) -> list[doctor.Finding]:
    from inboxbot import config
    from inboxbot.errors import ConfigError

    try:
        return list(
            doctor.examine(config.load(installation.configuration), now or datetime.now(UTC))
        )
    except ConfigError as error:
        return list(doctor.of_configuration(error))


def change(installation: Installation, old: str, new: str) -> None:
    text = installation.configuration.read_text()
    assert old in text
    installation.configuration.write_text(text.replace(old, new))


SETTINGS = [
    ("[organisation]", "[organisation", "inboxbot.toml", "not valid TOML"),
    ("hours_to_answer = 48", "hours_to_anser = 48", "organisation.hours_to_anser", "Did you mean"),
    ("hours_to_answer = 48", 'hours_to_answer = "48"', "organisation.hours_to_answer", "whole num"),
    ("hours_to_answer = 48", "hours_to_answer = 0", "organisation.hours_to_answer", "1 or more"),
    ('time_zone = "America/Chicago"', 'time_zone = "Chicago"', "organisation.time_zone", "no time"),
    ('name = "ALS Worldwide"', "", "organisation.name", "missing"),
    ('address = "', 'address = "x ', "mailbox[0].address", "no email address"),
    ('name = "support"', 'name = "The Inbox"', "mailbox[0].name", "lower-case"),
    ('host = "127.0.0.1"', 'host = "mail.charity.org"', "mailbox[0].imap", "on this machine only"),
    ('security = "none"', 'security = "ssl"', "mailbox[0].imap.security", "one of"),
    ("poll_every_s = 1", "poll_every_s = 0", "mailbox[0].poll_every_s", "1 or more"),
    ('model = "light"', 'model = "large"', "classify.model", "one of"),
    ("min_free_mb = 1", "min_free_mb = 1\nmaximum = 1", "store.maximum", "no such setting"),
]


@pytest.mark.parametrize(("old", "new", "place", "says"), SETTINGS, ids=lambda text: text[:24])
def test_a_setting_that_cannot_be_used_is_named(well, old, new, place, says):
    installation, _ = well
    change(installation, old, new)
    found = findings(installation)
    assert {finding.level for finding in found} == {Level.FAIL}
    assert any(place in finding.what and says in finding.found for finding in found), found


def fails(found: list[doctor.Finding]) -> list[tuple[str, str, str]]:
    return [(each.what, each.found, each.fix) for each in found if each.level is Level.FAIL]


def test_with_a_well_installation_nothing_fails(well):
    assert fails(findings(well[0])) == []


def no_password(installation, sink, monkeypatch):
    monkeypatch.delenv("INBOXBOT_IMAP_PASSWORD")


def wrong_password(installation, sink, monkeypatch):
    monkeypatch.setenv("INBOXBOT_IMAP_PASSWORD", "wrong")


def refused_password(installation, sink, monkeypatch):
    monkeypatch.setenv("INBOXBOT_SMTP_PASSWORD", "wrong")


def no_such_folder(installation, sink, monkeypatch):
    change(installation, "poll_every_s = 1", 'poll_every_s = 1\nfolder = "Support"')


def nobody_listens(installation, sink, monkeypatch):
    change(installation, f"port = {sink.port}", "port = 1")


def null_sender_refused(installation, sink, monkeypatch):
    sink.faults["MAIL"] = "550 5.7.1 no null sender"


def readable_by_others(installation, sink, monkeypatch):
    installation.store.chmod(0o644)


def missing_database(installation, sink, monkeypatch):
    installation.store.unlink()


def damaged_database(installation, sink, monkeypatch):
    installation.store.write_bytes(b"no database" * 1000)


def newer_database(installation, sink, monkeypatch):
    with closing(sqlite3.connect(installation.store)) as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('inboxbot', '9999_later', '')"
        )
        db.commit()


def tampered_audit(installation, sink, monkeypatch):
    from inboxbot.store import audit

    with closing(connect(installation.store)) as db:
        with write(db):
            audit.add(db, "ana", "opened", datetime.now(UTC), message=1)
            audit.add(db, "ana", "opened", datetime.now(UTC), message=2)
        db.execute("DROP TRIGGER audit_is_append_only_update")
        db.execute("UPDATE audit SET message_id = 3 WHERE id = 1")


def clock_went_back(installation, sink, monkeypatch):
    from inboxbot.store import audit

    with closing(connect(installation.store)) as db, write(db):
        audit.add(db, "ana", "opened", datetime.now(UTC) + timedelta(days=400))


def disk_nearly_full(installation, sink, monkeypatch):
    change(installation, "min_free_mb = 1", "min_free_mb = 1000000")


def broken_template(installation, sink, monkeypatch):
    folder = installation.folder / "templates" / "en"
    folder.mkdir()
    (folder / "urgent.txt.j2").write_text("Dear {{ firstname }}")


def broken_articles(installation, sink, monkeypatch):
    (installation.folder / "knowledge.toml").write_text("[[article]\n")


def still_the_example(installation, sink, monkeypatch):
    change(installation, "https://www.charity.org/profile", "https://www.example.org/profile")


BROKEN = [
    (no_password, "credential imap-password", "INBOXBOT_IMAP_PASSWORD"),
    (wrong_password, "support: IMAP", "refused the login"),
    (refused_password, "support: SMTP", "refused"),
    (no_such_folder, "support: IMAP", "`folder`"),
    (nobody_listens, "support: SMTP", "No connection"),
    (null_sender_refused, "support: SMTP", "envelope_sender = "),
    (readable_by_others, "inboxbot.sqlite3", "chmod 600"),
    (missing_database, "database", "inboxbot restore"),
    (damaged_database, "database", "inboxbot restore"),
    (newer_database, "store.path", "newer inboxbot"),
    (tampered_audit, "database I8", "chain of the audit"),
    (clock_went_back, "clock", "yet to come"),
    (disk_nearly_full, "disk", "min_free_mb"),
    (broken_template, "urgent.txt.j2", "firstname"),
    (broken_articles, "knowledge.toml", "TOML"),
    (still_the_example, "organisation.profile_form_url", "still the example"),
]


@pytest.mark.parametrize(
    ("broken", "what", "says"), BROKEN, ids=lambda each: getattr(each, "__name__", "")
)
def test_what_is_wrong_is_named_with_what_to_do(well, monkeypatch, broken, what, says):
    installation, sink = well
    broken(installation, sink, monkeypatch)
    found = fails(findings(installation))
    assert any(what in place and says in f"{text} {fix}" for place, text, fix in found), found
    assert all(len(text) > 15 for _, text, _ in found)


def test_a_clock_before_the_program_was_written_is_wrong(well):
    found = fails(findings(well[0], datetime(1970, 1, 1, 0, 5, tzinfo=UTC)))
    assert any(what == "clock" and "set-ntp" in fix for what, _, fix in found)


def test_an_old_backup_is_a_warning_and_a_fresh_one_is_well(well, tmp_path):
    installation, _ = well

    def about_backup(at):
        return [each.level for each in findings(installation, at) if each.what == "backup"]

    now = datetime.now(UTC)
    assert about_backup(now) == [Level.WARN]
    with closing(connect(installation.store)) as db:
        backup.make(db, tmp_path / "copies", now)
        assert settings.get_moment(db, "backup_verified_at") == now
    assert about_backup(now) == [Level.PASS]
    assert about_backup(now + timedelta(hours=49)) == [Level.WARN]


def test_whom_to_believe_about_senders_is_asked_for_where_nobody_is_named(well):
    installation, _ = well

    def about_trust():
        return [each.fix for each in findings(installation) if "trusted" in each.what]

    assert about_trust() == []
    change(installation, 'trusted_authserv_ids = ["mx.charity.org"]', "")
    (fix,) = about_trust()
    assert "Authentication-Results" in fix


def test_a_certificate_that_is_about_to_end_is_a_warning(now):
    soon, later = now + timedelta(days=20), now + timedelta(days=22)
    (finding,) = servers._certificate("support: IMAP", soon, now)
    assert finding.level is Level.WARN
    assert list(servers._certificate("support: IMAP", later, now)) == []
    assert list(servers._certificate("support: IMAP", None, now)) == []


class _Zone(socketserver.BaseRequestHandler):
    records: dict[str, list[str]] = {}  # noqa: RUF012

    def handle(self):
        data, sock = self.request
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        name = query.question[0].name
        texts = self.records.get(name.to_text().rstrip("."))
        if texts is None:
            answer.set_rcode(3)
        else:
            answer.answer.append(
                dns.rrset.from_text(name, 60, "IN", "TXT", *(f'"{text}"' for text in texts))
            )
        sock.sendto(answer.to_wire(), self.client_address)


@pytest.fixture
def resolver():
    _Zone.records = {}
    with socketserver.UDPServer(("127.0.0.1", 0), _Zone) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        asking = dns.resolver.Resolver(configure=False)
        asking.nameservers = ["127.0.0.1"]
        asking.port = server.server_address[1]
        yield asking
        server.shutdown()
        thread.join()


def test_a_domain_with_all_three_records_is_well(resolver):
    _Zone.records = {
        "charity.org": ["hello", "v=spf1 include:_spf.provider.test ~all"],
        "selector1._domainkey.charity.org": ["v=DKIM1; k=rsa; p=MIIB"],
        "_dmarc.charity.org": ["v=DMARC1; p=quarantine"],
    }
    hints = domain_records.hints("charity.org", resolver)
    assert [(hint.record, hint.well) for hint in hints] == [
        ("SPF", True),
        ("DKIM", True),
        ("DMARC", True),
    ]


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([], "does not say"),
        (["v=spf1 -all", "v=spf1 ~all"], "none of them counts"),
        (["v=spf1 +all"], "everybody"),
    ],
)
def test_a_domain_without_good_records_is_told_what_to_add(resolver, texts, says):
    _Zone.records = {"charity.org": ["other", *texts]}
    spf, dkim, dmarc = domain_records.hints("charity.org", resolver)
    assert {spf.well, dkim.well, dmarc.well} == {False}
    assert says in spf.found
    assert all(hint.fix for hint in (spf, dkim, dmarc))
    assert "v=DMARC1" in dmarc.fix


def test_without_dns_the_records_are_no_finding(well, monkeypatch):
    def away(domain):
        raise domain_records.Unanswered

    monkeypatch.setattr(domain_records, "hints", away)
    (finding,) = [each for each in findings(well[0]) if each.what == "DNS"]
    assert finding.level is Level.WARN


def test_a_name_server_that_does_not_answer_is_given_up_soon():
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], 9
    domain_records.TIMEOUT_S, before = 0.2, domain_records.TIMEOUT_S
    try:
        with pytest.raises(domain_records.Unanswered):
            domain_records.hints("charity.org", resolver)
    finally:
        domain_records.TIMEOUT_S = before
