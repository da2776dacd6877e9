"""The templates folder: what is sent. A broken file never takes effect.

Each file is looked at again when its time or size has changed. One that cannot be used
leaves the last good version in use and raises an alarm; one that is missing falls back to
the built-in template. So an administrator may edit the files by hand at any moment.
"""

import time
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Self

from inboxbot.counted import counted
from inboxbot.errors import GuardError, Problem, TemplateError
from inboxbot.frozen import dataclass
from inboxbot.reply import checks, guard, markup, template
from inboxbot.reply.checks import Source
from inboxbot.reply.folder import (
    ALL_NAMES,
    LANGUAGES_FILE,
    FileProblem,
    languages_of,
    paths,
    read,
    replace,
    shipped_templates,
    signature,
)
from inboxbot.reply.language import BUILT_IN, Language
from inboxbot.reply.template import NAMES, RIGHT_TO_LEFT, Filled, Variables

SETTLE_S = 2.0
"""A file younger than this may be half written: the last good version stays in use."""

_SEPARATOR = "* * *"
_SHORT_FOR = {"urgent": "short_urgent", "bereavement": "short_bereavement"}


@dataclass(frozen=True, slots=True)
class Rendered:
    """An acknowledgement, ready to be composed. `version` names the sources it came from."""

    subject: str
    text: str
    html: str
    name: str
    language: str
    version: str


@dataclass(slots=True)
class _Slot:
    """What we know of one template: the files as last seen, the source in use, its problems."""

    signature: tuple[object, ...] = ()
    source: Source | None = None
    problems: tuple[FileProblem, ...] = ()
    built_in: bool = False


@lru_cache(maxsize=64)
def version_of(source: Source) -> str:
    """Return the name of a version: the same sources always give the same one."""
    return sha256(f"{source.text}\0{source.html}".encode()).hexdigest()[:12]


def _nothing(name: str, language: str) -> Source | None:
    """Remember no earlier version: what a library without a database does."""
    del name, language
    return None


