"""A language that nobody speaks: English with marks and a third longer, as a real catalogue.

What a page shows without the marks was never given to a translator, and what is cut off in it
would be cut off in German.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from inboxbot.web import languages
from tools import words

CODE = "en-XA"
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MARKED = "áƀçđéƒǧĥíĵķļɱñóƥʠřšťúṽŵẋýžÁƁÇĐÉƑĞĤÍĴĶĻṀÑÓƤɊŘŠŤÚṼŴẊÝŽ"
_TABLE = str.maketrans(_PLAIN, _MARKED)
_VALUE = re.compile(r"(\{[a-z_0-9:,.]*\})")


def pseudo(text: str) -> str:
    """Return a text in the language, its values where they were."""
    parts = _VALUE.split(text)
    marked = "".join(part if _VALUE.fullmatch(part) else part.translate(_TABLE) for part in parts)
    return f"[{marked}{'·' * (len(text) // 3)}]"


def compile_into(folder: Path) -> None:
    """Write the whole language, as a translator would deliver it, and compile it."""
    catalog = Catalog(locale="en", header_comment=f"# {CODE}", fuzzy=False)
    with (words.LOCALE / "inboxbot.pot").open("rb") as opened:
        texts = read_po(opened)
    for message in texts:
        if message.id:
            done = message.id
            text = tuple(map(pseudo, done)) if isinstance(done, tuple) else pseudo(done)
            catalog.add(done, text)
    po = folder / f"{CODE}.po"
    po.write_bytes(words.written(catalog))
    po.with_suffix(".mo").write_bytes(words.compiled(po))


@cache
def spoken() -> Mapping[str, languages.Speaks]:
    """Return English and the language as the app loads them: compiled once for many tests."""
    with TemporaryDirectory() as folder:
        compile_into(Path(folder))
        return languages.load(Path(folder))
