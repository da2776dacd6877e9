"""The small language of reply templates: what it allows, and where a template breaks it.

Pure. A template is text with `{{ value }}`, `{% if … %}` and `{# comments #}`, nothing else.
Each tag is checked by itself, so one mistake never hides the next; afterwards the whole
template must still pass the same allow-list as one Jinja2 tree, which is what is rendered.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inboxbot.reply.source import MAX_SOURCE, TemplateProblem, place
from inboxbot.reply.tags import STATEMENTS, Tag, find_tags, split, structure_problems

MAX_TAGS = 500
MAX_TAG = 500
MAX_TRUNCATE = 200

FILTERS = frozenset({"default", "upper", "lower", "title", "capitalize", "trim", "truncate"})
HTML_FILTERS = FILTERS | {"e"}

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    nodes.If,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
    nodes.Keyword,
)
_REFUSEDSTATEMENTS = {
    "for": "A template cannot repeat things.",
    "macro": "A template cannot define its own commands.",
    "set": "A template cannot set values; it only shows those of the list.",
    "include": "A template cannot take in other files.",
    "import": "A template cannot take in other files.",
    "from": "A template cannot take in other files.",
    "extends": "A template cannot take in other files.",
    "raw": "“raw” is not needed: write the text as it is.",
}
_REFUSED_NODES: tuple[tuple[type[nodes.Node], str, str], ...] = (
    (nodes.Call, r"\(", "A template cannot call anything: take the brackets away."),
    (nodes.Getattr, r"\.", "Values have no parts: use the value's name alone, without a dot."),
    (nodes.Getitem, r"\[", "Values have no parts: use the value's name alone."),
    (nodes.CondExpr, r"\bif\b", "Write this as {% if … %}…{% else %}…{% endif %}."),
    (nodes.Test, r"\bis\b", "“is” is not known here: compare with ==, or write {% if value %}."),
    (nodes.Concat, r"~", "Put the two values side by side, each in its own {{ }}."),
    (nodes.BinExpr, r"\*\*|//|[-+*/%]", "A template cannot calculate."),
    (nodes.UnaryExpr, r"[-+]", "A template cannot calculate."),
    (nodes.List, r"\[", "Lists are not possible here."),
    (nodes.Tuple, r",", "Only one value fits between {{ and }}."),
    (nodes.Dict, r"\{", "Only one value fits between {{ and }}."),
)
_SINGLE_BRACE = re.compile(r"(?<!\{)\{\s*([A-Za-z_]+)\s*\}(?!\})")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufeff\ufffd]")
_MOJIBAKE = re.compile(r"[ÃÂ][\u0080-\u00bf]|â€")


def environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    """Return the Jinja2 environment for text parts, or for HTML parts (which escapes)."""
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=html, trim_blocks=True, lstrip_blocks=True
    )
    # An empty first name is what an administrator means by "default"; Jinja2's own filter
    # would only step in for a name that does not exist.
    made.filters["default"] = lambda value, fallback="": value or fallback
    return made


TEXT = environment(html=False)
HTML = environment(html=True)


def names_in(source: str) -> frozenset[str]:
    """Return the values that a source shows between {{ and }} and gives no default for."""
    tags, _ = find_tags(source)
    shown = [t.inner for t in tags if t.opener == "{{" and "default" not in t.inner]
    return frozenset(re.findall(r"\b[a-z_]+\b", " ".join(shown)))


def syntax_problems(
    source: str, names: tuple[str, ...], *, html: bool = False
) -> tuple[TemplateProblem, ...]:
    """Return everything in the source that the small language does not allow, in order."""
    if len(source) > MAX_SOURCE:
        message = f"The template is too long: {len(source)} characters, {MAX_SOURCE} at most."
        return (TemplateProblem(1, 1, message),)
    found: list[tuple[int, str, str]] = list(_character_problems(source))
    tags, broken = find_tags(source)
    found += broken
    if len(tags) > MAX_TAGS:
        found.append((tags[MAX_TAGS].start, f"More than {MAX_TAGS} tags are too many.", ""))
        tags = tags[:MAX_TAGS]
    found += structure_problems(tags)
    for tag in tags:
        found += _tag_problems(tag, names, HTML_FILTERS if html else FILTERS)
    found += _single_brace_problems(source, names)
    if not found and not _passes_as_a_whole(source, names, html=html):
        found.append((0, "The template cannot be read as a whole.", "Look at the tags again."))
    unique = sorted({TemplateProblem(*place(source, at), text, hint) for at, text, hint in found})
    return tuple(unique)


def _character_problems(source: str) -> Iterator[tuple[int, str, str]]:
    for match in _CONTROL.finditer(source):
        code = f"U+{ord(match.group()):04X}"
        yield match.start(), f"There is an invisible or broken character ({code}).", "Delete it."
    for match in _MOJIBAKE.finditer(source):
        yield match.start(), "These letters were damaged by a wrong encoding.", "Type them again."


def _single_brace_problems(source: str, names: tuple[str, ...]) -> Iterator[tuple[int, str, str]]:
    for match in _SINGLE_BRACE.finditer(source):
        if match[1] in names:
            hint = f"Write {{{{ {match[1]} }}}}."
            yield match.start(), "A value needs two braces on each side.", hint


def _tag_problems(
    tag: Tag, names: tuple[str, ...], filters: frozenset[str]
) -> Iterator[tuple[int, str, str]]:
    if tag.opener == "{#":
        return
    if len(tag.inner) > MAX_TAG:
        yield tag.start, f"This tag is longer than {MAX_TAG} characters.", "Make it simpler."
        return
    if tag.opener == "{{":
        inner = tag.inner
        lead = len(inner) - len(inner.lstrip("-+"))
        expression = inner[lead:].rstrip()
        if expression.endswith(("-", "+")):
            expression = expression[:-1]
        yield from _expression_problems(expression, tag, tag.inner_start + lead, names, filters)
        return
    word, rest, at = split(tag)
    if word in ("if", "elif"):
        yield from _expression_problems(rest, tag, at, names, filters)
    elif word in ("else", "endif"):
        if rest.strip():
            yield at, f"Nothing may follow “{word}”.", f"Write {{% {word} %}}."
    else:
        word_at = tag.inner_start + max(tag.inner.find(word), 0)
        message = _REFUSEDSTATEMENTS.get(word, f"“{word}” is not a command here.")
        near = get_close_matches(word.replace("elseif", "elif"), STATEMENTS, 1)
        hint = f"Did you mean {{% {near[0]} %}}?" if near else "Only if, elif, else and endif are."
        yield word_at, message, hint


def _expression_problems(
    text: str, tag: Tag, offset: int, names: tuple[str, ...], filters: frozenset[str]
) -> Iterator[tuple[int, str, str]]:
    """Check what stands in one tag; `offset` is where `text` begins in the source."""
    if not text.strip():
        yield tag.start, "This tag is empty.", "Put a value's name in it, or delete it."
        return
    try:
        tree = HTML.parse("{{" + text + "}}")
    except TemplateSyntaxError as error:
        column = _syntax_column(text, error)
        yield tag.end - 2 if column is None else offset + column, *_syntax_sentence(error)
        return
    except RecursionError:
        yield tag.start, "This tag is nested too deeply.", "Make it simpler."
        return
    locate = _Locator(text, offset)
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Name) and node.name not in names:
            near = get_close_matches(node.name, names, 1)
            hint = f"Did you mean {near[0]}?" if near else "The list of values names all there are."
            where = locate(rf"\b{re.escape(node.name)}\b")
            yield where, f"“{node.name}” is not a known value.", hint
        elif isinstance(node, nodes.Filter):
            yield from _filter_problems(node, locate, filters)
        elif not isinstance(node, _ALLOWED):
            yield _refusal(node, locate)


def _refusal(node: nodes.Node, locate: "_Locator") -> tuple[int, str, str]:
    for kind, pattern, sentence in _REFUSED_NODES:
        if isinstance(node, kind):
            return locate(pattern), sentence, ""
    return locate(r"\S"), "This is not possible in a template.", ""


def _filter_problems(
    node: nodes.Filter, locate: "_Locator", filters: frozenset[str]
) -> Iterator[tuple[int, str, str]]:
    where = locate(rf"\|\s*{re.escape(node.name)}\b")
    if node.name not in filters:
        near = get_close_matches(node.name, filters, 1)
        known = ", ".join(sorted(filters))
        yield (
            where,
            f"“{node.name}” is not possible.",
            (f"Did you mean {near[0]}?" if near else f"These are: {known}."),
        )
    if node.name == "truncate":
        length = node.args[0] if node.args else None
        value = length.value if isinstance(length, nodes.Const) else None
        fits = isinstance(value, int) and not isinstance(value, bool) and 3 < value <= MAX_TRUNCATE
        if not fits or len(node.args) > 1 or node.kwargs:
            yield (
                where,
                f"“truncate” needs one length from 4 to {MAX_TRUNCATE}.",
                ("Write truncate(100)."),
            )


class _Locator:
    """Finds where things stand in one tag; each call for a pattern finds the next one."""

    def __init__(self, text: str, offset: int) -> None:
        blank = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
        self._text = blank.sub(lambda match: '"' * len(match.group()), text)
        self._offset = offset
        self._next: dict[str, int] = {}

    def __call__(self, pattern: str) -> int:
        match = re.compile(pattern).search(self._text, self._next.get(pattern, 0))
        if match is None:
            return self._offset + len(self._text) - len(self._text.lstrip())
        self._next[pattern] = match.end()
        return self._offset + match.start()


def _syntax_column(text: str, error: TemplateSyntaxError) -> int | None:
    """Return where in the tag's text it breaks; None: at its end, something is missing."""
    message = error.message or ""
    if position := re.search(r" at (\d+)$", message):
        return max(int(position[1]) - 2, 0)
    token = re.search(r"got '([^']+)'|unexpected '([^']+)'", message)
    word = (token[1] or token[2]) if token else ""
    at = text.find(word) if word and word != "end of print statement" else -1
    if at >= 0:
        return at
    return None if "end of print" in message else len(text) - len(text.lstrip())


def _syntax_sentence(error: TemplateSyntaxError) -> tuple[str, str]:
    message = error.message or ""
    if match := re.match(r"No filter named '(.+)'", message):
        return f"“{match[1]}” is not possible.", "Look at the list of what may follow a |."
    if match := re.search(r"unexpected char '(.+)' at", message):
        return f"“{match[1]}” cannot stand here.", "Put text in straight quotation marks."
    if "end of print statement', got" in message:
        return "There is something after the value that cannot stand here.", (
            "Only one value fits into a tag."
        )
    if "end of print" in message:
        return "Something is missing at the end of this tag.", ""
    return "This tag cannot be understood.", "Write one value's name in it."


def _passes_as_a_whole(source: str, names: tuple[str, ...], *, html: bool) -> bool:
    """Hold the tree that is really rendered to the allow-list: the wall behind the others."""
    try:
        tree = (HTML if html else TEXT).parse(source)
    except (TemplateSyntaxError, RecursionError):
        return False
    filters = HTML_FILTERS if html else FILTERS
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            return False
        if isinstance(node, nodes.Name) and node.name not in names:
            return False
        if isinstance(node, nodes.Filter) and node.name not in filters:
            return False
    return True
