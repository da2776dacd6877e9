"""config: every problem at once, each with its key and a suggestion."""

import re
import shutil
import stat
import tomllib
from pathlib import Path

import pytest
import trustme
from pydantic import BaseModel

from inboxbot import checks, config
from inboxbot.config import Config
from inboxbot.errors import ConfigError
from inboxbot.mail.message import Identity
from inboxbot.mail.parse import parse
from inboxbot.mail.return_address import is_own_address, is_own_domain
from tests.office import CONFIGURATION, configuration

EXAMPLE = Path(__file__).parents[2] / "config" / "inboxbot.example.toml"


def load_with(tmp_path, *changes):
    """Load the example with lines replaced or added; return its problems by place."""
    text = EXAMPLE.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "inboxbot.toml"
    path.write_text(text)
    try:
        config.load(path)
    except ConfigError as error:
        return {problem.place: problem.text for problem in error.problems}
    return {}


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        (
            "hours_to_answer = 48",
            'hours_to_answer = "48"',
            "organisation.hours_to_answer",
            "number",
        ),
        (
            "hours_to_answer = 48",
            "hours_to_answer = 0",
            "organisation.hours_to_answer",
            "1 or more",
        ),
        (
            'time_zone = "America/Chicago"',
            'time_zone = "Chicago"',
            "organisation.time_zone",
            "Euro",
        ),
        ('name = "ALS Worldwide"', 'nam = "ALS Worldwide"', "organisation.nam", "mean name?"),
        ('name = "ALS Worldwide"', "", "organisation.name", "missing"),
        ("[[mailbox]]", "[mailbox]", "mailbox", "write [[mailbox]] in double brackets"),
        ('phone = "1-608-663-0920"', "phone = 1608", "organisation.phone", "text in quotes"),
        ('name = "support"', 'name = "The Inbox"', "mailbox[0].name", "lower-case"),
        ('address = "support@example.org"', 'address = "support"', "mailbox[0].address", "email"),
        ("aliases = []", 'aliases = "a@b.org"', "mailbox[0].aliases", "list in brackets"),
        ('own_domains = ["example.org"]', 'own_domains = ["@x"]', "mailbox[0].own_domains[0]", "d"),
        ("poll_every_s = 60", "poll_every_s = 0", "mailbox[0].poll_every_s", "1 or more"),
        ("port = 993", "port = 99993", "mailbox[0].imap.port", "65535 or less"),
        ('security = "tls"  ', 'security = "ssl"  ', "mailbox[0].imap.security", "'tls'"),
        ('security = "tls"  ', 'security = "none"  ', "mailbox[0].imap", "this machine only"),
        ('auth = "password"  ', 'auth = "oauth"  ', "mailbox[0].imap.auth", "'xoauth2'"),
        ("idle = true", "idle = yes", None, "TOML"),
        ("\nmax_age_h = 72", "\nmax_age_hours = 72", "replies.max_age_hours", "mean max_age_h?"),
        ("per_hour = 60", "per_hour = -1", "replies.per_hour", "1 or more"),
        ("[store]", "[stroe]", "stroe", "mean store?"),
        ('envelope_sender = ""', 'envelope_sender = "me"', "mailbox[0].smtp.envelope_sender", "em"),
    ],
)
def test_each_mistake_is_named_with_its_key_and_what_to_write(tmp_path, old, new, place, says):
    problems = load_with(tmp_path, (old, new))
    assert len(problems) == 1 if place != "organisation.nam" else len(problems) == 2
    found = problems[place] if place else next(iter(problems.values()))
    assert says in found


def test_all_mistakes_are_reported_at_once(tmp_path):
    problems = load_with(
        tmp_path,
        ("hours_to_answer = 48", "hours_to_answer = 0"),
        ("port = 993", "port = 0"),
        ("\nmax_age_h = 72", "\nmax_age = 72"),
    )
    assert set(problems) == {
        "organisation.hours_to_answer",
        "mailbox[0].imap.port",
        "replies.max_age",
    }


def test_two_mailboxes_need_two_names(tmp_path):
    text = EXAMPLE.read_text()
    block = text[text.index("[[mailbox]]") : text.index("[replies]")]
    path = tmp_path / "inboxbot.toml"
    path.write_text(text.replace("[replies]", block + "[replies]", 1))
    with pytest.raises(ConfigError, match='mailboxes are called "support"'):
        config.load(path)


def test_a_file_that_is_not_there_or_no_text_says_so(tmp_path):
    with pytest.raises(ConfigError, match="inboxbot init"):
        config.load(tmp_path / "none.toml")
    path = tmp_path / "latin1.toml"
    path.write_bytes(b'[organisation]\nname = "Caf\xe9"\n')
    with pytest.raises(ConfigError, match="This line is not UTF-8"):
        config.load(path)


def test_the_example_is_valid_and_names_exactly_what_is_to_be_filled_in():
    placeholders = {problem.place for problem in config.placeholders(config.load(EXAMPLE))}
    assert placeholders == {
        "organisation.website",
        "organisation.profile_form_url",
        "mailbox[0].address",
        "mailbox[0].own_domains[0]",
        "mailbox[0].imap.host",
        "mailbox[0].imap.username",
        "mailbox[0].smtp.host",
        "mailbox[0].smtp.username",
    }


def test_the_telephone_of_the_examples_organisation_is_not_told_in_anothers_name(tmp_path):
    own = tmp_path / "inboxbot.toml"
    own.write_text(EXAMPLE.read_text().replace('name = "ALS Worldwide"', 'name = "Lifeline"'))
    found = {problem.place for problem in config.placeholders(config.load(own))}
    assert {"organisation.phone", "organisation.postal_address"} <= found


