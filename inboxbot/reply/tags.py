"""Where the tags of a reply template stand, and whether they close each other.

Pure. A finding is (position, sentence, suggestion).
"""

import re
from collections.abc import Iterator

from inboxbot.frozen import dataclass

MAX_DEPTH = 8
STATEMENTS = ("if", "elif", "else", "endif")

_DELIMITER = re.compile(r"\{\{|\{%|\{#|\}\}|%\}|#\}")
_CLOSER = {"{{": "}}", "{%": "%}", "{#": "#}"}
_INSIDE = re.compile(r"[\"']|\{\{|\{%|\{#|\}\}|%\}")


@dataclass(frozen=True, slots=True)
class Tag:
    """One `{{ }}`, `{% %}` or `{# #}`; `start` is its place, `inner` begins at `inner_start`."""

    opener: str
    start: int
    inner_start: int
    inner: str
    end: int


def find_tags(source: str) -> tuple[list[Tag], list[tuple[int, str, str]]]:
    """Find all tags; a tag that is never closed is a problem and ends where the next begins."""
    tags: list[Tag] = []
    found: list[tuple[int, str, str]] = []
    at = 0
    while match := _DELIMITER.search(source, at):
        opener, at = match.group(), match.end()
        if opener not in _CLOSER:
            start = next(key for key, value in _CLOSER.items() if value == opener)
            hint = f"Put {start} before the value, or delete {opener}."
            found.append((match.start(), f"“{opener}” closes nothing.", hint))
            continue
        end, quote = _end_of_tag(source, opener, at)
        if quote >= 0:
            found.append((quote, "This quotation mark is never closed.", "Close it."))
        if end < 0:
            message = f"“{opener}” is never closed."
            found.append((match.start(), message, f"Put {_CLOSER[opener]} after it."))
            if opener == "{#":
                break
            continue
        if quote < 0:
            tags.append(Tag(opener, match.start(), at, source[at:end], end + 2))
        at = end + 2
    return tags, found


def _end_of_tag(source: str, opener: str, at: int) -> tuple[int, int]:
    """Return where the closer is (-1 if nowhere), and where a quotation mark hangs (or -1)."""
    if opener == "{#":
        return source.find("#}", at), -1
    for match in _INSIDE.finditer(source, at):
        if match.start() < at:
            continue
        mark = match.group()
        if mark in "\"'":
            line_end = source.find("\n", match.end())
            close = source.find(mark, match.end(), line_end if line_end >= 0 else len(source))
            if close < 0:
                end = source.find(_CLOSER[opener], match.end())
                return end, match.start()
            at = close + 1
        elif mark == _CLOSER[opener]:
            return match.start(), -1
        else:
            break
    return -1, -1


def split(tag: Tag) -> tuple[str, str, int]:
    """Return a statement's first word, the rest, and where the rest begins in the source."""
    bare = tag.inner.lstrip("-+").lstrip()
    word = re.split(r"[\s(]", bare, maxsplit=1)[0]
    at = len(tag.inner) - len(bare) + len(word)
    return word.rstrip("-+"), tag.inner[at:].rstrip().rstrip("-+"), tag.inner_start + at


def structure_problems(tags: list[Tag]) -> Iterator[tuple[int, str, str]]:
    """Check that each {% if %} is closed, and that nothing else stands without one."""
    open_ifs: list[tuple[int, bool]] = []
    for tag in tags:
        word = split(tag)[0] if tag.opener == "{%" else ""
        if word == "if":
            open_ifs.append((tag.start, False))
            if len(open_ifs) == MAX_DEPTH + 1:
                yield tag.start, f"More than {MAX_DEPTH} {{% if %}} inside each other.", ""
        elif word in STATEMENTS and not open_ifs:
            yield tag.start, f"“{word}” has no {{% if %}} before it.", "Delete it, or add the if."
        elif word in ("else", "elif"):
            start, had_else = open_ifs.pop()
            if had_else:
                yield tag.start, f"“{word}” comes after the {{% else %}}.", "Delete one of them."
            open_ifs.append((start, had_else or word == "else"))
        elif word == "endif":
            open_ifs.pop()
    for start, _ in open_ifs:
        yield start, "This {% if %} is never closed.", "Put {% endif %} where it ends."
