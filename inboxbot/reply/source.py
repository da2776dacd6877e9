"""The source of a template as text: how it is read, and where what is wrong with it."""

from dataclasses import dataclass

MAX_SOURCE = 64_000


@dataclass(frozen=True, slots=True, order=True)
class TemplateProblem:
    """One thing to mend: where (both from 1), what is wrong in a sentence, what to write."""

    line: int
    column: int
    message: str
    suggestion: str = ""


def place(source: str, offset: int) -> tuple[int, int]:
    """Return line and column, both counted from 1, of a position in the source."""
    return source.count("\n", 0, offset) + 1, offset - source.rfind("\n", 0, offset)


def decode(raw: bytes) -> tuple[str, tuple[TemplateProblem, ...]]:
    """Return a file's text with its line ends as \\n, or "" and why it cannot be read."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        line, column = place(before, len(before))
        return "", (
            TemplateProblem(
                line, column, "The file is not in UTF-8.", "Save it again with the encoding UTF-8."
            ),
        )
    return text.replace("\r\n", "\n").replace("\r", "\n"), ()