def settings_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Return the name of every setting below `model`."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        inner = getattr(field.annotation, "__args__", (field.annotation,))[0]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names |= settings_of(inner, f"{prefix}{name}.")
        elif name != "source":
            names.add(f"{prefix}{name}")
    return names


def settings_in_example() -> set[str]:
    """Return the name of every setting that the example shows, switched on or off."""
    section, names = "", set()
    for line in EXAMPLE.read_text().splitlines():
        if head := re.match(r"\[+([a-z_.]+)\]", line):
            section = head[1] + "."
        elif setting := re.match(r"(?:# )?([a-z_]+) = ", line):
            names.add(section + setting[1])
    return names


def test_the_example_explains_every_setting_and_no_other():
    assert settings_in_example() == settings_of(Config)


def test_the_defaults_that_the_example_shows_are_the_defaults():
    switched_on = re.sub(r"(?m)^# ([a-z_]+ = )", r"\1", EXAMPLE.read_text())
    shown = Config.model_validate(tomllib.loads(switched_on))
    given = config.load(EXAMPLE)
    assert shown == given.model_copy(update={"source": shown.source})


def test_relative_paths_start_at_the_installation(tmp_path):
    for folder in (tmp_path / "config", tmp_path):
        folder.mkdir(exist_ok=True)
        path = folder / "inboxbot.toml"
        path.write_text(EXAMPLE.read_text())
        assert config.load(path).templates_path == tmp_path / "templates"


def test_the_configuration_is_found_by_option_environment_or_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INBOXBOT_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="inboxbot init"):
        config.find(None)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "inboxbot.toml").touch()
    assert config.find(None) == Path("config/inboxbot.toml")
    monkeypatch.setenv("INBOXBOT_CONFIG", "/elsewhere.toml")
    assert config.find(None) == Path("/elsewhere.toml")
    assert config.find("given.toml") == Path("given.toml")


def test_a_secret_comes_from_the_credentials_folder_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("INBOXBOT_IMAP_PASSWORD", "from the environment")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert config.credential("imap-password") == "from the environment"
    secret = tmp_path / "imap-password"
    secret.write_bytes(b"from the folder\r\n")  # as an editor elsewhere ends a line
    secret.chmod(stat.S_IRUSR)
    assert config.credential("imap-password") == "from the folder"


def test_a_missing_secret_says_where_to_put_it(monkeypatch):
    monkeypatch.delenv("INBOXBOT_SMTP_PASSWORD", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match="INBOXBOT_SMTP_PASSWORD"):
        config.credential("smtp-password")


def test_a_domain_in_other_letters_is_known_in_the_letters_that_mail_has(tmp_path):
    path = tmp_path / "inboxbot.toml"
    path.write_text(
        EXAMPLE.read_text()
        .replace('own_domains = ["example.org"]', 'own_domains = ["Bücher.example"]', 1)
        .replace("aliases = []", 'aliases = ["Hilfe@bücher.example"]', 1)
    )
    (box,) = config.load(path).mailbox
    us = Identity(
        mailbox="m",
        name="n",
        address=box.address,
        addresses=frozenset(box.aliases),
        own_domains=frozenset(box.own_domains),
    )
    for written in ("kim@bücher.example", "kim@xn--bcher-kva.example"):
        author = parse(f"From: {written}\n\nhi".encode()).sender
        assert author is not None
        assert is_own_domain(author.address, us)
    author = parse("From: hilfe@BÜCHER.example\n\nhi".encode()).sender
    assert author is not None
    assert is_own_address(author.address, us)


def test_check_asks_for_no_password_of_a_relay_that_is_given_no_name(tmp_path, monkeypatch):
    for name in ("CREDENTIALS_DIRECTORY", "INBOXBOT_SMTP_PASSWORD", "INBOXBOT_IMAP_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    read = configuration(tmp_path)
    assert read.mailbox[0].smtp.username == ""
    missing = [each.place for each in checks.offline(read) if "credential" in each.place]
    assert missing == ["credential imap-password"]


def test_a_mark_that_some_editors_put_first_is_no_fault(tmp_path):
    mark = b"\xef\xbb\xbf"
    path, templates = tmp_path / "config" / "inboxbot.toml", tmp_path / "templates"
    path.parent.mkdir()
    path.write_bytes(mark + EXAMPLE.read_bytes())
    knowledge = EXAMPLE.with_name("knowledge.toml").read_bytes()
    path.with_name("knowledge.toml").write_bytes(mark + knowledge)
    shutil.copytree(EXAMPLE.parents[1] / "templates", templates)
    languages = templates / "languages.toml"
    languages.write_bytes(mark + languages.read_bytes())
    found = checks.offline(config.load(path))
    assert not [each for each in found if "toml" in f"{each.place} {each.text}"]


def test_a_file_of_authorities_that_no_server_can_be_checked_with_is_a_problem(tmp_path):
    (tmp_path / "empty.pem").touch()
    path = tmp_path / "inboxbot.toml"
    text = CONFIGURATION.replace(
        "[mailbox.smtp]", f'ca_file = "{tmp_path}/none.pem"\n[mailbox.smtp]'
    )
    path.write_text(text.replace("[replies]", f'ca_file = "{tmp_path}/empty.pem"\n[replies]'))
    found = {each.place: each.text for each in checks.offline(config.load(path))}
    assert "cannot be read (No such file" in found["mailbox[0].imap.ca_file"]
    assert "no certificate in" in found["mailbox[0].smtp.ca_file"]
    trustme.CA().cert_pem.write_to_path(tmp_path / "empty.pem")
    path.write_text(path.read_text().replace("none.pem", "empty.pem"))
    assert "ca_file" not in str(checks.offline(config.load(path)))
