"""The settings that are in force, for the page that shows them: value, default, and what it means.

The file is the truth: a page changes none of them. What each means is said once, in the example
configuration that comes with the program. No secret is among them: the file holds none.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal, get_origin

from pydantic import BaseModel

from inboxbot import assembly
from inboxbot.config import Config, Mailbox
from inboxbot.frozen import dataclass
from inboxbot.reply.folder import shipped_templates
from inboxbot.store.retention import Rules

_SECTION = re.compile(r"\[\[?([a-z._]+)\]\]?(?:\s+#\s*(.*))?\Z")
_SETTING = re.compile(r"(?:# )?([a-z_]+) = (?:\"[^\"]*\"|[^#\"]*?)\s*(?:#\s*(.*))?\Z")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its key in the file, its value as the file would have it, and the default.

    `words` are the free texts in it: names, addresses, servers, whatever somebody wrote.
    """

    key: str
    value: str
    default: str | None
    meaning: str
    words: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Say whether it differs from the default."""
        return self.default is not None and self.value != self.default

    @property
    def is_plain(self) -> bool:
        """Say whether it tells nothing of anybody: a number, a choice, or the default."""
        return not self.words or self.value == self.default


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the file, such as `[replies]`, or one of several `[[mailbox]]`."""

    name: str
    of: str
    meaning: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """The configuration as this process read it, and what follows from it for erasing by age."""

    file: Path
    read_at: datetime
    sections: tuple[Section, ...]
    retention: Rules
    backups: Path
    backups_kept_weeks: int
    own_addresses: frozenset[str]
    own_domains: frozenset[str]
    told: frozenset[str]

    def is_ours(self, address: str) -> bool:
        """Say whether an address is one of our own people's: only they get test mails."""
        local, at, domain = address.lower().rpartition("@")
        if not local or not at or any(c.isspace() or c in '<>,;"' for c in address):
            return False
        # The mailbox itself would take the mail for a letter.
        if address.lower() in self.own_addresses:
            return False
        return domain in self.own_domains or address.lower() in self.told

    def changed_since(self) -> bool:
        """Say whether the file was written, or removed, after this process had read it."""
        try:
            return self.file.stat().st_mtime > self.read_at.timestamp()
        except OSError:
            return True


def in_force(configuration: Config, *, read_at: datetime) -> InForce:
    """Return what the pages say of a configuration."""
    boxes = configuration.mailbox
    return InForce(
        file=configuration.source.resolve(),
        read_at=read_at,
        sections=sections(configuration),
        retention=assembly.retention_rules(configuration),
        backups=configuration.backup_path,
        backups_kept_weeks=configuration.backup.keep_weekly,
        own_addresses=frozenset(each for box in boxes for each in (box.address, *box.aliases)),
        own_domains=frozenset(domain for box in boxes for domain in box.own_domains),
        told=frozenset(configuration.alerts.to),
    )


def sections(configuration: Config) -> tuple[Section, ...]:
    """Return every section of a configuration with its settings, in the order of the file."""
    found = [_section("organisation", configuration.organisation)]
    for box in configuration.mailbox:
        found.append(_section("mailbox", box, of=box.name))
        for part in ("imap", "smtp", "oauth"):
            inner = getattr(box, part)
            if part != "oauth" or box.uses_tokens:
                found.append(_section(f"mailbox.{part}", inner, of=box.name))
        if box.replies.model_fields_set:
            found.append(_own_replies(configuration, box))
    for name in Config.model_fields:
        value = getattr(configuration, name)
        if isinstance(value, BaseModel) and name != "organisation":
            found.append(_section(name, value))
    return tuple(found)


def _own_replies(configuration: Config, box: Mailbox) -> Section:
    """Return what a mailbox says for itself; the default is what `[replies]` says for all."""
    section, said = _section("mailbox.replies", box.replies, of=box.name), meanings()
    settings = tuple(
        replace(
            each,
            default=_written(getattr(configuration.replies, each.key)),
            meaning=said.get(("replies", each.key), ""),
        )
        for each in section.settings
        if each.key in box.replies.model_fields_set
    )
    return replace(section, settings=settings)


def _section(name: str, values: BaseModel, *, of: str = "") -> Section:
    said = meanings()
    settings = tuple(
        Setting(
            key,
            _written(getattr(values, key)),
            None if field.is_required() else _written(field.get_default()),
            said.get((name, key), ""),
            () if get_origin(field.annotation) is Literal else tuple(_words(getattr(values, key))),
        )
        for key, field in type(values).model_fields.items()
        if not isinstance(getattr(values, key), BaseModel)
    )
    return Section(name, of, said.get((name, ""), ""), settings)


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _words(each)


def _written(value: object) -> str:
    """Return a value as one writes it in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_written(each)}" for key, each in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    return str(value)


@cache
def meanings() -> dict[tuple[str, str], str]:
    """Return what the example says of each section (key "") and of each setting."""
    example = shipped_templates().parent / "config" / "inboxbot.example.toml"
    return dict(_explained(example.read_text("utf-8").splitlines()))


def _explained(lines: list[str]) -> Iterator[tuple[tuple[str, str], str]]:
    section = ""
    for line in lines:
        if match := _SECTION.match(line):
            section = match[1]
            yield (section, ""), _said(match[2])
        elif section and (match := _SETTING.match(line)):
            yield (section, match[1]), _said(match[2])


def _said(comment: str | None) -> str:
    """Return a comment as it reads outside of a file: without the marks of code."""
    return re.sub(r"`([^`]*)`", "“\\1”", comment or "")
