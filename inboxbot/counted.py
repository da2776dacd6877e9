"""A sentence with a count in it, in the form that the count wants.

Both forms stand whole and side by side in the sources, never put together from parts: other
languages have one form or six, and `make words` gathers the two as one text for translators.
"""


def counted(one: str, many: str, count: int) -> str:
    """Return the form for a count, with the count where its first `{}` is."""
    return (one if count == 1 else many).format(count)
