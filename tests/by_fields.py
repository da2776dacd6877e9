"""A letter written field by field, for the tests of what reads letters."""


def letter(*fields: str | bytes, body: str | bytes = "hello") -> bytes:
    """A letter with these fields and this body."""
    lines = [field.encode() if isinstance(field, str) else field for field in fields]
    return b"\r\n".join([*lines, b"", body.encode() if isinstance(body, str) else body])
