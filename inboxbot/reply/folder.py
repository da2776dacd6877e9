"""Template files on disk: read with every problem's place, written whole or not at all."""

import os
import tempfile
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from inboxbot.errors import TemplateError
from inboxbot.reply import checks, template
from inboxbot.reply.checked import checked, fingerprint
from inboxbot.reply.checks import Source
from inboxbot.reply.language import Language, read_languages
from inboxbot.reply.source import MAX_SOURCE, decode

ALL_NAMES = template.NAMES + template.SHORT_NAMES
LANGUAGES_FILE = "languages.toml"


@dataclass(frozen=True, slots=True, order=True)
class FileProblem:
    """A problem in a file of the folder, as `inboxbot template check` prints it."""

    file: str
    line: int
    column: int
    message: str
    suggestion: str = ""


@cache
def shipped_templates() -> Path:
    """Return the built-in templates: inside the installed package, else beside it."""
    package = Path(str(files("inboxbot")))
    inside = package / "shipped" / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def check_file(path: Path, language: Language | None = None) -> tuple[FileProblem, ...]:
    """Return the problems of one file anywhere; its name says which template it is."""
    name = path.name.partition(".")[0]
    part = "html" if path.name.endswith(".html.j2") else "text"
    text, found = _read_text(path)
    problems = [FileProblem(str(path), p.line, p.column, p.message, p.suggestion) for p in found]
    if problems:
        return tuple(problems)
    code = language or Language(
        path.parent.name if len(path.parent.name) == 2 else "en", "", "", reviewed=False
    )
    if part == "html":
        plain = template.problems(text, html=True, name=name)
        return tuple(
            FileProblem(str(path), p.line, p.column, p.message, p.suggestion) for p in plain
        )
    return tuple(
        FileProblem(
            str(path), p.problem.line, p.problem.column, p.problem.message, p.problem.suggestion
        )
        for p in checks.problems(name, code, Source(text))
    )


@lru_cache(maxsize=512)
def paths(folder: Path, name: str, language: str) -> tuple[Path, Path]:
    """Return where a template's text and its HTML lie; a language is letters only."""
    if not language.replace("-", "").isalnum():
        raise TemplateError("That is not a language.")
    return folder / language / f"{name}.txt.j2", folder / language / f"{name}.html.j2"


def signature(path: Path) -> tuple[int, ...]:
    """Return what changes when a file does; a negative number where it cannot be seen."""
    try:
        status = path.stat()
    except OSError as error:
        return (-(error.errno or 1),)
    return (status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns)


def languages_of(path: Path) -> tuple[Language, ...]:
    """Read a languages file; raises OSError or ValueError with a sentence."""
    return read_languages(path.read_text("utf-8-sig"))


def _read_text(path: Path) -> tuple[str, tuple[template.TemplateProblem, ...]]:
    try:
        with path.open("rb") as file:
            raw = file.read(4 * MAX_SOURCE + 1)
    except OSError as error:
        message = f"The file cannot be read: {error.strerror}."
        return "", (template.TemplateProblem(1, 1, message, "Look at its owner and its mode."),)
    return decode(raw[: 4 * MAX_SOURCE])


def read(
    folder: Path, name: str, language: Language
) -> tuple[Source | None, tuple[FileProblem, ...]]:
    """Read one template; None without a problem: it is not there."""
    text_path, html_path = paths(folder, name, language.code)
    names = {"text": str(text_path.relative_to(folder)), "html": str(html_path.relative_to(folder))}
    if not os.path.lexists(text_path):
        if os.path.lexists(html_path):
            message = "There is no text part beside it."
            return None, (FileProblem(names["html"], 1, 1, message, f"Write {text_path.name}."),)
        return None, ()
    text, found = _read_text(text_path)
    problems = [("text", p) for p in found]
    page = None
    if os.path.lexists(html_path):
        page, found = _read_text(html_path)
        problems += [("html", p) for p in found]
    source = Source(text, page)
    if not problems and fingerprint(name, language, source) not in checked(shipped_templates()):
        problems = [(p.part, p.problem) for p in checks.problems(name, language, source)]
    if problems:
        return None, tuple(
            FileProblem(names[part], p.line, p.column, p.message, p.suggestion)
            for part, p in problems
        )
    return source, ()


def replace(path: Path, text: str) -> None:
    """Replace the file in one step, so that no reader and no power cut sees half of it."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=".", delete=False) as file:
        try:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(mode)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
