"""One template as an administrator works on it: what is sent, their draft, what is wrong.

Built anew for every page and never changed; looking stores nothing.
"""

import re
from collections.abc import Mapping
from typing import Any

from flask import abort

from inboxbot import rehearsal
from inboxbot.acknowledge import Acknowledger
from inboxbot.errors import TemplateError
from inboxbot.frozen import dataclass
from inboxbot.reply import checks, template, workbench
from inboxbot.reply.checks import PartProblem, Source
from inboxbot.reply.folder import ALL_NAMES, FileProblem, paths
from inboxbot.reply.language import Language
from inboxbot.reply.library import Library, version_of
from inboxbot.reply.samples import SAMPLES
from inboxbot.reply.source import MAX_SOURCE, decode
from inboxbot.reply.template import TITLES, VARIABLE_NAMES, Filled, Variables
from inboxbot.reply.workbench import Check, Piece, Verdict
from inboxbot.store import templates
from inboxbot.store.templates import Answered, Draft, Version
from inboxbot.web.site import db, me, now, site
from inboxbot.web.words import _

Changes = list[tuple[str, list[tuple[Piece, ...] | int]]]

PAST = 20


@dataclass(frozen=True, slots=True)
class Bench:
    """A template: `live` is what is sent now, `seen` the number that an edit of it starts from."""

    name: str
    language: Language
    live: Source | None
    built_in: bool
    version: Version | None
    seen: int
    draft: Draft | None

    @property
    def title(self) -> str:
        """Return what the template is called."""
        return f"{_(TITLES[self.name])} · {_(self.language.english)}"

    @property
    def source(self) -> Source:
        """Return what is being edited: the draft, else what is sent."""
        if self.draft is not None:
            return Source(self.draft.text, self.draft.html)
        return self.live or Source("")

    @property
    def based_on(self) -> int:
        """Return the version that the edit started from; 0: none."""
        return self.draft.based_on if self.draft is not None else self.seen

    @property
    def moved(self) -> bool:
        """Say whether another version went live while this draft was written."""
        return self.draft is not None and self.draft.based_on != self.seen

    @property
    def at(self) -> dict[str, Any]:
        """Return what an address of the template names."""
        return {"name": self.name, "language": self.language.code}


@dataclass(frozen=True, slots=True)
class Found:
    """A problem as the editor shows it: its line, and whether one click mends it."""

    part: str
    line: int
    column: int
    message: str
    suggestion: str
    before: str
    after: str
    fix: str


def library() -> Library:
    """Return the templates; without them the app has no such pages."""
    return acknowledger().library


def acknowledger() -> Acknowledger:
    """Return what fills templates for letters."""
    found = site().acknowledger
    if found is None:
        abort(404)
    return found


def bench(name: str, language: str) -> Bench:
    """Return a template to work on, or answer that there is none."""
    shelf = library()
    if name not in ALL_NAMES or language not in {known.code for known in shelf.languages()}:
        abort(404)
    live, built_in = shelf.source(name, language)
    version = templates.live(db(), name, language)
    seen = version.number if version else 0
    if (
        live is not None
        and not built_in
        and (not version or version.fingerprint != version_of(live))
    ):
        # Edited in the folder a moment ago: this is the number that it is about to get.
        history = templates.history(db(), name, language)
        seen = history[0].number + 1 if history else 1
    return Bench(
        name=name,
        language=shelf.language(language),
        live=live,
        built_in=built_in,
        version=version,
        seen=seen,
        draft=templates.draft_of(db(), name, language, me().name),
    )


def may_publish() -> bool:
    """Say whether there is a folder of our own to write into."""
    return library().folder != library().shipped


def broken(here: Bench) -> tuple[FileProblem, ...]:
    """Return what is wrong with the template's files in the folder."""
    files = {f"{here.language.code}/{here.name}.{part}.j2" for part in ("txt", "html")}
    return tuple(problem for problem in library().check() if problem.file in files)


def file_text(here: Bench) -> Source | None:
    """Return what stands in a broken file, to be mended here; None where it cannot be read."""
    parts = []
    for path in paths(library().folder, here.name, here.language.code):
        try:
            text, wrong = decode(path.read_bytes()[: 2 * MAX_SOURCE])
        except OSError:
            text, wrong = "", ()
        if wrong:
            return None
        parts.append(text)
    return Source(parts[0], parts[1] or None) if any(parts) else None


def problems(here: Bench, source: Source) -> list[Found]:
    """Return every problem of a source with its line and, where there is one, its mend."""
    found = []
    for each in checks.problems(here.name, here.language, source):
        text = source.text if each.part == "text" else source.html or ""
        problem = each.problem
        line = text.split("\n")[min(problem.line, text.count("\n") + 1) - 1]
        cut = max(problem.column - 1, 0)
        found.append(
            Found(
                part=each.part,
                line=problem.line,
                column=problem.column,
                message=problem.message,
                suggestion=problem.suggestion,
                before=line[max(cut - 40, 0) : cut],
                after=line[cut : cut + 60],
                fix=f"{each.part}:{problem.line}:{problem.column}"
                if workbench.fixed(text, problem) is not None
                else "",
            )
        )
    return found


