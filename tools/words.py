"""Gather the texts of the review app for translators, and compile what they wrote.

`make words` runs it. It writes `inboxbot/web/locale/inboxbot.pot`, brings every `.po` beside it
up to date, and compiles each into the `.mo` that the wheel carries. Texts come from three places:
calls of `_`, `n_` and `counted`, the tables of words that the pages look into, and the other
sentences that the core says, which knows of no translation: they are recognised by their form.
"""

import ast
import io
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from inboxbot.reply import language, workbench
from inboxbot.reply.language import read_languages
from inboxbot.reply.samples import SAMPLES
from inboxbot.reply.template import TITLES
from inboxbot.web import in_force, keys, languages, settings, templates, words

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "inboxbot"
LOCALE = PROGRAM / "web" / "locale"
KEYWORDS = {"_": None, "n_": (1, 2)}

# What only the command line or a mail says, and what is no text for people.
NOT_SHOWN = (
    *("__main__", "checks", "doctor", "domain_records", "events", "exporting", "history", "lock"),
    *("memory", "metrics", "announce", "learning", "promotion", "own_address", "faults"),
    *("cli", "config", "demo", "web", "store/migrations", "mail/consent"),
    *("classify/__main__", "classify/train", "classify/evaluate", "classify/comparison"),
    *("classify/crossing", "classify/letters", "classify/writer", "classify/encoder"),
)
# Their texts are parts of sentences, too: every one of several words counts.
PHRASES = (
    *("reply/gate", "reply/reason", "reply/checks", "reply/policy", "classify/classifier"),
    *("classify/urgency", "health", "erasing", "reading", "reader", "reading_worker"),
)
HEAD = "# The texts of inboxbot's review app. `make words` writes this file."
# Lines of a catalogue's head that would change without a change of its texts.
CHANGING = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Generated-By', b'"Project-Id-Version')
SQL = re.compile(r"\b(SELECT|WHERE)\b")
REASONS = ("classify/data/sensitive.toml", "classify/data/urgent.toml")


def template() -> Catalog:
    """Return every text that the pages can show, in English."""
    # Without times and line numbers: the file changes when a text does, and only then.
    catalog = Catalog(header_comment=HEAD, fuzzy=False)
    found = [*_of_pages(), *_of_tables(), *_of_core()]
    for file, text in sorted(found, key=lambda each: (each[0], str(each[1]))):
        if text:
            catalog.add(text, locations=[(file, 0)])
    return catalog


def _of_pages() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Yield what the templates and the code of the pages give to `_` and `n_`."""
    for file in sorted((PROGRAM / "web" / "pages").glob("*.html")):
        with file.open("rb") as opened:
            for _line, text, _comments, _context in extract("jinja2", opened, KEYWORDS):
                yield _name(file), tuple(text) if isinstance(text, (list, tuple)) else text
    for file in sorted((PROGRAM / "web").glob("*.py")):
        # A fault that is raised without `_` is said like those of the core.
        yield from ((_name(file), text) for text in _spoken(file, phrases=False))


def _of_tables() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Yield the words of the tables that the pages look into."""
    tables = {
        "languages": languages.SHOWN,
        "words": [
            value for name, value in vars(words).items() if name.isupper() and name != "DONE"
        ],
        "keys": [key.does for key in keys.KEYS],
        "settings": [text for _section, _key, text in settings.SHORT],
        "templates": templates.VIEWS,
    }
    shipped = {
        "reply/language.py": list(language.EXPLANATIONS.values()),
        "reply/samples.py": [sample.label for sample in SAMPLES],
        "reply/template.py": [
            *TITLES.values(),
            *(value.help for value in workbench.values()),
        ],
    }
    yield from (("inboxbot/web/words.py", forms) for forms in words.DONE.values())
    for module, table in tables.items():
        yield from ((f"inboxbot/web/{module}.py", text) for text in _leaves(table))
    for module, texts in shipped.items():
        yield from ((f"inboxbot/{module}", text) for text in texts)
    yield from (("config/inboxbot.example.toml", text) for text in in_force.meanings().values())
    known = read_languages((ROOT / "templates" / "languages.toml").read_text("utf-8"))
    yield from (("templates/languages.toml", each.english) for each in known)
    for name in REASONS:
        topics = tomllib.loads((PROGRAM / name).read_text("utf-8")).values()
        yield from ((f"inboxbot/{name}", topic["reason"]) for topic in topics)


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _leaves(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _leaves(each)


def _of_core() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for file in sorted(PROGRAM.rglob("*.py")):
        name = str(file.relative_to(PROGRAM).with_suffix(""))
        if not any(name == each or name.startswith(f"{each}/") for each in NOT_SHOWN):
            for text in _spoken(file, phrases=name in PHRASES):
                yield _name(file), text


def _spoken(file: Path, *, phrases: bool) -> Iterator[str | tuple[str, ...]]:
    """Yield what a module says to people, with `{}` where it puts a value."""
    waiting: list[ast.AST] = [ast.parse(file.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if given := _given(node):
            yield given
            continue
        if text := _text(node):
            if _is_sentence(text) or (phrases and _is_phrase(text)):
                yield text
            if isinstance(node, ast.JoinedStr):
                waiting += [part for part in node.values if isinstance(part, ast.FormattedValue)]
            continue
        waiting += ast.iter_child_nodes(node)


def _given(node: ast.AST) -> str | tuple[str, ...] | None:
    """Return what a call of `_`, `n_` or `counted` is given, or None for anything else."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    texts = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
    if name == "_" and len(texts) == 1:
        return str(texts[0])
    return tuple(map(str, texts)) if name in ("n_", "counted") and len(texts) == 2 else None


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value).replace("{", "{{").replace("}", "}}")
            if isinstance(part, ast.Constant)
            else "{}"
            for part in node.values
        )
    return ""


def _is_sentence(text: str) -> bool:
    """Say whether a text has the form of a sentence: a beginning, several words, an end."""
    begins = text[:1].isupper() or text[:1] in "{“<`‘"
    ends = text[-1:] in ".?!…" and not SQL.search(text)
    return begins and ends and "\n" not in text and _is_phrase(text)


def _is_phrase(text: str) -> bool:
    """Say whether a text has several words, or one beside a value."""
    several = sum(word.strip(".,:;?!“”()").isalpha() for word in text.split())
    return several > 1 or (several == 1 and "{}" in text and " " in text)


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def written(catalog: Catalog) -> bytes:
    """Return a catalogue as the bytes of its file."""
    file = io.BytesIO()
    write_po(file, catalog, omit_header=False, include_lineno=False, width=98)
    lines = file.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(CHANGING))


def compiled(po: Path) -> bytes:
    """Return what a translator wrote as the bytes that the program reads."""
    with po.open("rb") as opened:
        catalog = read_po(opened, locale=_locale(po))
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def _locale(po: Path) -> str:
    """Return whose plural forms a language has; what is after the dash is a matter of taste."""
    return po.stem.partition("-")[0]


def main() -> None:
    """Write everything anew."""
    LOCALE.mkdir(exist_ok=True)
    gathered = template()
    (LOCALE / "inboxbot.pot").write_bytes(written(gathered))
    for po in sorted(LOCALE.glob("*.po")):
        with po.open("rb") as opened:
            catalog = read_po(opened, locale=_locale(po))
        catalog.update(gathered, no_fuzzy_matching=True)
        po.write_bytes(written(catalog))
        po.with_suffix(".mo").write_bytes(compiled(po))
    sys.stdout.write(f"{len(gathered)} texts in {LOCALE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
