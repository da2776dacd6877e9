"""What an administrator sees while working on a template: checks, differences, what-if.

Pure. Nothing here is sent or saved.
"""

import re
from collections.abc import Iterable
from dataclasses import fields
from difflib import SequenceMatcher
from enum import StrEnum

from inboxbot.counted import counted
from inboxbot.errors import TemplateError
from inboxbot.frozen import dataclass
from inboxbot.reply import checks, markup, template
from inboxbot.reply.checks import PartProblem, Source
from inboxbot.reply.language import Language
from inboxbot.reply.samples import SAMPLES
from inboxbot.reply.template import RIGHT_TO_LEFT, Filled, Variables


class Verdict(StrEnum):
    """How a check came out: an error keeps a template from being published."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the list of checks."""

    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """A value that a template may use, for the list beside the editor."""

    name: str
    help: str
    example: str
    may_be_empty: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a difference: `same`, `removed` or `added`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a draft would have made of one letter; `error` says why it could not be filled."""

    letter: int
    before: str
    after: str
    error: str = ""

    @property
    def changed(self) -> bool:
        """Say whether the writer would have received other words."""
        return self.before != self.after


def values() -> tuple[Value, ...]:
    """Return everything that a template may use, in the order of the contract."""
    return tuple(
        Value(
            variable.name,
            str(variable.metadata["help"]),
            str(variable.metadata["example"]),
            variable.default in ("", False),
        )
        for variable in fields(Variables)
    )


def preview(language: str, source: Source, variables: Variables) -> Filled:
    """Return what one person would receive, the HTML as a whole document.

    Raises `TemplateError` where the source cannot be filled.
    """
    filled = template.render(source.text, variables, html=source.html, language=language)
    page = markup.page((filled.html, language, language in RIGHT_TO_LEFT))
    return Filled(filled.subject, filled.text, page)


def look_over(name: str, language: Language, source: Source) -> tuple[Check, ...]:
    """Return the list of checks: problems first, then advice, then what is well."""
    found = checks.problems(name, language, source)
    if found:
        return tuple(Check(Verdict.ERROR, _sentence(problem)) for problem in found)
    filled = template.render(source.text, SAMPLES[0].variables, language=language.code)
    links = len(set(re.findall(r"https?://\S+", filled.text)))
    count = len(filled.text.split())
    well = [
        "It has a text part and a subject that tells nothing.",
        f"It reads well for all {len(SAMPLES)} sample people.",
        "The guard finds no dose, no instruction, no promise and no diagnosis.",
        f"It has {counted('{} word', '{} words', count)}"
        f" and {counted('{} link', '{} links', links)}.",
    ]
    if language.code == "en":
        well.append(f"Its reading grade is {checks.reading_grade(filled.text):.1f}.")
    advice = checks.advice(name, language, source)
    return (
        *(Check(Verdict.WARNING, sentence) for sentence in advice),
        *(Check(Verdict.OK, sentence) for sentence in well),
    )


def fixed(source: str, problem: template.TemplateProblem) -> str | None:
    """Return the source with "Did you mean …?" followed at the problem's place, or None."""
    meant = re.fullmatch(r"Did you mean (?:\{% )?(\w+)(?: %\})?\?", problem.suggestion)
    lines = source.split("\n")
    if meant is None or problem.line > len(lines):
        return None
    line = lines[problem.line - 1]
    start = problem.column - 1
    wrong = re.compile(r"(\|?\s*)(\w+)").match(line, start)
    if wrong is None:
        return None
    lines[problem.line - 1] = line[: wrong.start(2)] + meant[1] + line[wrong.end(2) :]
    return "\n".join(lines)


def difference(before: str, after: str) -> tuple[tuple[Piece, ...], ...]:
    """Return the difference line by line, changed lines word by word."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[tuple[Piece, ...]] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [(Piece("same", line),) for line in old[a:b]]
        elif tag == "replace" and b - a == d - c:
            lines += [_words(x, y) for x, y in zip(old[a:b], new[c:d], strict=True)]
        else:
            lines += [(Piece("removed", line),) for line in old[a:b]]
            lines += [(Piece("added", line),) for line in new[c:d]]
    return tuple(lines)


def what_if(
    language: str, live: Source | None, draft: Source, people: Iterable[tuple[int, Variables]]
) -> tuple[Change, ...]:
    """Return, for letters that came in, what they got and what the draft would have said."""
    changes = []
    for letter, variables in people:
        before = _said(language, live, variables) if live else ""
        try:
            changes.append(Change(letter, before, _said(language, draft, variables)))
        except TemplateError as error:
            changes.append(Change(letter, before, "", str(error)))
    return tuple(changes)


def _said(language: str, source: Source, variables: Variables) -> str:
    filled = template.render(source.text, variables, html=source.html, language=language)
    return f"Subject: {filled.subject}\n\n{filled.text}"


def _sentence(found: PartProblem) -> str:
    problem = found.problem
    part = "HTML, " if found.part == "html" else ""
    hint = f" {problem.suggestion}" if problem.suggestion else ""
    return f"{part}line {problem.line}, column {problem.column}: {problem.message}{hint}"


def _words(before: str, after: str) -> tuple[Piece, ...]:
    old, new = re.findall(r"\s+|\S+", before), re.findall(r"\s+|\S+", after)
    pieces = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(old[a:b])))
            continue
        if b > a:
            pieces.append(Piece("removed", "".join(old[a:b])))
        if d > c:
            pieces.append(Piece("added", "".join(new[c:d])))
    return tuple(pieces)
