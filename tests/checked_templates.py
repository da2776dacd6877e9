"""Writes the list of the shipped templates that are well: `make templates`."""

import sys
from collections.abc import Iterator

from inboxbot.reply import checks
from inboxbot.reply.checked import CHECKED_FILE, fingerprint
from inboxbot.reply.checks import Source
from inboxbot.reply.folder import ALL_NAMES
from inboxbot.reply.language import Language
from inboxbot.reply.library import Library


def shipped() -> Iterator[tuple[str, Language, Source]]:
    """Yield every shipped template with its name and language."""
    library = Library()
    for language in library.languages():
        for name in ALL_NAMES:
            source, _built_in = library.source(name, language.code)
            if source is not None:
                yield name, language, source


def listed() -> str:
    """Return the list as it has to be; what has a problem is not on it."""
    return "".join(
        f"{fingerprint(name, language, source)}\n"
        for name, language, source in shipped()
        if not checks.problems(name, language, source)
    )


if __name__ == "__main__":
    path = Library().shipped / CHECKED_FILE
    path.write_text(listed(), "ascii")
    sys.stdout.write(f"{len(listed().split())} templates are well and listed\n")
