"""Labelled letters: what the classifier learns from and is measured on.

Pure. One JSON object a line, as `data/examples.jsonl` has them.
"""

import functools
import hashlib
import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import resources

from inboxbot.classify.category import Category
from inboxbot.errors import DataError
from inboxbot.frozen import dataclass
from inboxbot.mail.body import own_words
from inboxbot.mail.message import Message

SHIPPED = ("examples.jsonl", "letters.jsonl", "phrases.jsonl", "voices.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledLetter:
    """A letter with what a person says of it.

    `medications` are generic names, or None where nobody has said; `urgent` likewise.
    """

    id: str
    subject: str
    body: str
    label: Category
    lang: str = ""
    urgent: bool | None = None
    medications: tuple[str, ...] | None = None

    @property
    def message(self) -> Message:
        """Return the letter as the classifier gets it: the sender's own words."""
        return Message(subject=self.subject, text=own_words(self.body), full_text=self.body)


def read_lines(lines: Iterable[str]) -> list[LabelledLetter]:
    """Return the labelled letters of JSON lines; empty lines are passed over.

    Raises DataError, naming the line, where one is no labelled letter.
    """
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_letter(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"Line {number} is no labelled letter: it needs `id`, `subject`, `body` and a"
                f" `label` out of {', '.join(Category)}."
            ) from error
    return found


def _letter(entry: dict[str, object]) -> LabelledLetter:
    medications = entry.get("medications")
    urgent = entry.get("urgent")
    return LabelledLetter(
        id=str(entry["id"]),
        subject=str(entry["subject"]),
        body=str(entry["body"]),
        label=Category(str(entry["label"])),
        lang=str(entry.get("lang") or ""),
        urgent=urgent if isinstance(urgent, bool) else None,
        medications=(
            tuple(str(name) for name in medications) if isinstance(medications, list) else None
        ),
    )


@functools.cache
def shipped() -> Sequence[LabelledLetter]:
    """Return the letters that the shipped model was trained on."""
    folder = resources.files("inboxbot.classify").joinpath("data")
    return tuple(
        letter
        for name in SHIPPED
        for letter in read_lines(folder.joinpath(name).read_text("utf-8").splitlines())
    )


@functools.cache
def _courtesies() -> dict[str, tuple[list[str], list[str]]]:
    source = resources.files("inboxbot.classify").joinpath("data/courtesies.toml")
    tables = tomllib.loads(source.read_text("utf-8"))
    return {
        lang: (table["openings"].strip().splitlines(), table["closings"].strip().splitlines())
        for lang, table in tables.items()
    }


def courteous(letter: LabelledLetter, every: int = 3) -> LabelledLetter | None:
    """Return a copy of one letter in `every`, with what people write around what they want.

    Names, numbers and greetings say nothing of the category; the copies teach that. Which
    letters are copied, and how, follows from their id.
    """
    digest = hashlib.sha256(letter.id.encode()).digest()
    around = _courtesies().get(letter.lang)
    if digest[0] % every or around is None:
        return None
    opening = around[0][digest[1] % len(around[0])] if digest[2] % 3 else ""
    closing = around[1][digest[3] % len(around[1])] if digest[4] % 4 else ""
    body = "\n\n".join(filter(None, (opening, own_words(letter.body), closing)))
    return replace(letter, id=f"{letter.id}+", body=body)
