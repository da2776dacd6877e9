"""Two people changed the same template: put both changes together where they do not meet.

Pure. In doubt nothing is put together: a person chooses.
"""

from difflib import SequenceMatcher

_Change = tuple[int, int, tuple[str, ...]]


def merged(base: str, theirs: str, mine: str) -> str | None:
    """Return the base with both sets of changes, or None where they touch the same lines."""
    old = base.splitlines(keepends=True)
    lines: list[str] = []
    at, touched = 0, -1
    for start, end, new in sorted({*_changes(old, theirs), *_changes(old, mine)}):
        if start <= touched:
            return None
        lines += [*old[at:start], *new]
        at = touched = end
    return "".join([*lines, *old[at:]])


def _changes(old: list[str], text: str) -> list[_Change]:
    """Return what was changed: lines from, up to, and what stands there instead."""
    new = text.splitlines(keepends=True)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(a, b, tuple(new[c:d])) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]
