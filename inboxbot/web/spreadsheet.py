"""A table as a CSV file that no spreadsheet program takes for formulas.

Every value is quoted; one that begins like a formula gets an apostrophe in front (OWASP, "CSV
Injection"), also where the sign is one of the full-width forms that some programs convert.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from flask import Response

_DANGEROUS = "=+-@\t\r\n\0＝＋－＠"
BATCH = 500


def harmless(value: object) -> str:
    """Return a value as text that a spreadsheet shows and never runs."""
    text = "" if value is None else str(value)
    if isinstance(value, int | float):
        return text
    text = text.replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(tuple(_DANGEROUS)) else text


def lines(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the file in pieces: the heads, then the rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(heads)
    for number, row in enumerate(rows, 1):
        writer.writerow([harmless(value) for value in row])
        if number % BATCH == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def download(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return a table as a file to keep; `rows` are read while it is sent, after the request."""
    # The mark at the front lets spreadsheet programs read it as UTF-8.
    response = Response(_marked(lines(heads, rows)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _marked(pieces: Iterator[str]) -> Iterator[str]:
    yield "\ufeff"
    yield from pieces