class Library:
    """The acknowledgements in all their languages, from a folder or built in.

    `enabled` are the languages that may be sent alone; without it, those that are reviewed.
    `elsewhere` are further ones, which some mailbox sends alone.
    `recall` gives the last version that was good, for a file that is broken at the start;
    `slots` is what another library has read of the same folder.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        enabled: frozenset[str] | None = None,
        elsewhere: frozenset[str] = frozenset(),
        default_language: str = BUILT_IN,
        recall: Callable[[str, str], Source | None] = _nothing,
        clock: Callable[[], float] = time.time,
        slots: "dict[tuple[str, str], _Slot] | None" = None,
    ) -> None:
        self.shipped = shipped_templates()
        self.folder = folder or self.shipped
        self._enabled = enabled
        self._elsewhere = elsewhere
        self._default = default_language
        self._recall = recall
        self._clock = clock
        # Of the letters of one day, most get the very same words.
        self._filled = lru_cache(maxsize=64)(_filled)
        self._slots: dict[tuple[str, str], _Slot] = {} if slots is None else slots
        self._languages_file = self.folder / LANGUAGES_FILE
        self._languages_signature: tuple[object, ...] = ()
        self._all_languages: tuple[Language, ...] = ()
        self._languages: dict[str, Language] = {}
        self._languages_problem: tuple[FileProblem, ...] = ()

    def answering_in(self, enabled: frozenset[str] | None, default_language: str) -> Self:
        """Return the same templates for a mailbox, with the languages that it answers in.

        What was read of the files is shared: each is looked at once.
        """
        return type(self)(
            self.folder,
            enabled=enabled,
            default_language=default_language,
            recall=self._recall,
            clock=self._clock,
            slots=self._slots,
        )

    def languages(self) -> tuple[Language, ...]:
        """Return all languages that the folder or the program itself has, with their marks."""
        path = self._languages_file
        now = signature(path)
        if self._languages and now == self._languages_signature:
            return self._all_languages
        self._languages_signature = now
        built_in = languages_of(self.shipped / LANGUAGES_FILE)
        try:
            mine = languages_of(path) if path.exists() else built_in
            self._languages_problem = ()
        except (OSError, ValueError) as error:
            mine = tuple(self._languages.values()) or built_in
            where = (getattr(error, "lineno", 1) or 1, getattr(error, "colno", 1) or 1)
            self._languages_problem = (FileProblem(LANGUAGES_FILE, *where, str(error)),)
        found = {language.code: language for language in (*built_in, *mine)}
        self._all_languages = tuple(found.values())
        self._languages = found  # Last: another thread may look meanwhile.
        return self._all_languages

    def enabled(self) -> frozenset[str]:
        """Return the languages that are sent alone; the default and the built-in always are."""
        reviewed = frozenset(lang.code for lang in self.languages() if lang.reviewed)
        chosen = reviewed if self._enabled is None else self._enabled
        return chosen | self._elsewhere | {self._default, BUILT_IN}

    def written_in(self, language: str) -> str:
        """Return the language that the letter itself is in: dates in it are written so too."""
        return language if language in self.enabled() else self._default

    def available(self) -> frozenset[str]:
        """Return the languages that can be answered: alone, or by their short note."""
        return frozenset(
            language.code
            for language in self.languages()
            if language.code in self.enabled() or self.source("short", language.code)[0]
        )

    def render(self, name: str, language: str, variables: Variables) -> Rendered:
        """Return the acknowledgement `name` for a reader of `language`.

        A language that is not switched on gets its short note and the default language's
        text below it. Raises TemplateError when nothing usable is there or when the guard
        refuses what came out; the letter is held then.
        """
        if name not in NAMES:
            raise TemplateError(f"There is no template “{name}”.")
        if language in self.enabled():
            source, used = self._needed(name, language)
            filled = self._fill(source, used, variables)
            page = markup.page((filled.html, used, used in RIGHT_TO_LEFT))
            return Rendered(filled.subject, filled.text, page, name, used, version_of(source))
        return self._in_two_languages(name, language, variables)

    def _in_two_languages(self, name: str, language: str, variables: Variables) -> Rendered:
        source, used = self._needed(name, self._default)
        filled = self._fill(source, used, variables)
        note = self.source(_SHORT_FOR.get(name, "short"), language)[0]
        if note is None:
            page = markup.page((filled.html, used, used in RIGHT_TO_LEFT))
            return Rendered(filled.subject, filled.text, page, name, used, version_of(source))
        first = self._fill(note, language, variables)
        page = markup.page(
            (first.html, language, language in RIGHT_TO_LEFT),
            (f"<hr>\n{filled.html}", used, used in RIGHT_TO_LEFT),
        )
        return Rendered(
            f"{first.subject} / {filled.subject}",
            f"{first.text}\n{_SEPARATOR}\n\n{filled.text}",
            page,
            name,
            language,
            f"{version_of(note)}+{version_of(source)}",
        )

    def _fill(self, source: Source, language: str, variables: Variables) -> Filled:
        filled, words = self._filled(source, language, variables)
        if guard.violations(checks.our_words(words, variables), language):
            raise GuardError("The guard refuses what the template says.")
        return filled

    def _needed(self, name: str, language: str) -> tuple[Source, str]:
        """Return the source for a language, else for the default, else the built-in."""
        for code in dict.fromkeys((language, self._default, BUILT_IN)):
            source, _ = self.source(name, code)
            if source is not None:
                return source, code
        raise TemplateError(f"No template “{name}” can be used.")

    def source(self, name: str, language: str) -> tuple[Source | None, bool]:
        """Return the source in use (None: there is none), and whether it is the built-in one."""
        slot = self._slots.setdefault((name, language), _Slot())
        both = paths(self.folder, name, language)
        now = tuple(signature(path) for path in both)
        if slot.signature and now == slot.signature:
            return slot.source, slot.built_in
        known = None if slot.built_in else slot.source
        if self._unsettled(both) and (known := known or self._recall(name, language)):
            slot.source, slot.built_in = known, False
            return known, False  # Looked at again next time: the signature is not kept.
        found, problems = read(self.folder, name, self.language(language))
        slot.problems = problems
        if found is not None:
            slot.source, slot.built_in = found, self.folder == self.shipped
        elif problems and (known := known or self._recall(name, language)):
            slot.source, slot.built_in = known, False
        else:
            slot.source, slot.built_in = self.built_in(name, language), True
        slot.signature = now  # Last: until then another thread looks for itself.
        return slot.source, slot.built_in

    def _unsettled(self, both: tuple[Path, Path]) -> bool:
        for path in both:
            try:
                if 0 <= self._clock() - path.stat().st_mtime < SETTLE_S:
                    return True
            except OSError:
                continue
        return False

    def built_in(self, name: str, language: str) -> Source | None:
        """Return the template that comes with the program, or None where there is none."""
        return read(self.shipped, name, self.language(language))[0]

    def language(self, code: str) -> Language:
        """Return a language; one that nobody knows has no name and is not reviewed."""
        self.languages()
        return self._languages.get(code, Language(code, code, code, reviewed=False))

    def alarms(self) -> tuple[Problem, ...]:
        """Return what is broken in the folder now, each with its place; empty is well."""
        return tuple(
            Problem(f"{p.file}:{p.line}:{p.column}", f"{p.message} {p.suggestion}".strip())
            for p in self.check()
        )

    def check(self) -> tuple[FileProblem, ...]:
        """Return every problem of every file in the folder, as it stands now."""
        found: list[FileProblem] = []
        for language in self.languages():
            for name in ALL_NAMES:
                self.source(name, language.code)
                found += self._slots[name, language.code].problems
        return tuple(sorted({*found, *self._languages_problem, *self._strangers()}))

    def matrix(self) -> dict[tuple[str, str], str]:
        """Return for each name and language: `own`, `built_in`, `broken` or `missing`."""
        self.check()
        cells = {}
        for (name, language), slot in self._slots.items():
            state = "built_in" if slot.built_in else "own"
            if slot.source is None:
                state = "missing"
            cells[name, language] = "broken" if slot.problems else state
        return cells

    def _strangers(self) -> list[FileProblem]:
        """Find files that no rule would ever send: a wrong name is a silent failure."""
        found = []
        codes = {language.code for language in self.languages()}
        for path in sorted(self.folder.glob("*/*")):
            if path.is_dir() or path.name.startswith("."):
                continue
            name, _, suffix = path.name.partition(".")
            file = str(path.relative_to(self.folder))
            if path.parent.name not in codes:
                message = f"“{path.parent.name}” is not in {LANGUAGES_FILE}."
                found.append(FileProblem(file, 1, 1, message, "Add its section there."))
            elif suffix not in ("txt.j2", "html.j2") or name not in ALL_NAMES:
                near = get_close_matches(name, ALL_NAMES, 1)
                hint = f"Did you mean {near[0]}.txt.j2?" if near else ""
                found.append(FileProblem(file, 1, 1, "No reply has this name.", hint))
        return found

    def save(self, name: str, language: str, source: Source) -> None:
        """Write a template into the folder, all of it or nothing; raises TemplateError.

        The checks run first, so a broken template never gets there by this door.
        """
        found = checks.problems(name, self.language(language), source)
        if found:
            raise TemplateError(
                counted(
                    "The template has {} problem and was not saved.",
                    "The template has {} problems and was not saved.",
                    len(found),
                )
            )
        text, page = paths(self.folder, name, language)
        try:
            text.parent.mkdir(parents=True, exist_ok=True)
            if source.html is None:
                page.unlink(missing_ok=True)
            else:
                replace(page, source.html)
            replace(text, source.text)
        except OSError as error:
            raise TemplateError(f"The template cannot be written: {error.strerror}.") from error
        # Written whole by us just now: no need to wait until it settles.
        slot = self._slots.setdefault((name, language), _Slot())
        slot.source, slot.built_in, slot.problems = source, False, ()
        slot.signature = tuple(signature(path) for path in (text, page))


def _filled(source: Source, language: str, variables: Variables) -> tuple[Filled, str]:
    """Return a filled template, and all its words for the guard."""
    filled = template.render(source.text, variables, html=source.html, language=language)
    words = f"{filled.subject}\n\n{filled.text}"
    if source.html is not None:
        words += f"\n\n{markup.words(filled.html)}"
    return filled, words
