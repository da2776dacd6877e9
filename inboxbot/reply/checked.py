"""Which templates were checked when the program was made: the same ones need no second check.

A check fills a template for every sample person, in every start of the program sixty-five
times; its answer depends on nothing but what is named in `fingerprint`. Whatever is not listed,
such as an edited file, is checked as ever. `make templates` writes the list anew.
"""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from inboxbot.reply.checks import Source
from inboxbot.reply.language import Language

CHECKED_FILE = "checked.txt"


def fingerprint(name: str, language: Language, source: Source) -> str:
    """Return what names one template with all that its check depends on."""
    # A reply's name may be a letter's category, which has another repr than the same text.
    depends_on = (str(name), language.code, language.emergency, source.text, source.html)
    return sha256(repr(depends_on).encode()).hexdigest()


@lru_cache(maxsize=4)
def checked(folder: Path) -> frozenset[str]:
    """Return the fingerprints that are listed in a folder; none where there is no list."""
    try:
        return frozenset((folder / CHECKED_FILE).read_text("ascii").split())
    except (OSError, ValueError):
        return frozenset()
