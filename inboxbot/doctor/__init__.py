"""Everything that can be known to be wrong, also by asking the servers: PASS, WARN or FAIL.

No mail is sent and nothing is changed. Each finding says what was found and what to do.
"""

from collections.abc import Iterator
from datetime import datetime

from inboxbot import checks, domain_records
from inboxbot.config import Config
from inboxbot.doctor import database, machine, servers
from inboxbot.doctor.finding import Finding, Level
from inboxbot.errors import ConfigError

__all__ = ["Finding", "Level", "examine", "of_configuration"]


def of_configuration(error: ConfigError) -> Iterator[Finding]:
    """Yield the findings where the configuration cannot be used: nothing else can be asked."""
    for problem in error.problems:
        yield Finding(Level.FAIL, problem.place, problem.text, "Then run `inboxbot check`.")


def examine(configuration: Config, now: datetime) -> Iterator[Finding]:
    """Yield every finding, the quick ones first."""
    yield from _offline(configuration)
    yield from machine.of_machine(configuration, now)
    yield from database.of_database(configuration, now)
    for box in configuration.mailbox:
        yield from servers.of_mailbox(box, configuration, now)
    for domain in dict.fromkeys(box.address.partition("@")[2] for box in configuration.mailbox):
        yield from _domain(domain)


def _offline(configuration: Config) -> Iterator[Finding]:
    problems = checks.offline(configuration)
    for problem in problems:
        yield Finding(Level.FAIL, problem.place, problem.text)
    if not problems:
        yield Finding(Level.PASS, "configuration", "Settings, templates and files are in order.")


def _domain(domain: str) -> Iterator[Finding]:
    try:
        for hint in domain_records.hints(domain):
            level = Level.PASS if hint.well else Level.WARN
            yield Finding(level, f"DNS {hint.record}", hint.found, hint.fix)
    except domain_records.Unanswered:
        yield Finding(
            Level.WARN,
            "DNS",
            f"No name server answered, so the records of {domain} were not looked at.",
            "Look again when DNS is there.",
        )