def mended(here: Bench, source: Source, fix: str) -> Source:
    """Return the source with one suggestion followed; as it was where that is gone."""
    for each in checks.problems(here.name, here.language, source):
        if fix == f"{each.part}:{each.problem.line}:{each.problem.column}":
            return _with(source, each)
    return source


def _with(source: Source, each: PartProblem) -> Source:
    if each.part == "html":
        return Source(source.text, workbench.fixed(source.html or "", each.problem) or source.html)
    return Source(workbench.fixed(source.text, each.problem) or source.text, source.html)


def looked_over(here: Bench, source: Source) -> tuple[Check, ...]:
    """Return advice and what is well; nothing while there are problems."""
    found = workbench.look_over(here.name, here.language, source)
    return tuple(check for check in found if check.verdict is not Verdict.ERROR)


def warnings(here: Bench, source: Source) -> list[str]:
    """Return what has to be looked at before a source is published."""
    found = [check.text for check in looked_over(here, source) if check.verdict is Verdict.WARNING]
    if broken(here):
        found.append(_("The file in the folder holds a broken edit; publishing replaces it."))
    return found


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a preview is for, and the values that the template gets for them."""

    key: str
    label: str
    variables: Variables
    letter: int | None = None


def past_letters(here: Bench) -> list[Answered]:
    """Return the letters that a preview can be made for."""
    return rehearsal.letters(db(), library(), here.name, here.language.code, limit=PAST)


def reader(here: Bench, key: str) -> Reader:
    """Return whom a key names: `s3` is a sample person, `m17` a letter; else the first sample."""
    match = re.fullmatch(r"([sm])([0-9]{1,12})", key)
    number = int(match[2]) if match else 0
    if match and match[1] == "m":
        for each in past_letters(here):
            if each.letter == number:
                values = rehearsal.values(
                    db(), acknowledger(), each, here.language.code, site().zone
                )
                if values is not None:
                    return Reader(key, _("letter {}").format(number), values, number)
    if not match or match[1] == "m" or number >= len(SAMPLES):
        number = 0
    return Reader(f"s{number}", SAMPLES[number].label, SAMPLES[number].variables)


def used(source: Source, person: Reader) -> dict[str, object]:
    """Return the values of a person that the source speaks of."""
    words = set(
        re.findall(r"\w+", " ".join(re.findall(r"\{[{%].*?[}%]\}", f"{source.text}{source.html}")))
    )
    return {name: getattr(person.variables, name) for name in VARIABLE_NAMES if name in words}


def preview(here: Bench, source: Source, person: Reader) -> Filled | None:
    """Return what a person would receive; None while the source cannot be filled safely."""
    if template.problems(source.text) or (
        source.html is not None and template.problems(source.html, html=True)
    ):
        return None
    try:
        return workbench.preview(here.language.code, source, person.variables)
    except TemplateError:
        return None


def both_parts(before: Source, after: Source) -> Changes:
    """Return the differences of the text and, where there is one, of the HTML."""
    found = [("text", folded(before.text, after.text))]
    if before.html != after.html:
        found.append(("html", folded(before.html or "", after.html or "")))
    return found


def folded(before: str, after: str, around: int = 2) -> list[tuple[Piece, ...] | int]:
    """Return a difference without what stayed the same; a number says how many lines did."""
    lines = workbench.difference(before, after)
    changed = {at for at, line in enumerate(lines) if any(piece.kind != "same" for piece in line)}
    shown: list[tuple[Piece, ...] | int] = []
    for at, line in enumerate(lines):
        if any(near in changed for near in range(at - around, at + around + 1)):
            shown.append(line)
        elif shown and isinstance(shown[-1], int):
            shown[-1] += 1
        else:
            shown.append(1)
    return shown


def panel(here: Bench, source: Source, person: Reader) -> Mapping[str, Any]:
    """Return what the page says of a source: its problems, its preview, its difference."""
    live = here.live or Source("")
    return {
        "here": here,
        "source": source,
        "person": person,
        "found": problems(here, source),
        "checks": looked_over(here, source),
        "filled": preview(here, source, person),
        "used": used(source, person),
        "changes": both_parts(live, source),
        "same": source == here.live,
        "others": [
            each
            for each in templates.drafts(db(), here.name, here.language.code)
            if each.staff != me().name
        ],
        "present": templates.present(
            db(), here.name, here.language.code, other_than=me().name, now=now()
        ),
    }
